package dev.userssync.observe;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.apply.MicrobatchComponent;
import dev.userssync.apply.MicrobatchEndpoint;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestDatabase;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** {@code /observe/health/ready}: whether this instance may receive deliveries. */
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

    /** The database answers fast, but a trigger keeps the writer from finishing. */
    @Test
    void notWithAWriterThatDoesNotFinish() {
        ((MicrobatchEndpoint) context.getComponent("microbatch", MicrobatchComponent.class)
                        .consumer("users")
                        .getEndpoint())
                .setStuckAfter(1);
        database.execute(
                "CREATE FUNCTION public.waits() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(4); RETURN NEW; END';"
                        + " CREATE TRIGGER waits BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION public.waits()");
        try {
            CompletableFuture<Integer> reply = CompletableFuture.supplyAsync(
                    () -> new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}")
                            .post(webhooks("generic"))
                            .statusCode());
            awaitDown("has not finished a batch for");
            assertEquals(204, reply.join());
        } finally {
            database.execute("DROP FUNCTION public.waits() CASCADE");
        }
        awaitUp();
    }

    @Test
    void notWithoutTheWriter() throws Exception {
        context.getRouteController().stopRoute("apply-batch");
        try {
            awaitDown("queue");
        } finally {
            context.getRouteController().startRoute("apply-batch");
        }
        awaitUp();
    }
}
