package dev.userssync.testing;

import dev.userssync.bench.Ports;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A durable Postgres for tests that break it: they stop, crash, restart and copy it. The application's database and
 * role are both called {@code app}; the role is no superuser. The tests themselves connect as superuser.
 */
public final class PostgresServer implements AutoCloseable {

    private static final int CONNECTIONS = 100; // Postgres' default, enough for four instances

    private final Path data;
    private EmbeddedPostgres server;

    /** Creates the server and starts it. */
    public PostgresServer(Path data) throws IOException {
        this(data, Ports.free());
        execute("postgres", "CREATE ROLE app LOGIN");
        execute("postgres", "CREATE DATABASE app OWNER app");
    }

    private PostgresServer(Path data, int port) throws IOException {
        this.data = data;
        start(port);
    }

    private void start(int port) throws IOException {
        server = EmbeddedPostgres.builder()
                .setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setPort(port)
                .setPGStartupWait(Duration.ofSeconds(60)) // after a crash Postgres first replays its log
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .setServerConfig("max_connections", Integer.toString(CONNECTIONS))
                .start();
    }

    public int port() {
        return server.getPort();
    }

    /** A clean shutdown; Postgres rolls back open transactions. */
    public void stop() throws IOException {
        server.close();
    }

    /** An immediate shutdown; Postgres recovers from its log at the next start. */
    public void crash() throws IOException, InterruptedException {
        ProcessHandle postmaster = postmaster();
        new ProcessBuilder("kill", "-QUIT", Long.toString(postmaster.pid()))
                .start()
                .waitFor(); // Postgres' immediate shutdown
        awaitExit(List.of(postmaster));
    }

    /** Sends SIGKILL to each process of Postgres, which recovers from its log at the next start. */
    public void kill() throws IOException {
        ProcessHandle postmaster = postmaster();
        List<ProcessHandle> processes =
                Stream.concat(Stream.of(postmaster), postmaster.descendants()).toList();
        processes.forEach(ProcessHandle::destroyForcibly);
        awaitExit(processes);
    }

    private ProcessHandle postmaster() throws IOException {
        return ProcessHandle.of(Long.parseLong(Files.readAllLines(data.resolve("postmaster.pid"))
                        .get(0)
                        .strip()))
                .orElseThrow();
    }

    private void awaitExit(List<ProcessHandle> processes) throws IOException {
        processes.forEach(
                process -> process.onExit().orTimeout(30, TimeUnit.SECONDS).join());
        server.close(); // frees the directory, and logs that there is nothing to stop
    }

    /** Starts it again, on the same port. */
    public void start() throws IOException {
        start(server.getPort());
    }

    /** Stops this server, and starts another with the same data on another port. */
    public PostgresServer failOver(Path copy) throws IOException {
        stop();
        try (Stream<Path> files = Files.walk(data)) {
            for (Path file : files.toList()) {
                Files.copy(file, copy.resolve(data.relativize(file).toString()), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }
        return new PostgresServer(copy, Ports.free());
    }

    /** Connects as superuser. */
    public Connection connect(String database) throws SQLException {
        return DriverManager.getConnection(server.getJdbcUrl("postgres", database));
    }

    /** Connects as the application. */
    public Connection connectAsApp() throws SQLException {
        return DriverManager.getConnection(server.getJdbcUrl("app", "app"));
    }

    public void execute(String database, String sql) {
        try (Connection connection = connect(database)) {
            connection.createStatement().execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    public void endConnectionsOf(String application) {
        execute(
                "postgres",
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '" + application
                        + "'");
    }

    /** The first column of every row in the application's database, as text. */
    public List<String> column(String sql) {
        try (Connection connection = connect("app")) {
            return Rows.column(connection, sql);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
