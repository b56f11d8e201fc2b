package dev.userssync.apply;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.userssync.event.JsonBody;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.camel.Exchange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A provider does not notice the batches, except when the queue is full. */
class BatchedDeliveriesTest extends RunningApp {

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    private static String created(int user, String name) {
        return "{\"type\": \"user.created\", \"data\": {\"id\": \"u" + user + "\", \"name\": \"" + name + "\"}}";
    }

    @Test
    void aPoisonousEventInABatchOf500IsParkedAndTheOthersAreApplied() throws Exception {
        database.execute("""
                CREATE SEQUENCE statements;
                CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''public.statements''); RETURN NULL; END';
                CREATE TRIGGER counts BEFORE INSERT ON neon_auth.users_sync FOR EACH STATEMENT EXECUTE FUNCTION count_statement()""");
        ExecutorService senders = Executors.newFixedThreadPool(504);
        List<CompletableFuture<HttpResponse<String>>> replies = new ArrayList<>();
        try (Connection lock = database.connect()) {
            lock.setAutoCommit(false);
            lock.createStatement().execute("LOCK TABLE neon_auth.users_sync IN SHARE MODE");
            for (int user = 0; user < 4; user++) { // both writers wait for the lock
                String body = created(user, "first");
                replies.add(CompletableFuture.supplyAsync(() -> new Delivery(body).post(webhooks("generic")), senders));
            }
            await().until(() -> database.value("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    .equals("2"));
            for (int user = 4; user < 504; user++) {
                String body = created(user, "good")
                        .replace("\"name\"", user == 250 ? "\"poison\": 1e999999, \"name\"" : "\"name\"");
                replies.add(CompletableFuture.supplyAsync(() -> new Delivery(body).post(webhooks("generic")), senders));
            }
            MicrobatchComponent component = context.getComponent("microbatch", MicrobatchComponent.class);
            await().until(() -> component.consumer("users").getPendingExchangesSize() >= 500);
            lock.commit();
            for (CompletableFuture<HttpResponse<String>> reply : replies) {
                assertEquals(204, reply.get().statusCode());
            }
        } finally {
            senders.shutdown();
        }
        assertEquals("503", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(
                "1",
                database.value(
                        "SELECT count(*) FROM users_sync_internal.dead_letter WHERE state = 'parked' AND sql_state = '22003'"));
        int statements = Integer.parseInt(database.value("SELECT last_value FROM statements"));
        assertTrue(
                statements < 30,
                "500 events took " + statements + " statements: halving finds the guilty one in a few");
    }

    @Test
    void theHistoryNamesEveryEventThatMetInABatch() throws Exception {
        database.execute("TRUNCATE users_sync_internal.event_log");
        ExecutorService senders = Executors.newFixedThreadPool(10);
        List<CompletableFuture<HttpResponse<String>>> replies = new ArrayList<>();
        MicrobatchComponent component = context.getComponent("microbatch", MicrobatchComponent.class);
        try (Connection lock = database.connect()) {
            lock.setAutoCommit(false);
            lock.createStatement().execute("LOCK TABLE neon_auth.users_sync IN SHARE MODE");
            for (int user = 0; user < 4; user++) { // both writers wait for the lock
                String body = created(user, "first");
                replies.add(CompletableFuture.supplyAsync(() -> new Delivery(body).post(webhooks("generic")), senders));
            }
            await().until(() -> database.value("SELECT count(*) FROM pg_locks WHERE NOT granted")
                    .equals("2"));
            int before = component.consumer("users").getPendingExchangesSize();
            String event =
                    "{\"type\": \"user.%s\", \"timestamp\": \"2026-11-20T08:00:0%dZ\", \"data\": {\"id\": \"%s\", \"updated_at\": %s}}";
            String[] bodies = {
                event.formatted("created", 1, "gone", "\"2026-11-20T08:00:01Z\""),
                event.formatted("deleted", 2, "gone", "null"),
                event.formatted("created", 1, "live", "\"2026-11-20T08:00:01Z\""),
                event.formatted("updated", 3, "live", "\"2026-11-20T08:00:03Z\"")
            };
            for (int i = 0; i < bodies.length; i++) {
                String body = bodies[i];
                replies.add(CompletableFuture.supplyAsync(() -> new Delivery(body).post(webhooks("generic")), senders));
                int sent = before + i + 1;
                await().until(() -> component.consumer("users").getPendingExchangesSize() == sent);
            }
            lock.commit();
            for (CompletableFuture<HttpResponse<String>> reply : replies) {
                assertEquals(204, reply.get().statusCode());
            }
        } finally {
            senders.shutdown();
        }
        assertEquals(
                List.of(
                        "gone created merged 1",
                        "gone deleted applied 2",
                        "live created merged 1",
                        "live updated applied 3"),
                database.column("""
                SELECT concat_ws(' ', user_id, type, decision, extract(second FROM version)::int) FROM users_sync_internal.event_log
                 WHERE user_id IN ('gone', 'live') ORDER BY user_id, version"""));
        assertEquals(
                "4",
                database.value(
                        "SELECT count(DISTINCT delivery) FROM users_sync_internal.event_log WHERE user_id IN ('gone', 'live')"));
    }

    /** The events carry no time, so only their order says which is the newest. */
    @Test
    void eventsOfOneUserInOneDeliveryKeepTheirOrder() throws Exception {
        ArrayNode events = JsonBody.MAPPER.createArrayNode();
        for (int version = 0; version <= 5; version++) {
            for (int user = 0; user < 400; user++) {
                events.addObject()
                        .put("type", version == 0 ? "created" : "updated")
                        .put("id", "ordered" + user)
                        .put("name", "v" + version)
                        .putObject("raw");
            }
        }
        Exchange done = send(events);
        assertNull(done.getException());
        assertEquals(
                List.of("v5 400"),
                database.column(
                        "SELECT name || ' ' || count(*) FROM neon_auth.users_sync WHERE id LIKE 'ordered%' GROUP BY name ORDER BY name"));
    }

    /** A partial event bypasses the queue, in which a whole event of the same user may wait. */
    @Test
    void partsAndWholeProfilesOfOneUserKeepTheirOrder() throws Exception {
        ArrayNode events = JsonBody.MAPPER.createArrayNode();
        for (int version = 0; version <= 5; version++) {
            for (int user = 0; user < 50; user++) {
                events.addObject()
                        .put("type", "updated")
                        .put("id", "part" + user)
                        .put("name", "v" + version)
                        .put("partial", version % 2 == 1)
                        .putObject("raw");
            }
        }
        assertNull(send(events).getException());
        assertEquals(
                List.of("v5 50"),
                database.column(
                        "SELECT name || ' ' || count(*) FROM neon_auth.users_sync WHERE id LIKE 'part%' GROUP BY name ORDER BY name"));
    }

    @Test
    void usersOfOneDeliveryShareBatches() throws Exception {
        ArrayNode events = JsonBody.MAPPER.createArrayNode();
        for (int user = 0; user < 2000; user++) {
            events.addObject().put("type", "created").put("id", "bulk" + user).putObject("raw");
        }
        String transactions = "SELECT count(DISTINCT xmin::text) FROM neon_auth.users_sync WHERE id LIKE 'bulk%'";
        assertNull(send(events).getException());
        assertEquals("2000", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE id LIKE 'bulk%'"));
        int commits = Integer.parseInt(database.value(transactions));
        assertTrue(commits < 200, "2000 users took " + commits + " commits");
    }

    private Exchange send(ArrayNode events) {
        return context.createFluentProducerTemplate()
                .to("direct:user-changed")
                .withVariable("provider", "generic")
                .withBody(events)
                .send();
    }

    @Test
    void whenNothingCanBeWrittenTheProviderIsToldToRetry() throws Exception {
        context.getRouteController().stopRoute("apply-batch");
        try {
            HttpResponse<String> reply = new Delivery(created(1, "Jane")).post(webhooks("generic"));
            assertEquals(503, reply.statusCode());
            assertEquals("30", reply.headers().firstValue("Retry-After").orElse(null));
        } finally {
            context.getRouteController().startRoute("apply-batch");
        }
        await().until(() ->
                new Delivery(created(1, "Jane")).post(webhooks("generic")).statusCode() == 204);
    }
}
