package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.http.HttpResponse;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** {@code /observe/health/ready}: whether deliveries may be sent to this instance. */
class ReadinessTest extends RunningApp {

    private HttpResponse<String> ready() {
        return Http.get(management("/observe/health/ready"));
    }

    private void awaitDown(String check) {
        await().atMost(Duration.ofSeconds(20)).until(() -> ready().statusCode() == 503);
        assertTrue(ready().body().contains(check), ready().body());
        assertEquals(200, Http.get(management("/observe/health/live")).statusCode(), "a restart would not help");
    }

    private void awaitUp() {
        await().atMost(Duration.ofSeconds(20)).until(() -> ready().statusCode() == 200);
    }

    @Test
    void itIsReadyWhenEverythingRuns() {
        awaitUp();
        assertTrue(ready().body().contains("UP"));
    }

    @Test
    void notWithoutTheDatabase() {
        String name = database.value("SELECT current_database()");
        TestDatabase other = new TestDatabase();
        other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
        try {
            other.column("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'");
            awaitDown("database");
            assertFalse(ready().body().contains("jdbc:"), ready().body());
        } finally {
            other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
        }
        awaitUp();
    }

    @Test
    void notWithOlderTables() {
        database.execute("CREATE TABLE kept AS TABLE users_sync_internal.flyway_schema_history;"
                + " DELETE FROM users_sync_internal.flyway_schema_history WHERE version::int > 1");
        try {
            awaitDown("migrations");
        } finally {
            database.execute("TRUNCATE users_sync_internal.flyway_schema_history;"
                    + " INSERT INTO users_sync_internal.flyway_schema_history TABLE kept; DROP TABLE kept");
        }
        awaitUp();
    }

    @Test
    void notWithoutTheWriter() throws Exception {
        context.getRouteController().stopRoute("apply-user-events");
        try {
            awaitDown("queue");
        } finally {
            context.getRouteController().startRoute("apply-user-events");
        }
        awaitUp();
    }
}
