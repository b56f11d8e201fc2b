package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.KeycloakRealm;
import dev.userssync.testing.KeycloakServer;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Two thousand users of a real Keycloak arrive, change while the application is down, and end as Keycloak lists them.
 */
@Tag("app")
@Tag("keycloak")
class KeycloakReconcileTest {

    private static final int USERS = 2000;
    /** The realm's organizations are polled too, with a state of their own. */
    private static final String USERS_STATE = " FROM users_sync_internal.poll_state WHERE provider = 'keycloak'";

    private final TestDatabase database = new TestDatabase();
    private final Properties settings = TestSettings.with(database);
    private final KeycloakRealm realm = KeycloakServer.running().realm("ReconcileTest");

    @Test
    void twoThousandUsersChangeWhileNobodyListens() {
        settings.setProperty("keycloak.api.url", KeycloakServer.running().url());
        settings.setProperty("keycloak.realm", realm.name());
        settings.setProperty("keycloak.api.key", "users-sync:" + realm.reader("users-sync"));
        settings.setProperty("poll.tick", "100");
        settings.setProperty("poll.interval", "1h");
        realm.createMany("user", USERS);

        try (StartedApp app = new StartedApp(settings)) {
            awaitState("backfilled_at IS NOT NULL AND phase IS NULL");
        }
        assertTableIsKeycloaks();

        // The realm keeps no event of these changes.
        List<String> ids = database.column("SELECT id FROM neon_auth.users_sync ORDER BY id");
        ids.subList(0, 150).forEach(realm::delete);
        ids.subList(150, 350)
                .forEach(id -> realm.update(id, "{\"firstName\": \"Renamed\", \"email\": \"" + id + "@example.org\"}"));
        ids.subList(350, 370).forEach(id -> realm.update(id, "{\"enabled\": false}"));
        realm.createMany("new", 100);
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(200, post("/admin/polls/keycloak/reconcile"));
            awaitState("phase = 'held'");
            assertEquals("150 users are missing, more than 100", state("held_because"));
            assertEquals(
                    Integer.toString(USERS + 100),
                    database.value("SELECT count(*) FROM neon_auth.users_live"),
                    "nobody is deleted yet");
            assertEquals(200, post("/admin/polls/keycloak/confirm"));
            awaitState("phase IS NULL");
        }
        assertEquals("100 220 150 0", state("concat_ws(' ', added, updated, deleted, unknown)"));
        assertTableIsKeycloaks();

        // The realm's events report every change, without a listing.
        realm.keepEvents();
        ids.subList(370, 390).forEach(realm::delete);
        ids.subList(390, 420).forEach(id -> realm.update(id, "{\"lastName\": \"Renamed\"}"));
        for (int i = 0; i < 10; i++) {
            realm.create("{\"username\": \"late" + i + "\", \"enabled\": true}");
        }
        String listed = state("started_at");
        database.execute("UPDATE users_sync_internal.poll_state SET changes_due = now() WHERE provider = 'keycloak'");
        try (StartedApp app = new StartedApp(settings)) {
            awaitState("changes_due > now()");
        }
        assertEquals(listed, state("started_at"));
        assertTableIsKeycloaks();
    }

    /** The table holds every user that Keycloak lists, and nobody else. */
    private void assertTableIsKeycloaks() {
        List<String> truth = new ArrayList<>();
        for (JsonNode user : realm.users()) {
            String name = String.join(
                    " ",
                    Stream.of("firstName", "lastName")
                            .map(user::path)
                            .filter(JsonNode::isTextual)
                            .map(JsonNode::asText)
                            .toList());
            truth.add(String.join(
                    " | ",
                    user.get("id").asText(),
                    name.isEmpty() ? user.get("username").asText() : name,
                    user.path("email").asText("none"),
                    user.get("createdTimestamp").asText(),
                    user.get("username").asText(),
                    user.get("enabled").asText()));
        }
        assertEquals(
                truth.stream().sorted().toList(),
                database.column("SELECT concat_ws(' | ', id, name, coalesce(email, 'none'),"
                        + " (extract(epoch FROM created_at) * 1000)::bigint, raw_json ->> 'username', raw_json ->> 'enabled')"
                        + " FROM neon_auth.users_live ORDER BY id COLLATE \"C\""));
    }

    private String state(String column) {
        return database.value("SELECT " + column + USERS_STATE);
    }

    private void awaitState(String condition) {
        await().atMost(Duration.ofMinutes(2))
                .until(() ->
                        database.column("SELECT " + condition + USERS_STATE).equals(List.of("t")));
    }

    private int post(String path) {
        return new Delivery("")
                .post("http://localhost:" + settings.getProperty("camel.management.port") + path)
                .statusCode();
    }
}
