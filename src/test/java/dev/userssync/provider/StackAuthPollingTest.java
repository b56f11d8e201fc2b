package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** A provider that dates no change, whose cursor is the next user, and whose webhooks are off. */
class StackAuthPollingTest extends PolledApp {

    private static final String LIST = "/api/v1/users";

    StackAuthPollingTest() {
        super("stack-auth", FakeApis::stackAuth);
        settings.remove("stack-auth.webhook.secret");
        settings.setProperty("stack-auth.project.id", "project");
    }

    @Test
    void existingUsersArriveAnonymousOnesToo() {
        api.createMany("u", 120);
        FakeApi.User hidden = new FakeApi.User("anonymous", "Name of anonymous", null, api.tick(), api.tick(), true);
        api.put(hidden);
        backfill();
        assertTableIsTrue();
        assertEquals("3", state("pages"));
    }

    @Test
    void withoutASecretThereIsNoWebhook() {
        assertEquals(404, new Delivery("{}").post(webhooks("stack-auth")).statusCode());
    }

    @Test
    void aReconcileWithoutWebhooksRepairsNothing() {
        api.createMany("u", 60);
        backfill();
        api.rename("u0000001", "Renamed");
        api.create("new");
        api.delete("u0000002");
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(60L, 1L, 1L, 1L, 0L, 0L), report());
        String written =
                database.value("SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM neon_auth.users_sync");
        reconcile();
        assertEquals(
                written,
                database.value("SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM neon_auth.users_sync"),
                "a new time of asking is no change");
    }

    /** This provider's envelope holds the time of the request, and the profile changes with every sign-in. */
    @Test
    void aUserThatCannotBeMappedIsParkedOnceAndItsLetterIsSettledWhenItCan() {
        api.createMany("bad", 3);
        backfill();
        api.createMany("late", 2);
        api.unlisted.add("bad0000002"); // fetched by id, and just as unmappable
        AtomicInteger signIn = new AtomicInteger();
        api.fault(request -> {
            Answer answer = FakeApis.stackAuth(request, api);
            if (answer != null && answer.body() != null) {
                for (JsonNode user :
                        answer.body().path("items").isArray() ? answer.body().path("items") : List.of(answer.body())) {
                    if (user.path("id").asText().matches("late0000001|bad0000002")) {
                        ((ObjectNode) user)
                                .put("display_name", 7)
                                .put("last_active_at_millis", signIn.incrementAndGet());
                    }
                }
            }
            return answer;
        });
        String letters = "SELECT polled || ' ' || attempts || ' ' || state || ' ' || (last_failed_at > first_failed_at)"
                + " FROM users_sync_internal.dead_letter ORDER BY polled";
        reconcile();
        assertEquals(List.of("bad0000002 1 parked false", "late0000001 1 parked false"), database.column(letters));
        reconcile();
        reconcile();
        assertEquals(List.of("bad0000002 3 parked true", "late0000001 3 parked true"), database.column(letters));
        assertEquals(
                "t",
                database.value("SELECT (convert_from(body, 'UTF8')::jsonb #>> '{data,last_active_at_millis}')::int > 4"
                        + " FROM users_sync_internal.dead_letter WHERE polled = 'late0000001'"),
                "the newest body");
        api.mend();
        api.unlisted.clear();
        reconcile();
        assertTableIsTrue();
        assertEquals(
                List.of("replayed 0", "replayed 0"),
                database.column("SELECT state || ' ' || length(body) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void aUserWithoutAnIdIsParkedOnceToo() {
        api.create("u1");
        api.fault(request -> {
            Answer answer = FakeApis.stackAuth(request, api);
            ((ArrayNode) answer.body().path("items")).addObject().put("display_name", "Nobody");
            return answer;
        });
        backfill();
        reconcile();
        assertEquals(
                List.of("2 parked"),
                database.column("SELECT attempts || ' ' || state FROM users_sync_internal.dead_letter"));
    }

    @Test
    void theUserOfTheCursorIsDeletedBetweenTwoPages() {
        api.createMany("u", 120);
        api.fault(request -> {
            if ("u0000050".equals(request.query().get("cursor"))) {
                api.delete("u0000050"); // an empty page that looks like the end
                api.delete("u0000049");
            }
            return null;
        });
        backfill();
        assertEquals("0", state("restarts"));
        assertEquals(
                List.of("u0000049"),
                database.column("SELECT id FROM neon_auth.users_live WHERE id IN ('u0000049', 'u0000050')"));
        reconcile();
        assertTableIsTrue();
    }
}
