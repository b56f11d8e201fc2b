package dev.userssync.management;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ManagementApiTest extends RunningApp {

    private static final String REPAIRABLE = """
            {"type": "user.created", "data": {"id": "u1", "name": "Jane", "created_at": "2026-01-01T00:00:00Z"}}
            """;

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    private HttpResponse<String> post(String path) {
        return new Delivery("").post(management(path));
    }

    @Test
    void parkedDeliveriesAreReplayedThroughTheRoutes() {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_jane CHECK (name <> 'Jane')");
        assertEquals(204, new Delivery(REPAIRABLE).post(webhooks("generic")).statusCode());
        assertEquals(422, new Delivery("not JSON").post(webhooks("generic")).statusCode());
        assertEquals(
                422,
                new Delivery("{\"type\": \"user.created\", \"data\": {}}")
                        .post(webhooks("clerk"))
                        .statusCode());

        assertEquals(
                "{\"tried\": 3, \"went_through\": 0, \"still_parked\": 3}\n",
                post("/dead-letters/replay").body(),
                "the cause is still there");
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(
                "2",
                database.value("SELECT DISTINCT attempts FROM users_sync_internal.dead_letter WHERE state = 'parked'"));

        database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_jane");
        assertEquals(
                "{\"tried\": 3, \"went_through\": 1, \"still_parked\": 2}\n",
                post("/dead-letters/replay").body());
        assertEquals("Jane", database.value("SELECT name FROM neon_auth.users_sync"));
        assertEquals(
                "0",
                database.value("SELECT length(body) FROM users_sync_internal.dead_letter WHERE state = 'replayed'"),
                "the user's data does not stay behind");
    }

    @Test
    void aReplayIsAnEventLikeAnyOtherAndNeverTurnsBackTime() {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_jane CHECK (name <> 'Jane')");
        assertEquals(204, new Delivery(REPAIRABLE).post(webhooks("generic")).statusCode());
        database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_jane");
        assertEquals(
                204,
                new Delivery(REPAIRABLE.replace("Jane", "Janet").replace("2026-01-01", "2026-01-02"))
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(
                "{\"tried\": 1, \"went_through\": 1, \"still_parked\": 0}\n",
                post("/dead-letters/replay").body());
        assertEquals("Janet", database.value("SELECT name FROM neon_auth.users_sync"));
    }

    @Test
    void aTransientErrorLeavesTheLetterParked() {
        assertEquals(422, new Delivery("{}").post(webhooks("generic")).statusCode());
        database.execute(
                "UPDATE users_sync_internal.dead_letter SET body = convert_to('" + REPAIRABLE.strip() + "', 'UTF8')");
        database.execute("ALTER TABLE neon_auth.users_sync RENAME TO away");
        try {
            assertEquals(
                    "{\"tried\": 1, \"went_through\": 0, \"still_parked\": 1}\n",
                    post("/dead-letters/replay").body());
        } finally {
            database.execute("ALTER TABLE neon_auth.away RENAME TO users_sync");
        }
        assertEquals(
                "{\"tried\": 1, \"went_through\": 1, \"still_parked\": 0}\n",
                post("/dead-letters/replay").body());
        assertEquals("Jane", database.value("SELECT name FROM neon_auth.users_sync"));
    }

    @Test
    void aLetterOfAProviderThatIsOffSaysWhatToSet() {
        database.execute(
                "INSERT INTO users_sync_internal.dead_letter (provider, body, reason) VALUES ('acme-id', '{}', 'test')");
        assertEquals(
                "{\"tried\": 1, \"went_through\": 0, \"still_parked\": 1}\n",
                post("/dead-letters/replay").body());
        assertEquals(
                "the provider is off: set ACME_ID_WEBHOOK_SECRET to replay its dead letters",
                database.value("SELECT reason FROM users_sync_internal.dead_letter"));
    }

    @Test
    void nothingToReplay() {
        assertEquals(
                "{\"tried\": 0, \"went_through\": 0, \"still_parked\": 0}\n",
                post("/dead-letters/replay").body());
    }

    @Test
    void theSampleSenderPlaysAnyProviderThatIsOn() {
        for (String provider : new String[] {"clerk", "stack-auth", "generic"}) {
            HttpResponse<String> reply = post("/sample/" + provider);
            assertEquals(200, reply.statusCode(), reply.body());
            assertEquals(3, reply.body().split("-> 204", -1).length - 1, reply.body());
        }
        assertEquals("3", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
    }

    @Test
    void theSampleSenderSaysWhatIsMissing() {
        HttpResponse<String> reply = post("/sample/nobody");
        assertEquals(400, reply.statusCode());
        assertEquals("provider nobody is not on; providers that are on: clerk, generic, stack-auth\n", reply.body());
    }

    @Test
    void aWebPageInTheOperatorsBrowserIsRefused() {
        HttpResponse<String> reply =
                new Delivery("").header("Origin", "https://evil.example").post(management("/dead-letters/replay"));
        assertEquals(403, reply.statusCode());
    }

    @Test
    void onlyPostsAndOnlyOnTheManagementPort() {
        assertEquals(
                405,
                new Delivery("")
                        .method("GET")
                        .post(management("/dead-letters/replay"))
                        .statusCode());
        assertEquals(
                404,
                new Delivery("")
                        .post(webhooks("x").replace("/webhooks/x", "/dead-letters/replay"))
                        .statusCode());
    }

    @Test
    void healthIsUp() {
        HttpResponse<String> reply = new Delivery("").method("GET").post(management("/observe/health"));
        assertEquals(200, reply.statusCode());
        assertTrue(reply.body().contains("UP"), reply.body());
    }
}
