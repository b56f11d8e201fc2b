package dev.userssync.scim;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Http;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.TestDatabase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The reply to a SCIM client when the database fails: an error in SCIM's form, never a success. users-sync parks
 * nothing and leaves no lock behind.
 */
class ScimErrorsTest extends ScimApp {

    private static final String TITLE = "{\"op\": \"replace\", \"path\": \"title\", \"value\": \"Captain\"}";
    private static final String INACTIVE = "{\"op\": \"replace\", \"path\": \"active\", \"value\": false}";

    private final CapturedLog log = new CapturedLog();

    @BeforeEach
    void oneUser() {
        assertEquals(
                201,
                post("/Users", user("jane@private.example", "\"externalId\": \"jane\""))
                        .status());
        log.clear();
    }

    @AfterEach
    void mend() {
        database.execute("DROP TRIGGER IF EXISTS fails ON neon_auth.users_sync");
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        // users-sync frees the lock before it writes the reply. Other connections may see that a moment later.
        await().atMost(Duration.ofSeconds(2))
                .until(() -> database.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
                        .equals("0"));
        log.lines().forEach(line -> assertFalse(line.contains("private.example") || line.contains("\tat "), line));
    }

    private void failNextWrites(int times, String sqlState, String when) {
        database.failNextWrites(times, sqlState, when, "made to fail for jane@private.example");
    }

    private static void assertRetryLater(Reply reply) {
        reply.assertError(503, null);
        assertEquals("30", reply.header("Retry-After"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"40001", "40P01", "53300", "55P03", "57P01"})
    void aTransientErrorIsTriedAgain(String sqlState) {
        failNextWrites(1, sqlState, "TRUE");
        assertEquals(200, patch("/Users/jane", TITLE).status());
        assertEquals("Captain", get("/Users/jane").json().path("title").textValue());
    }

    @ParameterizedTest
    @ValueSource(strings = {"40001", "42501", "42P01", "XX000", "57014"})
    void anErrorThatLastsIsAReasonToRetry(String sqlState) {
        failNextWrites(1000, sqlState, "TRUE");
        assertRetryLater(patch("/Users/jane", TITLE));
        assertRetryLater(post("/Users", user("joe")));
        assertRetryLater(delete("/Users/jane"));
        database.execute("DROP TRIGGER fails ON neon_auth.users_sync");
        assertEquals(200, patch("/Users/jane", TITLE).status());
    }

    @ParameterizedTest
    @ValueSource(strings = {"22003", "23514", "23505", "54000"})
    void aRowThatTheDatabaseRefusesIsTheClientsError(String sqlState) {
        failNextWrites(1000, sqlState, "TRUE");
        patch("/Users/jane", TITLE).assertError(400, "invalidValue");
        post("/Users", user("joe")).assertError(400, "invalidValue");
        assertFalse(get("/Users/jane").json().has("title"));
    }

    @Test
    void aDeactivationThatStoppedHalfWayIsMadeGoodByTheNextTry() {
        failNextWrites(1000, "42501", "NEW.deleted_at IS NOT NULL");
        assertRetryLater(patch("/Users/jane", INACTIVE));
        assertEquals("-|jane@private.example|live", row("jane"));
        assertEquals(200, get("/Users/jane").status());
        database.execute("DROP TRIGGER fails ON neon_auth.users_sync");
        assertEquals(200, patch("/Users/jane", INACTIVE).status());
        assertEquals("-|jane@private.example|deleted", row("jane"));
    }

    @Test
    void anInactiveUserIsNeverLiveBetweenTwoEvents() {
        assertEquals(200, patch("/Users/jane", INACTIVE).status());
        failNextWrites(1000, "42501", "NEW.deleted_at IS NULL");
        assertRetryLater(patch("/Users/jane", TITLE));
        assertRetryLater(post("/Users", user("joe", "\"externalId\": \"joe\"", "\"active\": false")));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NULL"));
        database.execute("DROP TRIGGER fails ON neon_auth.users_sync");
        assertEquals(200, get("/Users/jane").status());
        assertEquals(201, post("/Users", user("joe", "\"active\": false")).status());
    }

    @Test
    void aDatabaseThatIsGoneAndComesBack() {
        String name = database.value("SELECT current_database()");
        TestDatabase other = new TestDatabase();
        other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
        try {
            other.column("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'");
            assertRetryLater(get("/Users/jane"));
            assertRetryLater(get("/Users?filter=userName%20eq%20%22x%22"));
            assertRetryLater(patch("/Users/jane", TITLE));
        } finally {
            other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
        }
        await().atMost(Duration.ofSeconds(20))
                .until(() -> patch("/Users/jane", TITLE).status() == 200);
    }

    private String lastWebhook() {
        return json("/admin/status").at("/providers/scim/last_webhook_at").textValue();
    }

    private JsonNode json(String path) {
        try {
            return JSON.readTree(Http.get(management(path)).body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private double figure(String name) {
        return Http.get(management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> line.startsWith(name))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Test
    void aWriteIsADelivery() {
        String before = lastWebhook();
        assertNotNull(before, "a user was created");
        assertTrue(figure("users_sync_webhook_age_seconds{provider=\"scim\"") < 60);
        double ok = figure("users_sync_replies_total{provider=\"scim\",status=\"200\"");
        double unknown = figure("users_sync_replies_total{provider=\"unknown\"");
        get("/Users/jane");
        post("/Users/.search", "{}");
        get("/ServiceProviderConfig");
        patch("/Users/nobody", TITLE).assertError(404, null);
        send(request("PATCH", "/Users/jane", "{}").setHeader("Authorization", "Bearer x"))
                .assertError(401, null);
        assertEquals(before, lastWebhook(), "a connection test of a client counts as no delivery");
        assertEquals(200, patch("/Users/jane", TITLE).status());
        assertTrue(Instant.parse(lastWebhook()).isAfter(Instant.parse(before)));
        assertEquals(ok + 4, figure("users_sync_replies_total{provider=\"scim\",status=\"200\""));
        assertTrue(figure("users_sync_replies_total{provider=\"scim\",status=\"404\"") >= 1);
        assertEquals(unknown, figure("users_sync_replies_total{provider=\"unknown\""));
    }

    @Test
    void strangersAreCountedAndDoNotFillTheLog() {
        double before = figure("users_sync_signature_failures_total{provider=\"scim\"");
        for (int i = 0; i < 100; i++) {
            send(request("GET", "/Users", null).setHeader("Authorization", "Bearer x"))
                    .assertError(401, null);
        }
        long told = log.lines().stream().filter(line -> line.contains("scim: ")).count();
        assertTrue(told >= 1 && told <= 62, told + " lines"); // one or two more if a minute ends in between
        assertEquals(before + 100, figure("users_sync_signature_failures_total{provider=\"scim\""));
        assertTrue(figure("users_sync_replies_total{provider=\"scim\",status=\"401\"") >= 100);
    }
}
