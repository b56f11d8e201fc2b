package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.settings.Providers;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Speech;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.RunningApp;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Every provider that can be polled, all in one application and one table, each in its own API language. */
class ProvidersPollingTest extends RunningApp {

    private static final Map<String, Speech> SPEECHES = new LinkedHashMap<>();

    static {
        SPEECHES.put("clerk", FakeApis::clerk);
        SPEECHES.put("stack-auth", FakeApis::stackAuth);
        SPEECHES.put("workos", FakeApis::workos);
        SPEECHES.put("auth0", FakeApis::auth0);
        SPEECHES.put("okta", FakeApis::okta);
        SPEECHES.put("keycloak", FakeApis::keycloak);
        SPEECHES.put("logto", FakeApis::logto);
        SPEECHES.put("kinde", FakeApis::kinde);
        SPEECHES.put("fusionauth", FakeApis::fusionauth);
        SPEECHES.put("zitadel", FakeApis::zitadel);
        SPEECHES.put("stytch", FakeApis::stytch);
        SPEECHES.put("hanko", FakeApis::hanko);
        SPEECHES.put("supabase", FakeApis::supabase);
        SPEECHES.put("better-auth", FakeApis::betterAuth);
    }

    private static final List<String> WITH_CHANGES =
            List.of("clerk", "workos", "auth0", "okta", "keycloak", "zitadel", "better-auth");
    private static final List<String> WITH_SECRETS = List.of("auth0", "keycloak", "logto", "kinde", "stytch");

    /** How each provider marks a user who is switched off. No mark changes the time of the last change. */
    private static final Map<String, String> SWITCHED_OFF = Map.ofEntries(
            Map.entry("auth0", "{\"blocked\": true}"),
            Map.entry("better-auth", "{\"banned\": true, \"banExpires\": \"2999-01-01T00:00:00Z\"}"),
            Map.entry("clerk", "{\"banned\": true}"),
            Map.entry("fusionauth", "{\"active\": false}"),
            Map.entry("keycloak", "{\"enabled\": false}"),
            Map.entry("kinde", "{\"is_suspended\": true}"),
            Map.entry("logto", "{\"isSuspended\": true}"),
            Map.entry("okta", "{\"status\": \"SUSPENDED\"}"),
            Map.entry("stack-auth", "{\"restricted_by_admin\": true}"),
            Map.entry("supabase", "{\"banned_until\": \"2999-01-01T00:00:00+02:00\"}"),
            Map.entry("zitadel", "{\"state\": \"USER_STATE_LOCKED\"}"));

    private final Map<String, FakeApi> apis = new LinkedHashMap<>();

    ProvidersPollingTest() {
        settings.keySet().removeIf(name -> name.toString().endsWith(Providers.SECRET));
        settings.setProperty("shared.ids", "false");
        settings.setProperty("poll.tick", "20");
        settings.setProperty("poll.interval", "1h");
        SPEECHES.forEach((provider, speech) -> {
            FakeApi api = new FakeApi(speech);
            apis.put(provider, api);
            settings.setProperty(
                    provider + ".api.url", api.url() + (provider.equals("better-auth") ? "/api/auth" : ""));
            settings.setProperty(
                    provider + ".api.key", WITH_SECRETS.contains(provider) ? "client:secret" : FakeApis.KEY);
            settings.setProperty(provider + ".id.prefix", provider + ":");
            settings.setProperty(provider + ".organizations", "off"); // a test of their own: OrganizationPollsTest
        });
        settings.setProperty("stack-auth.project.id", "project");
        settings.setProperty("keycloak.realm", "orchard");
        SWITCHED_OFF.keySet().forEach(provider -> settings.setProperty(provider + ".inactive", "deleted"));
    }

    @AfterAll
    void closeApis() {
        apis.values().forEach(FakeApi::close);
    }

    /** Runs the scenario for all providers at once. A failure names its provider. */
    private void each(Collection<String> providers, Consumer<String> scenario) {
        ExecutorService threads = Executors.newFixedThreadPool(providers.size());
        List<Executable> results = new ArrayList<>();
        for (String provider : providers) {
            Future<?> result = threads.submit(() -> scenario.accept(provider));
            results.add(() -> {
                try {
                    result.get();
                } catch (ExecutionException e) {
                    throw new AssertionError(provider + ": " + e.getCause().getMessage(), e.getCause());
                }
            });
        }
        threads.shutdown();
        assertAll(results);
    }

    private Polls polls() {
        return context().getRegistry().lookupByNameAndType("polls", Polls.class);
    }

    /** Starts with an empty table. Nothing is due until the test wakes the provider. */
    private FakeApi start(String provider) {
        FakeApi api = apis.get(provider);
        polls().unlimited = true;
        await().atMost(Duration.ofSeconds(20))
                .until(() -> !column(
                                "SELECT provider FROM users_sync_internal.poll_state WHERE provider = ? AND lease_until < now()",
                                provider)
                        .isEmpty());
        api.reset();
        api.largestPage = 20;
        database.execute("DELETE FROM neon_auth.users_sync WHERE starts_with(id, '" + provider + ":');"
                + "DELETE FROM users_sync_internal.dead_letter WHERE provider = '" + provider + "';"
                + "DELETE FROM users_sync_internal.sweep_seen WHERE provider = '" + provider + "';"
                + "WITH old AS (DELETE FROM users_sync_internal.poll_state WHERE provider = '" + provider
                + "' RETURNING provider, fence)"
                + " INSERT INTO users_sync_internal.poll_state (provider, fence, changes_due, listing_due, changes_from)"
                + " SELECT provider, fence + 1, 'infinity', 'infinity', '2026-01-01T00:00:00Z' FROM old");
        return api;
    }

    private List<String> column(String sql, String provider) {
        return database.column(sql, provider);
    }

    private String state(String provider, String column) {
        return database.value("SELECT " + column + " FROM users_sync_internal.poll_state WHERE provider = ?", provider);
    }

    private void run(String provider, String change, String until) {
        database.execute(
                "UPDATE users_sync_internal.poll_state SET " + change + " WHERE provider = '" + provider + "'");
        polls().wake(provider);
        try {
            await().atMost(Duration.ofSeconds(30))
                    .pollInterval(Duration.ofMillis(50))
                    .until(() -> "t".equals(state(provider, until)));
        } catch (org.awaitility.core.ConditionTimeoutException e) {
            throw new AssertionError(
                    state(provider, "to_jsonb(poll_state)") + "\n"
                            + apis.get(provider).requests(),
                    e);
        }
    }

    private void list(String provider) {
        String before = state(provider, "coalesce(started_at::text, '-infinity')");
        run(provider, "listing_due = now()", "phase IS NULL AND started_at > '" + before + "'");
    }

    private void assertTableIsTrue(String provider) {
        List<String> truth = apis.get(provider).truth().stream()
                .map(user -> provider + ":" + user)
                .sorted()
                .toList();
        assertEquals(
                truth,
                database.column(
                        "SELECT id || ' ' || name FROM neon_auth.users_live WHERE starts_with(id, ?)"
                                + " ORDER BY (id || ' ' || name) COLLATE \"C\"",
                        provider + ":"),
                () -> state(provider, "to_jsonb(poll_state)"));
        assertEquals(
                List.of(), column("SELECT reason FROM users_sync_internal.dead_letter WHERE provider = ?", provider));
    }

    @Test
    void existingUsersArriveAndAReconcileFindsTheRest() {
        each(SPEECHES.keySet(), this::existingUsersArriveAndAReconcileFindsTheRest);
    }

    private void existingUsersArriveAndAReconcileFindsTheRest(String provider) {
        FakeApi api = start(provider);
        api.createMany("u|", 65);
        list(provider);
        assertTableIsTrue(provider);
        assertEquals("65", state(provider, "added"));
        assertTrue(Integer.parseInt(state(provider, "pages")) >= 4, state(provider, "pages"));
        assertEquals(
                "u.0000007@example.com",
                database.value("SELECT email FROM neon_auth.users_sync WHERE id = ?", provider + ":u|0000007"));
        assertEquals(
                api.user("u|0000007").created(),
                Instant.parse(database.value(
                        "SELECT to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SSZ') FROM neon_auth.users_sync WHERE id = ?",
                        provider + ":u|0000007")));

        api.create("new");
        api.rename("u|0000003", "Renamed");
        api.delete("u|0000004");
        api.unlisted.add("u|0000005");
        list(provider);
        assertTableIsTrue(provider);
        assertEquals("1 1 1 2 0", state(provider, "concat_ws(' ', added, updated, deleted, missing, repaired)"));

        api.unlisted.clear();
        String written = written(provider);
        list(provider);
        assertEquals(written, written(provider));
    }

    @Test
    void whoIsSwitchedOffIsDeletedUntilSwitchedOnAgain() {
        each(SWITCHED_OFF.keySet(), this::whoIsSwitchedOffIsDeletedUntilSwitchedOnAgain);
    }

    private void whoIsSwitchedOffIsDeletedUntilSwitchedOnAgain(String provider) {
        FakeApi api = start(provider);
        List<String> ids = api.createMany("u|", 8);
        api.marks.put(ids.get(7), json(SWITCHED_OFF.get(provider))); // before the first listing
        list(provider);
        assertEquals(List.of(provider + ":" + ids.get(7)), deleted(provider));

        api.marks.put(ids.get(3), json(SWITCHED_OFF.get(provider)));
        list(provider);
        assertEquals(List.of(provider + ":" + ids.get(3), provider + ":" + ids.get(7)), deleted(provider));
        String field = json(SWITCHED_OFF.get(provider)).fieldNames().next();
        assertEquals(
                json(SWITCHED_OFF.get(provider)).get(field).asText(),
                database.value(
                        "SELECT raw_json ->> '" + field + "' FROM neon_auth.users_sync WHERE id = ?",
                        provider + ":" + ids.get(3)));
        assertEquals(
                "t",
                database.value(
                        "SELECT bool_and(deleted_at > now() - interval '1 minute') FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL AND starts_with(id, ?)",
                        provider + ":"),
                "nobody is purged at once");
        String written = written(provider);
        list(provider);
        assertEquals(written, written(provider), "deleted_at does not move");

        api.marks.clear();
        list(provider);
        assertEquals(List.of(), deleted(provider));
        assertTableIsTrue(provider);
        api.marks.put(ids.get(3), json(SWITCHED_OFF.get(provider)));
        list(provider);
        assertEquals(List.of(provider + ":" + ids.get(3)), deleted(provider), "a second time");
    }

    private List<String> deleted(String provider) {
        return column(
                "SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL AND starts_with(id, ?) ORDER BY id COLLATE \"C\"",
                provider + ":");
    }

    private String written(String provider) {
        return database.value(
                "SELECT md5(string_agg(xmin::text, ' ' ORDER BY id)) FROM neon_auth.users_sync WHERE starts_with(id, ?)",
                provider + ":");
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    /** All changes of a user have the same version, so the later change must stand. */
    @Test
    void eventsOfOneUserInOnePageOfAFeedKeepTheirOrder() {
        FakeApi api = start("workos");
        api.largestPage = 100;
        List<String> ids = api.createMany("u|", 16);
        for (String id : ids) {
            for (int version = 1; version <= 5; version++) {
                api.clock(Instant.parse("2026-01-02T00:00:00Z"));
                api.rename(id, "v" + version);
            }
        }
        run("workos", "changes_due = now()", "changes_at IS NOT NULL");
        assertTableIsTrue("workos");
    }

    /** Supabase's API finds nobody without an instance_id, and here users-sync has no access to the database. */
    @Test
    void aUserOfSupabaseWithoutInstanceIdIsUnknown() {
        FakeApi api = start("supabase");
        api.createMany("u|", 10);
        list("supabase");
        for (String instance :
                List.of("null", "\"00000000-0000-0000-0000-000000000000\"")) { // as the database webhook sends them
            database.execute("INSERT INTO neon_auth.users_sync (id, raw_json, created_at) VALUES ('supabase:' || md5('"
                    + instance + "'), '{\"instance_id\": " + instance + "}', '2026-01-01T00:00:00Z')");
        }
        list("supabase");
        assertEquals("1 1", state("supabase", "concat_ws(' ', deleted, unknown)"));
        assertEquals(
                List.of("null"),
                column(
                        "SELECT jsonb_typeof(raw_json -> 'instance_id') FROM neon_auth.users_live"
                                + " WHERE jsonb_exists(raw_json, 'instance_id') AND starts_with(id, ?)",
                        "supabase:"));
    }

    @Test
    void usersAreDeletedBetweenThePages() {
        each(SPEECHES.keySet(), this::usersAreDeletedBetweenThePages);
    }

    private void usersAreDeletedBetweenThePages(String provider) {
        FakeApi api = start(provider);
        List<String> ids = api.createMany("u|", 65);
        AtomicInteger pages = new AtomicInteger();
        api.fault(request -> {
            // Three users that the first pages have shown, and one user at each place where a cursor may stand.
            if (!request.path().contains("token") && pages.incrementAndGet() == 2) {
                for (int i : new int[] {1, 2, 19, 20, 44, 45, 62, 63}) {
                    api.delete(ids.get(i));
                }
            }
            return null;
        });
        list(provider);
        for (FakeApi.User user : api.users()) {
            assertEquals(
                    1,
                    column("SELECT id FROM neon_auth.users_live WHERE id = ?", provider + ":" + user.id())
                            .size(),
                    "lost: " + user.id());
        }
        api.mend();
        list(provider);
        assertTableIsTrue(provider);
    }

    @Test
    void changesAreReadWithoutAListing() {
        each(WITH_CHANGES, this::changesAreReadWithoutAListing);
    }

    private void changesAreReadWithoutAListing(String provider) {
        FakeApi api = start(provider);
        api.createMany("u|", 65);
        list(provider);
        run(provider, "changes_due = now()", "changes_at IS NOT NULL AND changes_due > now()");
        for (int i = 0; i < 30; i++) {
            api.rename(String.format("u|%07d", i), "Renamed " + i);
        }
        api.create("new");
        run(provider, "changes_due = now(), changes_at = NULL", "changes_at IS NOT NULL AND changes_due > now()");
        assertTableIsTrue(provider);

        int asked = api.requests().size();
        run(provider, "changes_due = now(), changes_at = NULL", "changes_at IS NOT NULL AND changes_due > now()");
        assertTrue(
                api.requests().size() - asked <= 8,
                "what was read is not asked for again: "
                        + api.requests().subList(asked, api.requests().size()));
    }

    @Test
    void aDeletionThatAFeedTellsNeedsNoQuestion() {
        each(List.of("workos", "keycloak", "zitadel"), this::aDeletionThatAFeedTellsNeedsNoQuestion);
    }

    private void aDeletionThatAFeedTellsNeedsNoQuestion(String provider) {
        FakeApi api = start(provider);
        api.create("u|1", "u|2", "u|3");
        list(provider);
        run(provider, "changes_due = now()", "changes_at IS NOT NULL AND changes_due > now()");
        api.clock(Instant.now()); // after the request that dates Keycloak's profiles
        api.delete("u|1");
        api.delete("u|2"); // in Keycloak's other feed
        int asked = api.requests().size();
        run(provider, "changes_due = now(), changes_at = NULL", "changes_at IS NOT NULL AND changes_due > now()");
        assertTableIsTrue(provider);
        assertEquals(
                List.of(),
                api.requests().stream()
                        .skip(asked)
                        .map(FakeApi.Request::path)
                        .filter(path -> path.matches(".*u%7C[12]"))
                        .toList());
        assertEquals(List.of(), column("SELECT id FROM users_sync_internal.user_to_ask WHERE provider = ?", provider));
    }

    @Test
    void whoCameAndWentWhileNobodyLookedIsDeleted() {
        each(List.of("workos", "keycloak", "zitadel"), this::whoCameAndWentWhileNobodyLookedIsDeleted);
    }

    private void whoCameAndWentWhileNobodyLookedIsDeleted(String provider) {
        FakeApi api = start(provider);
        api.create("u|1", "u|2");
        api.delete("u|1");
        run(provider, "changes_due = now()", "changes_at IS NOT NULL AND changes_due > now()");
        assertTableIsTrue(provider);
        assertEquals(
                List.of(provider + ":u|1"),
                column(
                        "SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL AND starts_with(id, ? || ':')",
                        provider));
    }

    @Test
    void whatAFeedShowsAgainAsksNobodyAndWritesNothing() {
        each(WITH_CHANGES, this::whatAFeedShowsAgainAsksNobodyAndWritesNothing);
    }

    private void whatAFeedShowsAgainAsksNobodyAndWritesNothing(String provider) {
        FakeApi api = start(provider);
        api.create("settled", "u|1", "u|2");
        api.rename("u|1", "Renamed");
        run(provider, "changes_due = now()", "changes_at IS NOT NULL AND changes_due > now()");
        api.rename("u|1", "Renamed again");
        api.delete("u|1");
        run(provider, "changes_due = now(), changes_at = NULL", "changes_at IS NOT NULL AND changes_due > now()");
        // A webhook has reported both deletions, and the listing lags behind the deletion that the feed shows.
        database.execute(
                "UPDATE neon_auth.users_sync SET deleted_at = coalesce(deleted_at, updated_at + interval '2 seconds')"
                        + " WHERE id IN ('" + provider + ":u|1', '" + provider + ":u|2')");
        await().until(() -> column("SELECT id FROM users_sync_internal.user_to_ask WHERE provider = ?", provider)
                .isEmpty());
        String rows = everythingOf(provider);
        int asked = api.requests().size();
        for (int i = 0; i < 3; i++) {
            run(provider, "changes_due = now(), changes_at = NULL", "changes_at IS NOT NULL AND changes_due > now()");
        }
        assertEquals(rows, everythingOf(provider));
        assertEquals(
                List.of(),
                api.requests().stream()
                        .skip(asked)
                        .filter(request -> request.path().contains("u%7C"))
                        .toList());
    }

    /** Every row and every decision. */
    private String everythingOf(String provider) {
        return database.value(
                "SELECT concat_ws(' ', (SELECT string_agg(id || xmin::text || coalesce(deleted_at::text, ''), ' ' ORDER BY id) FROM neon_auth.users_sync"
                        + " WHERE starts_with(id, '" + provider
                        + ":')), (SELECT count(*) FROM users_sync_internal.event_log WHERE provider = '" + provider
                        + "'))");
    }

    @Test
    void anAnswerWithoutUsersIsNoEmptyListing() {
        each(SPEECHES.keySet(), this::anAnswerWithoutUsersIsNoEmptyListing);
    }

    private void anAnswerWithoutUsersIsNoEmptyListing(String provider) {
        FakeApi api = start(provider);
        api.createMany("u|", 30);
        list(provider);
        AtomicInteger pages = new AtomicInteger();
        api.fault(request -> !request.path().contains("token") && pages.incrementAndGet() == 1
                ? Answer.ok(
                        provider.equals("better-auth")
                                ? FakeApi.object().put("total", 0).set("users", FakeApi.array(List.of()))
                                : FakeApi.object().put("message", "try again"))
                : null);
        run(provider, "listing_due = now()", "last_error IS NOT NULL");
        run(provider, "listing_due = now()", "phase IS NULL AND job = 'reconcile'");
        assertTableIsTrue(provider);
        assertTrue(state(provider, "last_error").startsWith("its API answered "), state(provider, "last_error"));
        assertEquals("0", state(provider, "missing"));
    }

    @Test
    void aRunThroughFaultsArrivesWhole() {
        each(SPEECHES.keySet(), this::aRunThroughFaultsArrivesWhole);
    }

    private void aRunThroughFaultsArrivesWhole(String provider) {
        FakeApi api = start(provider);
        List<String> ids = api.createMany("u|", 65);
        AtomicInteger pages = new AtomicInteger();
        api.fault(request -> request.path().contains("token")
                ? null
                : switch (pages.incrementAndGet()) {
                    case 2 -> Answer.status(500);
                    case 3 -> Answer.status(429).header("Retry-After", "1");
                    case 4 -> Answer.status(401); // and then the key or token works again
                    case 5 -> new Answer(0, null, Map.of()); // the connection breaks
                    case 6 -> {
                        api.create("during the run");
                        api.rename(ids.get(1), "Renamed during the run");
                        yield null;
                    }
                    default -> null;
                });
        await().atMost(Duration.ofSeconds(60))
                .pollInterval(Duration.ofMillis(200))
                .until(() -> {
                    database.execute(
                            "UPDATE users_sync_internal.poll_state SET listing_due = least(listing_due, now()) WHERE provider = '"
                                    + provider
                                    + "' AND backfilled_at IS NULL"); // cuts the growing pauses between failures
                    polls().wake(provider);
                    return "t".equals(state(provider, "backfilled_at IS NOT NULL AND phase IS NULL"));
                });
        assertTrue(pages.get() > 6, "every fault was met: " + api.requests());
        list(provider); // one page held a user as of before the change
        assertTableIsTrue(provider);
        assertEquals("0 0", state(provider, "concat_ws(' ', deleted, missing)"));
    }
}
