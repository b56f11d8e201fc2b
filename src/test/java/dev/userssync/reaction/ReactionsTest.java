package dev.userssync.reaction;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.ReactingApp;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Routes that receive each change after its commit: order, retries, dead letters, and what a failing one delays. */
class ReactionsTest extends ReactingApp {

    @Test
    void aReactionReceivesEachChangeWithTheRow() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        post("created", "before", 1);
        react("", exchange -> {
            JsonNode change = exchange.getMessage().getBody(JsonNode.class);
            seen.add(told(exchange) + " " + change.at("/row/name").asText() + " "
                    + change.at("/provider").asText() + " "
                    + change.at("/initial").asText());
        });
        post("created", "u1", 1);
        await().until(() -> seen.size() == 1);
        post("updated", "u1", 2);
        post("updated", "u1", 2); // a duplicate is no change
        post("deleted", "u1", 3);
        await().until(() -> seen.size() == 3);
        assertEquals(
                List.of("u1 created v1 generic false", "u1 updated v2 generic false", "u1 deleted v2 generic false"),
                List.copyOf(seen));
    }

    @Test
    void aFailedChangeHoldsUpTheLaterOnesOfItsRowAndNoOthers() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        AtomicInteger failures = new AtomicInteger(2);
        String reaction = react("", exchange -> {
            if (told(exchange).startsWith("bad ") && failures.getAndDecrement() > 0) {
                throw new IllegalStateException("the other system is down");
            }
            seen.add(told(exchange));
        });
        post("created", "bad", 1);
        post("updated", "bad", 2);
        post("created", "good", 1);
        await().until(() -> seen.contains("good created"));
        assertEquals(List.of("good created"), List.copyOf(seen));
        post("deleted", "bad", 3);
        await().until(() -> seen.size() == 4);
        assertEquals(
                List.of("bad created", "bad updated", "bad deleted"),
                seen.stream().filter(one -> one.startsWith("bad")).toList());
        await().until(() -> database.value(
                        "SELECT count(*) FROM users_sync_internal.reaction_retry WHERE name = '" + reaction + "'")
                .equals("0"));
        assertEquals(
                "IllegalStateException",
                database.value("SELECT error FROM users_sync_internal.reaction WHERE name = '" + reaction + "'"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void aChangeThatFailsForTooLongIsDeadAndTheNextOneFollows() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        String reaction = react("", exchange -> {
            if (told(exchange).equals("u1 created")) {
                throw new IllegalStateException("never");
            }
            seen.add(told(exchange));
        });
        post("created", "u1", 1);
        post("updated", "u1", 2);
        await().until(() -> database.value("SELECT count(*) FROM users_sync_internal.reaction_retry WHERE attempts > 0")
                .equals("1"));
        database.execute(
                "UPDATE users_sync_internal.reaction_retry SET failed_at = failed_at - interval '2 hours', next_at = now() WHERE attempts > 0");
        await().until(() -> List.copyOf(seen).equals(List.of("u1 updated")));
        assertEquals(
                "t IllegalStateException",
                database.value(
                        "SELECT concat_ws(' ', dead, error) FROM users_sync_internal.reaction_retry WHERE name = '"
                                + reaction + "'"));
    }

    @Test
    void aSlowReactionDelaysNeitherDeliveriesNorAnotherReaction() throws Exception {
        CountDownLatch release = new CountDownLatch(1);
        Set<String> slow = ConcurrentHashMap.newKeySet();
        Set<String> quick = ConcurrentHashMap.newKeySet();
        react("slow", exchange -> {
            slow.add(told(exchange));
            release.await(30, TimeUnit.SECONDS);
        });
        react("quick", exchange -> quick.add(told(exchange)));
        try {
            for (int i = 0; i < 40; i++) {
                post("created", "u" + i, 1);
            }
            await().atMost(Duration.ofSeconds(20)).until(() -> quick.size() == 40);
            assertTrue(slow.size() < 40, "the slow one is still at work");
        } finally {
            release.countDown();
        }
        await().until(() -> slow.size() == 40);
    }

    @Test
    void aStepThatWritesIntoTheTableAgainDoesNotWaitForItself() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        react("", exchange -> {
            if (told(exchange).equals("u1 created")) {
                post("updated", "u1", 2);
            }
            seen.add(told(exchange));
        });
        post("created", "u1", 1);
        await().until(() -> List.copyOf(seen).equals(List.of("u1 created", "u1 updated")));
    }

    @Test
    void anotherInstanceGoesOnAfterTheLeaseOfADeadOne() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        String reaction = react("", exchange -> seen.add(told(exchange)));
        database.execute("UPDATE users_sync_internal.reaction SET fence = fence + 1, lease_owner = 'a dead instance',"
                + " lease_until = now() + interval '2 seconds' WHERE name = '" + reaction + "'");
        post("created", "u1", 1);
        assertEquals(List.of(), List.copyOf(seen));
        await().until(() -> List.copyOf(seen).equals(List.of("u1 created")));
        assertEquals(
                "t",
                database.value(
                        "SELECT lease_owner <> 'a dead instance' AND lease_until = '-infinity' FROM users_sync_internal.reaction WHERE name = '"
                                + reaction + "'"));
    }

    @Test
    void anInstanceWhoseResultsAreLostGoesOnBeforeItsLeaseEnds() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        String reaction = react("", exchange -> seen.add(told(exchange)));
        database.execute("CREATE SEQUENCE failures; CREATE FUNCTION fail_once() RETURNS trigger LANGUAGE plpgsql AS"
                + " 'BEGIN IF nextval(''public.failures'') = 1 THEN RAISE ''lost''; END IF; RETURN NEW; END';"
                + " CREATE TRIGGER fail_once BEFORE UPDATE ON users_sync_internal.reaction FOR EACH ROW"
                + " WHEN (NEW.name = '" + reaction + "' AND NEW.seq > OLD.seq) EXECUTE FUNCTION fail_once()");
        try {
            post("created", "u1", 1);
            post("updated", "u1", 2);
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> seen.stream().filter("u1 created"::equals).count() == 2);
            await().until(() -> seen.contains("u1 updated"));
        } finally {
            database.execute("DROP FUNCTION fail_once CASCADE; DROP SEQUENCE failures");
        }
    }

    @Test
    void aLookThatWaitedForResultsTakesTheirRetriesIntoAccount() throws Exception {
        ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
        String reaction = react("", exchange -> seen.add(told(exchange)));
        try (Connection results = database.connect()) {
            results.setAutoCommit(false);
            results.createStatement()
                    .execute("SELECT FROM users_sync_internal.reaction WHERE name = '" + reaction + "' FOR UPDATE");
            database.execute("INSERT INTO neon_auth.users_sync (id, name) VALUES ('u1', 'Sam');"
                    + " UPDATE neon_auth.users_sync SET name = 'Sam Patel' WHERE id = 'u1'");
            post("created", "u2", 1);
            await().until(() -> database.value(
                            "SELECT count(*) FROM pg_stat_activity"
                                    + " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%change_horizon%'")
                    .equals("1"));
            results.createStatement()
                    .execute("WITH failed AS (UPDATE users_sync_internal.reaction AS r SET seq = l.seq"
                            + " FROM users_sync_internal.event_log AS l"
                            + " WHERE l.user_id = 'u1' AND l.kind = 'created' AND r.name = '" + reaction
                            + "' RETURNING name, l.seq)"
                            + " INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, next_at)"
                            + " SELECT name, seq, 'user', 'u1', now() + interval '2 seconds' FROM failed");
            results.commit();
        }
        await().until(() -> seen.size() == 3);
        assertEquals(
                List.of("u1 created", "u1 updated"),
                seen.stream().filter(one -> one.startsWith("u1")).toList());
    }
}
