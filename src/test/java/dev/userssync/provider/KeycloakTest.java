package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.KeycloakRealm;
import dev.userssync.testing.KeycloakServer;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.Properties;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * A real Keycloak reports its users to the application, through both senders of keycloak-events, with and without an
 * API key.
 */
@Tag("app")
@Tag("keycloak")
class KeycloakTest {

    private static final String PASSWORD = "correct horse battery staple";

    /** The application, connected to a realm of its own. The tests change users in that realm. */
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    abstract static class Connected {

        final TestDatabase database = new TestDatabase();
        private final Properties settings = TestSettings.with(database, "keycloak");
        KeycloakRealm realm;
        private StartedApp app;

        abstract void connect(String url, String secret);

        /** With the API key the application fetches the fields that an event omits. */
        boolean hasApiKey() {
            return true;
        }

        @BeforeAll
        void start() {
            KeycloakServer keycloak = KeycloakServer.running();
            realm = keycloak.realm(getClass().getSimpleName());
            realm.open();
            if (hasApiKey()) {
                settings.setProperty("keycloak.api.url", keycloak.url());
                settings.setProperty("keycloak.realm", realm.name());
                settings.setProperty("keycloak.api.key", "users-sync:" + realm.reader("users-sync"));
            }
            app = new StartedApp(settings);
            connect(app.webhooks("keycloak"), TestSettings.SECRET);
        }

        @AfterAll
        void stop() {
            if (app != null) {
                app.close();
            }
        }

        @Test
        void aUserThatAnAdministratorCreatesChangesAndDeletes() {
            Instant begin = Instant.now();
            String id = realm.create("""
                    {"username": "ada", "email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "enabled": true,
                     "credentials": [{"type": "password", "value": "%s"}]}""".formatted(PASSWORD));
            assertRow(id, "Ada Lovelace", "ada@example.com");
            assertCreatedAsKeycloakSays(id);
            JsonNode profile = profile(id);
            assertEquals("ada", profile.get("username").asText());
            assertTrue(profile.get("enabled").asBoolean());

            // The admin console sends the whole user; other clients send only the changed fields.
            realm.update(
                    id, "{\"firstName\": \"Augusta\", \"lastName\": \"King\", \"email\": \"countess@example.com\"}");
            assertRow(id, "Augusta King", "countess@example.com");
            assertEquals("ada", profile(id).get("username").asText());

            String before = database.value("SELECT updated_at FROM neon_auth.users_sync WHERE id = ?", id);
            realm.update(id, "{\"enabled\": false}");
            awaitRow(id, "NOT (raw_json -> 'enabled')::boolean AND updated_at > '" + before + "'");
            assertRow(id, "Augusta King", "countess@example.com");
            assertCreatedAsKeycloakSays(id);

            realm.update(id, "{\"lastName\": \"Byron\"}");
            awaitRow(id, "raw_json ->> 'lastName' = 'Byron'");
            // Half a name is not the name. With the API key the application has the whole user.
            String name = hasApiKey() ? "Augusta Byron" : "Augusta King";
            assertRow(id, name, "countess@example.com");

            realm.delete(id);
            awaitRow(id, "deleted_at IS NOT NULL");
            assertEquals(
                    name + " countess@example.com t",
                    database.value(
                            "SELECT concat_ws(' ', name, email, deleted_at BETWEEN '" + begin
                                    + "' AND now() + interval '1 second') FROM neon_auth.users_sync WHERE id = ?",
                            id));
            assertNoSecrets();
        }

        @Test
        void aVisitorWhoRegistersAndChangesTheOwnProfile() {
            String id = realm.register("grace", PASSWORD, "grace@example.com", "Grace", "Hopper");
            assertRow(id, "Grace Hopper", "grace@example.com");
            assertCreatedAsKeycloakSays(id);

            realm.changeOwnProfile("grace", PASSWORD, """
                    {"username": "grace", "email": "admiral@example.com", "firstName": "Amazing Grace", "lastName": "Murray Hopper"}""");
            assertRow(id, "Amazing Grace Murray Hopper", "admiral@example.com");
            assertEquals("grace", profile(id).get("username").asText());
            assertNoSecrets();
        }

        @Test
        void aUserWithoutNameAndAddress() {
            String id = realm.create("{\"username\": \"nameless\", \"enabled\": true}");
            assertRow(id, "nameless", null);
            realm.delete(id);
            awaitRow(id, "deleted_at IS NOT NULL");
        }

        @Test
        void whatIsNoChangeOfAUserChangesNoRow() {
            String id = realm.create("{\"username\": \"mary\", \"email\": \"mary@example.com\", \"enabled\": true}");
            assertRow(id, "mary", "mary@example.com");
            String row = row(id);
            realm.setPassword(id, PASSWORD);
            realm.reader("batch"); // a client, its roles and its service account
            String last = realm.create("{\"username\": \"last-one\", \"enabled\": true}");
            assertRow(last, "last-one", null);
            assertEquals(row, row(id));
            assertEquals(
                    "0",
                    database.value(
                            "SELECT count(*) FROM neon_auth.users_sync WHERE raw_json ->> 'username' LIKE 'service-account-%'"));
            assertNoSecrets();
        }

        private void assertRow(String id, String name, String email) {
            awaitRow(
                    id,
                    "name = '" + name + "' AND email IS NOT DISTINCT FROM "
                            + (email == null ? "NULL" : "'" + email + "'") + " AND deleted_at IS NULL");
            assertEquals(id, profile(id).get("id").asText());
        }

        private void assertCreatedAsKeycloakSays(String id) {
            String created =
                    "SELECT (extract(epoch FROM created_at) * 1000)::bigint FROM neon_auth.users_sync WHERE id = ?";
            Duration error = Duration.ofMillis(Math.abs(Long.parseLong(database.value(created, id))
                    - realm.user(id).get("createdTimestamp").asLong()));
            // Without an API key the row holds the time of the event that created the user.
            assertTrue(error.compareTo(hasApiKey() ? Duration.ZERO : Duration.ofSeconds(5)) <= 0, error::toString);
        }

        private JsonNode profile(String id) {
            return KeycloakServer.json(database.value("SELECT raw_json FROM neon_auth.users_sync WHERE id = ?", id));
        }

        private void assertNoSecrets() {
            for (String table : database.column("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                    + " WHERE schemaname IN ('neon_auth', 'users_sync_internal')")) {
                assertEquals(
                        "0",
                        database.value(
                                "SELECT count(*) FROM " + table + " AS t WHERE t::text LIKE '%" + PASSWORD + "%'"),
                        table);
            }
        }

        private void awaitRow(String id, String condition) {
            await().atMost(Duration.ofSeconds(30))
                    .untilAsserted(() -> assertEquals(
                            "t",
                            database.value(
                                    "SELECT coalesce(" + condition + ", false) FROM neon_auth.users_sync WHERE id = ?",
                                    id),
                            () -> row(id)));
        }

        private String row(String id) {
            return database.column("SELECT to_jsonb(u) FROM neon_auth.users_sync u WHERE id = ?", id) + " parked: "
                    + database.column("SELECT to_jsonb(d) FROM users_sync_internal.dead_letter d");
        }
    }

    @Nested
    class ByItsWebhooks extends Connected {
        @Override
        void connect(String url, String secret) {
            realm.sendWebhooks(url, secret);
        }
    }

    @Nested
    class ByItsWebhooksWithoutAnApiKey extends ByItsWebhooks {
        @Override
        boolean hasApiKey() {
            return false;
        }
    }

    @Nested
    class ByItsHttpSender extends Connected {
        @Override
        void connect(String url, String secret) {
            realm.sendHttp(url, secret);
        }
    }

    @Nested
    class ByItsHttpSenderWithoutAnApiKey extends ByItsHttpSender {
        @Override
        boolean hasApiKey() {
            return false;
        }
    }
}
