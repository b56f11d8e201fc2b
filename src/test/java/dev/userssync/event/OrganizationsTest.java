package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Organizations and memberships beside the users: what an application reads, what bad input does, and what becomes of
 * the memberships of a user who is erased or purged. The generic provider has a prefix; Clerk's organizations are off.
 */
class OrganizationsTest extends RunningApp {

    private static final Instant START =
            Instant.now().minus(Duration.ofDays(60)).truncatedTo(ChronoUnit.SECONDS);

    OrganizationsTest() {
        settings.setProperty("generic.id.prefix", "g:");
        settings.setProperty("clerk.organizations", "off");
        settings.setProperty("shared.ids", "true");
        settings.setProperty("camel.server.maxBodySize", "10000000");
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync,"
                + " users_sync_internal.membership_roles, users_sync_internal.membership_scope, users_sync_internal.tombstone,"
                + " users_sync_internal.organization_tombstone, users_sync_internal.membership_tombstone,"
                + " users_sync_internal.dead_letter, users_sync_internal.event_log");
    }

    private int post(String type, String data, int minutes) {
        return post("generic", type, data, minutes);
    }

    private int post(String provider, String type, String data, int minutes) {
        Instant at = START.plus(Duration.ofMinutes(minutes));
        return new Delivery("{\"type\": \"" + type + "\", \"timestamp\": \"" + at + "\", \"data\": " + data + "}")
                .post(webhooks(provider))
                .statusCode();
    }

    private void joined(String organization, String user, int minutes) {
        assertEquals(
                204,
                post(
                        "membership.created",
                        "{\"organization_id\": \"" + organization + "\", \"user_id\": \"" + user
                                + "\", \"role\": \"admin\"}",
                        minutes));
    }

    private List<String> live() {
        return database.column(
                "SELECT concat_ws(' ', organization_id, user_id, role, roles) FROM neon_auth.memberships_live ORDER BY id");
    }

    @Test
    void aMembershipIsVisibleBeforeItsUserAndItsOrganization() {
        joined("o1", "u1", 2);
        assertEquals(List.of("g:o1 g:u1 admin {admin}"), live());
        assertEquals("g:o1:g:u1", database.value("SELECT id FROM neon_auth.memberships_sync"));
        assertEquals(204, post("organization.created", "{\"id\": \"o1\", \"name\": \"Acme\", \"slug\": \"acme\"}", 1));
        assertEquals(204, post("user.created", "{\"id\": \"u1\", \"name\": \"Ada\"}", 1));
        assertEquals(
                "Acme acme organization Ada",
                database.value("SELECT concat_ws(' ', o.name, o.slug, o.kind, u.name) FROM neon_auth.memberships_live m"
                        + " JOIN neon_auth.organizations_live o ON o.id = m.organization_id"
                        + " JOIN neon_auth.users_live u ON u.id = m.user_id"));
    }

    @Test
    void theViewHidesMembershipsOfDeletedUsersAndOrganizationsAndInactiveOnes() {
        joined("o1", "u1", 1);
        joined("o2", "u1", 1);
        joined("o2", "u2", 1);
        assertEquals(
                204,
                post("membership.created", "{\"organization_id\": \"o2\", \"user_id\": \"u3\", \"active\": false}", 1));
        assertEquals(204, post("organization.deleted", "{\"id\": \"o1\"}", 2));
        assertEquals(204, post("user.deleted", "{\"id\": \"u2\"}", 2));
        assertEquals(List.of("g:o2 g:u1 admin {admin}"), live());
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM neon_auth.memberships_sync WHERE deleted_at IS NOT NULL"),
                "the rows stay as the provider reported them");
        assertEquals(204, post("user.updated", "{\"id\": \"u2\", \"name\": \"Eve\"}", 3)); // restored
        assertEquals(List.of("g:o2 g:u1 admin {admin}", "g:o2 g:u2 admin {admin}"), live());
    }

    @Test
    void aSlugMayBeUsedAgainAndParentsMayFormACircle() {
        assertEquals(
                204, post("organization.created", "{\"id\": \"o1\", \"slug\": \"acme\", \"parent_id\": \"o2\"}", 1));
        assertEquals(
                204,
                post(
                        "organization.created",
                        "{\"id\": \"o2\", \"slug\": \"acme\", \"parent_id\": \"o1\", \"kind\": \"team\"}",
                        3));
        assertEquals(204, post("organization.deleted", "{\"id\": \"o1\"}", 2));
        assertEquals(
                List.of("g:o2 team g:o1"),
                database.column("SELECT concat_ws(' ', id, kind, parent_id) FROM neon_auth.organizations_live"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    "role": "admin", "roles": ["admin", "editor"] | admin {admin,editor}
                    "roles": ["editor", "admin", "editor", " "] | editor {editor,admin}
                    "role": null, "roles": null | ''
                    "roles": [] | {}
                    "role": " viewer " | viewer {viewer}
                    "roles": ["a,b", "c\\"d", "e\\\\f", "{}", "NULL"] | a,b {"a,b","c\\"d","e\\\\f","{}","NULL"}
                    "roles": ["\\u0000x"] | �x {�x}""")
    void rolesComeInManyForms(String fields, String expected) {
        assertEquals(
                204,
                post("membership.created", "{\"organization_id\": \"o1\", \"user_id\": \"u1\", " + fields + "}", 1));
        assertEquals(expected, database.value("SELECT concat_ws(' ', role, roles) FROM neon_auth.memberships_sync"));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"organization_id\": \"o1\"",
                "\"user_id\": \"u1\"",
                "\"organization_id\": 7, \"user_id\": \"u1\"",
                "\"organization_id\": \"o1\", \"user_id\": \"u1\", \"roles\": [{\"name\": \"admin\"}]",
                "\"organization_id\": \"o1\", \"user_id\": \"u1\", \"roles\": \"admin,editor\"",
                "\"organization_id\": \"o1\", \"user_id\": \"u1\", \"active\": \"yes\"",
                "\"organization_id\": \" \", \"user_id\": \"u1\""
            })
    void aMembershipThatCannotBeReadIsParked(String fields) {
        assertEquals(422, post("membership.created", "{" + fields + "}", 1));
        assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.memberships_sync"));
    }

    @Test
    void longAndOddIdsAndRolesAreKept() {
        String role = "r".repeat(10_000);
        assertEquals(
                204,
                post(
                        "membership.created",
                        "{\"organization_id\": \"a:b\", \"user_id\": \"c:d\", \"role\": \"" + role + "\"}",
                        1));
        assertEquals(
                "g:a:b g:c:d 10000",
                database.value(
                        "SELECT concat_ws(' ', organization_id, user_id, length(role)) FROM neon_auth.memberships_live"));
        String half = "x".repeat(1_500); // each may be stored, and an index could not hold both
        assertEquals(
                422,
                post(
                        "membership.created",
                        "{\"organization_id\": \"" + half + "\", \"user_id\": \"" + half + "\"}",
                        1));
    }

    @Test
    void pairsOfIdsWithColonsShareNoMembership() {
        joined("a:g:b", "c", 1); // g: is the prefix
        joined("a", "b:g:c", 1);
        joined("a%3Ag%3Ab", "c", 1);
        assertEquals(
                List.of("g:a g:b:g:c", "g:a%3Ag%3Ab g:c", "g:a:g:b g:c"),
                database.column("SELECT organization_id || ' ' || user_id FROM neon_auth.memberships_live"
                        + " ORDER BY (organization_id || ' ' || user_id) COLLATE \"C\""));
        assertEquals(204, post("membership.deleted", "{\"organization_id\": \"a\", \"user_id\": \"b:g:c\"}", 2));
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
    }

    @Test
    void aListLargerThanTheQueueIsApplied() {
        ObjectNode list = JsonBody.MAPPER.createObjectNode().put("organization_id", "big");
        ArrayNode members = list.putArray("members");
        for (int i = 0; i < 20_000; i++) {
            members.addObject().put("user_id", "u" + i).put("role", "member").putObject("raw");
        }
        joined("big", "leaver", 1);
        assertEquals(204, post("membership.listed", list.toString(), 2));
        assertEquals("20000", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
        assertEquals(204, post("membership.listed", "{\"organization_id\": \"big\", \"members\": null}", 3));
        assertEquals("20000", database.value("SELECT count(*) FROM neon_auth.memberships_live"), "null states nothing");
        assertEquals(204, post("membership.listed", "{\"organization_id\": \"big\", \"members\": []}", 4));
        assertEquals(List.of(), live());
    }

    /** The roles that a provider reports apart from memberships (Auth0, Logto) cost no statement for each member. */
    @Test
    void aListWithRolesApartIsWrittenInBatches() {
        ObjectNode list = JsonBody.MAPPER.createObjectNode().put("organization_id", "big");
        ArrayNode members = list.putArray("members");
        for (int i = 0; i < 4_000; i++) {
            ObjectNode member = members.addObject().put("user_id", "u" + i).put("roles_apart", true);
            member.putArray("roles").add("r" + i);
            member.putObject("raw");
        }
        database.execute("CREATE SEQUENCE statements; CREATE FUNCTION counts() RETURNS trigger LANGUAGE plpgsql AS"
                + " $$ BEGIN PERFORM nextval('public.statements'); RETURN NULL; END $$;"
                + " CREATE TRIGGER counts AFTER INSERT ON neon_auth.memberships_sync EXECUTE FUNCTION counts()");
        try {
            assertEquals(204, post("membership.listed", list.toString(), 2));
            assertEquals(
                    "4000",
                    database.value("SELECT count(*) FROM neon_auth.memberships_live"
                            + " WHERE roles = ARRAY[replace(user_id, 'g:u', 'r')] AND role = roles[1]"));
            int statements = Integer.parseInt(database.value("SELECT last_value FROM statements"));
            assertTrue(statements < 400, statements + " statements");
        } finally {
            database.execute("DROP TRIGGER counts ON neon_auth.memberships_sync; DROP SEQUENCE statements");
        }
    }

    /** With the generic plan that users-sync asks for, the statement would need minutes. */
    @Test
    void theListOfAHugeOrganizationIsComparedInTime() throws IOException {
        database.execute("INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, updated_at)"
                + " SELECT 'huge:u' || i, 'huge', 'u' || i, '2026-01-01' FROM generate_series(1, 100000) AS i");
        String list = Files.readString(Path.of("routes/sql/apply/list-memberships.sql"))
                .replace(":?owner", "'organization'")
                .replace(":?ids", "(SELECT array_agg(id) FROM neon_auth.memberships_sync WHERE user_id <> 'u7')")
                .replace(":?id", "'huge'")
                .replace(":?at", "'2026-01-02'")
                .replace(":?provider", "'generic'")
                .replace(":?delivery", "NULL")
                .replace(":?log", "true");
        database.execute("SET plan_cache_mode = 'force_generic_plan'; SET statement_timeout = '15s'; " + list);
        assertEquals(
                "u7", database.value("SELECT user_id FROM neon_auth.memberships_sync WHERE deleted_at IS NOT NULL"));
    }

    /** The list that lacks a membership has ended its roles, too, when the user had joined again before it arrived. */
    @Test
    void aListEndsTheRolesOfAMembershipThatIsNewerThanTheList() {
        String pair = "\"organization_id\": \"o1\", \"user_id\": \"u1\", \"roles_apart\": true";
        assertEquals(204, post("membership.created", "{" + pair + "}", 4));
        assertEquals(204, post("membership.updated", "{" + pair + ", \"role_given\": \"admin\"}", 1));
        assertEquals(List.of("g:o1 g:u1 admin {admin}"), live());
        assertEquals(204, post("membership.listed", "{\"organization_id\": \"o1\", \"members\": []}", 3));
        assertEquals(List.of("g:o1 g:u1 {}"), live());
        assertEquals(204, post("membership.updated", "{" + pair + ", \"role_given\": \"editor\"}", 2));
        assertEquals(List.of("g:o1 g:u1 {}"), live(), "older than the list");
    }

    @Test
    void aListAppliesItsOtherMembersWhenTheDatabaseRefusesOne() {
        database.execute("ALTER TABLE neon_auth.memberships_sync ADD CONSTRAINT nobody CHECK (user_id <> 'g:u2')");
        try {
            assertEquals(
                    204,
                    post(
                            "membership.listed",
                            "{\"organization_id\": \"o1\", \"members\": [{\"user_id\": \"u1\", \"raw\": {}},"
                                    + " {\"user_id\": \"u2\", \"raw\": {}}, {\"user_id\": \"u3\", \"raw\": {}}]}",
                            1));
            assertEquals(List.of("g:o1 g:u1", "g:o1 g:u3"), live());
            assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        } finally {
            database.execute("ALTER TABLE neon_auth.memberships_sync DROP CONSTRAINT nobody");
        }
        context.createProducerTemplate().sendBody("direct:replay-dead-letters", null);
        assertEquals(List.of("g:o1 g:u1", "g:o1 g:u2", "g:o1 g:u3"), live());
    }

    @Test
    void anErasedUserHasNoMembershipsAndGetsNoneByAnOlderEvent() throws Exception {
        assertEquals(204, post("user.created", "{\"id\": \"u1\", \"name\": \"Ada\"}", 1));
        joined("o1", "u1", 2);
        joined("o1", "u2", 2);
        assertEquals(
                204,
                post(
                        "membership.updated",
                        "{\"organization_id\": \"o9\", \"user_id\": \"u1\", \"role_given\": \"admin\"}",
                        2));
        JsonNode proof = JsonBody.MAPPER.readTree(context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", "g:u1")
                .request(String.class));
        assertEquals(1, proof.path("memberships_removed").asInt());
        for (String table : database.column("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                + " WHERE schemaname IN ('neon_auth', 'users_sync_internal') AND tablename <> 'tombstone'")) {
            assertEquals(
                    "0",
                    database.value("SELECT count(*) FROM " + table + " AS t WHERE t::text ~ '\\mu1\\M'"
                            + " AND to_jsonb(t) ->> 'kind' IS DISTINCT FROM 'erased'"), // a change, for readers
                    // of the feed
                    table);
        }
        joined("o1", "u1", 3); // late
        assertEquals(List.of("g:o1 g:u2 admin {admin}"), live());
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.memberships_sync WHERE user_id = 'g:u1'"));
    }

    @Test
    void aPurgedUserHasNoMemberships() throws Exception {
        assertEquals(204, post("user.created", "{\"id\": \"u1\"}", 1));
        joined("o1", "u1", 2);
        joined("o1", "u2", 2);
        assertEquals(204, post("user.deleted", "{\"id\": \"u1\"}", 3));
        purge();
        assertEquals(List.of("g:u2"), database.column("SELECT user_id FROM neon_auth.memberships_sync"));
        joined("o1", "u1", 2); // late
        assertEquals(List.of("g:u2"), database.column("SELECT user_id FROM neon_auth.memberships_sync"));
    }

    private void purge() throws Exception {
        context.createFluentProducerTemplate()
                .to("direct:purge-users")
                .withHeader("days", "30")
                .request(String.class);
    }

    @Test
    void aPurgedOrganizationHasNoMembershipsAndDoesNotComeBack() throws Exception {
        assertEquals(204, post("organization.created", "{\"id\": \"o1\"}", 1));
        assertEquals(204, post("organization.created", "{\"id\": \"o2\"}", 1));
        database.execute("CREATE TABLE rooms (organization_id TEXT REFERENCES neon_auth.organizations_sync);"
                + " INSERT INTO rooms VALUES ('g:o2')");
        joined("o1", "u1", 2);
        joined("o3", "u3", 2);
        assertEquals(204, post("membership.deleted", "{\"organization_id\": \"o3\", \"user_id\": \"u3\"}", 3));
        assertEquals(204, post("organization.deleted", "{\"id\": \"o1\"}", 3));
        assertEquals(204, post("organization.deleted", "{\"id\": \"o2\"}", 3));
        purge();
        assertEquals(
                List.of("g:o2"), database.column("SELECT id FROM neon_auth.organizations_sync"), "a key refers to it");
        assertEquals(List.of(), database.column("SELECT id FROM neon_auth.memberships_sync"));
        assertEquals(204, post("organization.created", "{\"id\": \"o1\"}", 1));
        joined("o1", "u1", 2);
        joined("o3", "u3", 2);
        assertEquals(List.of(), live());
        joined("o1", "u1", 4);
        joined("o3", "u3", 4);
        assertEquals(List.of("g:o1 g:u1 admin {admin}", "g:o3 g:u3 admin {admin}"), live());
        database.execute("DROP TABLE rooms");
    }

    private void group(String id, String parent, int minutes) {
        assertEquals(
                204,
                post(
                        "organization.updated",
                        "{\"id\": \"" + id + "\", \"kind\": \"group\", \"parent_id\": \"" + parent + "\"}",
                        minutes));
    }

    /** Each field is that of the newest event that held the field, whatever the order of arrival. */
    @ParameterizedTest
    @CsvSource({"'\"g2\"', n4 s3 g:g2", "null, n4 s3"})
    void anEventThatHoldsFewerFieldsLeavesTheOthers(String parent, String expected) {
        String[] events = {
            "\"name\": \"n1\", \"slug\": \"s1\", \"parent_id\": \"g1\"",
            "\"name\": \"n2\", \"slug\": \"s2\", \"parent_id\": " + parent,
            "\"name\": \"n3\", \"slug\": \"s3\", \"unstated\": [\"parent_id\"]",
            "\"name\": \"n4\", \"unstated\": [\"slug\", \"parent_id\"]"
        };
        for (String order : List.of(
                "1234",
                "1243",
                "1324",
                "1342",
                "1423",
                "1432",
                "2134",
                "2143",
                "2314",
                "2341",
                "2413",
                "2431",
                "3124",
                "3142",
                "3214",
                "3241",
                "3412",
                "3421",
                "4123",
                "4132",
                "4213",
                "4231",
                "4312",
                "4321",
                "44311212")) {
            database.execute("DELETE FROM neon_auth.organizations_sync");
            for (char number : order.toCharArray()) {
                int minutes = number - '0';
                assertEquals(
                        204, post("organization.updated", "{\"id\": \"o1\", " + events[minutes - 1] + "}", minutes));
            }
            assertEquals(
                    expected,
                    database.value("SELECT concat_ws(' ', name, slug, parent_id) FROM neon_auth.organizations_sync"),
                    order);
        }
        assertEquals(422, post("organization.updated", "{\"id\": \"o1\", \"unstated\": [\"kind\"]}", 5));
    }

    @Test
    void theViewHidesTheMembersOfGroupsInsideADeletedOrganization() {
        group("g1", "o1", 1);
        group("g2", "g1", 1);
        group("g3", "nobody", 1); // has not arrived yet
        group("c1", "c2", 1);
        group("c2", "c1", 1);
        for (String group : List.of("g1", "g2", "g3", "c1")) {
            joined(group, "u1", 1);
        }
        List<String> all = live();
        assertEquals(4, all.size());
        assertEquals(204, post("organization.deleted", "{\"id\": \"o1\"}", 2));
        assertEquals(List.of("g:c1 g:u1 admin {admin}", "g:g3 g:u1 admin {admin}"), live());
        assertEquals(204, post("organization.updated", "{\"id\": \"o1\"}", 3)); // restored
        assertEquals(all, live());
        assertEquals(204, post("organization.deleted", "{\"id\": \"c2\"}", 4));
        assertEquals(
                List.of("g:g1 g:u1 admin {admin}", "g:g2 g:u1 admin {admin}", "g:g3 g:u1 admin {admin}"),
                live(),
                "a circle");
    }

    @Test
    void thePurgeOfAnOrganizationShowsNoMembersOfTheGroupsInside() throws Exception {
        group("g1", "o1", 1);
        group("g2", "g1", 1);
        joined("g2", "u1", 1);
        group("g3", "o3", 4); // newer than the deletion of o3
        joined("g3", "u1", 1);
        assertEquals(204, post("organization.deleted", "{\"id\": \"o1\"}", 2));
        assertEquals(204, post("organization.deleted", "{\"id\": \"o3\"}", 2));
        purge();
        assertEquals(List.of(), live());
        assertEquals(
                List.of("g:g3", "g:o3"), database.column("SELECT id FROM neon_auth.organizations_sync ORDER BY id"));
        group("g2", "g1", 1); // late
        group("g4", "o1", 2); // late, and not known before
        joined("g2", "u1", 2);
        assertEquals(List.of(), live());
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.organizations_sync"));
        group("g4", "o1", 3);
        joined("g4", "u1", 3);
        assertEquals(List.of("g:g4 g:u1 admin {admin}"), live());
    }

    /** A test of the parents for each membership would take several seconds. */
    @Test
    void theParentsOfAHugeGroupAreLookedUpOnce() {
        database.execute("INSERT INTO neon_auth.organizations_sync (id, parent_id, deleted_at)"
                + " SELECT 'o' || i, 'o' || i + 1, CASE WHEN i > 10000 THEN now() END FROM generate_series(1, 11000) AS i;"
                + " INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, updated_at)"
                + " SELECT 'o9990:u' || i, 'o9990', 'u' || i, now() FROM generate_series(1, 100000) AS i;"
                + " UPDATE neon_auth.organizations_sync SET parent_id = NULL WHERE id = 'o10000'");
        database.execute("ANALYZE neon_auth.organizations_sync, neon_auth.memberships_sync");
        String members = "SELECT * FROM neon_auth.memberships_live WHERE organization_id = 'o9990'";
        assertEquals("100000", database.value("SELECT count(*) FROM (" + members + ") AS m"));
        for (String line : database.column("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) " + members)) {
            assertTrue(!line.contains("organizations_sync") || line.matches(".* loops=\\d{1,3}\\).*|.*pkey$"), line);
        }
    }

    @Test
    void organizationsThatAreOffAreIgnored() {
        assertEquals(204, post("clerk", "organization.created", "{\"id\": \"org_1\", \"name\": \"Acme\"}", 1));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.organizations_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void statusAndMetricsCountThem() {
        joined("o1", "u1", 2);
        joined("o1", "u1", 1);
        assertEquals(204, post("organization.created", "{\"id\": \"o1\"}", 1));
        String metrics = Http.get(management("/observe/metrics")).body();
        for (String line : List.of("type=\"membership.created\"", "type=\"organization.created\"")) {
            assertTrue(
                    metrics.contains("users_sync_events_total{decision=\"applied\",provider=\"generic\"," + line),
                    line);
        }
        String status = Http.get(management("/admin/status")).body();
        assertTrue(status.contains("\"organizations\":1,\"memberships\":1"), status);
    }

    @Test
    void theHistoryTellsTheRows() {
        joined("o1", "u1", 2);
        joined("o1", "u1", 1);
        joined("o1", "u1", 2);
        assertEquals(
                List.of("membership g:o1:g:u1 applied", "membership g:o1:g:u1 stale", "membership g:o1:g:u1 duplicate"),
                database.column(
                        "SELECT concat_ws(' ', entity, user_id, decision) FROM users_sync_internal.event_log ORDER BY at"));
        assertTrue(post("organization.created", "{\"id\": \"o1\"}", 1) == 204);
        assertEquals(
                "organization applied",
                database.value(
                        "SELECT concat_ws(' ', entity, decision) FROM users_sync_internal.event_log WHERE user_id = 'g:o1'"));
    }

    @Test
    void theHistoryTellsWhatAListEndedAndWhichRoleAloneChanged() {
        joined("o1", "u1", 1);
        assertEquals(204, post("membership.listed", "{\"organization_id\": \"o1\", \"members\": []}", 3));
        String pair = "\"organization_id\": \"o1\", \"user_id\": \"u2\", \"roles_apart\": true";
        assertEquals(204, post("membership.created", "{" + pair + "}", 4));
        assertEquals(204, post("membership.updated", "{" + pair + ", \"role_given\": \"admin\"}", 5));
        assertEquals(204, post("membership.updated", "{" + pair + ", \"role_given\": \"admin\"}", 5));
        assertEquals(
                List.of(
                        "g:o1:g:u1 created applied 1",
                        "g:o1:g:u1 deleted applied 2",
                        "g:o1:g:u2 created applied 4",
                        "g:o1:g:u2 updated applied 4", // it has no roles
                        "g:o1:g:u2 updated applied 5",
                        "g:o1:g:u2 updated duplicate 5"),
                database.column(
                        "SELECT concat_ws(' ', user_id, type, decision, floor(extract(epoch FROM version - '%s') / 60)) AS one FROM users_sync_internal.event_log WHERE provider = 'generic' ORDER BY at"
                                .formatted(START)));
    }
}
