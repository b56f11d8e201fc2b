package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import dev.userssync.verify.VerifyComponent;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A provider whose API has no feed of changes, but whose database users-sync can read. Here that database is a schema
 * in the test database.
 */
class SupabasePollingTest extends PolledApp {

    private static final String USERS = "/auth/v1/admin/users/";

    SupabasePollingTest() {
        super("supabase", FakeApis::supabase);
        settings.setProperty("supabase.database.url", database.url());
    }

    @BeforeEach
    void projectWithUsers() {
        database.execute("""
                CREATE SCHEMA IF NOT EXISTS auth;
                CREATE TABLE IF NOT EXISTS auth.users (id varchar PRIMARY KEY, updated_at timestamptz, encrypted_password text,
                  deleted_at timestamptz);
                TRUNCATE auth.users""");
        api.largestPage = Integer.MAX_VALUE;
        api.createMany("u", 30);
        backfill();
    }

    /** Makes the project's database date the change of these users as the API does. */
    private void inDatabase(String... ids) {
        for (String id : ids) {
            database.execute("INSERT INTO auth.users VALUES ('" + id + "', '"
                    + api.user(id).updated() + "', 'x')"
                    + " ON CONFLICT (id) DO UPDATE SET updated_at = excluded.updated_at");
        }
    }

    private void poll() {
        database.execute("UPDATE users_sync_internal.poll_state SET changes_from = '2025-12-31T00:00:00Z'");
        readChanges();
        awaitState("changes_due > now() AND changes_due < 'infinity'");
    }

    private long asked() {
        return api.requests().stream()
                .filter(request -> request.path().startsWith(USERS))
                .count();
    }

    @Test
    void whoHasChangedIsAskedForOnce() {
        api.rename("u0000003", "Renamed");
        api.create("new");
        inDatabase("u0000003", "new");
        poll();
        assertTableIsTrue();
        assertEquals(2, asked());

        poll();
        assertEquals(2, asked(), "users-sync does not fetch again what it saw in the last minute");
        api.rename("new", "Renamed, too");
        inDatabase("new");
        poll();
        assertTableIsTrue();
        assertEquals(3, asked());
    }

    /** users-sync writes a deletion without waiting, and fetches the users after it, but not on the writing thread. */
    @Test
    void someAreGoneWhenTheyAreAskedFor() {
        for (int i = 0; i < 30; i++) {
            api.rename(String.format("u%07d", i), "Renamed " + i);
            inDatabase(String.format("u%07d", i));
        }
        for (int i = 0; i < 30; i++) {
            if (i % 4 < 2) { // meets every pair of neighbours and of shards
                api.delete(String.format("u%07d", i));
            }
        }
        api.fault(
                request -> { // the feed named them before they were gone
                    String id =
                            request.path().startsWith(USERS) ? request.path().substring(USERS.length()) : null;
                    if (id != null && api.user(id) == null) {
                        database.execute("DELETE FROM auth.users WHERE id = '" + id + "'");
                    }
                    return null;
                });
        poll();
        await().untilAsserted(this::assertTableIsTrue); // takes a second look
        assertEquals("14", database.value("SELECT count(*) FROM neon_auth.users_live"));
    }

    /** The database is ahead of the API's replica. */
    @Test
    void whoIsNotInTheApiYetIsAskedForAgain() {
        api.create("new");
        inDatabase("new");
        java.util.concurrent.atomic.AtomicInteger early = new java.util.concurrent.atomic.AtomicInteger();
        api.fault(request -> request.path().equals(USERS + "new") && early.incrementAndGet() == 1
                ? FakeApi.Answer.status(404)
                : null);
        poll();
        await().untilAsserted(this::assertTableIsTrue);
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
        assertEquals(2, early.get());
    }

    @Test
    void whatIsCommittedLateIsFound() {
        api.rename("u0000003", "First");
        api.rename("u0000004", "Second");
        inDatabase("u0000004");
        poll();
        inDatabase("u0000003"); // one second older than the user already seen
        poll();
        assertTableIsTrue();
        assertEquals(2, asked());
    }

    @Test
    void moreThanAPageOfTheSameTime() {
        List<String> many = api.createMany("many", 210);
        database.execute(
                "INSERT INTO auth.users SELECT 'many' || lpad(n::text, 7, '0'), '2026-01-02T00:00:00Z', 'x' FROM generate_series(0, 209) n");
        assertEquals("many0000209", many.get(209));
        poll();
        assertTableIsTrue();
        assertEquals(210, asked());
        poll();
        assertEquals(210, asked());
    }

    /** A script inserted the user without an instance_id. The API filters by instance_id and answers 404. */
    private void withoutInstanceId(String id) throws Exception {
        String body = """
                {"type": "INSERT", "schema": "auth", "table": "users", "old_record": null,
                 "record": {"instance_id": null, "id": "%s", "aud": null, "role": null, "email": "ada@example.org", "raw_app_meta_data": null, "raw_user_meta_data": {"name": "Ada"},
                  "created_at": "2026-01-01T08:00:00+00:00", "updated_at": null, "deleted_at": null, "is_anonymous": false, "phone": null}}""".formatted(id);
        assertEquals(
                204,
                new Delivery(context.getComponent("verify", VerifyComponent.class)
                                .scheme("supabase")
                                .sign(body.getBytes()))
                        .post(webhooks("supabase"))
                        .statusCode());
    }

    @Test
    void theDatabaseDecidesAboutWhomTheApiDoesNotKnow() throws Exception {
        for (String id : List.of("live", "soft", "gone")) {
            withoutInstanceId(id);
        }
        database.execute(
                "INSERT INTO auth.users (id, deleted_at) VALUES ('live', NULL), ('soft', '2026-02-01T00:00:00Z')");
        reconcile();
        assertEquals(List.of("gone now", "soft then"), database.column("""
                SELECT id || CASE WHEN deleted_at = '2026-02-01T00:00:00Z' THEN ' then' ELSE ' now' END FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL ORDER BY id"""));
        assertEquals("2", state("deleted"));
        database.execute("ALTER TABLE auth.users RENAME deleted_at TO unreadable");
        try {
            database.execute("DELETE FROM auth.users");
            reconcile(); // users-sync keeps a user whom it cannot look up
            assertEquals("1", state("unknown"));
        } finally {
            database.execute("ALTER TABLE auth.users RENAME unreadable TO deleted_at");
        }
        reconcile();
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_live WHERE id = 'live'"));
    }

    @Test
    void aDatabaseThatDoesNotAnswerStopsNoListing() {
        database.execute("DROP TABLE auth.users");
        readChanges();
        awaitState("changes_failures > 0");
        assertEquals(
                "its database did not answer, SQLState 42P01, check SUPABASE_DATABASE_URL and that its role may select id and updated_at of auth.users",
                state("last_error"));
        api.create("new");
        reconcile();
        assertTableIsTrue();
    }
}
