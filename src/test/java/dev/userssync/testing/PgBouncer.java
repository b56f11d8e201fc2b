package dev.userssync.testing;

import static org.awaitility.Awaitility.await;

import dev.userssync.bench.Ports;
import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** A real PgBouncer in front of a test's database. It has few connections, so that its clients share them. */
public final class PgBouncer implements AutoCloseable {

    private final int port = Ports.free();
    private final Process process;
    private final Path output;
    private final String database;

    /** @param mode session or transaction */
    public PgBouncer(Path directory, String mode, TestDatabase database) throws IOException {
        this(
                directory,
                mode,
                URI.create(database.url().substring("jdbc:".length()).replaceFirst("\\?.*", "")));
    }

    /**
     * @param server {@code postgresql://localhost:port/database}; its superuser is {@code postgres}, without a password
     */
    public PgBouncer(Path directory, String mode, URI server) throws IOException {
        this.database = server.getPath().substring(1);
        Path ini = Files.writeString(directory.resolve("pgbouncer.ini"), """
                [databases]
                * = host=127.0.0.1 port=%d user=postgres
                [pgbouncer]
                listen_addr = 127.0.0.1
                listen_port = %d
                unix_socket_dir =
                auth_type = any
                pool_mode = %s
                default_pool_size = %d
                """.formatted(
                        server.getPort(), port, mode, mode.equals("session") ? 10 : 3));
        output = directory.resolve("pgbouncer.log");
        List<String> command = new ArrayList<>(List.of(program().toString()));
        if (System.getProperty("user.name").equals("root")) {
            command.addAll(List.of("-u", "nobody")); // PgBouncer refuses to run as root
        }
        command.add(ini.toString());
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        await().until(() -> {
            if (!process.isAlive()) {
                throw new AssertionError(Files.readString(output));
            }
            try (Socket socket = new Socket("127.0.0.1", port)) {
                return true;
            } catch (IOException notYet) {
                return false;
            }
        });
    }

    private static Path program() {
        return programs().findFirst().orElseThrow(() -> new AssertionError("pgbouncer is not on the PATH"));
    }

    private static Stream<Path> programs() {
        return Stream.concat(Stream.of(System.getenv("PATH").split(":")), Stream.of("/usr/sbin"))
                .map(folder -> Path.of(folder, "pgbouncer"))
                .filter(Files::isExecutable);
    }

    public static boolean isInstalled() {
        return programs().findAny().isPresent();
    }

    public int port() {
        return port;
    }

    public String url() {
        return "jdbc:postgresql://127.0.0.1:" + port + "/" + database + "?user=postgres";
    }

    @Override
    public void close() {
        process.destroyForcibly();
        process.onExit().join();
    }
}
