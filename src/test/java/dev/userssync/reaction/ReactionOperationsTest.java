package dev.userssync.reaction;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.JsonBody;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.ReactingApp;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an operator sees of a reaction, and what each command does to it. */
class ReactionOperationsTest extends ReactingApp {

    private final ConcurrentLinkedQueue<String> seen = new ConcurrentLinkedQueue<>();
    private volatile boolean down;

    @BeforeEach
    void forget() {
        seen.clear();
        down = false;
    }

    private String react() throws Exception {
        return react("", exchange -> {
            if (down) {
                throw new IllegalStateException("the other system is down");
            }
            seen.add(told(exchange));
        });
    }

    /** Changes of different rows arrive side by side. */
    private void awaitSeen(String... changes) {
        await().until(() -> seen.stream().sorted().toList().equals(List.of(changes)));
        // and the outcomes are written
        await().until(() -> database.value(
                        "SELECT count(*) FROM users_sync_internal.reaction_state WHERE worker IS NOT NULL")
                .equals("0"));
        seen.clear();
    }

    private JsonNode state(String reaction) throws Exception {
        for (JsonNode one : JsonBody.MAPPER.readTree(
                Http.get(management("/admin/reactions")).body())) {
            if (one.path("name").asText().equals(reaction)) {
                return one;
            }
        }
        throw new AssertionError("no reaction " + reaction);
    }

    private HttpResponse<String> post(String command, String reaction, String parameters) {
        return new Delivery("").post(management("/admin/reactions/" + command + "?name=" + reaction + parameters));
    }

    private String changes(String command, String reaction, String parameters) throws Exception {
        HttpResponse<String> reply = post(command, reaction, parameters);
        assertEquals(200, reply.statusCode(), reply.body());
        return JsonBody.MAPPER.readTree(reply.body()).path("changes").asText();
    }

    private String seq(String id, String kind) {
        return database.value(
                "SELECT seq FROM users_sync_internal.event_log WHERE user_id = '" + id + "' AND kind = '" + kind + "'");
    }

    /** No attempt for an hour. */
    private void postpone(String reaction) {
        await().until(() -> {
            database.execute(
                    "UPDATE users_sync_internal.reaction_retry SET next_at = now() + interval '1 hour' WHERE attempts > 0");
            return database.value("SELECT worker IS NULL AND waiting = 3 FROM users_sync_internal.reaction_state"
                            + " WHERE name = '" + reaction + "'")
                    .equals("t");
        });
    }

    @Test
    void waitingChangesAreShownAndRetriedAtOnce() throws Exception {
        down = true;
        String reaction = react();
        post("created", "u1", 1);
        post("updated", "u1", 2);
        post("created", "u2", 1);
        postpone(reaction);
        database.execute(
                "UPDATE users_sync_internal.event_log SET at = at - interval '20 minutes' WHERE user_id = 'u1'");
        JsonNode state = state(reaction);
        assertEquals(
                "3 0 0 IllegalStateException",
                state.path("waiting") + " " + state.path("dead") + " " + state.path("behind") + " "
                        + state.path("error").asText());
        assertTrue(state.path("lag_seconds").asLong() >= 1200, state::toString);
        assertTrue(state.path("done_at").isNull(), state::toString);
        down = false;
        assertEquals("3", changes("retry", reaction, ""));
        await().until(() -> seen.size() == 3);
        await().until(() -> state(reaction).path("waiting").asInt() == 0);
        assertEquals(0, state(reaction).path("lag_seconds").asLong());
        assertTrue(state(reaction).path("done_at").isTextual());
    }

    @Test
    void deadChangesAreReplayedOrDiscarded() throws Exception {
        down = true;
        String reaction = react();
        post("created", "u1", 1);
        post("created", "u2", 1);
        post("created", "u3", 1);
        postpone(reaction);
        String dead =
                "UPDATE users_sync_internal.reaction_retry SET dead = true, failed_at = now() - interval '3 days' WHERE name = '"
                        + reaction + "'";
        database.execute(dead);
        assertEquals("3", state(reaction).path("dead").asText());
        assertEquals("0", state(reaction).path("lag_seconds").asText(), "nobody works on a dead change");
        assertEquals("1", changes("replay", reaction, "&seq=" + seq("u1", "created")));
        await().until(() -> database.value(
                        "SELECT count(*) FROM users_sync_internal.reaction_retry WHERE id = 'u1' AND NOT dead AND attempts > 0")
                .equals("1")); // the next failure is the first one again
        down = false;
        database.execute(dead);
        assertEquals("3", changes("replay", reaction, ""));
        await().until(() -> seen.size() == 3);
        await().until(() -> state(reaction).path("waiting").asInt() == 0);

        database.execute("INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, dead) VALUES ('"
                + reaction + "', 1, 'user', 'u9', true), ('" + reaction + "', 2, 'user', 'u9', false)");
        assertEquals("1", changes("discard", reaction, ""));
        assertEquals(
                "2",
                database.value("SELECT seq FROM users_sync_internal.reaction_retry WHERE name = '" + reaction + "'"));
    }

    @Test
    void oneChangeOrAllSinceOneAreDeliveredAgain() throws Exception {
        String reaction = react();
        post("created", "u1", 1);
        post("updated", "u1", 2);
        post("created", "u2", 1);
        awaitSeen("u1 created", "u1 updated", "u2 created");
        assertEquals("1", changes("replay", reaction, "&seq=" + seq("u1", "created")));
        awaitSeen("u1 created");
        assertEquals("2", changes("replay", reaction, "&from=" + seq("u1", "updated")));
        awaitSeen("u1 updated", "u2 created");
        database.execute("UPDATE users_sync_internal.event_log SET at = at - interval '1 hour' WHERE user_id = 'u1'");
        assertEquals(
                "1",
                changes(
                        "replay",
                        reaction,
                        "&from="
                                + database.value(
                                                "SELECT to_char(now() - interval '1 minute', 'YYYY-MM-DD\"T\"HH24:MI:SSTZH:TZM')")
                                        .replace("+", "%2B")));
        awaitSeen("u2 created");
        assertEquals("0", changes("replay", reaction, "&from=2199-01-01T00:00:00Z"));
        assertEquals("0", changes("replay", reaction, "&seq=999999999"), "not in the feed");
    }

    /** The instance at work would move the cursor on to the end of its page. */
    @Test
    void aReplayIsNotLostWhileAnInstanceIsAtWork() throws Exception {
        CountDownLatch atWork = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        String reaction = react("", exchange -> {
            seen.add(told(exchange));
            if (told(exchange).equals("u2 created")) {
                atWork.countDown();
                release.await(30, TimeUnit.SECONDS);
            }
        });
        post("created", "u1", 1);
        await().until(() -> seen.size() == 1);
        await().until(() -> state(reaction).path("worker").isNull());
        post("created", "u2", 1);
        assertTrue(atWork.await(10, TimeUnit.SECONDS));
        assertTrue(state(reaction).path("worker").isTextual());
        assertEquals("1", changes("replay", reaction, "&from=" + seq("u1", "created")));
        assertEquals(2, seen.size(), "nobody else takes it while the instance is at work");
        release.countDown();
        database.execute("UPDATE users_sync_internal.reaction SET lease_until = now()"); // the lease ends
        await().until(() -> seen.stream()
                .sorted()
                .toList()
                .equals(List.of("u1 created", "u1 created", "u2 created", "u2 created")));
    }

    @Test
    void aStoppedReactionDeliversNothingUntilItIsResumed() throws Exception {
        String reaction = react();
        post("created", "u0", 1);
        awaitSeen("u0 created");
        database.execute(
                "UPDATE users_sync_internal.reaction SET stopped = 'answered 410' WHERE name = '" + reaction + "';"
                        + " INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, attempts, failed_at, next_at) SELECT '"
                        + reaction
                        + "', seq, 'user', 'u0', 9, now() - interval '9 days', now() + interval '1 hour' FROM users_sync_internal.event_log");
        post("created", "u1", 1);
        await().until(() -> state(reaction).path("behind").asInt() == 1);
        assertEquals("answered 410", state(reaction).path("stopped").asText());
        assertEquals(List.of(), List.copyOf(seen));
        assertEquals("1", changes("resume", reaction, ""));
        awaitSeen("u0 created", "u1 created");
        assertTrue(state(reaction).path("stopped").isNull());
    }

    @Test
    void aReactionIsRemovedOnlyWithoutItsRoute() throws Exception {
        String reaction = react();
        HttpResponse<String> refused = post("remove", reaction, "");
        assertEquals(400, refused.statusCode());
        assertEquals(
                "the reaction " + reaction + " was not removed: its route runs here; remove the route first\n",
                refused.body());
        removeReactions();
        database.execute(
                "UPDATE users_sync_internal.reaction SET lease_until = now() + interval '1 hour' WHERE name = '"
                        + reaction
                        + "'; INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id) VALUES ('"
                        + reaction
                        + "', 1, 'user', 'u1')");
        assertEquals(
                "there is no reaction " + reaction + ", or an instance works on it\n",
                post("remove", reaction, "").body());
        database.execute("UPDATE users_sync_internal.reaction SET lease_until = now() WHERE name = '" + reaction + "'");
        assertEquals("1", changes("remove", reaction, ""));
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM users_sync_internal.reaction FULL JOIN users_sync_internal.reaction_retry USING (name)"
                                + " WHERE name = '" + reaction + "'"));
    }

    @Test
    void whatIsWrongIsSaid() {
        for (String command : List.of("retry", "replay", "discard", "resume")) {
            HttpResponse<String> reply = post(command, "nobody", "");
            assertEquals("400 there is no reaction nobody\n", reply.statusCode() + " " + reply.body());
        }
        assertEquals(
                "there is no reaction nobody\n",
                post("replay", "nobody", "&from=1").body());
        assertEquals("name is missing\n", post("retry", "", "").body());
        assertEquals(
                "seq and from exclude each other\n",
                post("replay", "a", "&seq=1&from=1").body());
        assertEquals(
                "seq must be the number of a change\n",
                post("replay", "a", "&seq=one").body());
        assertTrue(post("replay", "a", "&from=yesterday")
                .body()
                .startsWith("from must be the number of a change or a time"));
    }
}
