package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.userssync.testing.CommandRun;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.User;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.Http;
import dev.userssync.testing.PolledApp;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Backfill, incremental poll and reconcile of one provider, with all their failures. */
class PollingTest extends PolledApp {

    private static final String LIST = "/v1/users";
    private static final Instant LONG_AGO = Instant.parse("2026-01-01T00:00:00Z");

    PollingTest() {
        super("clerk", FakeApis::clerk);
    }

    /** Spoils page number n of the listing, once. */
    private void onPage(int number, java.util.function.Function<FakeApi.Request, Answer> fault) {
        AtomicInteger pages = new AtomicInteger();
        api.fault(request ->
                request.path().equals(LIST) && pages.incrementAndGet() == number ? fault.apply(request) : null);
    }

    private int deliver(String type, String user) {
        return new Delivery("{\"type\": \"user." + type + "\", \"object\": \"event\", \"timestamp\": "
                        + api.tick().toEpochMilli() + ", \"data\": " + user + "}")
                .post(webhooks("clerk"))
                .statusCode();
    }

    private static String json(User user) {
        return FakeApis.clerkUser(user).toString();
    }

    @Test
    void existingUsersArrivePageByPage() {
        api.createMany("user_", 123);
        backfill();
        assertTableIsTrue();
        assertEquals(List.of(123L, 123L, 0L, 0L, 0L, 0L), report());
        assertEquals("4", state("pages"));
        assertEquals(4, requests(LIST));
        assertEquals(
                "user_0000007@example.com",
                database.value("SELECT email FROM neon_auth.users_sync WHERE id = 'user_0000007'"));
        log.await("clerk: backfill is done: 123 users listed, 123 added");
    }

    @Test
    void theSecondListingWritesNothing() {
        api.createMany("user_", 60);
        backfill();
        String written = database.value(
                "SELECT md5(string_agg(xmin::text || ctid::text, ' ' ORDER BY id)) FROM neon_auth.users_sync");
        reconcile();
        assertEquals(List.of(60L, 0L, 0L, 0L, 0L, 0L), report());
        assertEquals(
                written,
                database.value(
                        "SELECT md5(string_agg(xmin::text || ctid::text, ' ' ORDER BY id)) FROM neon_auth.users_sync"));
    }

    @Test
    void aPageThatFailsIsAskedForAgainAndNoOtherOne() {
        api.createMany("user_", 400);
        onPage(3, request -> Answer.status(500));
        list();
        awaitFailure();
        backfill();
        assertTableIsTrue();
        assertEquals("10", state("pages"));
        assertEquals(11, requests(LIST));
        assertTrue(state("last_error").contains("HTTP 500"));
        assertFalse(log.lines().stream().anyMatch(line -> line.contains("\tat ")), "no stack trace");
    }

    @Test
    void aConnectionThatBreaksOrAnAnswerThatIsNoListIsAFailureLikeAnyOther() {
        api.createMany("user_", 70);
        onPage(1, request -> new Answer(0, null, java.util.Map.of()));
        onPage(2, request -> Answer.ok(FakeApi.object().put("errors", "none")));
        list();
        awaitFailure();
        awaitState("listing_failures = 1 AND last_error = 'its API answered without a list of users'");
        backfill();
        assertTableIsTrue();
    }

    @Test
    void aKeyThatIsRevokedStopsTheRunUntilItIsGood() {
        api.createMany("user_", 110);
        AtomicBoolean revoked = new AtomicBoolean();
        AtomicInteger pages = new AtomicInteger();
        api.fault(request -> pages.incrementAndGet() == 2 || revoked.get() ? revoke(revoked) : null);
        list();
        awaitState("last_error IS NOT NULL AND listing_failures > 0");
        assertEquals("50", state("users"));
        log.await("HTTP 401, check CLERK_API_KEY");
        api.mend();
        backfill();
        assertTableIsTrue();
    }

    private static Answer revoke(AtomicBoolean revoked) {
        revoked.set(true);
        return Answer.status(401);
    }

    @Test
    void aPauseThatTheProviderAsksForIsKept() {
        api.createMany("user_", 60);
        List<Instant> asked = new java.util.concurrent.CopyOnWriteArrayList<>();
        AtomicInteger pages = new AtomicInteger();
        api.fault(request -> {
            asked.add(Instant.now());
            return pages.incrementAndGet() <= 2 ? Answer.status(429).header("Retry-After", "1") : null;
        });
        backfill();
        assertTableIsTrue();
        assertEquals(5, asked.size(), "answers of 429 do not cause more requests");
        for (int i = 1; i <= 2; i++) {
            assertTrue(Duration.between(asked.get(i - 1), asked.get(i)).toMillis() >= 1000, asked::toString);
        }
        assertEquals("0", state("listing_failures"), "a pause counts as no failure");
    }

    @Test
    void theUserOfTheCursorIsDeletedBetweenTwoPages() {
        api.createMany("user_", 140);
        onPage(2, request -> {
            api.delete("user_0000049");
            api.delete("user_0000048"); // the cursor
            api.delete("user_0000047");
            return null;
        });
        backfill();
        assertEquals("0", state("restarts"));
        reconcile();
        assertTableIsTrue();
    }

    @Test
    void allUsersThatTheCursorKnowsAreDeletedBetweenTwoPages() {
        api.createMany("user_", 140);
        onPage(2, request -> {
            for (int i = 40; i < 50; i++) {
                api.delete("user_00000" + i);
            }
            return null;
        });
        backfill();
        assertEquals("1", state("restarts"));
        reconcile();
        assertTableIsTrue();
    }

    @Test
    void aReconcileFindsWhatNoWebhookTold() {
        api.createMany("user_", 20);
        backfill();
        api.create("user_new");
        api.rename("user_0000003", "Renamed");
        api.delete("user_0000004");
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(20L, 1L, 1L, 1L, 2L, 0L), report());
        assertEquals("2", state("repaired_total"));
        assertEquals("[\"user_0000004\"]", state("last_report ->> 'deleted_ids'"));
        assertEquals(
                "t",
                database.value(
                        "SELECT deleted_at IS NOT NULL AND name IS NOT NULL FROM neon_auth.users_sync WHERE id = 'user_0000004'"));
        log.await("webhooks are being lost");
    }

    @Test
    void aReconcileComesToItsEndThoughATriggerRefusesADeletion() {
        api.createMany("user_", 12);
        backfill();
        database.execute("""
                CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF NEW.deleted_at IS NOT NULL AND NEW.id = 'user_0000007' THEN RAISE EXCEPTION 'open invoices'; END IF;
                  RETURN NEW;
                END $$;
                CREATE TRIGGER refuse BEFORE UPDATE ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION public.refuse()""");
        try {
            api.delete("user_0000007");
            api.delete("user_0000008");
            reconcile();
            assertEquals(
                    "user_0000008", database.value("SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
            assertTrue(database.value(
                            "SELECT sql_state || ' ' || reason FROM users_sync_internal.dead_letter WHERE state = 'parked'")
                    .matches("P0001 .*open invoices.*"));
        } finally {
            database.execute("DROP TRIGGER refuse ON neon_auth.users_sync; DROP FUNCTION public.refuse()");
        }
        Http.post(management("/dead-letters/replay"), "");
        assertTableIsTrue();
    }

    @Test
    void aDeletionIsCalledRepairedWhenAnEarlierReconcileMissedTheUserToo() {
        api.createMany("user_", 5);
        backfill();
        api.delete("user_0000003");
        api.delete("user_0000004");
        reconcile();
        assertEquals(List.of(3L, 0L, 0L, 2L, 0L, 0L), report());
        assertFalse(
                log.lines().stream().anyMatch(line -> line.contains("webhooks are being lost")), log.lines()::toString);

        // The webhook of one user was late; the webhook of the other never comes.
        assertEquals(204, deliver("deleted", "{\"id\": \"user_0000003\", \"deleted\": true}"));
        wake("last_report = last_report || jsonb_build_object('finished_at', now() - interval '6 minutes')");
        reconcile();
        assertEquals(List.of(3L, 0L, 0L, 0L, 1L, 0L), report());
        assertEquals("1", state("repaired_total"));
        log.await("webhooks are being lost");
        reconcile();
        assertEquals("1", state("repaired_total"), "counted once");
    }

    @Test
    void whatIsTooYoungForAWebhookIsNotCalledRepaired() {
        api.createMany("user_", 3);
        backfill();
        api.clock(Instant.now().minusSeconds(10));
        api.create("user_young");
        api.rename("user_0000001", "Just now");
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(4L, 1L, 1L, 0L, 0L, 0L), report());
    }

    @Test
    void absenceIsNoProof() {
        api.createMany("user_", 30);
        backfill();
        // The listing hides two users. Asked for each, the provider shows the first and fails for the second.
        api.unlisted.addAll(List.of("user_0000008", "user_0000018"));
        api.fault(request -> request.path().endsWith("/user_0000018") ? Answer.status(422) : null);
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(28L, 0L, 0L, 0L, 0L, 1L), report());
        assertEquals("2", state("missing"));
        assertEquals("[\"user_0000018\"]", state("last_report ->> 'unknown_ids'"));
    }

    /** Clerk has no prefix here, which SHARED_IDS=true allows. */
    @Test
    void theUsersOfAScimClientAreNotMissing() {
        database.execute("""
                INSERT INTO users_sync_internal.scim_client (name, organization_id, id_prefix) VALUES ('acme', 'org_acme', 'acme:');
                INSERT INTO neon_auth.users_sync (id, name, created_at) VALUES ('acme:ada', 'Ada', '2026-01-01T00:00:00Z')""");
        try {
            api.createMany("user_", 10);
            backfill();
            assertEquals("f", state("adopted"));
            reconcile();
            assertEquals("0", state("missing"));
            assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_live WHERE id = 'acme:ada'"));
        } finally {
            database.execute("DELETE FROM users_sync_internal.scim_client");
        }
    }

    @Test
    void aReconcileAsksTwiceAndLetsTheFeedGoOn() {
        api.createMany("user_", 10);
        backfill();
        api.unlisted.add("user_0000004");
        AtomicInteger asked = new AtomicInteger();
        api.fault(request ->
                request.path().endsWith("/user_0000004") && asked.incrementAndGet() == 1 ? Answer.status(404) : null);
        api.delete("user_0000005");
        api.fault(request ->
                request.path().endsWith("/user_0000005") && asked.incrementAndGet() > 0 ? check(asked) : null);
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(8L, 0L, 0L, 1L, 0L, 0L), report());
        assertEquals(4, asked.get(), "two requests for each of two users");
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM users_sync_internal.user_to_ask"),
                "the reconcile asks by itself");
    }

    /** Between the first and the second look users-sync deletes nobody, and reads the feed. */
    private Answer check(AtomicInteger asked) {
        if (asked.get() <= 2) {
            wake("changes_due = now()");
        } else {
            assertEquals("10", database.value("SELECT count(*) FROM neon_auth.users_live"));
            assertEquals("t", state("changes_at > started_at"));
        }
        return null;
    }

    @Test
    @Tag("long")
    void aProviderThatDoesNotAnswerForAUserIsAskedAgainAndDeletesNobody() {
        api.createMany("user_", 30);
        backfill();
        api.unlisted.addAll(List.of("user_0000008", "user_0000018"));
        api.fault(request -> request.path().startsWith(LIST + "/") ? Answer.status(503) : null);
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(28L, 0L, 0L, 0L, 0L, 2L), report());
        assertEquals(
                5,
                api.requests().stream()
                        .filter(request -> request.path().startsWith(LIST + "/"))
                        .count());
    }

    @Test
    void anEmptyListingDeletesNobodyBeforeAnOperatorConfirmsIt() {
        api.createMany("user_", 8);
        backfill();
        api.fault(request -> request.path().equals(LIST) ? Answer.ok(FakeApi.array(List.of())) : null);
        list();
        awaitState("phase = 'held'");
        assertEquals("the listing was empty", state("held_because"));
        assertTableIsTrue();
        log.await("POST /admin/polls/clerk/confirm");

        api.delete("user_0000005"); // the API still shows the other users
        assertEquals(200, post("/admin/polls/clerk/confirm").statusCode());
        awaitState("phase IS NULL");
        assertTableIsTrue();
        assertEquals("1", state("deleted"));
        assertEquals(400, post("/admin/polls/clerk/confirm").statusCode());
    }

    @Test
    void theBrakeHoldsBackTooManyAndTooLargeAShare() {
        api.createMany("user_", 300);
        backfill();
        for (int i = 0; i < 21; i++) {
            api.delete(String.format("user_%07d", i * 3));
        }
        list();
        awaitState("phase = 'held'");
        assertEquals("21 users are missing, more than 20", state("held_because"));
        assertEquals("300", database.value("SELECT count(*) FROM neon_auth.users_live"));

        // The next reconcile replaces the held one.
        for (int i = 0; i < 220; i++) {
            api.delete(String.format("user_%07d", i));
        }
        database.execute("DELETE FROM neon_auth.users_sync WHERE id < 'user_0000210'");
        list();
        awaitState("phase = 'held' AND held_because NOT LIKE '21 users%'");
        assertEquals("10 of 90 users are missing, more than 10 %", state("held_because"));
        assertEquals("90", database.value("SELECT count(*) FROM neon_auth.users_live"));
        assertEquals(
                0,
                api.requests().stream()
                        .filter(request -> request.path().startsWith(LIST + "/"))
                        .count(),
                "nobody was asked for");
    }

    @Test
    void theBrakeHoldsWhenTheListingShrinksOrIsOfOtherUsers() {
        api.createMany("user_", 100);
        backfill();
        for (int i = 80; i < 100; i++) {
            api.unlisted.add("user_00000" + i);
        }
        database.execute("DELETE FROM neon_auth.users_sync WHERE id > 'user_0000081'");
        list();
        awaitState("phase = 'held'");
        assertEquals("the listing shrank from 100 to 80 users", state("held_because"));

        api.reset();
        api.create("somebody_else");
        list();
        awaitState("phase = 'held' AND held_because NOT LIKE '%shrank%'");
        assertEquals("the listing showed none of the users of the table", state("held_because"));
    }

    @Test
    void aDryRunSaysWhatItWouldDoAndWritesNothing() {
        api.createMany("user_", 20);
        backfill();
        api.create("user_new");
        api.rename("user_0000003", "Renamed");
        api.delete("user_0000004");
        List<String> before = database.column(
                "SELECT to_jsonb(u) || jsonb_build_object('xmin', xmin::text) FROM neon_auth.users_sync u ORDER BY id");
        HttpResponse<String> reply = post("/admin/polls/clerk/reconcile?dryRun=true");
        assertEquals("{\"provider\": \"clerk\", \"requested\": \"dry-run\"}\n", reply.body());
        awaitState("phase IS NULL AND last_report ->> 'job' = 'dry-run'");
        assertEquals(List.of(20L, 1L, 1L, 1L, 2L, 0L), report());
        assertEquals("[\"user_0000004\"]", state("last_report ->> 'deleted_ids'"));
        assertEquals(
                before,
                database.column(
                        "SELECT to_jsonb(u) || jsonb_build_object('xmin', xmin::text) FROM neon_auth.users_sync u ORDER BY id"));
        assertEquals("0", state("repaired_total"));
        assertTrue(new Delivery("")
                .method("GET")
                .post(management("/admin/polls"))
                .body()
                .contains("\"job\": \"dry-run\""));

        assertEquals(200, post("/admin/polls/clerk/reconcile").statusCode());
        awaitState("phase IS NULL AND last_report ->> 'job' = 'reconcile'");
        assertTableIsTrue();
    }

    @Test
    void aDryRunTellsThatTheBrakeWouldHold() {
        api.createMany("user_", 8);
        backfill();
        api.reset();
        post("/admin/polls/clerk/reconcile?dryRun=true");
        awaitState("phase IS NULL AND last_report ->> 'job' = 'dry-run'");
        assertEquals("the listing was empty", state("last_report ->> 'held'"));
        assertEquals("8", database.value("SELECT count(*) FROM neon_auth.users_live"));
    }

    @Test
    void aListingThatIsOlderThanAWebhookChangesNothing() {
        api.createMany("user_", 10);
        backfill();
        api.rename("user_0000002", "Listed");
        onPage(1, request -> {
            Answer listed = FakeApis.clerk(request, api);
            api.rename("user_0000002", "Told by a webhook");
            assertEquals(204, deliver("updated", json(api.user("user_0000002"))));
            api.delete("user_0000003");
            assertEquals(204, deliver("deleted", "{\"id\": \"user_0000003\", \"deleted\": true}"));
            return listed;
        });
        reconcile();
        assertTableIsTrue();
    }

    @Test
    void usersAreCreatedAndDeletedDuringTheSweep() {
        api.createMany("user_", 120);
        backfill();
        onPage(2, request -> {
            api.delete("user_0000001"); // listed already, no webhook: the next reconcile finds the deletion
            api.delete("user_0000002"); // listed already, the webhook arrives
            deliver("deleted", "{\"id\": \"user_0000002\", \"deleted\": true}");
            api.delete("user_0000119"); // not listed yet
            return null;
        });
        onPage(3, request -> {
            Answer listed = FakeApis.clerk(request, api);
            api.create("user_late"); // after the last page; the webhook arrives
            deliver("created", json(api.user("user_late")));
            return listed;
        });
        reconcile();
        assertEquals(
                "Name of user_late", database.value("SELECT name FROM neon_auth.users_live WHERE id = 'user_late'"));
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
        reconcile();
        assertTableIsTrue();
    }

    @Test
    void aUserThatIsListedTwiceIsOneUser() {
        api.createMany("user_", 5);
        User old = new User("user_0000003", "Old", "old@example.com", LONG_AGO, LONG_AGO, false);
        onPage(1, request -> {
            ArrayNode page =
                    FakeApi.array(api.users().stream().map(FakeApis::clerkUser).toList());
            page.addAll(
                    FakeApi.array(api.users().stream().map(FakeApis::clerkUser).toList()));
            return Answer.ok(page.add(FakeApis.clerkUser(old)));
        });
        backfill();
        assertTableIsTrue();
        assertEquals("5", state("users"));
        assertEquals("5", state("added"));
    }

    @Test
    void aUserThatPostgresRefusesIsParkedAndStopsNobody() {
        api.createMany("user_", 30);
        api.put(new User("", "No id", "x@example.com", LONG_AGO, LONG_AGO, false));
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT not_seven CHECK (id <> 'user_0000007')");
        try {
            backfill();
            assertEquals("29", database.value("SELECT count(*) FROM neon_auth.users_live"));
            assertEquals(
                    "2",
                    database.value("SELECT count(*) FROM users_sync_internal.dead_letter WHERE provider = 'clerk'"));
            reconcile();
            assertEquals(
                    "2",
                    database.value("SELECT count(*) FROM users_sync_internal.dead_letter WHERE provider = 'clerk'"),
                    "parked once");
        } finally {
            database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT not_seven");
        }
    }

    @Test
    void aUserWhoseRowSaysDeletedComesBackWhenTheProviderShowsIt() {
        api.createMany("user_", 5);
        backfill();
        database.execute(
                "UPDATE neon_auth.users_sync SET deleted_at = now() - interval '1 minute' WHERE id = 'user_0000002'");
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(5L, 0L, 1L, 0L, 1L, 0L), report());
        // A listing may lag behind, so users-sync asks for the user itself.
        database.execute(
                "UPDATE neon_auth.users_sync SET deleted_at = now() - interval '1 minute' WHERE id = 'user_0000003'");
        api.fault(request -> request.path().equals(LIST + "/user_0000003") ? Answer.status(404) : null);
        reconcile();
        assertEquals(
                "user_0000003", database.value("SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
    }

    /**
     * When an address is verified, FusionAuth dates the webhook's row later than its listing. Then the user is deleted
     * and restored, and the listing does not say when.
     */
    @Test
    void aDeletedRowThatIsNewerThanTheListingComesBackWhenTheProviderShowsTheUser() {
        api.createMany("user_", 5);
        backfill();
        database.execute(
                "UPDATE neon_auth.users_sync SET updated_at = updated_at + interval '1 second', deleted_at = updated_at + interval '2 seconds'"
                        + " WHERE id = 'user_0000002'");
        reconcile();
        assertTableIsTrue();
        assertEquals(List.of(5L, 0L, 1L, 0L, 1L, 0L), report());
        reconcile();
        assertEquals(List.of(5L, 0L, 0L, 0L, 0L, 0L), report());
    }

    /** Inserts the rows of another handler, before the first poll. Its times are one second after the provider's. */
    private void adopt(String... ids) {
        for (String id : ids) {
            User user = api.user(id);
            String time =
                    user == null ? "2026-01-01" : user.updated().plusSeconds(1).toString();
            database.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at, updated_at)"
                    + " VALUES ('" + id + "', '{}', 'Old', 'old@example.com', '" + time + "', '" + time + "')");
        }
    }

    /** Runs a command of the command line. */
    private String run(int exitCode, String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--url=" + management(""));
        CommandRun run = CommandRun.of(all);
        assertEquals(exitCode, run.code());
        return run.out();
    }

    private void hold() {
        list();
        awaitState(
                "phase = 'held' AND started_at > coalesce((last_report ->> 'finished_at')::timestamptz, '-infinity')");
    }

    @Test
    void aBackfillDeletesNobodyAndTheFirstDeletionOfAnAdoptedTableWaits() {
        List<String> ids = api.createMany("adopted_", 40);
        adopt(ids.toArray(String[]::new));
        adopt("service_1", "service_2");
        backfill();
        assertEquals("42", database.value("SELECT count(*) FROM neon_auth.users_live"));
        assertEquals("0", state("last_report ->> 'deleted'"));
        assertEquals("2", state("last_report ->> 'missing'"));
        assertEquals(
                0,
                api.requests().stream()
                        .filter(request -> request.path().startsWith(LIST + "/"))
                        .count(),
                "nobody was asked for");
        hold();
        assertEquals(
                "2 users are missing, and the table held users before the polling began: the first deletion of such a table is yours to confirm",
                state("held_because"));
        assertEquals("42", database.value("SELECT count(*) FROM neon_auth.users_live"));
        assertTrue(new Delivery("")
                .method("GET")
                .post(management("/admin/polls"))
                .body()
                .contains("\"missing_ids\": [\"service_1\", \"service_2\"]"));

        assertTrue(
                run(0, "status").contains("nobody is deleted: 2 users are missing")
                        && run(0, "status").contains("missing: service_1, service_2"),
                run(0, "status"));

        assertEquals(200, post("/admin/polls/clerk/dismiss").statusCode());
        String held = run(1, "reconcile", "clerk");
        assertTrue(held.contains("  service_1" + System.lineSeparator() + "  service_2"), held);
        assertEquals(200, post("/admin/polls/clerk/dismiss").statusCode());
        hold(); // held again: nobody confirmed it
        // A dry run and a second backfill delete nobody either.
        assertEquals(200, post("/admin/polls/clerk/reconcile?dryRun=true").statusCode());
        awaitState("phase IS NULL AND last_report ->> 'job' = 'dry-run'");
        assertEquals("[\"service_1\", \"service_2\"]", state("last_report ->> 'missing_ids'"));
        assertEquals(200, post("/admin/polls/clerk/backfill").statusCode());
        awaitState("phase IS NULL AND last_report ->> 'job' = 'backfill' AND backfilled_at IS NOT NULL");
        assertEquals("42", database.value("SELECT count(*) FROM neon_auth.users_live"));

        hold();
        assertEquals(200, post("/admin/polls/clerk/confirm").statusCode());
        awaitState("phase IS NULL AND last_report ->> 'deleted_ids' = '[\"service_1\", \"service_2\"]'");
        api.delete("adopted_0000007");
        reconcile();
        assertEquals("[\"adopted_0000007\"]", state("last_report ->> 'deleted_ids'"));
    }

    @Test
    void aTableThatWebhooksBeganIsNotAdopted() {
        api.create("webhook_1", "webhook_2");
        assertEquals(204, deliver("created", json(api.user("webhook_1"))));
        assertEquals(204, deliver("created", json(api.user("webhook_2"))));
        api.delete("webhook_2");
        backfill();
        reconcile();
        assertTableIsTrue();
        assertEquals("[\"webhook_2\"]", state("last_report ->> 'deleted_ids'"));
    }

    @Test
    void theAgeOfThePollGrowsWhileTheBrakeHoldsAndAMetricSaysSo() {
        api.createMany("user_", 8);
        backfill();
        readChanges();
        awaitState("changes_at IS NOT NULL AND changes_due > now()");
        String held = "users_sync_poll_held{provider=\"clerk\"} ";
        await().until(() -> metrics().contains(held + "0.0"));
        String lastSuccess = state("last_success_at");
        api.fault(request -> request.path().equals(LIST)
                        && !request.query().containsKey("offset")
                        && !"-updated_at".equals(request.query().get("order_by"))
                ? Answer.ok(FakeApi.array(List.of()))
                : null);
        hold();
        wake("changes_due = now(), changes_at = NULL");
        awaitState("changes_at IS NOT NULL AND changes_due > now()");
        assertEquals(lastSuccess, state("last_success_at"));
        await().until(() -> metrics().contains(held + "1.0"));
        assertEquals(200, post("/admin/polls/clerk/reconcile?dryRun=true").statusCode());
        awaitState("phase IS NULL AND last_report ->> 'job' = 'dry-run'");
        assertEquals(lastSuccess, state("last_success_at"), "a dry run does not count as a successful poll");
        api.mend();
        reconcile();
        assertTrue(database.value("SELECT last_success_at > '" + lastSuccess + "' FROM users_sync_internal.poll_state")
                .equals("t"));
        await().until(() -> metrics().contains(held + "0.0"));
    }

    private String metrics() {
        return Http.get(management("/observe/metrics")).body();
    }

    @Test
    void theFiguresOfThePollAreExactAndTellWhoPolledLast() {
        api.createMany("user_", 3);
        backfill();
        database.execute(
                "UPDATE users_sync_internal.poll_state SET last_success_at = now() + interval '1 minute', repaired_total = 16777217");
        String age = "users_sync_poll_age_seconds{provider=\"clerk\"} ";
        await().until(() -> metrics()
                .lines()
                .anyMatch(line -> line.equals("users_sync_repaired_rows_total{provider=\"clerk\"} 1.6777217E7")));
        assertTrue(metrics().contains(age + "0.0"), "never negative");
        assertTrue(metrics().contains("users_sync_lease_holder{provider=\"clerk\"} 1.0"));
        database.execute("UPDATE users_sync_internal.poll_state SET polled_by = 'another'");
        await().until(() -> metrics().contains("users_sync_lease_holder{provider=\"clerk\"} 0.0"));
    }

    @Test
    void rowsWithTimesOfTheirOwnAreCountedAndTheProviderWinsWhenAsked() {
        List<String> ids = api.createMany("own_", 60);
        adopt(ids.toArray(String[]::new));
        backfill();
        reconcile();
        assertEquals("60", database.value("SELECT count(*) FROM neon_auth.users_live WHERE name = 'Old'"));
        assertEquals("60", state("last_report ->> 'newer'"));
        assertEquals(List.of(60L, 0L, 0L, 0L, 0L, 0L), report());
        assertTrue(
                log.lines().stream()
                        .anyMatch(
                                line -> line.contains("clerk: 60 rows differ and are newer than the provider's data")),
                log.lines()::toString);
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM users_sync_internal.event_log WHERE user_id LIKE 'own%' AND at > '"
                        + state("started_at") + "'"),
                "what would be stale is not applied");

        // A webhook arrives after the job began, for a user of a page that users-sync had requested before. The
        // webhook's row stays.
        onPage(1, request -> {
            Answer listed = FakeApis.clerk(request, api);
            api.clock(Instant.now());
            api.rename("own_0000003", "Told by a webhook");
            assertEquals(204, deliver("updated", json(api.user("own_0000003"))));
            return listed;
        });
        assertEquals(
                400,
                post("/admin/polls/clerk/reconcile?providerWins=true&dryRun=true")
                        .statusCode());
        assertEquals(
                "{\"provider\": \"clerk\", \"requested\": \"provider-wins\"}\n",
                post("/admin/polls/clerk/reconcile?providerWins=true").body());
        awaitState("phase IS NULL AND last_report ->> 'provider_wins' = 'true'");
        assertTableIsTrue();
        assertEquals("59", state("last_report ->> 'updated'"));
        assertEquals("0", state("last_report ->> 'newer'"));
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM neon_auth.users_sync WHERE raw_json = '{}' OR created_at <> TIMESTAMPTZ '2026-01-01T00:00:01Z'"
                                + " + (split_part(id, '_', 2)::int * interval '1 second')"),
                "the profile and the time of creation are the provider's, too");
        reconcile();
        assertEquals(List.of(60L, 0L, 0L, 0L, 0L, 0L), report());
        assertEquals("false", state("last_report ->> 'provider_wins'"));
        api.clock(Instant.now());
        api.rename("own_0000004", "Later");
        reconcile();
        assertTableIsTrue();
    }

    @Test
    void anotherInstanceGoesOnLettingTheProviderWin() {
        List<String> ids = api.createMany("taken_", 120);
        adopt(ids.toArray(String[]::new));
        backfill();
        onPage(2, request -> {
            database.execute(
                    // as if another instance took the lease
                    "UPDATE users_sync_internal.poll_state SET fence = fence + 1, lease_until = '-infinity'");
            return null;
        });
        post("/admin/polls/clerk/reconcile?providerWins=true");
        awaitState("phase IS NULL AND last_report ->> 'provider_wins' = 'true'");
        assertTableIsTrue();
    }

    @Test
    void longIdsAndOddCharactersAreListedLikeOthers() {
        Random random = new Random(9);
        for (int length : new int[] {390, 1000, 2600}) {
            api.create(random.ints(length, 'a', 'z' + 1)
                    .mapToObj(Character::toString)
                    .collect(Collectors.joining()));
        }
        api.create("user_nul");
        api.rename("user_nul", "Ada\u0000 King");
        backfill();
        assertEquals(
                List.of("390", "1000", "2600"),
                database.column("SELECT length(id) FROM neon_auth.users_live WHERE length(id) > 300 ORDER BY 1"));
        assertEquals("Ada\ufffd King", database.value("SELECT name FROM neon_auth.users_live WHERE id = 'user_nul'"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        reconcile();
        assertEquals(List.of(4L, 0L, 0L, 0L, 0L, 0L), report(), "a replaced row no longer differs");
    }

    @Test
    void changesAreReadFromTheLatestToTheWatermark() {
        api.createMany("user_", 110);
        backfill();
        readChanges();
        awaitState("changes_at IS NOT NULL AND changes_due > now()");
        api.clock(Instant.now());
        api.rename("user_0000003", "First");
        api.rename("user_0000090", "Second");
        int before = requests(LIST);
        wake("changes_due = now(), changes_at = NULL");
        awaitState("changes_at IS NOT NULL");
        assertTableIsTrue();
        assertEquals(before + 1, requests(LIST));
        assertEquals(
                api.user("user_0000090").updated().toEpochMilli(), Long.parseLong(state("changes_cursor ->> 'since'")));
    }

    @Test
    void moreChangesThanAPageHolds() {
        api.createMany("user_", 130);
        backfill();
        api.clock(Instant.now().minusSeconds(125));
        for (int i = 0; i < 120; i++) {
            api.rename(String.format("user_%07d", i), "Changed " + i);
        }
        readChanges();
        awaitState("changes_at IS NOT NULL AND changes_due > now()");
        assertTableIsTrue();
    }

    @Test
    void aFeedThatFailsDoesNotStopTheListing() {
        api.createMany("user_", 3);
        api.fault(request ->
                request.query().getOrDefault("order_by", "").equals("-updated_at") ? Answer.status(500) : null);
        wake("changes_due = now(), listing_due = now()");
        awaitState("backfilled_at IS NOT NULL AND phase IS NULL AND changes_failures > 0");
        assertTableIsTrue();
    }

    @Test
    void anApiThatIgnoresTheCursorComesToAnEnd() {
        api.createMany("user_", 70);
        api.fault(request -> request.path().equals(LIST)
                ? Answer.ok(FakeApi.array(
                        api.users().stream().limit(50).map(FakeApis::clerkUser).toList()))
                : null);
        list();
        awaitState("last_error LIKE 'the listing comes to no end%' AND phase IS NULL AND listing_due > now()");
        assertEquals("t", state("backfilled_at IS NULL"));
        assertEquals("50", database.value("SELECT count(*) FROM neon_auth.users_live"));
    }

    @Test
    void theDatabaseGoesAwayInTheMiddle() {
        api.createMany("user_", 220);
        onPage(3, request -> {
            database.execute("ALTER TABLE neon_auth.users_sync RENAME TO away");
            return null;
        });
        list();
        await().until(() -> log.lines().stream().anyMatch(line -> line.contains("clerk: poll failed, retrying in")));
        database.execute("ALTER TABLE neon_auth.away RENAME TO users_sync");
        backfill();
        assertTableIsTrue();
    }

    @Test
    void oneUserOnDemand() {
        api.create("user_1");
        assertEquals(200, post("/admin/users/clerk/user_1/refresh").statusCode());
        assertTableIsTrue();
        api.rename("user_1", "Renamed");
        api.fault(request -> Answer.status(500));
        HttpResponse<String> failed = post("/admin/users/clerk/user_1/refresh");
        assertEquals(502, failed.statusCode());
        assertEquals("its API answers HTTP 500\n", failed.body());
        assertEquals(List.of("user_1 Name of user_1"), database.column(ROWS));
        api.mend();
        api.delete("user_1");
        assertTrue(post("/admin/users/clerk/user_1/refresh")
                .body()
                .matches("\\{.*\"deleted_at\": null, .*\"asked_again_at\": \"2.*}\n"));
        await().until(() -> database.column(ROWS).isEmpty());
        assertTrue(post("/admin/users/clerk/user_1/refresh").body().matches("\\{.*\"deleted_at\": \"2.*}\n"));
        HttpResponse<String> nobody = post("/admin/users/clerk/nobody%7C1/refresh");
        assertEquals(404, nobody.statusCode());
        assertEquals(
                "there is no user nobody|1: neither the API of clerk nor the table knows this id\n", nobody.body());
        assertEquals(
                "1", database.value("SELECT count(*) FROM neon_auth.users_sync"), "no row for an id that never was");
        HttpResponse<String> unknown = post("/admin/users/acme/user_1/refresh");
        assertEquals(400, unknown.statusCode());
        assertEquals("provider acme is not polled; polled providers: clerk\n", unknown.body());
        assertEquals(
                403,
                new Delivery("")
                        .header("Origin", "https://evil.example")
                        .post(management("/admin/users/clerk/user_1/refresh"))
                        .statusCode());
    }

    @Test
    void aUserIsBroughtBackOnDemandWhenTheProviderShowsIt() {
        api.create("user_1");
        backfill();
        database.execute("UPDATE neon_auth.users_sync SET deleted_at = now() - interval '1 minute'");
        post("/admin/users/clerk/user_1/refresh");
        assertTableIsTrue();
    }

    @Test
    void theKeyStandsInNoLogLine() {
        api.createMany("user_", 3);
        onPage(1, request -> Answer.status(401));
        list();
        awaitFailure();
        backfill();
        assertEquals(
                List.of(),
                log.lines().stream()
                        .filter(line -> line.contains(FakeApis.KEY) || line.contains("@example.com"))
                        .toList());
    }
}
