package dev.userssync.testing;

import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.bench.Ports;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A real Keycloak with Phase Two's keycloak-events, on a free port and with an empty database in memory. The Maven
 * profile keycloak unpacks the distribution. Keycloak needs a JDK 21 or newer (class files of keycloak-events 0.59):
 * the setting keycloak.java.home, else KEYCLOAK_JAVA_HOME, else the JDK of the tests, else the newest under
 * /usr/lib/jvm. {@link #close} ends it, and so does any end of the tests' JVM. Test classes with the tag "keycloak"
 * share {@link #running}, each with a realm of its own. Thread-safe.
 */
public final class KeycloakServer implements AutoCloseable {

    public static final ObjectMapper JSON = new ObjectMapper();

    private static final int OLDEST_JAVA = 21;
    private static final Duration LONGEST_START =
            Duration.ofMinutes(4); // a minute on two idle cores: the first start builds it
    private static final String ADMIN = "tests";
    private static final String ADMIN_SECRET = "the secret of the tests";
    private static KeycloakServer running;

    private final HttpClient http = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
    private final int port = Ports.free();
    private final Path log;
    private final Process process;

    /** The server of all test classes of this JVM. The first call starts it. */
    public static synchronized KeycloakServer running() {
        if (running == null) {
            running = new KeycloakServer();
        }
        return running;
    }

    /** Returns when Keycloak answers. */
    public KeycloakServer() {
        Path home = Path.of(Optional.ofNullable(System.getProperty("keycloak.home"))
                .orElseThrow(() -> new IllegalStateException(
                        "there is no Keycloak here; run the tests with: mvn verify -Pkeycloak")));
        log = home.resolveSibling("keycloak.log");
        ProcessBuilder server = new ProcessBuilder(
                "bash",
                Path.of("src/test/keycloak/with-its-parent").toAbsolutePath().toString(),
                "bash",
                home.resolve("bin/kc.sh").toString(),
                "start-dev",
                "--db=dev-mem",
                "--http-host=127.0.0.1",
                "--http-port=" + port,
                "--http-management-port=" + Ports.free(),
                "--spi-events-store--provider=jpa"); // keycloak-events brings a second event store, and with two
        // /admin-events answers 500
        server.environment().keySet().removeIf(name -> name.startsWith("KC_") || name.startsWith("JAVA_OPTS"));
        server.environment()
                .putAll(Map.of(
                        "JAVA_HOME",
                        javaHome().toString(),
                        "JAVA_OPTS_APPEND",
                        "-XX:TieredStopAtLevel=1",
                        "JAVA_OPTS_KC_HEAP",
                        "-Xms64m -Xmx512m",
                        "KC_BOOTSTRAP_ADMIN_CLIENT_ID",
                        ADMIN,
                        "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET",
                        ADMIN_SECRET));
        server.environment().remove("JAVA");
        try {
            process = server.redirectErrorStream(true)
                    .redirectOutput(log.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::close));
        try {
            await().atMost(LONGEST_START)
                    .pollInterval(Duration.ofMillis(500))
                    .until(() -> !process.isAlive() || answers());
            if (!process.isAlive()) {
                throw new AssertionError("Keycloak did not start, exit code " + process.exitValue() + "\n" + log());
            }
        } catch (Throwable e) {
            close();
            throw e;
        }
    }

    public String url() {
        return "http://127.0.0.1:" + port;
    }

    /** Creates a realm. */
    public KeycloakRealm realm(String name) {
        post("/admin/realms", JSON.createObjectNode().put("realm", name).put("enabled", true));
        return new KeycloakRealm(this, name);
    }

    public JsonNode get(String path) {
        return json(admin("GET", path, null).body());
    }

    /**
     * Returns the id of the new resource, which is the last segment of its address; "" if the answer has no address.
     */
    public String post(String path, JsonNode body) {
        String location =
                admin("POST", path, body).headers().firstValue("Location").orElse("");
        return location.substring(location.lastIndexOf('/') + 1);
    }

    public void put(String path, JsonNode body) {
        admin("PUT", path, body);
    }

    public void delete(String path) {
        admin("DELETE", path, null);
    }

    private HttpResponse<String> admin(String method, String path, JsonNode body) {
        // The token is valid for a minute, so each request gets a new one.
        String token = json(send(HttpRequest.newBuilder(
                                        URI.create(url() + "/realms/master/protocol/openid-connect/token"))
                                .header("Content-Type", "application/x-www-form-urlencoded")
                                .POST(KeycloakRealm.form(Map.of(
                                        "grant_type",
                                        "client_credentials",
                                        "client_id",
                                        ADMIN,
                                        "client_secret",
                                        ADMIN_SECRET))))
                        .body())
                .get("access_token")
                .asText();
        return send(HttpRequest.newBuilder(URI.create(url() + path))
                .header("Authorization", "Bearer " + token)
                .header("Content-Type", "application/json")
                .method(
                        method,
                        body == null
                                ? HttpRequest.BodyPublishers.noBody()
                                : HttpRequest.BodyPublishers.ofString(body.toString())));
    }

    /** @throws AssertionError on any status except 2xx and 3xx, with the answer */
    public HttpResponse<String> send(HttpRequest.Builder builder) {
        HttpRequest request = builder.timeout(Duration.ofSeconds(60)).build();
        try {
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            if (response.statusCode() >= 400) {
                throw new AssertionError(request + " answered " + response.statusCode() + " " + response.body());
            }
            return response;
        } catch (IOException e) {
            throw new UncheckedIOException(request.toString(), e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    public static JsonNode json(String text) {
        try {
            return JSON.readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The log so far. */
    public String log() {
        try {
            return Files.readString(log);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Stops Keycloak and waits for its exit. */
    @Override
    public void close() {
        try {
            process.getOutputStream().close();
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                throw new AssertionError("Keycloak is still running");
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private boolean answers() {
        try {
            return http.send(
                                    HttpRequest.newBuilder(URI.create(
                                                    url() + "/realms/master/.well-known/openid-configuration"))
                                            .timeout(Duration.ofSeconds(20))
                                            .build(),
                                    HttpResponse.BodyHandlers.discarding())
                            .statusCode()
                    == 200;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path javaHome() {
        for (String set :
                new String[] {System.getProperty("keycloak.java.home"), System.getenv("KEYCLOAK_JAVA_HOME")}) {
            if (set != null && !set.isBlank()) {
                if (javaVersion(Path.of(set)) < OLDEST_JAVA) {
                    throw new IllegalStateException("keycloak.java.home or KEYCLOAK_JAVA_HOME is " + set
                            + ", which is no JDK " + OLDEST_JAVA + " or newer (its file \"release\" tells)");
                }
                return Path.of(set);
            }
        }
        if (Runtime.version().feature() >= OLDEST_JAVA) {
            return Path.of(System.getProperty("java.home"));
        }
        try (Stream<Path> installed =
                Files.isDirectory(Path.of("/usr/lib/jvm")) ? Files.list(Path.of("/usr/lib/jvm")) : Stream.empty()) {
            return installed
                    .filter(home -> javaVersion(home) >= OLDEST_JAVA)
                    .max(Comparator.comparingInt(KeycloakServer::javaVersion))
                    .orElseThrow(() -> new IllegalStateException(
                            "keycloak-events needs a JDK " + OLDEST_JAVA + " or newer and there is none under"
                                    + " /usr/lib/jvm: install one, or name its directory in KEYCLOAK_JAVA_HOME"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The feature version in the JDK's file "release", or 0 for a directory without a JDK. */
    private static int javaVersion(Path home) {
        try {
            Matcher version =
                    Pattern.compile("(?m)^JAVA_VERSION=\"(\\d+)").matcher(Files.readString(home.resolve("release")));
            return Files.isExecutable(home.resolve("bin/java")) && version.find()
                    ? Integer.parseInt(version.group(1))
                    : 0;
        } catch (IOException e) {
            return 0;
        }
    }
}
