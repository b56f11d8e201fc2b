package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Providers;
import dev.userssync.testing.CommandRun;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Request;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.FakeOrganizationApis;
import dev.userssync.testing.FakeOrganizations;
import dev.userssync.testing.PrivateKeys;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiFunction;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every provider that lists organizations and their members, all in one application, each in its own API language. No
 * webhook reports a change.
 */
class OrganizationPollsTest extends RunningApp {

    private static final Map<String, BiFunction<Request, FakeOrganizations, Answer>> SPEECHES = new LinkedHashMap<>();

    static {
        SPEECHES.put("clerk", FakeOrganizationApis::clerk);
        SPEECHES.put("auth0", FakeOrganizationApis::auth0);
        SPEECHES.put("workos", FakeOrganizationApis::workos);
        SPEECHES.put("stack-auth", FakeOrganizationApis::stackAuth);
        SPEECHES.put("zitadel", FakeOrganizationApis::zitadel);
        SPEECHES.put("keycloak", FakeOrganizationApis::keycloak);
        SPEECHES.put("logto", FakeOrganizationApis::logto);
        SPEECHES.put("kinde", FakeOrganizationApis::kinde);
        SPEECHES.put("fusionauth", FakeOrganizationApis::fusionauth);
        SPEECHES.put("stytch", FakeOrganizationApis::stytch);
        SPEECHES.put("okta", FakeOrganizationApis::okta);
    }

    /** Members there have no roles. */
    private static final Set<String> WITHOUT_ROLES = Set.of("keycloak", "fusionauth", "okta");

    /** Members there have one role. */
    private static final Set<String> WITH_ONE_ROLE = Set.of("clerk");

    private static final Set<String> WITH_SECRETS = Set.of("auth0", "keycloak", "logto", "kinde", "stytch");

    /** A member there is a user of one organization. */
    private static final Set<String> OF_USERS = Set.of("stytch");

    private final Map<String, FakeOrganizations> all = new LinkedHashMap<>();
    private final PrivateKeys keys = new PrivateKeys();

    OrganizationPollsTest() {
        settings.keySet().removeIf(name -> name.toString().endsWith(Providers.SECRET));
        settings.setProperty("shared.ids", "false");
        settings.setProperty("poll.tick", "20");
        settings.setProperty("poll.interval", "1h");
        settings.setProperty("stack-auth.project.id", "project");
        settings.setProperty("keycloak.realm", "orchard");
        SPEECHES.forEach((provider, speech) -> {
            FakeOrganizations fake = new FakeOrganizations(speech);
            all.put(provider, fake);
            settings.setProperty(provider + ".api.url", fake.api.url());
            settings.setProperty(
                    provider + ".api.key", WITH_SECRETS.contains(provider) ? "client:secret" : FakeApis.KEY);
            settings.setProperty(provider + ".id.prefix", provider + "-");
        });
        settings.setProperty("clerk.webhook.secret", TestSettings.SECRET);
        for (String provider : List.of("logto", "fusionauth", "stytch", "okta")) {
            settings.setProperty(provider + ".webhook.secret", TestSettings.SECRET);
        }
        settings.setProperty("kinde.jwks.url", keys.jwks.url().toString());
    }

    static Set<String> providers() {
        return SPEECHES.keySet();
    }

    @AfterAll
    void closeApis() {
        all.values().forEach(FakeOrganizations::close);
        keys.close();
    }

    private Polls polls() {
        return context().getRegistry().lookupByNameAndType("polls", Polls.class);
    }

    /** Starts with empty tables. Nothing is due until the test wakes the provider. */
    private FakeOrganizations start(String provider) {
        polls().unlimited = true;
        String poller = PollSettings.organizations(provider);
        await().until(() -> "t".equals(state(provider, "lease_until < now()"))
                && !state(provider, "fence > 0").isEmpty());
        FakeOrganizations fake = all.get(provider);
        fake.reset();
        fake.api.largestPage = 2;
        for (String table : List.of("organizations_sync", "memberships_sync")) {
            database.execute("DELETE FROM neon_auth.%s WHERE starts_with(id, '%s-')".formatted(table, provider));
        }
        database.execute("DELETE FROM users_sync_internal.sweep_seen WHERE provider = '" + poller + "';"
                + "TRUNCATE users_sync_internal.membership_roles, users_sync_internal.membership_scope;"
                + "DELETE FROM users_sync_internal.dead_letter WHERE provider = '" + provider + "';"
                + "WITH old AS (DELETE FROM users_sync_internal.poll_state WHERE provider IN ('" + provider + "', '"
                + poller + "') RETURNING provider, fence)"
                + " INSERT INTO users_sync_internal.poll_state (provider, fence, changes_due, listing_due)"
                + " SELECT provider, fence + 1, 'infinity', 'infinity' FROM old");
        return fake;
    }

    private String state(String provider, String expression) {
        List<String> value = database.column("SELECT " + expression
                + " FROM users_sync_internal.poll_state AS p WHERE provider = '" + PollSettings.organizations(provider)
                + "'");
        return value.isEmpty() ? "" : value.get(0);
    }

    private void awaitState(String provider, String condition) {
        try {
            await().atMost(Duration.ofSeconds(20))
                    .pollInterval(Duration.ofMillis(20))
                    .until(() -> "t".equals(state(provider, condition)));
        } catch (ConditionTimeoutException e) {
            throw new AssertionError(
                    condition + " is not so: " + state(provider, "to_jsonb(p)") + "\n"
                            + all.get(provider).api.requests(),
                    e);
        }
    }

    /** Runs one complete job: the backfill, else a reconcile. */
    private void list(String provider) {
        String before = state(provider, "coalesce(CAST(started_at AS text), '-infinity')");
        begin(provider);
        awaitState(provider, "phase IS NULL AND started_at > '" + before + "'");
    }

    private void begin(String provider) {
        database.execute("UPDATE users_sync_internal.poll_state SET listing_due = now() WHERE provider = '"
                + PollSettings.organizations(provider) + "'");
        polls().wake(PollSettings.organizations(provider));
    }

    private List<String> organizations(String provider) {
        return database.column(
                "SELECT id || ' ' || name FROM neon_auth.organizations_live WHERE starts_with(id, '%s-') ORDER BY id COLLATE \"C\""
                        .formatted(provider));
    }

    private List<String> members(String provider) {
        return database.column(
                "SELECT organization_id || ' ' || user_id %s AS member FROM neon_auth.memberships_live WHERE starts_with(organization_id, '%s-') ORDER BY organization_id COLLATE \"C\", user_id COLLATE \"C\""
                        .formatted(WITHOUT_ROLES.contains(provider) ? "" : "|| ' ' || roles::text", provider));
    }

    private void assertTablesAreTrue(String provider) {
        FakeOrganizations fake = all.get(provider);
        String prefix = provider + "-";
        assertEquals(
                fake.organizationsTruth().stream().map(prefix::concat).toList(), organizations(provider), provider);
        assertEquals(
                fake
                        .membersTruth(
                                WITHOUT_ROLES.contains(provider) ? null : WITH_ONE_ROLE.contains(provider) ? 1 : 9,
                                OF_USERS.contains(provider))
                        .stream()
                        .map(member -> prefix + member.replaceFirst(" ", " " + prefix))
                        .toList(),
                members(provider),
                provider);
    }

    /** Three organizations and five memberships, more than a page of each. */
    private FakeOrganizations filled(String provider) {
        FakeOrganizations fake = start(provider);
        for (String id : List.of("o1", "o2", "o3")) {
            fake.found(id);
        }
        fake.join("o1", "u1", "admin", "editor");
        fake.join("o1", "u2", "editor");
        fake.join("o1", "u3", "editor");
        fake.join("o2", "u1", "editor");
        fake.join("o3", "u4", "editor");
        list(provider);
        return fake;
    }

    @ParameterizedTest
    @MethodSource("providers")
    void aBackfillListsEverything(String provider) {
        filled(provider);
        assertTablesAreTrue(provider);
        assertEquals("backfill 8 8 0 0", report(provider));
    }

    private String report(String provider) {
        return state(
                provider,
                "concat_ws(' ', last_report ->> 'job', last_report ->> 'listed', last_report ->> 'added', last_report ->> 'updated', last_report ->> 'deleted')");
    }

    @ParameterizedTest
    @MethodSource("providers")
    void aReconcileFindsEveryChange(String provider) {
        FakeOrganizations fake = filled(provider);
        fake.rename("o1", "Another name");
        fake.dissolve("o3");
        fake.found("o4");
        fake.leave("o1", "u2");
        fake.change("o1", "u1", "editor");
        fake.join("o2", "u2", "editor");
        fake.join("o4", "u4", "admin");
        list(provider);
        assertTablesAreTrue(provider);
        fake.leave("o2", "u2");
        fake.leave("o2", "u1");
        list(provider);
        assertTablesAreTrue(provider);
        fake.join("o1", "u2", "admin");
        list(provider);
        assertTablesAreTrue(provider);
    }

    @ParameterizedTest
    @MethodSource("providers")
    void aReconcileWithoutAChangeWritesNoRow(String provider) {
        filled(provider);
        String rows =
                "SELECT xmin || ' ' || id FROM neon_auth.organizations_sync UNION ALL SELECT xmin || ' ' || id FROM neon_auth.memberships_sync"
                        + " UNION ALL SELECT count(*)::text FROM users_sync_internal.event_log ORDER BY 1";
        List<String> before = database.column(rows);
        list(provider);
        assertEquals(before, database.column(rows));
        assertEquals("reconcile 8 0 0 0", report(provider));
    }

    @ParameterizedTest
    @MethodSource("providers")
    void aListThatFailsHalfwayGoesOnWhereItWas(String provider) {
        FakeOrganizations fake = start(provider);
        fake.found("o1");
        fake.found("o2");
        fake.join("o1", "u1", "editor");
        fake.join("o2", "u2", "editor");
        AtomicInteger pages = new AtomicInteger();
        fake.api.fault(request -> isOfUsers(request) || pages.incrementAndGet() != 3 ? null : Answer.status(500));
        begin(provider);
        awaitState(provider, "listing_failures > 0 OR phase IS NULL AND last_report IS NOT NULL");
        begin(provider); // cuts the pause short
        awaitState(provider, "phase IS NULL AND last_report IS NOT NULL");
        assertTablesAreTrue(provider);
    }

    private static boolean isOfUsers(Request request) {
        return request.path().endsWith("/users") || request.path().endsWith("/token");
    }

    @Test
    void theBrakeHoldsManyMembershipsButOneGroupMayBecomeEmpty() {
        FakeOrganizations fake = start("workos");
        fake.api.largestPage = 100;
        for (int organization = 0; organization < 4; organization++) {
            fake.found("o" + organization);
            for (int user = 0; user < 10; user++) {
                fake.join("o" + organization, "u" + user, "editor");
            }
        }
        fake.found("small");
        fake.join("small", "u1", "editor");
        fake.join("small", "u2", "editor");
        list("workos");
        fake.leave("small", "u1");
        fake.leave("small", "u2");
        list("workos");
        assertTablesAreTrue("workos");

        for (int user = 0; user < 6; user++) {
            fake.leave("o1", "u" + user);
        }
        begin("workos");
        awaitState("workos", "phase = 'held'");
        assertEquals("6 of 40 memberships are missing, more than 10 %", state("workos", "held_because"));
        assertEquals(
                "40",
                database.value("SELECT count(*) FROM neon_auth.memberships_live WHERE starts_with(id, 'workos-')"));
        assertEquals(400, post("/admin/polls/nobody:organizations/confirm"));
        assertEquals(200, post("/admin/polls/workos:organizations/confirm"));
        awaitState("workos", "phase IS NULL");
        assertTablesAreTrue("workos");
        assertEquals("reconcile 39 0 0 6", report("workos"));
    }

    @Test
    void theBrakeHoldsAnEmptyListingOfOrganizationsAndEmptyListsOfAllMembers() {
        FakeOrganizations fake = filled("auth0");
        fake.api.fault(request -> request.path().endsWith("/members")
                ? Answer.ok(FakeApi.object().set("members", FakeApi.array(List.of())))
                : null);
        begin("auth0");
        awaitState("auth0", "phase = 'held'");
        assertEquals("the lists of members were all empty", state("auth0", "held_because"));
        fake.api.mend();
        fake.api.fault(request -> request.path().endsWith("/organizations")
                ? Answer.ok(FakeApi.object().set("organizations", FakeApi.array(List.of())))
                : null);
        begin("auth0");
        awaitState("auth0", "held_because LIKE 'the listing%'");
        assertEquals("the listing of organizations was empty", state("auth0", "held_because"));
        fake.api.mend();
        list("auth0");
        assertTablesAreTrue("auth0");
        assertEquals("reconcile 8 0 0 0", report("auth0"));
    }

    private void readChanges(String provider) {
        String asked = state(provider, "coalesce(CAST(changes_at AS text), '-infinity')");
        database.execute("UPDATE users_sync_internal.poll_state SET changes_due = now() WHERE provider = '"
                + PollSettings.organizations(provider) + "'");
        polls().wake(PollSettings.organizations(provider));
        awaitState(provider, "changes_at > '" + asked + "'");
    }

    @Test
    void theChangedGroupsOfOktaAreReadBetweenTwoListings() {
        FakeOrganizations fake = filled("okta");
        readChanges("okta");
        fake.api.requests().clear();
        fake.rename("o1", "Another name");
        fake.found("o4");
        fake.join("o4", "u1", "admin");
        fake.join("o4", "u2", "admin");
        fake.join("o4", "u3", "admin");
        fake.leave("o2", "u1"); // its last member
        String listed = state("okta", "to_jsonb(started_at) || to_jsonb(listing_due)");
        readChanges("okta");
        assertTablesAreTrue("okta");
        assertEquals(listed, state("okta", "to_jsonb(started_at) || to_jsonb(listing_due)"), "no reconcile");
        List<String> paths = fake.api.requests().stream().map(Request::path).toList();
        assertTrue(!paths.contains("/api/v1/groups/o3/users"), () -> "its members have not changed: " + paths);
        fake.api.requests().clear();
        readChanges("okta"); // the overlap shows the same groups
        assertEquals(
                List.of("/api/v1/groups"),
                fake.api.requests().stream().map(Request::path).distinct().toList());
    }

    @Test
    void theFeedOfOktaLeavesManyMissingMembershipsAndDeletedGroupsToTheReconcile() {
        FakeOrganizations fake = filled("okta");
        fake.api.largestPage = 200;
        fake.found("big");
        for (int user = 0; user < 120; user++) {
            fake.join("big", "u" + user);
        }
        readChanges("okta");
        assertTablesAreTrue("okta");
        for (int user = 0; user < 101; user++) {
            fake.leave("big", "u" + user);
        }
        fake.join("o3", "u9");
        fake.api.fault(request -> request.path().equals("/api/v1/groups/o3/users") ? Answer.status(404) : null);
        readChanges("okta");
        assertEquals(
                "120",
                database.value("SELECT count(*) FROM neon_auth.memberships_live WHERE organization_id = 'okta-big'"));
        fake.api.mend();
        begin("okta");
        awaitState("okta", "phase = 'held'");
        assertEquals("101 memberships are missing, more than 100", state("okta", "held_because"));
    }

    @Test
    void anOrganizationThatOneListingLacksStays() {
        FakeOrganizations fake = filled("workos");
        AtomicInteger listings = new AtomicInteger();
        fake.api.fault(request -> {
            if (request.path().equals("/organizations")
                    && !request.query().containsKey("after")
                    && listings.incrementAndGet() == 1) {
                fake.found("o0"); // a moment later, and the page shows the others alone
                return Answer.ok(FakeApi.object()
                        .putPOJO("list_metadata", FakeApi.object())
                        .set(
                                "data",
                                FakeApi.array(List.of(FakeApi.object()
                                        .put("object", "organization")
                                        .put("id", "o2")
                                        .put("name", "Name of o2")))));
            }
            return null;
        });
        begin("workos");
        awaitState("workos", "phase = 'again'");
        awaitState("workos", "phase IS NULL");
        assertEquals(
                List.of("workos-o0 Name of o0", "workos-o1 Name of o1", "workos-o2 Name of o2", "workos-o3 Name of o3"),
                organizations("workos"));
        assertEquals("0", state("workos", "last_report ->> 'deleted'"));
    }

    @Test
    void aKeyWithoutAccessStopsOnlyThisPartAndNamesWhatItNeeds() {
        FakeOrganizations fake = start("auth0");
        fake.api.fault(request -> request.path().contains("/organizations") ? Answer.status(403) : null);
        begin("auth0");
        awaitState("auth0", "listing_failures > 0");
        assertEquals(
                "its API answers HTTP 403, the key in AUTH0_API_KEY may not read organizations: let it read:organizations,"
                        + " read:organization_members and read:organization_member_roles, or set AUTH0_ORGANIZATIONS=off",
                state("auth0", "last_error"));
        database.execute("UPDATE users_sync_internal.poll_state SET listing_due = now() WHERE provider = 'auth0'");
        polls().wake("auth0");
        await().until(() -> database.column(
                        "SELECT provider FROM users_sync_internal.poll_state WHERE provider = 'auth0' AND backfilled_at IS NOT NULL AND phase IS NULL")
                .equals(List.of("auth0")));
        fake.found("o1");
        fake.join("o1", "u1", "admin");
        fake.api.mend();
        begin("auth0");
        awaitState("auth0", "phase IS NULL AND last_report IS NOT NULL");
        assertTablesAreTrue("auth0");
    }

    @Test
    void aProviderWithoutOrganizationsIsLeftAloneUntilTheNextReconcile() {
        FakeOrganizations fake = filled("workos");
        fake.api.fault(request -> request.path().equals("/organizations") ? Answer.status(404) : null);
        begin("workos");
        awaitState("workos", "phase IS NULL AND last_error IS NOT NULL");
        assertEquals("its API answers HTTP 404", state("workos", "last_error"));
        assertEquals("t", state("workos", "listing_due > now() + interval '50 minutes'"));
        assertTablesAreTrue("workos");
    }

    @Test
    void anOrganizationThatGoesWhileItsMembersAreListedDisturbsNothing() {
        FakeOrganizations fake = filled("workos");
        fake.api.fault(request -> {
            if ("o2".equals(request.query().get("organization_id"))) {
                fake.dissolve("o2");
            }
            return null;
        });
        list("workos");
        assertEquals(
                List.of("workos-o1 Name of o1", "workos-o2 Name of o2", "workos-o3 Name of o3"),
                organizations("workos"),
                "it was in the listing");
        list("workos");
        assertTablesAreTrue("workos");
    }

    @Test
    void aDryRunReportsAndWritesNothing() {
        FakeOrganizations fake = filled("clerk");
        fake.rename("o1", "Another name");
        fake.dissolve("o3");
        fake.leave("o1", "u2");
        List<String> organizations = organizations("clerk");
        List<String> members = members("clerk");
        assertEquals(200, post("/admin/polls/clerk:organizations/reconcile?dryRun=true"));
        awaitState("clerk", "phase IS NULL AND last_report ->> 'job' = 'dry-run'");
        assertEquals("dry-run 5 0 1 2", report("clerk"));
        assertEquals(organizations, organizations("clerk"));
        assertEquals(members, members("clerk"));
    }

    /** A webhook that is older than the list which lacks its membership comes too late. */
    @Test
    void aLateWebhookDoesNotReviveAMembershipThatTheListLacks() {
        FakeOrganizations fake = filled("clerk");
        String old = "{\"type\": \"organizationMembership.updated\", \"data\": " + json(fake, "o1", "u2") + "}";
        fake.leave("o1", "u2");
        list("clerk");
        assertTablesAreTrue("clerk");
        assertEquals(204, deliver(old));
        assertTablesAreTrue("clerk");
        fake.join("o1", "u2", "admin");
        assertEquals(
                204,
                deliver("{\"type\": \"organizationMembership.created\", \"data\": " + json(fake, "o1", "u2") + "}"));
        assertTablesAreTrue("clerk");
        list("clerk");
        assertTablesAreTrue("clerk");
    }

    @Test
    void aKeyThatFusionAuthRefusesForAPermissionNamesIt() {
        FakeOrganizations fake = start("fusionauth");
        fake.api.fault(request -> request.path().startsWith("/api/group") ? Answer.status(401) : null);
        begin("fusionauth");
        awaitState("fusionauth", "listing_failures > 0");
        assertEquals(
                "its API answers HTTP 401, check FUSIONAUTH_API_KEY: let it POST to /api/group/search and"
                        + " /api/group/member/search, or set FUSIONAUTH_ORGANIZATIONS=off",
                state("fusionauth", "last_error"));
    }

    @Test
    void aNumberedPageSkipsNobodyWhoStaysAMember() {
        FakeOrganizations fake = start("logto");
        fake.found("o1");
        for (int i = 100; i < 220; i++) {
            fake.join("o1", "u" + i, "editor");
        }
        list("logto");
        assertTablesAreTrue("logto");
        AtomicBoolean left = new AtomicBoolean();
        fake.api.fault(request -> {
            if (request.path().endsWith("/o1/users")
                    && !request.query().get("page").equals("1")
                    && left.compareAndSet(false, true)) {
                List.of("u100", "u101", "u102").forEach(user -> fake.leave("o1", user));
            }
            return null;
        });
        list("logto");
        assertEquals("reconcile 121 0 0 0", report("logto"));
        list("logto");
        assertTablesAreTrue("logto");
    }

    @Test
    void aSuspendedMemberIsNotActive() {
        FakeOrganizations fake = start("kinde");
        fake.found("o1");
        fake.join("o1", "u1", "editor");
        fake.join("o1", "suspended1", "editor");
        list("kinde");
        assertEquals(List.of("kinde-o1 kinde-u1 {editor}"), members("kinde"));
        assertEquals("backfill 3 3 0 0", report("kinde"));
    }

    @Test
    void aPageIsLargerThanTheDefault() {
        FakeOrganizations fake = start("kinde");
        fake.api.largestPage = 500;
        fake.found("o1");
        for (int i = 10; i < 35; i++) {
            fake.join("o1", "u" + i, "editor");
        }
        list("kinde");
        assertTablesAreTrue("kinde");
        assertEquals(
                1,
                fake.api.requests().stream()
                        .filter(request -> request.path().endsWith("/o1/users"))
                        .count());
    }

    @Test
    void aGroupMayLoseAllItsMembersWithoutAnEvent() {
        FakeOrganizations fake = filled("fusionauth");
        List.of("u1", "u2", "u3").forEach(user -> fake.leave("o1", user));
        list("fusionauth");
        assertTablesAreTrue("fusionauth");
        assertEquals("reconcile 5 0 0 3", report("fusionauth"));
    }

    @Test
    void aPageBeyondTheEndGoesBack() {
        FakeOrganizations fake = filled("fusionauth");
        AtomicBoolean left = new AtomicBoolean();
        fake.api.fault(request -> {
            if (request.path().equals("/api/group/member/search")
                    && request.json().at("/search/startRow").asInt() == 3
                    && left.compareAndSet(false, true)) {
                List.of("u1", "u2", "u3").forEach(user -> fake.leave("o1", user));
            }
            return null;
        });
        list("fusionauth");
        assertEquals("0", state("fusionauth", "listing_failures"));
        list("fusionauth");
        assertTablesAreTrue("fusionauth");
    }

    @Test
    void aMemberOfStytchIsAUserToo() {
        FakeOrganizations fake = start("stytch");
        fake.found("o1");
        fake.join("o1", "u1", "editor");
        fake.join("o1", "u2", "invited");
        list("stytch");
        List<String> ids = fake.members("o1").stream()
                .map(member -> "stytch-" + member.id())
                .toList();
        assertEquals(
                List.of("stytch-o1 " + ids.get(0) + " {editor}"), members("stytch"), "who is invited is not active");
        String users = "SELECT name || ' ' || email FROM neon_auth.users_live WHERE id = ANY ('{%s}') ORDER BY name"
                .formatted(String.join(",", ids));
        assertEquals(List.of("Name of u1 u1@orchard.example", "Name of u2 u2@orchard.example"), database.column(users));
        assertEquals("backfill 3 3 0 0", report("stytch"));
        fake.change("o1", "u2", "admin");
        list("stytch");
        assertTablesAreTrue("stytch");
        assertEquals("reconcile 3 0 1 0", report("stytch"));
    }

    /** The membership ends with the first listing that lacks the member, the user with the second. */
    @Test
    void aMemberOfStytchWhoseDeletionNobodyReportedIsDeleted() {
        FakeOrganizations fake = start("stytch");
        for (String organization : List.of("o1", "o2")) {
            fake.found(organization);
            fake.join(organization, "u1", "editor");
            fake.join(organization, "u2", "editor");
        }
        list("stytch");
        String users = "SELECT name FROM neon_auth.users_live WHERE id IN ('stytch-%s') ORDER BY id"
                .formatted(String.join(
                        "', 'stytch-",
                        fake.members(null).stream()
                                .map(FakeOrganizations.Member::id)
                                .toList()));
        assertEquals(List.of("Name of u1", "Name of u2", "Name of u1", "Name of u2"), database.column(users));
        fake.leave("o1", "u1");
        list("stytch");
        assertTablesAreTrue("stytch");
        assertEquals(4, database.column(users).size());
        fake.dissolve("o2");
        listAfterTheSecondLook("stytch");
        assertEquals(List.of("Name of u2", "Name of u1", "Name of u2"), database.column(users));
        listAfterTheSecondLook("stytch");
        assertEquals(List.of("Name of u2"), database.column(users));
        assertEquals("reconcile 2 0 0 2", report("stytch"));
        list("stytch");
        assertEquals("reconcile 2 0 0 0", report("stytch"));
    }

    /** A listing that may delete whom the one before has missed. */
    private void listAfterTheSecondLook(String provider) {
        await().until(() -> database.value(
                        "SELECT max(deleted_at) < now() - interval '500 milliseconds'"
                                + " FROM (SELECT deleted_at FROM neon_auth.memberships_sync UNION ALL SELECT deleted_at FROM neon_auth.organizations_sync) AS gone")
                .equals("t"));
        list(provider);
    }

    @Test
    void theReconcileOfConsumersLeavesTheMembersOfStytchAlone() {
        FakeOrganizations fake = start("stytch");
        database.execute("DELETE FROM neon_auth.users_sync WHERE starts_with(id, 'stytch-')");
        fake.found("o1");
        fake.join("o1", "u1", "editor");
        list("stytch");
        database.execute("UPDATE neon_auth.users_sync SET id = 'stytch-member-1' WHERE id = 'stytch-"
                + fake.members("o1").get(0).id() + "'");
        for (int job = 0; job < 2; job++) { // a backfill and a reconcile
            database.execute(
                    "UPDATE users_sync_internal.poll_state SET listing_due = now(), last_report = NULL WHERE provider = 'stytch'");
            polls().wake("stytch");
            await().until(
                            () -> "0"
                                    .equals(
                                            database.value(
                                                    "SELECT last_report ->> 'missing' FROM users_sync_internal.poll_state WHERE provider = 'stytch'")));
        }
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_live WHERE id = 'stytch-member-1'"));
    }

    @Test
    void aConsumerProjectOfStytchIsAskedForOrganizationsOnce() {
        FakeOrganizations fake = start("stytch");
        database.execute("UPDATE users_sync_internal.poll_state SET pages_total = 1 WHERE provider = 'stytch'");
        fake.api.fault(request -> request.path().startsWith("/v1/b2b") ? Answer.status(400) : null);
        begin("stytch");
        awaitState(
                "stytch",
                "last_error = 'the project has no organizations, its API answers HTTP 400; users-sync asks again after a restart' AND phase IS NULL AND lease_until < now()");
        fake.api.requests().clear();
        database.execute(
                "UPDATE users_sync_internal.poll_state SET listing_due = now() WHERE provider = 'stytch:organizations'");
        polls().status("stytch:organizations").lookAgainAt(System.nanoTime());
        await().during(Duration.ofMillis(300)).until(() -> fake.api.requests().isEmpty());
        fake.api.mend();
        fake.found("o1");
        list("stytch"); // wakes the poll, as a request of an operator does
        assertTablesAreTrue("stytch");
    }

    @Test
    void aProjectWithoutOrganizationsSaysHowToEndThePoll() {
        FakeOrganizations fake = start("stytch");
        fake.api.fault(request -> request.path().startsWith("/v1/b2b") ? Answer.status(400) : null);
        begin("stytch");
        awaitState("stytch", "listing_failures > 0");
        assertEquals(
                "its API answers HTTP 400, check STYTCH_API_KEY: let it be of a B2B project, or set STYTCH_ORGANIZATIONS=off",
                state("stytch", "last_error"));
    }

    @Test
    void aGroupOfAnyTypeButEveryoneIsListed() {
        FakeOrganizations fake = start("okta");
        fake.found("o1");
        fake.found("imported");
        fake.found("everyone");
        fake.rename("everyone", "Everyone");
        fake.join("everyone", "u1");
        fake.join("imported", "u1");
        list("okta");
        assertEquals(List.of("okta-imported Name of imported", "okta-o1 Name of o1"), organizations("okta"));
        assertEquals(List.of("okta-imported okta-u1"), members("okta"));
        assertEquals("backfill 3 3 0 0", report("okta"));
        assertEquals(
                List.of(),
                fake.api.requests().stream()
                        .filter(request -> request.path().contains("everyone"))
                        .toList());
    }

    /** What the webhooks report of an organization o1 and of its member u1, an editor. */
    static Stream<Arguments> reports() {
        return Stream.of(
                Arguments.of("logto", List.of("""
                        {"event": "Organization.Created", "createdAt": "{now}",
                         "data": {"tenantId": "orchard", "id": "o1", "name": "Name of o1", "description": null, "createdAt": {founded}}}""", """
                        {"event": "Organization.Membership.Updated", "createdAt": "{now}", "organizationId": "o1", "addedUserIds": ["u1"]}""")),
                Arguments.of("kinde", List.of("""
                        {"type": "organization.updated", "event_timestamp": "{now}", "data": {"organization":
                          {"code": "o1", "external_id": null, "handle": null, "is_allow_registrations": false, "name": "Name of o1"}}}""", """
                        {"type": "user.updated", "event_timestamp": "{now}", "data": {"user": {"id": "u1", "is_suspended": false,
                          "organizations": [{"code": "o1", "roles": ["editor"], "permissions": [{"id": "p1", "key": "read"}]}]}}}""")),
                Arguments.of("fusionauth", List.of("""
                        {"event": {"type": "group.create.complete", "createInstant": {founded}, "group":
                          {"id": "o1", "name": "Name of o1", "insertInstant": {founded}, "lastUpdateInstant": {founded}, "tenantId": "orchard"}}}""", """
                        {"event": {"type": "group.member.add.complete", "createInstant": {joined}, "group": {"id": "o1"},
                          "members": [{"id": "{member}", "userId": "u1", "insertInstant": {joined}}]}}""")),
                Arguments.of("stytch", List.of("""
                        {"action": "CREATE", "object_type": "organization", "id": "o1", "timestamp": "{now}",
                         "organization": {"organization_id": "o1", "organization_name": "Name of o1", "organization_slug": "slug-of-o1"}}""", """
                        {"action": "CREATE", "object_type": "member", "id": "{member}", "timestamp": "{now}", "member":
                          {"member_id": "{member}", "organization_id": "o1", "email_address": "u1@orchard.example", "name": "Name of u1",
                           "status": "active", "roles": [{"role_id": "editor", "sources": [{"type": "direct_assignment"}]}]}}""")),
                Arguments.of("okta", List.of("""
                        {"data": {"events": [
                          {"eventType": "group.lifecycle.create", "published": "{now}", "outcome": {"result": "SUCCESS"}, "target":
                            [{"id": "o1", "type": "UserGroup", "alternateId": "unknown", "displayName": "Name of o1", "detailEntry": null}]},
                          {"eventType": "group.user_membership.add", "published": "{now}", "outcome": {"result": "SUCCESS"}, "target":
                            [{"id": "u1", "type": "User", "alternateId": "u1", "displayName": "U"},
                             {"id": "o1", "type": "UserGroup", "alternateId": "unknown", "displayName": "Name of o1", "detailEntry": null}]}]}}""")));
    }

    /** Otherwise each list would replace what a webhook has written, and count it as repaired. */
    @ParameterizedTest
    @MethodSource("reports")
    void aListAgreesWithTheWebhooks(String provider, List<String> reports) throws Exception {
        FakeOrganizations fake = start(provider);
        fake.found("o1");
        fake.join("o1", "u1", "editor");
        FakeOrganizations.Member member = fake.members("o1").get(0);
        for (String report : reports) {
            String body = report.replace("{now}", Instant.now().toString())
                    .replace("{founded}", "" + fake.organization("o1").created().toEpochMilli())
                    .replace("{joined}", "" + member.created().toEpochMilli())
                    .replace("{member}", member.id());
            assertEquals(
                    204,
                    new Delivery(sign(provider, body)).post(webhooks(provider)).statusCode());
        }
        String rows = "SELECT id || raw_json FROM neon_auth.organizations_sync WHERE starts_with(id, '%1$s-')"
                + " UNION ALL SELECT id || raw_json FROM neon_auth.memberships_sync WHERE starts_with(organization_id, '%1$s-') ORDER BY 1";
        List<String> before = database.column(rows.formatted(provider));
        assertEquals(2, before.size());
        list(provider);
        list(provider);
        assertEquals(before, database.column(rows.formatted(provider)));
        assertEquals(
                "2 0 0 0",
                state(
                        provider,
                        "concat_ws(' ', last_report ->> 'listed', last_report ->> 'updated', last_report ->> 'newer', last_report ->> 'repaired')"));
        assertTablesAreTrue(provider);
    }

    private VerificationScheme.Signed sign(String provider, String body) throws Exception {
        byte[] document = body.getBytes(StandardCharsets.UTF_8);
        return keys.has(provider)
                ? keys.sign(provider, document)
                : context.getComponent("verify", VerifyComponent.class)
                        .scheme(provider)
                        .sign(document);
    }

    private static String json(FakeOrganizations fake, String organization, String user) {
        return FakeOrganizationApis.clerkMembership(
                        fake.members(organization).stream()
                                .filter(member -> member.user().equals(user))
                                .findFirst()
                                .orElseThrow(),
                        fake)
                .toString();
    }

    private int deliver(String body) {
        return new Delivery(body).post(webhooks("clerk")).statusCode();
    }

    private int post(String path) {
        return new Delivery("").post(management(path)).statusCode();
    }

    @Test
    void keycloaksGroupsAreListedAtEveryDepthWithOrWithoutOrganizations() {
        FakeOrganizations fake = start("keycloak");
        fake.found("g1");
        fake.found("g2");
        fake.join("g2", "u1");
        fake.api.fault(request -> request.path().endsWith("/organizations") ? Answer.status(404) : null);
        list("keycloak");
        assertTablesAreTrue("keycloak");
        assertEquals(
                List.of("group", "group keycloak-g1"),
                database.column(
                        "SELECT concat_ws(' ', kind, parent_id) AS one FROM neon_auth.organizations_sync WHERE starts_with(id, 'keycloak-') ORDER BY id COLLATE \"C\""));
        fake.dissolve("g2");
        list("keycloak");
        assertTablesAreTrue("keycloak");
    }

    @Test
    void theTeamsAndDirectoryGroupsOfWorkosAreListedWithTheirMembers() {
        FakeOrganizations fake = start("workos");
        for (int organization = 0; organization < 9; organization++) { // without teams
            fake.found("o" + organization);
        }
        for (String group : List.of("team-o3-a", "team-o3-b", "team-o3-c", "dir2-a", "dir2-b", "dir2-c")) {
            fake.found(group);
            fake.join(group, "u1", "member");
            fake.join(group, "u2", "member");
            fake.join(group, "u3", "member");
        }
        list("workos");
        assertEquals(
                List.of("group dir2 3", "organization  9", "team o3 3"),
                database.column(
                        "SELECT concat_ws(' ', kind, replace(coalesce(parent_id, ''), 'workos-', ''), count(*)) AS one FROM neon_auth.organizations_live WHERE starts_with(id, 'workos-') GROUP BY kind, parent_id ORDER BY 1"));
        String members =
                "SELECT organization_id || ' ' || count(*) AS one FROM neon_auth.memberships_live WHERE starts_with(organization_id, 'workos-') GROUP BY organization_id ORDER BY organization_id COLLATE \"C\"";
        assertEquals(
                List.of(
                        "workos-dir2-a 3",
                        "workos-dir2-b 3",
                        "workos-dir2-c 3",
                        "workos-team-o3-a 3",
                        "workos-team-o3-b 3",
                        "workos-team-o3-c 3"),
                database.column(members));
        assertEquals("backfill 33 33 0 0", report("workos"));
        list("workos");
        assertEquals("reconcile 33 0 0 0", report("workos"));
        fake.leave("dir2-a", "u1");
        fake.dissolve("team-o3-b");
        list("workos");
        assertEquals(
                List.of(
                        "workos-dir2-a 2",
                        "workos-dir2-b 3",
                        "workos-dir2-c 3",
                        "workos-team-o3-a 3",
                        "workos-team-o3-c 3"),
                database.column(members));
    }

    @Test
    void theGroupsOfAuth0AreListedIfTheKeyMayListThem() {
        FakeOrganizations fake = start("auth0");
        for (String id : List.of("o1", "g1", "g2", "g3")) {
            fake.found(id);
            fake.join(id, "u1", "editor");
            fake.join(id, "u2", "editor");
        }
        fake.join("g1", "con_1");
        list("auth0");
        String groups =
                "SELECT concat_ws(' ', o.id, o.kind, o.parent_id, m.user_id) AS one FROM neon_auth.organizations_live AS o JOIN neon_auth.memberships_live AS m ON m.organization_id = o.id WHERE starts_with(o.id, 'auth0-g') ORDER BY 1";
        List<String> all = database.column(groups);
        assertEquals(6, all.size());
        assertEquals("auth0-g1 group auth0-o1 auth0-u1", all.get(0));
        list("auth0");
        assertEquals("reconcile 12 0 0 0", report("auth0"));

        fake.dissolve("g3");
        fake.api.fault(request -> request.path().equals("/api/v2/groups") ? Answer.status(403) : null);
        list("auth0");
        assertEquals(all, database.column(groups), "the key may not list groups");
        fake.api.mend();
        list("auth0");
        assertEquals(all.subList(0, 4), database.column(groups));

        fake.dissolve("g2");
        AtomicInteger listings = new AtomicInteger();
        fake.api.fault(request ->
                request.path().equals("/api/v2/groups") && listings.incrementAndGet() > 1 ? Answer.status(403) : null);
        list("auth0");
        assertEquals(all.subList(0, 4), database.column(groups), "the second listing could not show it");
    }

    /** Each is a page of its own that shows nothing new. */
    @Test
    void manyOrganizationsOfKeycloakWithoutGroupsAreNoListingWithoutAnEnd() {
        FakeOrganizations fake = start("keycloak");
        fake.api.largestPage = 100;
        for (int organization = 10; organization < 20; organization++) {
            fake.found("o" + organization);
        }
        list("keycloak");
        assertEquals("backfill 10 10 0 0", report("keycloak"));
    }

    @Test
    void membershipsOfWorkosThatArePendingStayAndAreNotActive() {
        FakeOrganizations fake = start("workos");
        fake.found("o1");
        fake.join("o1", "u1", "pending");
        list("workos");
        list("workos");
        assertEquals(List.of(), members("workos"));
        assertEquals(
                List.of("false null"),
                database.column(
                        "SELECT active || ' ' || coalesce(CAST(deleted_at AS text), 'null') AS one FROM neon_auth.memberships_sync WHERE starts_with(id, 'workos-')"));
    }

    /** Reads the feed twice, as every poll does with its last minute. The second time writes nothing. */
    private void readFeed(String provider, String path, String events) {
        FakeOrganizations fake = start(provider);
        JsonNode page = json(events);
        fake.api.fault(request -> request.path().endsWith("/organization_memberships/om_1")
                ? Answer.ok(json("{\"id\": \"om_1\", \"user_id\": \"user_1\"}"))
                : request.path().endsWith(path)
                        ? Answer.ok(
                                isFirst(request)
                                        ? page.deepCopy()
                                        : page.isArray() ? FakeApi.array(List.of()) : FakeApi.object())
                        : null);
        List<String> history = List.of();
        for (int i = 0; i < 2; i++) {
            database.execute("UPDATE users_sync_internal.poll_state SET changes_due = now(), changes_at = NULL"
                    + " WHERE provider = '" + provider + "'");
            polls().wake(provider);
            await().atMost(Duration.ofSeconds(20))
                    .until(() -> !database.column(
                                    "SELECT provider FROM users_sync_internal.poll_state WHERE changes_at IS NOT NULL AND provider = '"
                                            + provider + "'")
                            .isEmpty());
            List<String> now = database.column(
                    "SELECT user_id || decision AS one FROM users_sync_internal.event_log WHERE provider = '" + provider
                            + "' AND entity IS NOT NULL ORDER BY at, user_id");
            if (i > 0) {
                assertEquals(history, now);
            }
            history = now;
        }
    }

    /** Whether the page is the first of a feed, the only one with events. */
    private static boolean isFirst(Request request) {
        return !request.query().containsKey("after")
                && request.number("first", 0) == 0
                && !request.body().contains("2026-02-01T10:00:02Z"); // the time of the last event
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(e);
        }
    }

    @Test
    void theFeedOfWorkosTellsOfOrganizationsAndPassesWhatHasLongEnded() {
        readFeed("workos", "/events", """
                {"object": "list", "list_metadata": {"after": null}, "data": [
                 {"id": "event_1", "event": "organization.created", "created_at": "2026-02-01T10:00:00.000Z",
                  "data": {"object": "organization", "id": "org_1", "name": "Orchard", "created_at": "2026-02-01T10:00:00.000Z", "updated_at": "2026-02-01T10:00:00.000Z"}},
                 {"id": "event_2", "event": "organization_membership.created", "created_at": "2026-02-01T10:00:01.000Z",
                  "data": {"object": "organization_membership", "id": "om_1", "user_id": "user_1", "organization_id": "org_1", "status": "active", "role": {"slug": "admin"},
                           "created_at": "2026-02-01T10:00:01.000Z", "updated_at": "2026-02-01T10:00:01.000Z"}},
                 {"id": "event_3", "event": "group.member_added", "created_at": "2026-02-01T10:00:02.000Z",
                  "data": {"group_id": "group_1", "organization_membership_id": "om_1"}},
                 {"id": "event_4", "event": "group.member_added", "created_at": "2026-02-01T10:00:03.000Z",
                  "data": {"group_id": "group_1", "organization_membership_id": "om_of_the_past"}}]}""");
        assertEquals(List.of("workos-org_1 Orchard"), organizations("workos"));
        assertEquals(
                List.of("workos-group_1 workos-user_1", "workos-org_1 workos-user_1"),
                database.column(
                        "SELECT organization_id || ' ' || user_id AS one FROM neon_auth.memberships_live WHERE starts_with(organization_id, 'workos-') ORDER BY 1"));
    }

    @Test
    void theFeedOfZitadelTellsOfOrganizationsAndGrants() {
        readFeed("zitadel", "/events/_search", """
                {"events": [
                 {"aggregate": {"id": "o1", "type": {"type": "org"}, "resourceOwner": "o1"}, "sequence": "1", "creationDate": "2026-02-01T10:00:00Z",
                  "type": {"type": "org.added"}, "payload": {"name": "Orchard"}},
                 {"aggregate": {"id": "grant1", "type": {"type": "usergrant"}, "resourceOwner": "o1"}, "sequence": "1", "creationDate": "2026-02-01T10:00:01Z",
                  "type": {"type": "user.grant.added"}, "payload": {"userId": "u1", "projectId": "p1", "roleKeys": ["admin", "editor"]}},
                 {"aggregate": {"id": "grant1", "type": {"type": "usergrant"}, "resourceOwner": "o1"}, "sequence": "2", "creationDate": "2026-02-01T10:00:02Z",
                  "type": {"type": "user.grant.changed"}, "payload": {"roleKeys": ["editor"]}}]}""");
        assertEquals(List.of("zitadel-o1 Orchard"), organizations("zitadel"));
        assertEquals(List.of("zitadel-o1 zitadel-u1 {editor}"), members("zitadel"));
    }

    @Test
    void theAdminEventsOfKeycloakTellOfGroupsAndOrganizations() {
        readFeed("keycloak", "/admin-events", """
                [{"id": "1", "time": 1770000000000, "operationType": "CREATE", "resourceType": "GROUP", "resourcePath": "groups/g1",
                  "representation": "{\\"id\\": \\"g1\\", \\"name\\": \\"Pickers\\", \\"path\\": \\"/Pickers\\"}"},
                 {"id": "2", "time": 1770000001000, "operationType": "CREATE", "resourceType": "GROUP_MEMBERSHIP", "resourcePath": "users/u1/groups/g1"},
                 {"id": "3", "time": 1770000002000, "operationType": "CREATE", "resourceType": "CLIENT", "resourcePath": "clients/c1"},
                 {"id": "4", "time": 1770000003000, "operationType": "DELETE", "resourceType": "ORGANIZATION_MEMBERSHIP", "resourcePath": "organizations/o1/members/u1"}]""");
        assertEquals(List.of("keycloak-g1 Pickers"), organizations("keycloak"));
        assertEquals(List.of("keycloak-g1 keycloak-u1"), members("keycloak"));
    }

    @Test
    void whatAScimClientPushesIsNeverMissing() {
        FakeOrganizations fake = filled("clerk");
        database.execute(
                "SELECT users_sync_internal.add_scim_client('acme', 'clerk-o1', 'Acme', 'acme:', 'hash of acme');"
                        + "SELECT users_sync_internal.add_scim_client('pear', 'clerk-pear', 'Pear', 'pear:', 'hash of pear')");
        try {
            database.execute("INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, active, created_at)"
                    + " VALUES ('clerk-o1:acme:u1', 'clerk-o1', 'acme:u1', true, '2026-01-01')");
            fake.leave("o1", "u2");
            list("clerk");
            assertEquals(
                    List.of(
                            "clerk-o1 acme:u1",
                            "clerk-o1 clerk-u1",
                            "clerk-o1 clerk-u3",
                            "clerk-o2 clerk-u1",
                            "clerk-o3 clerk-u4"),
                    database.column(
                            "SELECT organization_id || ' ' || user_id AS one FROM neon_auth.memberships_live WHERE starts_with(organization_id, 'clerk-') ORDER BY 1"));
            assertEquals(4, organizations("clerk").size());
        } finally {
            database.execute("TRUNCATE users_sync_internal.scim_client CASCADE");
        }
    }

    /** Stytch's API of consumers answers 404 for each member of a B2B organization. */
    @Test
    void noMemberOfStytchIsDeletedBecauseTheConsumerApiDoesNotKnowHim() throws Exception {
        start("stytch");
        for (Map.Entry<String, String> answer :
                Map.of("member-test-1", "none", "user-test-1", "gone").entrySet()) {
            Exchange exchange = new DefaultExchange(context());
            exchange.setVariable("provider", "stytch");
            exchange.setVariable("userId", answer.getKey());
            exchange.setVariable("why", "reconcile");
            exchange.setVariable("asked", Instant.now().toString());
            exchange.setVariable("failures", 0);
            context()
                    .getRegistry()
                    .lookupByNameAndType("missing-user", MissingUser.class)
                    .process(exchange);
            assertEquals(answer.getValue(), exchange.getVariable("answer"), answer.getKey());
        }
    }

    @Test
    void theCommandWaitsForBothPollsOfAProvider() {
        FakeOrganizations fake = filled("clerk");
        fake.rename("o1", "Another name");
        CommandRun run = CommandRun.of(List.of("reconcile", "clerk", "--url=" + management("")));
        assertEquals(0, run.code());
        assertTrue(run.out().contains("clerk:organizations"), run.out());
        assertTablesAreTrue("clerk");
    }
}
