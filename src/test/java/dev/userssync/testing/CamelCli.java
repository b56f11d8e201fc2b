package dev.userssync.testing;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * {@code camel run config/*.properties} in a clone that holds copies of the files that the Camel CLI needs. The CLI
 * comes from its own Maven artifact, without users-sync on its class path.
 */
public final class CamelCli implements AutoCloseable {

    private final Path clone;
    private final Process camel;

    /**
     * Returns when the application runs.
     *
     * @param options between {@code run} and the files
     */
    public CamelCli(Path clone, Map<String, String> environment, String... options)
            throws IOException, InterruptedException {
        this.clone = clone;
        for (String part : List.of("routes", "config", "src/main", "pom.xml")) {
            copy(Path.of(part), clone.resolve(part));
        }
        Path classPath = Path.of("target/camel-cli-" + System.getProperty("camel.version") + ".classpath");
        if (!Files.exists(classPath)) {
            Process maven = new ProcessBuilder(
                            System.getProperty("maven.executable"),
                            "-q",
                            "-B",
                            "-f",
                            "src/test/camel-cli/pom.xml",
                            "-Dcamel.version=" + System.getProperty("camel.version"),
                            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
                            "-Dmdep.outputFile=" + clone.resolve("classpath"))
                    .redirectErrorStream(true)
                    .redirectOutput(clone.resolve("maven.log").toFile())
                    .start();
            assertTrue(maven.waitFor(5, TimeUnit.MINUTES));
            assertEquals(0, maven.exitValue(), () -> read("maven.log"));
            Files.copy(clone.resolve("classpath"), classPath, StandardCopyOption.REPLACE_EXISTING);
        }

        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                Files.readString(classPath).strip(),
                Path.of("src/test/camel-cli/CamelCli.java").toAbsolutePath().toString(),
                "run"));
        command.addAll(List.of(options));
        try (DirectoryStream<Path> settings = Files.newDirectoryStream(Path.of("config"), "*.properties")) {
            settings.forEach(file -> command.add(file.toString())); // as the shell expands config/*.properties
        }
        ProcessBuilder run = new ProcessBuilder(command)
                .directory(clone.toFile())
                .redirectErrorStream(true)
                .redirectOutput(clone.resolve("camel.log").toFile());
        run.environment()
                .keySet()
                .removeAll(List.of("DATABASE_URL", "CLERK_WEBHOOK_SECRET", "STACK_AUTH_WEBHOOK_SECRET"));
        run.environment().putAll(environment);
        camel = run.start();
        Runtime.getRuntime().addShutdownHook(new Thread(camel::destroyForcibly)); // for interrupted tests
        // The first run on a machine downloads Postgres for every platform that the CLI supports.
        await().atMost(Duration.ofMinutes(5))
                .until(() -> read("camel.log").contains("users-sync is running") || !camel.isAlive());
        assertTrue(camel.isAlive(), () -> read("camel.log"));
    }

    @Override
    public void close() throws InterruptedException {
        camel.destroy();
        camel.waitFor(30, TimeUnit.SECONDS);
    }

    public String read(String file) {
        try {
            return Files.readString(clone.resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.toList()) {
                Path target = to.resolve(from.relativize(file).toString());
                Files.createDirectories(Files.isDirectory(file) ? target : target.getParent());
                if (Files.isRegularFile(file)) {
                    Files.copy(file, target);
                }
            }
        }
    }
}
