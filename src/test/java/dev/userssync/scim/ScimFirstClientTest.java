package dev.userssync.scim;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.Http;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.ScimCustomers;
import dev.userssync.testing.ScimCustomers.Customer;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.time.Duration;
import java.util.Properties;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** SCIM without SCIM_WEBHOOK_SECRET: the first client turns it on at the next start, and the last one off. */
@Tag("app")
class ScimFirstClientTest {

    private final TestDatabase database = new TestDatabase();
    private final Properties settings = settings();

    private Properties settings() {
        Properties one = TestSettings.with(database);
        one.setProperty("camel.main.profile", "dev"); // commands without a password, from this machine
        one.setProperty("camel.main.routesReloadEnabled", "false");
        one.setProperty("database.pool.size", "8");
        return one;
    }

    private static ScimCustomers customers(Properties of) {
        return new ScimCustomers(
                "http://localhost:" + of.getProperty("camel.server.port") + "/scim/v2",
                "http://localhost:" + of.getProperty("camel.management.port"));
    }

    private String indexes() {
        return database.value("SELECT count(*) FROM pg_indexes WHERE indexname LIKE '%\\_sync\\_scim\\_%'");
    }

    @Test
    void theFirstClientTurnsScimOnAndTheLastOneOff() {
        ScimCustomers customers = customers(settings);
        Customer acme;
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(0, customers.run("list"));
            assertTrue(customers.out.contains("no SCIM client"), customers.out);
            assertEquals(0, customers.run("add", "acme", "--organization", "org_acme"), () -> customers.err);
            assertTrue(customers.out.contains("Restart every instance of users-sync now"), customers.out);
            acme = customers.new Customer(customers.out.replaceFirst("(?s).*token: (\\S+).*", "$1"));
            assertEquals(404, acme.get("/Users").status());
            assertEquals("0", indexes());
        }
        Properties second = settings();
        try (StartedApp app = new StartedApp(settings);
                StartedApp other = new StartedApp(second)) {
            assertEquals("8", indexes());
            assertEquals(
                    "acme:u",
                    acme.post("/Users", ScimApp.user("u", "\"externalId\": \"u\""))
                            .id());
            acme.get("/Groups/none").assertError(404, null);
            customers.new Customer(ScimApp.TOKEN).get("/Users").assertError(401, null);
            assertTrue(Http.get(app.management("/admin/status")).body().contains("\"scim\":{\"on\":true"));
            // An instance knows within seconds what another one was told.
            Customer there = customers(second).new Customer(acme.token);
            assertEquals(200, there.get("/Users/acme:u").status());
            Customer next = customers.rotated("acme", "0s");
            acme.get("/Users/acme:u").assertError(401, null);
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> there.get("/Users/acme:u").status() == 401);
            Customer nextThere = customers(second).new Customer(next.token);
            await().atMost(Duration.ofSeconds(10))
                    .until(() -> nextThere.get("/Users/acme:u").status() == 200);
        }
        assertStartFails(
                "clerk.id.prefix",
                "acme:x",
                "the SCIM client acme: its prefix acme: and the prefix acme:x of clerk could start the same ids: neither may start with the other");
        assertStartFails(
                "shared.ids",
                "false",
                "the SCIM client acme: the ids of clerk have no prefix and could start with acme: too: set CLERK_ID_PREFIX=clerk:,"
                        + " or SHARED_IDS=true if they never do. Users already in the table keep their ids: read docs/providers.md first");
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(0, customers.run("remove", "acme"), () -> customers.err);
        }
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(404, acme.get("/Users").status());
            assertEquals("0", indexes());
            assertEquals("acme:u", database.value("SELECT id FROM neon_auth.users_live"));
        }
    }

    private void assertStartFails(String setting, String value, String message) {
        Properties wrong = settings();
        wrong.setProperty("clerk.webhook.secret", TestSettings.SECRET);
        wrong.setProperty(setting, value);
        Throwable failure = assertThrows(RuntimeException.class, () -> new StartedApp(wrong).close());
        assertEquals(
                message,
                ObjectHelper.getException(StartupFailure.class, failure).getMessage());
    }
}
