package dev.userssync.testing;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Ports;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;

/**
 * The application in a JVM of its own, as an operator runs it. Tests can stop and kill it, or let its start fail. It
 * never outlives the tests.
 */
public final class AppProcess implements AutoCloseable {

    private static final Duration LONGEST_WAIT = Duration.ofSeconds(60);

    private final Path data;
    private final Path output;
    private final Path errors;
    private final int port = Ports.free();
    private final Process process;

    /**
     * Starts the application without waiting.
     *
     * @param data the embedded database's directory; the output goes beside it
     * @param settings environment variables and their values, in turn
     */
    public AppProcess(Path data, String... settings) {
        this(List.of(), data, settings);
    }

    /** @param launcher a command that executes its further arguments, such as a shell with limits */
    public AppProcess(List<String> launcher, Path data, String... settings) {
        this(launcher, ClassArchive.options(), data, settings);
    }

    /** @param options options of Java, with the class path */
    public AppProcess(List<String> launcher, List<String> options, Path data, String... settings) {
        List<String> command = new ArrayList<>(launcher);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-XX:+UseSerialGC")); // starts faster, and these tests start often
        command.addAll(options);
        command.add("dev.userssync.UsersSync");
        ProcessBuilder app = new ProcessBuilder(command);
        app.environment()
                .keySet()
                .retainAll(Set.of("PATH", "HOME", "TMPDIR")); // without the settings of the person who runs the tests
        app.environment()
                .putAll(Map.of(
                        "DATA_DIR",
                        data.toString(),
                        "PORT",
                        Integer.toString(port),
                        "MANAGEMENT_PORT",
                        Integer.toString(Ports.free())));
        for (int i = 0; i < settings.length; i += 2) {
            app.environment().put(settings[i], settings[i + 1]);
        }
        try {
            this.data = data.getParent().toRealPath().resolve(data.getFileName()); // as Postgres' command line shows it
            output = Files.createTempFile(data.getParent(), "output", ".log");
            errors = Files.createTempFile(data.getParent(), "errors", ".log");
            process = app.redirectOutput(output.toFile())
                    .redirectError(errors.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::close)); // for interrupted tests
    }

    /** Starts the application with the generic provider, and waits until it runs. */
    public static AppProcess running(Path data) {
        AppProcess app = new AppProcess(data, "GENERIC_WEBHOOK_SECRET", TestSettings.SECRET);
        try {
            return app.awaitRunning();
        } catch (Throwable e) {
            app.close();
            throw e;
        }
    }

    public AppProcess awaitRunning() {
        await().atMost(LONGEST_WAIT).until(() -> output().contains("users-sync is running") || !process.isAlive());
        if (!process.isAlive()) {
            throw new AssertionError("did not start, exit code " + process.exitValue() + "\n" + output() + errors());
        }
        return this;
    }

    /** The port of the webhooks. */
    public int port() {
        return port;
    }

    public String webhooks(String provider) {
        return "http://localhost:" + port + "/webhooks/" + provider;
    }

    /** The log so far. */
    public String output() {
        return read(output);
    }

    public String errors() {
        return read(errors);
    }

    public long pid() {
        return process.pid();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Sends SIGTERM, without waiting. */
    public void stop() {
        process.destroy();
    }

    /** Sends SIGKILL; the embedded Postgres survives. */
    public void kill() {
        process.destroyForcibly();
        exitCode();
    }

    /** Waits for the exit. */
    public int exitCode() {
        try {
            if (!process.waitFor(LONGEST_WAIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("still running\n" + output() + errors());
            }
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return process.exitValue();
    }

    /**
     * Waits for the exit of an application that must not start, and returns the line with the reason, without its
     * common beginning.
     */
    public String refusal() {
        assertEquals(1, exitCode(), output());
        assertEquals(1, errors().lines().count(), errors());
        assertTrue(errors().startsWith("users-sync cannot start: "), errors());
        assertFalse(output().contains("\tat "), output()); // no stack trace
        return errors().strip().substring("users-sync cannot start: ".length());
    }

    /** The embedded Postgres' main process, even after the application's exit; null without one. */
    public ProcessHandle postgres() {
        Path pidFile = data.resolve("postgres/postmaster.pid");
        if (!Files.exists(pidFile)) {
            return null;
        }
        String pid = read(pidFile).lines().findFirst().orElse("");
        return !pid.matches("\\d+")
                ? null
                : ProcessHandle.of(Long.parseLong(pid))
                        .filter(this::isOurPostgres)
                        .orElse(null);
    }

    private boolean isOurPostgres(ProcessHandle server) {
        return server.info()
                .arguments()
                .map(List::of)
                .orElse(List.of())
                .contains(data.resolve("postgres").toString());
    }

    /** The first column of every row in the embedded database, as text. */
    public List<String> column(String sql) {
        String postgresPort =
                read(data.resolve("postgres/postmaster.pid")).lines().toList().get(3);
        try (Connection connection = DriverManager.getConnection(
                "jdbc:postgresql://localhost:" + postgresPort + "/postgres?user=postgres")) {
            return Rows.column(connection, sql);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Ends the application, its initdb and its Postgres, whatever state they are in. */
    @Override
    public void close() {
        List<ProcessHandle> children = process.descendants().toList();
        Stream.concat(Stream.of(process.toHandle()), children.stream()).forEach(ProcessHandle::destroyForcibly);
        exitCode();
        ProcessHandle server = postgres();
        if (server != null) {
            server.destroy(); // a clean shutdown; a kill would leave shared memory behind
            try {
                server.onExit().get(10, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                server.destroyForcibly();
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
