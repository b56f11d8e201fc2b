package dev.userssync.observe;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What Prometheus reads, after deliveries with every outcome. */
class MetricsTest extends RunningApp {

    @BeforeEach
    void clean() {
        database.execute(
                "TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter, users_sync_internal.event_log, users_sync_internal.tombstone");
    }

    private static Delivery user(String type, String id, String updated) {
        return new Delivery("""
                {"type": "user.%s", "timestamp": "%s", "data": {"id": "%s", "name": "Ada", "updated_at": "%s"}}
                """.formatted(type, updated, id, updated));
    }

    private String scrape() {
        return Http.get(management("/observe/metrics")).body();
    }

    private double value(String series) {
        return scrape().lines()
                .filter(line -> line.startsWith(series + " "))
                .findFirst()
                .map(line -> Double.parseDouble(line.substring(series.length() + 1)))
                .orElse(0.0);
    }

    private static String events(String type, String decision) {
        return "users_sync_events_total{decision=\"" + decision + "\",provider=\"generic\",type=\"" + type + "\"}";
    }

    @ParameterizedTest
    @CsvSource({
        "updated, 2026-01-02T00:00:00Z, updated, 2026-01-03T00:00:00Z, applied",
        "updated, 2026-01-02T00:00:00Z, updated, 2026-01-02T00:00:00Z, duplicate",
        "updated, 2026-01-02T00:00:00Z, updated, 2026-01-01T00:00:00Z, stale",
        "updated, 2026-01-02T00:00:00Z, deleted, 2026-01-03T00:00:00Z, applied",
        "updated, 2026-01-02T00:00:00Z, deleted, 2026-01-01T00:00:00Z, stale",
        "deleted, 2026-01-02T00:00:00Z, deleted, 2026-01-02T00:00:00Z, duplicate",
        "deleted, 2026-01-02T00:00:00Z, deleted, 2026-01-01T00:00:00Z, stale",
        "deleted, 2026-01-02T00:00:00Z, created, 2026-01-03T00:00:00Z, applied",
    })
    void anEventIsCountedAndLoggedByWhatTheMergeRuleDecided(
            String first, String firstTime, String second, String secondTime, String decision) {
        assertEquals(204, user(first, "u1", firstTime).post(webhooks("generic")).statusCode());
        double before = value(events(second, decision));
        assertEquals(
                204, user(second, "u1", secondTime).post(webhooks("generic")).statusCode());
        assertEquals(before + 1, value(events(second, decision)));
        assertEquals(
                second + " " + decision + " generic",
                database.value(
                        "SELECT type || ' ' || decision || ' ' || provider FROM users_sync_internal.event_log WHERE user_id = 'u1' ORDER BY ctid DESC LIMIT 1"));
    }

    @Test
    void aStaleEventIsLoggedWithTheVersionThatBeatIt() {
        user("updated", "u1", "2026-01-02T00:00:00Z").post(webhooks("generic"));
        user("updated", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
        assertEquals(
                "2026-01-01 < 2026-01-02",
                database.value(
                        "SELECT to_char(version AT TIME ZONE 'UTC', 'YYYY-MM-DD') || ' < ' || to_char(row_version AT TIME ZONE 'UTC', 'YYYY-MM-DD')"
                                + " FROM users_sync_internal.event_log WHERE decision = 'stale'"));
    }

    /**
     * Ids of purged and erased users: only a newer event brings such a user back. From then on the row decides again.
     */
    @Test
    void aTombstoneOutlivesTheRow() {
        database.execute("INSERT INTO users_sync_internal.tombstone VALUES ('u1', '2026-01-02')");
        double before = value(events("updated", "erased"));
        user("updated", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
        user("updated", "u1", "2026-01-02T00:00:00Z").post(webhooks("generic"));
        user("deleted", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(before + 2, value(events("updated", "erased")));
        user("created", "u1", "2026-01-03T00:00:00Z").post(webhooks("generic"));
        assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_sync WHERE deleted_at IS NULL"));
        user("deleted", "u1", "2026-01-04T00:00:00Z").post(webhooks("generic"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
    }

    /** A row as neon_auth.ensure_user() inserts it for a foreign key. */
    @Test
    void aBareRowDoesNotOpenTheWayForOldProfiles() {
        database.execute("INSERT INTO users_sync_internal.tombstone VALUES ('u1', '2026-01-02')");
        database.execute("INSERT INTO neon_auth.users_sync (id, raw_json) VALUES ('u1', '{\"id\": \"u1\"}')");
        user("updated", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE name IS NULL"));
    }

    @Test
    void whatIsNoEventOfAUserIsCountedByTheRoutes() {
        double ignored = value(events("other", "ignored"));
        double parked = value(events("other", "parked"));
        new Delivery("{\"type\": \"invoice.paid\", \"data\": {}}").post(webhooks("generic"));
        new Delivery("no JSON").post(webhooks("generic"));
        assertEquals(ignored + 1, value(events("other", "ignored")));
        assertEquals(parked + 1, value(events("other", "parked")));
        await().atMost(Duration.ofSeconds(30)).until(() -> value("users_sync_dead_letters{provider=\"generic\"}") == 1);
    }

    @Test
    void reactionsHaveFiguresOfTheirOwn() {
        assertFalse(scrape().contains("users_sync_reaction"), "there is no reaction");
        assertTrue(scrape().contains("users_sync_change_feed_lag_seconds"));
        database.execute("""
                INSERT INTO users_sync_internal.reaction (name, seq, stopped) SELECT 'welcome', seq, 'answered 410' FROM users_sync_internal.change_horizon;
                INSERT INTO users_sync_internal.event_log (seq, at, user_id, kind, type, decision) VALUES (0, now() - interval '1 hour', 'u1', 'created', 'created', 'applied');
                INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, dead) VALUES ('welcome', 0, 'user', 'u1', false), ('welcome', -1, 'user', 'u0', true),
                  ('welcome', -2, 'user', 'u0', true)""");
        await().atMost(Duration.ofSeconds(20))
                .until(() -> value("users_sync_reaction_dead{reaction=\"welcome\"}") == 2);
        assertEquals(1, value("users_sync_reaction_waiting{reaction=\"welcome\"}"));
        assertEquals(1, value("users_sync_reaction_stopped{reaction=\"welcome\"}"));
        double lag = value("users_sync_reaction_lag_seconds{reaction=\"welcome\"}");
        assertTrue(lag >= 3600 && lag < 3700, () -> "lag " + lag);
        database.execute("DELETE FROM users_sync_internal.reaction");
        await().atMost(Duration.ofSeconds(20))
                .until(() -> value("users_sync_reaction_lag_seconds{reaction=\"welcome\"}") == 0);
    }

    @Test
    void aLongTransactionHoldsUpTheReadersOfTheFeed() throws Exception {
        try (Connection other = database.connect()) {
            other.setAutoCommit(false);
            other.createStatement()
                    .execute("INSERT INTO neon_auth.users_sync (id, name, raw_json) VALUES ('slow', 'Slow', '{}')");
            user("created", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
            await().atMost(Duration.ofSeconds(20)).until(() -> value("users_sync_change_feed_lag_seconds") > 1);
        }
        await().atMost(Duration.ofSeconds(20)).until(() -> value("users_sync_change_feed_lag_seconds") == 0);
    }

    @Test
    void refusalsAreCountedByAReasonOfAFew() {
        long now = Instant.now().getEpochSecond();
        assertRefused(
                "signature",
                user("created", "u1", "2026-01-01T00:00:00Z").signed("whsec_b3RoZXIgc2VjcmV0IHRoYW4gb3Vycw==", now));
        assertRefused("age", user("created", "u1", "2026-01-01T00:00:00Z").signed(TestSettings.SECRET, now - 301));
        assertRefused("header", user("created", "u1", "2026-01-01T00:00:00Z").header("webhook-signature", null));
    }

    private void assertRefused(String reason, Delivery delivery) {
        String series = "users_sync_signature_failures_total{provider=\"generic\",reason=\"" + reason + "\"}";
        double before = value(series);
        assertEquals(401, delivery.post(webhooks("generic")).statusCode());
        assertEquals(before + 1, value(series));
    }

    @Test
    void freshnessQueueAndBatchesAreThere() {
        user("created", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
        assertTrue(value("users_sync_webhook_age_seconds{provider=\"generic\"}") < 10);
        assertTrue(scrape().contains("users_sync_webhook_age_seconds{provider=\"clerk\"}"));
        assertEquals(10_000, value("users_sync_queue_capacity"));
        assertEquals(0, value("users_sync_queue_depth"));
        assertTrue(value("users_sync_batch_size_count") >= 1);
        assertTrue(value("users_sync_commit_seconds_sum") > 0);
    }

    /** Anybody can request any path; that must not create new series. */
    @Test
    void repliesHaveFewLabels() {
        Http.get("http://localhost:" + settings.getProperty("camel.server.port") + "/webhooks/nobody");
        Http.get("http://localhost:" + settings.getProperty("camel.server.port") + "/other");
        assertTrue(value("users_sync_replies_total{provider=\"unknown\",status=\"404\"}") >= 2);
        assertFalse(scrape().contains("nobody"));
    }

    @Test
    void nothingIsTimedForEveryExchange() {
        user("created", "u1", "2026-01-01T00:00:00Z").post(webhooks("generic"));
        assertFalse(
                scrape().contains("camel_exchange"),
                "camel.metrics.enableRoutePolicy and enableExchangeEventNotifier are off");
    }
}
