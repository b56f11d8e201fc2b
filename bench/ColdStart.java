import java.io.File;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Cold start to first 204: starts users-sync in a process of its own on an existing embedded database, and posts a
 * signed delivery until the answer is 204. Run from the project's root:
 * {@code mvn -q package -DskipTests && java bench/ColdStart.java}. Prints the median wall time and processor time of
 * seven starts, with the plain JVM and with a class data archive.
 */
public class ColdStart {

    private static final String SECRET = "Y29sZCBzdGFydCBjb2xkIHN0YXJ0IGNvbGQgc3RhcnQ=";
    private static final int PORT = 18080;
    private static final int STARTS = 7;

    public static void main(String[] args) throws Exception {
        Path work = Files.createTempDirectory("cold-start");
        String classPath = classPath(work);
        start(work, classPath); // creates the database
        report("plain JVM", work, classPath);
        String archive = work.resolve("users-sync.jsa").toString();
        start(work, classPath, "-XX:ArchiveClassesAtExit=" + archive);
        report("class data archive", work, classPath, "-XX:SharedArchiveFile=" + archive);
        report("class data archive, C1, serial GC", work, classPath, "-XX:SharedArchiveFile=" + archive, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC");
    }

    /** A class data archive takes only jars: the project's jar, and the dependencies' jars that Maven has copied. */
    private static String classPath(Path work) throws Exception {
        Process maven = new ProcessBuilder("mvn", "-q", "-B", "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath",
                "-Dmdep.includeScope=runtime", "-Dmdep.outputFile=" + work.resolve("classpath")).inheritIO().start();
        if (maven.waitFor() != 0) {
            throw new IllegalStateException("Maven failed");
        }
        try (Stream<Path> jars = Files.list(Path.of("target"))) {
            Path jar = jars.filter(file -> file.getFileName().toString().matches("users-sync-.*\\.jar")).findFirst()
                    .orElseThrow(() -> new IllegalStateException("no target/users-sync-*.jar: run mvn -q package -DskipTests first"));
            return jar + File.pathSeparator + Files.readString(work.resolve("classpath")).strip();
        }
    }

    private static void report(String name, Path work, String classPath, String... options) throws Exception {
        List<double[]> starts = new ArrayList<>();
        for (int i = 0; i < STARTS; i++) {
            starts.add(start(work, classPath, options));
        }
        System.out.printf("%-36s first 204 after %.2f s (median of %d), %.2f s of processor time%n", name, median(starts, 0), STARTS, median(starts, 1));
    }

    private static double median(List<double[]> starts, int field) {
        return starts.stream().mapToDouble(start -> start[field]).sorted().toArray()[starts.size() / 2];
    }

    private static double[] start(Path work, String classPath, String... options) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(Arrays.asList(options));
        command.addAll(List.of("-cp", classPath, "dev.userssync.UsersSync"));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(work.resolve("log").toFile());
        builder.environment().putAll(java.util.Map.of("PORT", "" + PORT, "MANAGEMENT_PORT", "" + (PORT + 1), "DATA_DIR", work.resolve("data").toString(),
                "DATABASE_URL", "", "GENERIC_WEBHOOK_SECRET", "whsec_" + SECRET));
        long begin = System.nanoTime();
        Process app = builder.start();
        try {
            HttpClient http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
            while (!answers204(http)) {
                if (!app.isAlive() || System.nanoTime() - begin > TimeUnit.SECONDS.toNanos(60)) {
                    throw new IllegalStateException(Files.readString(work.resolve("log")));
                }
                Thread.sleep(5);
            }
            double wall = (System.nanoTime() - begin) / 1e9;
            return new double[] {wall, app.info().totalCpuDuration().map(Duration::toMillis).orElse(0L) / 1e3};
        } finally {
            app.destroy();
            app.waitFor(30, TimeUnit.SECONDS);
        }
    }

    private static boolean answers204(HttpClient http) throws Exception {
        String body = "{\"type\": \"user.updated\", \"timestamp\": \"" + Instant.now() + "\", \"data\": {\"id\": \"u1\", \"name\": \"Ada\"}}";
        String timestamp = Long.toString(Instant.now().getEpochSecond());
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(Base64.getDecoder().decode(SECRET), "HmacSHA256"));
        String signature = Base64.getEncoder().encodeToString(mac.doFinal(("msg_1." + timestamp + "." + body).getBytes()));
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + PORT + "/webhooks/generic"))
                .header("Content-Type", "application/json").header("webhook-id", "msg_1").header("webhook-timestamp", timestamp)
                .header("webhook-signature", "v1," + signature).POST(HttpRequest.BodyPublishers.ofString(body)).build();
        try {
            return http.send(request, HttpResponse.BodyHandlers.discarding()).statusCode() == 204;
        } catch (java.io.IOException notYet) {
            return false;
        }
    }
}
