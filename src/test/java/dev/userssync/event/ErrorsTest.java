package dev.userssync.event;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestDatabase;
import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The reply to a provider when the database fails. A trigger in a real Postgres raises the error. */
class ErrorsTest extends RunningApp {

    private static final String BODY = """
            {"type": "user.created", "data": {"id": "u1", "name": "Jane", "created_at": "2026-01-01T00:00:00Z"}}
            """;

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    @AfterEach
    void mend() {
        database.execute("DROP TRIGGER IF EXISTS fails ON neon_auth.users_sync");
    }

    private void failNextWrites(int times, String sqlState) {
        database.failNextWrites(times, sqlState, "TRUE", "made to fail for jane@example.com");
    }

    private String tries() {
        return database.value("SELECT last_value FROM tries");
    }

    private HttpResponse<String> post() {
        return new Delivery(BODY).post(webhooks("generic"));
    }

    private String rows() {
        return database.value("SELECT count(*) FROM neon_auth.users_sync");
    }

    private String parked() {
        return database.value("SELECT count(*) FROM users_sync_internal.dead_letter");
    }

    @ParameterizedTest
    @ValueSource(strings = {"40001", "40P01", "53300", "57014", "57P01", "57P03", "08006", "25006"})
    void aTransientErrorIsRetriedTwice(String sqlState) {
        failNextWrites(2, sqlState);
        assertEquals(204, post().statusCode());
        assertEquals("3", tries());
        assertEquals("1", rows());
    }

    /** Each time Postgres has waited three seconds for the lock. */
    @Test
    void aLockOfSomebodyElseIsWaitedForTwice() {
        failNextWrites(1, "55P03");
        assertEquals(204, post().statusCode());
        assertEquals("2", tries());
        mend();
        clean();
        failNextWrites(2, "55P03");
        assertRetryLater(post());
        assertEquals("2", tries());
        assertEquals("0", rows());
    }

    @Test
    void thenTheProviderIsToldToRetry() {
        failNextWrites(3, "40001");
        long start = System.nanoTime();
        HttpResponse<String> reply = post();
        assertRetryLater(reply);
        assertTrue(
                Duration.ofNanos(System.nanoTime() - start).compareTo(Duration.ofSeconds(5)) < 0,
                "providers wait a few seconds only");
        assertEquals("3", tries());
        assertEquals("0", rows());
        assertEquals("0", parked());
        // The provider retries, as the reply asks.
        assertEquals(204, post().statusCode());
        assertEquals("1", rows());
    }

    @ParameterizedTest
    @ValueSource(strings = {"22003", "23514", "23505", "54000"})
    void aRowErrorIsParkedAtOnceAndAnswered204(String sqlState) {
        failNextWrites(1, sqlState);
        assertEquals(204, post().statusCode());
        assertEquals("1", tries());
        assertEquals("0", rows());
        assertEquals(sqlState, database.value("SELECT sql_state FROM users_sync_internal.dead_letter"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"42501", "42P01", "XX000"})
    void anErrorThatTheOperatorMustMendIsNotParked(String sqlState) {
        failNextWrites(1, sqlState);
        assertRetryLater(post());
        assertEquals("1", tries());
        assertEquals("0", parked());
        assertEquals(204, post().statusCode());
    }

    @Test
    void whatCannotEvenBeParkedIsToBeRetried() {
        database.execute("ALTER TABLE users_sync_internal.dead_letter RENAME TO away");
        try {
            assertRetryLater(new Delivery("not JSON").post(webhooks("generic")));
        } finally {
            database.execute("ALTER TABLE users_sync_internal.away RENAME TO dead_letter");
        }
    }

    @Test
    void aDatabaseThatIsGoneAndComesBack() {
        String name = database.value("SELECT current_database()");
        TestDatabase other = new TestDatabase();
        other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
        try {
            other.column("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'");
            assertRetryLater(post());
            assertRetryLater(new Delivery("not JSON").post(webhooks("generic")));
        } finally {
            other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
        }
        await().atMost(Duration.ofSeconds(20)).until(() -> post().statusCode() == 204);
        assertEquals("1", rows());
        assertEquals("0", parked());
    }

    private static void assertRetryLater(HttpResponse<String> reply) {
        assertEquals(503, reply.statusCode());
        assertEquals("30", reply.headers().firstValue("Retry-After").orElse(null));
        assertEquals("", reply.body());
    }
}
