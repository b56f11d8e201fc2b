package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Ports;
import dev.userssync.settings.Version;
import dev.userssync.testing.CamelCli;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.ScimCustomers;
import dev.userssync.testing.TestSettings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * {@code camel run config/*.properties}, the README's command for operators: the same routes, settings and Java sources without a
 * Maven build.
 */
@Tag("app")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CamelRunTest {

    private final int port = Ports.free();
    private final int management = Ports.free();
    private final String generic = "http://localhost:" + port + "/webhooks/generic";

    @TempDir
    private static Path clone;

    private CamelCli camel;

    @BeforeAll
    void camelRun() throws Exception {
        camel = new CamelCli(
                clone,
                Map.of(
                        "GENERIC_WEBHOOK_SECRET_FILE",
                        Files.writeString(clone.resolve("generic-secret"), TestSettings.SECRET)
                                .toString(),
                        "SCIM_WEBHOOK_SECRET",
                        ScimApp.TOKEN,
                        "SHARED_IDS",
                        "true", // two providers in one table
                        "PORT",
                        Integer.toString(port),
                        "MANAGEMENT_PORT",
                        Integer.toString(management)));
    }

    @AfterAll
    void stop() throws InterruptedException {
        if (camel != null) {
            camel.close();
        }
    }

    @Test
    void theStartSaysTheVersionOfThePom() {
        assertTrue(
                camel.read("camel.log").contains("users-sync is running, version " + Version.current()),
                camel.read("camel.log"));
        assertNotEquals("unknown", Version.current());
    }

    @Test
    void aSignedDeliveryBecomesARow() throws Exception {
        assertEquals(204, created("u1").post(generic).statusCode());
        assertEquals("Jane", name("u1"));
        assertEquals(
                401,
                created("u2").header("webhook-id", "msg_other").post(generic).statusCode());
        assertEquals(
                404, created("u2").post(generic.replace("generic", "clerk")).statusCode());
        assertEquals(422, new Delivery("{}").post(generic).statusCode());
        assertEquals("no row", name("u2"));
    }

    @Test
    void aSecretInAFileIsRotatedWithoutARestart() throws Exception {
        String next = "whsec_YSBzZWNyZXQgZm9yIHRoZSBDYW1lbCBDTEkgYWxvbmU=";
        Files.writeString(clone.resolve("generic-secret"), TestSettings.SECRET + " " + next);
        await().atMost(Duration.ofSeconds(20))
                .until(() -> created("u4")
                                .signed(next, Instant.now().getEpochSecond())
                                .post(generic)
                                .statusCode()
                        == 204);
        assertEquals(204, created("u5").post(generic).statusCode());
    }

    @Test
    void aScimClientIsServed() throws Exception {
        String scim = "http://localhost:" + port + "/scim/v2";
        assertEquals(
                201,
                ScimApp.send(ScimApp.request(
                                scim,
                                "POST",
                                "/Users",
                                ScimApp.user("jane", "\"externalId\": \"s1\", \"displayName\": \"Jane\"")))
                        .status());
        ScimApp.Reply patched = ScimApp.send(ScimApp.request(
                scim,
                "PATCH",
                "/Users/s1",
                "{\"Operations\": [{\"op\": \"Replace\", \"path\": \"displayName\", \"value\": \"Jane D.\"}]}"));
        assertEquals(200, patched.status(), patched.http().body());
        assertEquals("Jane D.", name("s1"));
        assertEquals(
                1,
                ScimApp.send(ScimApp.request(scim, "GET", "/Users?filter=userName%20eq%20%22jane%22", null))
                        .json()
                        .path("totalResults")
                        .intValue());
        ScimApp.send(ScimApp.request(scim, "GET", "/Users", null).setHeader("Authorization", "Bearer other"))
                .assertError(401, null);
    }

    @Test
    void aCustomerHasAScimClient() throws Exception {
        ScimCustomers customers =
                new ScimCustomers("http://localhost:" + port + "/scim/v2", "http://localhost:" + management);
        assertEquals(
                "acme:s1",
                customers
                        .add("acme", "org_acme")
                        .post("/Users", ScimApp.user("jane", "\"externalId\": \"s1\"", "\"displayName\": \"Jane A.\""))
                        .id());
        assertNotEquals("no row", name("acme:s1"));
        assertEquals(0, customers.run("list"), () -> customers.err);
        assertTrue(customers.out.contains("1 live users"), customers.out);
    }

    @Test
    void anEditedRouteIsLiveWithoutARestart() throws Exception {
        Path route = clone.resolve("routes/user-created.camel.yaml");
        Files.writeString(
                route,
                Files.readString(route)
                        .replace(
                                "        - to: \"{{user-events.to}}\"",
                                "        - setBody:\n            jq: '.name = \"Edited\"'\n        - to: \"{{user-events.to}}\""));
        await().atMost(Duration.ofSeconds(30))
                .until(() -> created("u3").post(generic).statusCode() == 204
                        && name("u3").equals("Edited"));
    }

    private static Delivery created(String id) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"" + id + "\", \"name\": \"Jane\"}}");
    }

    private String name(String id) throws Exception {
        String databasePort = Files.readAllLines(clone.resolve("data/postgres/postmaster.pid"))
                .get(3);
        try (Connection connection = DriverManager.getConnection(
                "jdbc:postgresql://localhost:" + databasePort + "/postgres?user=postgres")) {
            ResultSet row = connection
                    .createStatement()
                    .executeQuery("SELECT name FROM neon_auth.users_sync WHERE id = '" + id + "'");
            return row.next() ? row.getString(1) : "no row";
        }
    }
}
