package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code camel run config/*.properties}, the README's command for operators: the same routes, settings and Java sources without a
 * Maven build. The CLI comes from its own Maven artifact and has nothing of ours on its class path.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CamelRunTest {

    private final int port = TestSettings.freePort();
    private final String generic = "http://localhost:" + port + "/webhooks/generic";
    @TempDir
    private static Path clone;
    private Process camel;

    @BeforeAll
    void camelRun() throws Exception {
        for (String part : List.of("routes", "config", "src/main")) {
            copy(Path.of(part), clone.resolve(part));
        }
        Path classPath = clone.resolve("camel-cli.classpath");
        Process maven = new ProcessBuilder(System.getProperty("maven.executable"), "-q", "-B", "-f", "src/test/camel-cli/pom.xml",
                "-Dcamel.version=" + System.getProperty("camel.version"),
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath", "-Dmdep.outputFile=" + classPath)
                .redirectErrorStream(true).redirectOutput(clone.resolve("maven.log").toFile()).start();
        assertTrue(maven.waitFor(5, TimeUnit.MINUTES));
        assertEquals(0, maven.exitValue(), () -> read("maven.log"));

        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp", Files.readString(classPath).strip(), Path.of("src/test/camel-cli/CamelCli.java").toAbsolutePath().toString(), "run"));
        try (DirectoryStream<Path> settings = Files.newDirectoryStream(Path.of("config"), "*.properties")) {
            settings.forEach(file -> command.add(file.toString())); // what the shell makes of config/*.properties
        }
        ProcessBuilder run = new ProcessBuilder(command)
                .directory(clone.toFile()).redirectErrorStream(true).redirectOutput(clone.resolve("camel.log").toFile());
        run.environment().keySet().removeAll(List.of("DATABASE_URL", "CLERK_WEBHOOK_SECRET", "STACK_AUTH_WEBHOOK_SECRET"));
        run.environment().put("GENERIC_WEBHOOK_SECRET_FILE", Files.writeString(clone.resolve("generic-secret"), TestSettings.SECRET).toString());
        run.environment().put("SCIM_WEBHOOK_SECRET", ScimApp.TOKEN);
        run.environment().put("SHARED_IDS", "true"); // of two providers in one table
        run.environment().put("PORT", Integer.toString(port));
        run.environment().put("MANAGEMENT_PORT", Integer.toString(TestSettings.freePort()));
        camel = run.start();
        // The first run on a machine fetches Postgres for every platform that the CLI might run on.
        await().atMost(Duration.ofMinutes(5)).until(() -> read("camel.log").contains("users-sync is running") || !camel.isAlive());
        assertTrue(camel.isAlive(), () -> read("camel.log"));
    }

    @AfterAll
    void stop() throws InterruptedException {
        if (camel != null) {
            camel.destroy();
            camel.waitFor(30, TimeUnit.SECONDS);
        }
    }

    @Test
    void aSignedDeliveryBecomesARow() throws Exception {
        assertEquals(204, created("u1").post(generic).statusCode());
        assertEquals("Jane", name("u1"));
        assertEquals(401, created("u2").header("webhook-id", "msg_other").post(generic).statusCode());
        assertEquals(404, created("u2").post(generic.replace("generic", "clerk")).statusCode());
        assertEquals(422, new Delivery("{}").post(generic).statusCode());
        assertEquals("no row", name("u2"));
    }

    @Test
    void aSecretInAFileIsRotatedWithoutARestart() throws Exception {
        String next = "whsec_YSBzZWNyZXQgZm9yIHRoZSBDYW1lbCBDTEkgYWxvbmU=";
        Files.writeString(clone.resolve("generic-secret"), TestSettings.SECRET + " " + next);
        await().atMost(Duration.ofSeconds(20)).until(() -> created("u4").signed(next, Instant.now().getEpochSecond()).post(generic).statusCode() == 204);
        assertEquals(204, created("u5").post(generic).statusCode());
    }

    @Test
    void aScimClientIsServed() throws Exception {
        String scim = "http://localhost:" + port + "/scim/v2";
        assertEquals(201, ScimApp.send(ScimApp.request(scim, "POST", "/Users", ScimApp.user("jane", "\"externalId\": \"s1\", \"displayName\": \"Jane\""))).status());
        ScimApp.Reply patched = ScimApp.send(ScimApp.request(scim, "PATCH", "/Users/s1",
                "{\"Operations\": [{\"op\": \"Replace\", \"path\": \"displayName\", \"value\": \"Jane D.\"}]}"));
        assertEquals(200, patched.status(), patched.http().body());
        assertEquals("Jane D.", name("s1"));
        assertEquals(1, ScimApp.send(ScimApp.request(scim, "GET", "/Users?filter=userName%20eq%20%22jane%22", null)).json().path("totalResults").intValue());
        ScimApp.send(ScimApp.request(scim, "GET", "/Users", null).setHeader("Authorization", "Bearer other")).assertError(401, null);
    }

    @Test
    void anEditedRouteIsLiveWithoutARestart() throws Exception {
        Path route = clone.resolve("routes/user-created.camel.yaml");
        Files.writeString(route, Files.readString(route).replace("        - to: \"{{user-events.to}}\"",
                "        - setBody:\n            jq: '.name = \"Edited\"'\n        - to: \"{{user-events.to}}\""));
        await().atMost(Duration.ofSeconds(30)).until(() -> created("u3").post(generic).statusCode() == 204 && name("u3").equals("Edited"));
    }

    private static Delivery created(String id) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"" + id + "\", \"name\": \"Jane\"}}");
    }

    private String name(String id) throws Exception {
        String databasePort = Files.readAllLines(clone.resolve("data/postgres/postmaster.pid")).get(3);
        try (Connection connection = DriverManager.getConnection("jdbc:postgresql://localhost:" + databasePort + "/postgres?user=postgres")) {
            ResultSet row = connection.createStatement().executeQuery("SELECT name FROM neon_auth.users_sync WHERE id = '" + id + "'");
            return row.next() ? row.getString(1) : "no row";
        }
    }

    private String read(String file) {
        try {
            return Files.readString(clone.resolve(file));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
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
