package dev.userssync.bench;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.stream.Stream;

/** A fresh embedded Postgres with fsync and synchronous_commit on, as users-sync starts it, and its processor time. */
final class Postgres implements AutoCloseable {

    private final EmbeddedPostgres server;
    private final ProcessHandle postmaster;

    /**
     * @param installation a Postgres to use instead of the embedded one, with {@code bin} and {@code lib} in it, such
     * as /usr/lib/postgresql/15; "" for none
     */
    Postgres(String installation) throws IOException, SQLException, InterruptedException {
        EmbeddedPostgres.Builder builder = EmbeddedPostgres.builder().setPort(Ports.free()).setServerConfig("fsync", "on").setServerConfig("synchronous_commit", "on");
        if (!installation.isEmpty()) {
            // packed like the embedded binaries; Postgres finds the rest where it is installed
            Path packed = Files.createTempFile("postgres", ".txz");
            if (new ProcessBuilder("tar", "-cJf", packed.toString(), "-C", installation, "bin", "lib").inheritIO().start().waitFor() != 0) {
                throw new IOException("no bin and lib in " + installation);
            }
            // Debian's default directory belongs to Debian's own user
            builder.setPgBinaryResolver((system, machine) -> Files.newInputStream(packed)).setServerConfig("unix_socket_directories", "/tmp");
        }
        server = builder.start();
        try (Connection connection = connect(); ResultSet directory = connection.createStatement().executeQuery("SHOW data_directory")) {
            directory.next();
            postmaster = ProcessHandle.of(Long.parseLong(Files.readAllLines(Path.of(directory.getString(1), "postmaster.pid")).get(0))).orElseThrow();
        }
    }

    int port() {
        return server.getPort();
    }

    String url() {
        return server.getJdbcUrl("postgres", "postgres");
    }

    Connection connect() throws SQLException {
        return DriverManager.getConnection(url());
    }

    void execute(String sql) throws SQLException {
        try (Connection connection = connect()) {
            connection.createStatement().execute(sql);
        }
    }

    /** Processor time of all its processes so far, in seconds; 0 on systems without /proc. */
    double cpuSeconds() {
        return Stream.concat(Stream.of(postmaster), postmaster.descendants())
                .mapToDouble(process -> cpuSeconds(process.pid(), process.pid() == postmaster.pid())).sum();
    }

    /** The postmaster's count includes its children that have ended. */
    private static double cpuSeconds(long pid, boolean withEndedChildren) {
        try {
            String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
            List<String> fields = List.of(stat.substring(stat.lastIndexOf(')') + 2).split(" "));
            long ticks = Long.parseLong(fields.get(11)) + Long.parseLong(fields.get(12));
            if (withEndedChildren) {
                ticks += Long.parseLong(fields.get(13)) + Long.parseLong(fields.get(14));
            }
            return ticks / 100.0;
        } catch (IOException e) {
            return 0; // the process has ended since
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
