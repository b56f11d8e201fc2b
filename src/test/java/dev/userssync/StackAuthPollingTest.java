package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

/** A provider without any time of a change, whose cursor is the next user, and whose webhooks are off. */
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
        String written = database.value("SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM neon_auth.users_sync");
        reconcile();
        assertEquals(written, database.value("SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM neon_auth.users_sync"),
                "a new time of asking is no change");
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
        assertEquals(List.of("u0000049"), database.column("SELECT id FROM neon_auth.users_live WHERE id IN ('u0000049', 'u0000050')"));
        reconcile();
        assertTableIsTrue();
    }
}
