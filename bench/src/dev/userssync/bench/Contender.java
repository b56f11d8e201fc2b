package dev.userssync.bench;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A server under test, in a process of its own. Its output goes to {@code target/bench-<name>-<port>.log}. */
final class Contender implements AutoCloseable {

    static final Map<String, String> NAMES = new java.util.LinkedHashMap<>();

    static {
        NAMES.put("users-sync", "users-sync");
        NAMES.put("users-sync-before", "users-sync as it is in another checkout");
        NAMES.put("users-sync-two", "two processes of users-sync on one Postgres");
        NAMES.put("users-sync-kafka", "users-sync with the profile kafka, a broker beside it");
        NAMES.put("users-sync-kafka-door", "the same, but nobody applies until the load is over");
        NAMES.put("fastify", "Fastify + standardwebhooks + pg, one guarded upsert");
        NAMES.put("express", "Express + svix, select then write");
        NAMES.put("vertx", "Vert.x by hand, micro-batch");
    }

    final int port = Ports.free();
    final int management = Ports.free();
    private final Process process;
    private final Path log;

    Contender(String name, Postgres postgres, String... jvmOptions) throws IOException, InterruptedException {
        this(name, postgres, Map.of(), jvmOptions);
    }

    Contender(String name, Postgres postgres, Map<String, String> settings, String... jvmOptions) throws IOException, InterruptedException {
        this(name, Path.of(""), postgres, settings, jvmOptions);
    }

    /**
     * @param checkout the directory that users-sync starts in: this project, or another checkout that its own
     * {@code bench/run} has built
     */
    Contender(String name, Path checkout, Postgres postgres, Map<String, String> settings, String... jvmOptions) throws IOException, InterruptedException {
        log = Files.createDirectories(Path.of("target")).resolve("bench-" + name + "-" + port + ".log");
        ProcessBuilder server = new ProcessBuilder(command(name, checkout, jvmOptions)).redirectErrorStream(true).redirectOutput(log.toFile())
                .directory(checkout.toAbsolutePath().toFile());
        server.environment().putAll(Map.of("PORT", "" + port, "MANAGEMENT_PORT", "" + management, "CLERK_WEBHOOK_SECRET", Deliveries.SECRET,
                "DATABASE_URL", "postgres://postgres@127.0.0.1:" + postgres.port() + "/postgres", "NODE_ENV", "production"));
        server.environment().putAll(settings);
        process = server.start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
        // a process that only applies serves no webhooks
        awaitAnswer(name, "apply".equals(settings.get("KAFKA_ROLE")) ? 404 : 401);
    }

    /** Waits until the server has its table and its routes: then it answers an unsigned delivery with this status. */
    private void awaitAnswer(String name, int status) throws IOException, InterruptedException {
        long patience = System.nanoTime() + 60_000_000_000L;
        HttpClient client = HttpClient.newHttpClient();
        HttpRequest unsigned = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/webhooks/clerk")).timeout(Duration.ofSeconds(10))
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString("{}")).build();
        while (process.isAlive() && System.nanoTime() < patience) {
            try {
                if (client.send(unsigned, HttpResponse.BodyHandlers.discarding()).statusCode() == status) {
                    return;
                }
            } catch (IOException notYet) {
                // nobody listens yet
            }
            Thread.sleep(50);
        }
        throw new IOException(name + " does not start:\n" + Files.readString(log));
    }

    private static List<String> command(String name, Path checkout, String... jvmOptions) throws IOException {
        List<String> java = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        java.addAll(List.of(jvmOptions));
        String classPath = System.getProperty("java.class.path");
        return switch (name) {
            // The class path of a release; a class data archive takes only jars.
            case "users-sync", "users-sync-two", "users-sync-kafka", "users-sync-kafka-door" -> with(java, withoutTests(classPath), "dev.userssync.UsersSync");
            case "users-sync-before" -> with(java, builtIn(checkout), "dev.userssync.UsersSync");
            case "vertx" -> with(java, classPath, VertxMicrobatch.class.getName());
            default -> List.of("node", "bench/peers/" + name + ".mjs");
        };
    }

    private static String builtIn(Path checkout) throws IOException {
        try (var files = Files.newDirectoryStream(checkout.resolve("target"), "users-sync-*.jar")) {
            return files.iterator().next().toAbsolutePath() + File.pathSeparator + Files.readString(checkout.resolve("target/bench-classpath"));
        }
    }

    private static String withoutTests(String classPath) {
        return Arrays.stream(classPath.split(File.pathSeparator)).filter(entry -> !entry.endsWith("test-classes")).collect(Collectors.joining(File.pathSeparator));
    }

    private static List<String> with(List<String> java, String classPath, String mainClass) {
        java.addAll(List.of("-cp", classPath, mainClass));
        return java;
    }

    double cpuSeconds() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
    }

    /** Resident memory in MB; NaN on systems without /proc. */
    double residentMegabytes() {
        try {
            return Files.readAllLines(Path.of("/proc/" + process.pid() + "/status")).stream().filter(line -> line.startsWith("VmRSS"))
                    .mapToDouble(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024.0).findFirst().orElse(Double.NaN);
        } catch (IOException e) {
            return Double.NaN;
        }
    }

    long pid() {
        return process.pid();
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(30, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
        }
    }
}
