package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.Http;
import dev.userssync.testing.ScimApp;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Groups, in the dialects of Okta and Entra ID, and the resulting rows. */
class ScimGroupsTest extends ScimApp {

    private static final String GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group";

    private static String query(String filter) {
        return "?filter=" + URLEncoder.encode(filter, StandardCharsets.UTF_8);
    }

    /** JSON as the tables below write it: ' stands for a quote, ~ for a quote within a text. */
    private static String json(String text) {
        return text.replace('\'', '"').replace("~", "\\\"");
    }

    private static String group(String displayName, String... members) {
        return json("{'schemas': ['" + GROUP + "'], 'displayName': '" + displayName + "'"
                + (members.length == 0 ? "" : ", " + String.join(", ", members)) + "}");
    }

    /** The row as {@code kind|name|deleted}. */
    private String organization(String id) {
        return database.value(
                "SELECT concat_ws('|', kind, name, CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END)"
                        + " FROM neon_auth.organizations_sync WHERE id = ?",
                id);
    }

    /** Changes with every write to one of the tables. */
    private String writes() {
        return database.value(
                "SELECT (SELECT string_agg(xmin::text, ',' ORDER BY id) FROM neon_auth.organizations_sync) || '/'"
                        + " || coalesce((SELECT string_agg(xmin::text, ',' ORDER BY id) FROM neon_auth.memberships_sync), '')");
    }

    private static List<String> values(JsonNode list) {
        List<String> values = new ArrayList<>();
        list.forEach(one -> values.add(one.path("value").textValue()));
        return values;
    }

    @Test
    void entraFromTestConnectionToDelete() {
        Reply probe = get("/Groups" + query("displayName eq \"6b4f0d1e\"") + "&excludedAttributes=members");
        assertEquals(200, probe.status());
        assertEquals(0, probe.json().path("totalResults").intValue());

        Reply created = post("/Groups", fixture("entra/group-create"));
        assertEquals(201, created.status(), created.http().body());
        String id = created.id();
        assertTrue(id.matches("[0-9a-f-]{36}"), id);
        assertEquals(scim() + "/Groups/" + id, created.header("Location"));
        assertEquals("Group", created.json().at("/meta/resourceType").textValue());
        assertEquals("group|Night shift|live", organization(id));
        assertEquals(
                "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159",
                database.value("SELECT raw_json ->> 'externalId' FROM neon_auth.organizations_sync"));
        assertEquals("", members(id));

        String user = post("/Users", fixture("entra/create")).id();
        Reply added = send(request("PATCH", "/Groups/" + id, fixture("entra/group-add")));
        assertEquals(204, added.status(), added.http().body());
        assertEquals("", added.http().body());
        assertEquals(user, members(id));
        assertEquals(user, database.value("SELECT user_id FROM neon_auth.memberships_live"));

        Reply without = get("/Groups/" + id + "?excludedAttributes=members");
        assertFalse(without.json().has("members"));
        assertEquals(List.of(user), values(get("/Groups/" + id).json().path("members")));
        // Whether the user is a member
        String filter = "id eq \"" + id + "\" and members eq \"%s\"";
        assertEquals(1, total("/Groups" + query(filter.formatted(user)) + "&excludedAttributes=members"));
        assertEquals(0, total("/Groups" + query(filter.formatted("nobody"))));

        assertEquals(
                204,
                send(request("PATCH", "/Groups/" + id, fixture("entra/group-rename")))
                        .status());
        assertEquals("group|Late shift|live", organization(id));
        assertEquals(
                id,
                get("/Groups" + query("displayName eq \"LATE shift\"") + "&excludedAttributes=members")
                        .json()
                        .at("/Resources/0/id")
                        .textValue());
        assertEquals(1, total("/Groups" + query("externalId eq \"8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159\"")));

        assertEquals(
                204,
                send(request("PATCH", "/Groups/" + id, fixture("entra/group-remove")))
                        .status());
        assertEquals(user + "-", members(id));
        assertEquals(
                204,
                send(request("PATCH", "/Groups/" + id, fixture("entra/group-add")))
                        .status());
        assertEquals(user, members(id), "a member who returns has the former row");

        assertEquals(204, delete("/Groups/" + id).status());
        get("/Groups/" + id).assertError(404, null);
        delete("/Groups/" + id).assertError(404, null);
        assertEquals("group|Late shift|deleted", organization(id));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
        assertEquals(0, total("/Groups"));
        String again = post("/Groups", fixture("entra/group-create")).id();
        assertNotEquals(id, again);
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    private int total(String path) {
        Reply found = get(path);
        assertEquals(200, found.status(), found.http().body());
        return found.json().path("totalResults").intValue();
    }

    @Test
    void oktaFromCreateToUnlink() {
        post("/Users", fixture("okta/create"));
        Reply created = post("/Groups", fixture("okta/group-create"));
        assertEquals(201, created.status(), created.http().body());
        String id = created.id();
        assertEquals("group|Couriers|live", organization(id));

        assertEquals(
                204,
                send(request("PATCH", "/Groups/" + id, fixture("okta/group-members")))
                        .status());
        assertEquals("00u5c0mpan1on", members(id), "a member who is absent is removed");
        assertEquals(
                204,
                send(request(
                                "PATCH",
                                "/Groups/" + id,
                                fixture("okta/group-rename").replace("ID", id)))
                        .status());
        assertEquals("group|Riders|live", organization(id));
        assertEquals("00u5c0mpan1on", members(id));
        assertEquals(
                204,
                send(request("PATCH", "/Groups/" + id, fixture("okta/group-push")))
                        .status());
        assertEquals("00u5c0mpan1on 00u5sec0nd", members(id));

        Reply put = put("/Groups/" + id, fixture("okta/group-put").replace("ID", id));
        assertEquals(200, put.status(), put.http().body());
        assertEquals(List.of("00u5sec0nd"), values(put.json().path("members")));
        assertEquals("00u5c0mpan1on- 00u5sec0nd", members(id));
        assertEquals(put.json(), get("/Groups/" + id).json());

        Reply imported = get("/Groups?startIndex=1&count=100");
        assertEquals(1, imported.json().path("totalResults").intValue());
        assertEquals(List.of("00u5sec0nd"), values(imported.json().at("/Resources/0/members")));
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM neon_auth.memberships_sync WHERE raw_json::text LIKE '%agency%'"),
                "no name of a member is kept");
        assertEquals(204, delete("/Groups/" + id).status());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "remove of listed values | {'op': 'Remove', 'path': 'members', 'value': [{'$ref': null, 'value': 'u1'}]} | u1- u2",
                "remove of one value | {'op': 'remove', 'path': 'members', 'value': {'value': 'u1'}} | u1- u2",
                "remove of texts | {'op': 'remove', 'path': 'members', 'value': ['u1', 'u2']} | u1- u2-",
                "remove by filter | {'op': 'remove', 'path': 'members[value eq ~u1~]'} | u1- u2",
                "remove by filter, without quotes | {'op': 'remove', 'path': 'members[value eq u1]'} | u1- u2",
                "remove by the schema's name | {'op': 'remove', 'path': 'urn:ietf:params:scim:schemas:core:2.0:Group:members[value eq ~u1~]'} | u1- u2",
                "remove by two filters | {'op': 'remove', 'path': 'members[value eq ~u1~]'}, {'op': 'remove', 'path': 'Members[Value eq ~u2~]'} | u1- u2-",
                "remove of either | {'op': 'remove', 'path': 'members[value eq ~u1~ or value eq ~u2~]'} | u1- u2-",
                "remove by another condition | {'op': 'remove', 'path': 'members[type eq ~User~ and not (value eq ~u1~)]'} | u1 u2-",
                "remove of all | {'op': 'remove', 'path': 'members'} | u1- u2-",
                "remove of all, with null | {'op': 'remove', 'path': 'members', 'value': null} | u1- u2-",
                "remove of none | {'op': 'remove', 'path': 'members', 'value': []} | u1 u2",
                "remove of a stranger | {'op': 'remove', 'path': 'members[value eq ~u7~]'} | u1 u2",
                "replace by a list | {'op': 'replace', 'path': 'members', 'value': [{'value': 'u2', 'display': 'two'}]} | u1- u2",
                "replace without a path | {'op': 'replace', 'value': {'members': [{'value': 'u2'}]}} | u1- u2",
                "replace without a path, by the schema's name | {'op': 'replace', 'value': {'urn:ietf:params:scim:schemas:core:2.0:Group:members': [{'value': 'u2'}], 'displayName': 'New'}} | u1- u2",
                "replace by nobody | {'op': 'replace', 'path': 'members', 'value': []} | u1- u2-",
                "replace by null | {'op': 'replace', 'value': {'members': null, 'displayName': 'New'}} | u1 u2",
                "replace of one | {'op': 'replace', 'path': 'members[value eq ~u1~]', 'value': {'value': 'u3'}} | u1- u2 u3",
                "rename without a path | {'op': 'replace', 'value': {'id': 'g', 'displayName': 'New'}} | u1 u2",
                "rename in a list | {'op': 'Replace', 'path': 'displayName', 'value': ['New']} | u1 u2",
                "no operation |  | u1 u2",
                "an unknown user and a new one | {'op': 'add', 'path': 'members', 'value': [{'value': 'u9'}, {'value': 'u3'}]} | u1 u2 u3 u9",
                "add of one value | {'op': 'add', 'path': 'members', 'value': {'value': 'u3'}} | u1 u2 u3",
                "add without a path | {'op': 'Add', 'value': {'Members': [{'value': 'u3'}]}} | u1 u2 u3",
                "add of whom the group has | {'op': 'add', 'path': 'members', 'value': [{'value': 'u1', 'display': 'one'}]} | u1 u2",
                "add of a group | {'op': 'add', 'path': 'members', 'value': [{'value': 'g2', 'type': 'Group'}, {'value': 'g3', '$ref': '../Groups/g3'}]} | u1 u2",
                "add of nobody | {'op': 'add', 'path': 'members', 'value': []} | u1 u2",
                "in order | {'op': 'remove', 'path': 'members'}, {'op': 'add', 'path': 'members', 'value': [{'value': 'u3'}]}, {'op': 'remove', 'path': 'members[value eq ~u3~]'}, {'op': 'add', 'path': 'members', 'value': [{'value': 'u1'}]} | u1 u2-",
                "a member's name | {'op': 'replace', 'path': 'members[value eq ~u1~].display', 'value': 'One'} | u1 u2",
            })
    void patchesOfMembers(String what, String operations, String expected) {
        String id = post("/Groups", group("Old", "'members': [{'value': 'u1'}, {'value': 'u2', 'type': 'User'}]"))
                .id();
        assertEquals("u1 u2", members(id));
        Reply before = get("/Groups/" + id);
        String writes = writes();
        String body = operations == null ? "" : json(operations);
        Reply patched = patch("/Groups/" + id, body);
        assertEquals(204, patched.status(), patched.http().body());
        assertEquals(expected, members(id));
        boolean isNew = body.contains("\"New\"");
        assertEquals("group|" + (isNew ? "New" : "Old") + "|live", organization(id));
        Reply after = get("/Groups/" + id);
        if (expected.equals("u1 u2") && !isNew) {
            assertEquals(writes, writes(), "nothing is written where nothing changes");
            assertEquals(before.header("ETag"), after.header("ETag"));
        } else {
            assertNotEquals(before.header("ETag"), after.header("ETag"));
        }
        // The same request again changes nothing, and may ask for the group.
        writes = writes();
        if (!what.equals("in order") && !what.equals("replace of one")) {
            Reply again = patch("/Groups/" + id + "?attributes=displayName,members", body);
            assertEquals(200, again.status(), again.http().body());
            assertEquals(after.json().path("members"), again.json().path("members"));
            assertEquals(writes, writes());
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "no value | {'op': 'add', 'path': 'members'} | invalidValue",
                "a member without a value | {'op': 'add', 'path': 'members', 'value': [{'display': 'one'}]} | invalidValue",
                "a member that is a number | {'op': 'add', 'path': 'members', 'value': [5]} | invalidValue",
                "part of a member | {'op': 'add', 'path': 'members.value', 'value': 'u3'} | invalidPath",
                "a broken filter | {'op': 'remove', 'path': 'members[value eq'} | invalidPath",
                "unknown op | {'op': 'move', 'path': 'members', 'value': []} | invalidSyntax",
                "no name | {'op': 'remove', 'path': 'displayName'} | invalidValue",
                "the second operation | {'op': 'add', 'path': 'members', 'value': [{'value': 'u3'}]}, {'op': 'replace', 'path': 'displayName', 'value': ''} | invalidValue",
                "meta | {'op': 'replace', 'path': 'meta.created', 'value': 'x'} | mutability",
            })
    void patchesThatChangeNothing(String what, String operations, String scimType) {
        String id =
                post("/Groups", group("Old", "'members': [{'value': 'u1'}]")).id();
        String writes = writes();
        patch("/Groups/" + id, json(operations)).assertError(400, scimType);
        assertEquals(writes, writes());
    }

    @Test
    void aPutWithoutMembersKeepsThem() {
        String id = post("/Groups", group("Old", "'externalId': 'e1'", "'members': [{'value': 'u1'}]"))
                .id();
        for (String body : List.of(group("New"), group("New", "'members': null"))) {
            Reply put = put("/Groups/" + id, body);
            assertEquals(200, put.status(), put.http().body());
            assertEquals(List.of("u1"), values(put.json().path("members")));
            assertEquals("e1", put.json().path("externalId").textValue());
        }
        assertEquals("u1", members(id));
        put("/Groups/" + id, group("New", "'members': []"));
        assertEquals("u1-", members(id));
        put("/Groups/" + id, json("{'members': [{'value': 'u1'}]}")).assertError(400, "invalidValue");
        assertEquals("u1-", members(id));
    }

    @Test
    void aPushOfTenThousandMembersIsOneStatement() {
        String id = post("/Groups", group("All")).id();
        String all = IntStream.range(0, 10_000)
                .mapToObj(i -> "{\"value\": \"%08d-0000-4000-8000-000000000000\"}".formatted(i))
                .collect(Collectors.joining(","));
        long start = System.nanoTime();
        double joined = figure("membership.created");
        Reply pushed = patch("/Groups/" + id, "{\"op\": \"replace\", \"path\": \"members\", \"value\": [" + all + "]}");
        assertEquals(204, pushed.status(), pushed.http().body());
        assertEquals(
                "10000|1",
                database.value("SELECT count(*) || '|' || count(DISTINCT xmin::text) FROM neon_auth.memberships_sync"));
        assertEquals(10_000, figure("membership.created") - joined);
        assertEquals(
                "10000",
                database.value(
                        "SELECT count(*) FROM users_sync_internal.event_log WHERE entity = 'membership' AND user_id LIKE ? || ':%'",
                        id));
        assertEquals(10_000, get("/Groups/" + id).json().path("members").size());
        Reply one = patch("/Groups/" + id, json("{'op': 'replace', 'path': 'members', 'value': [{'value': 'u1'}]}"));
        assertEquals(204, one.status(), one.http().body());
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
        long seconds = (System.nanoTime() - start) / 1_000_000_000;
        assertTrue(seconds < 30, seconds + " s");
    }

    private double figure(String type) {
        return Http.get(management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> line.startsWith("users_sync_events_total")
                        && line.contains("provider=\"scim\"")
                        && line.contains("applied")
                        && line.contains(type))
                .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1)))
                .sum();
    }

    @Test
    void aStatementWithManyMembersTakesFewLocks() {
        int locks = Integer.parseInt(database.value("""
                SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND listed.n = 10000)
                  FROM (SELECT count(users_sync_internal.by_lists('g:u' || i, 'g', 'u' || i, now())) AS n
                          FROM generate_series(1, 10000) AS i) AS listed"""));
        assertTrue(locks > 100 && locks <= 1_000, locks + " locks");
    }

    @Test
    void aUserHasItsGroups() {
        post("/Users", user("ada@x.example", json("'externalId': 'ada', 'groups': [{'value': 'forged'}]")));
        assertFalse(get("/Users/ada").json().has("groups"));
        String sales =
                post("/Groups", group("Sales", "'members': [{'value': 'ada'}]")).id();
        String staff =
                post("/Groups", group("Staff", "'members': [{'value': 'ada'}]")).id();
        JsonNode groups = get("/Users/ada").json().path("groups");
        assertEquals(2, groups.size());
        JsonNode first = groups.get(groups.get(0).path("value").textValue().equals(sales) ? 0 : 1);
        assertEquals("Sales", first.path("display").textValue());
        assertEquals("direct", first.path("type").textValue());
        assertEquals(scim() + "/Groups/" + sales, first.path("$ref").textValue());
        // read-only
        Reply patched = patch("/Users/ada", json("{'op': 'replace', 'value': {'groups': [], 'title': 'Captain'}}"));
        assertEquals(200, patched.status());
        assertEquals(groups, patched.json().path("groups"));
        assertEquals(
                groups,
                put("/Users/ada", user("ada@x.example", json("'groups': [{'value': 'forged'}]")))
                        .json()
                        .path("groups"));
        assertEquals("f", database.value("SELECT raw_json ? 'groups' FROM neon_auth.users_sync".replace("?", "??")));
        assertEquals(1, total("/Users" + query("groups.value eq \"" + sales + "\"")));
        assertEquals(1, total("/Users" + query("groups eq \"" + sales + "\" and userName sw \"ada\"")));
        assertEquals(0, total("/Users" + query("groups eq \"nothing\"")));
        assertFalse(get("/Users/ada?excludedAttributes=groups").json().has("groups"));
        assertFalse(get("/Users/ada?attributes=userName").json().has("groups"));
        assertEquals(
                2,
                get("/Users?attributes=groups.value")
                        .json()
                        .at("/Resources/0/groups")
                        .size());
        delete("/Groups/" + staff);
        patch("/Groups/" + sales, json("{'op': 'remove', 'path': 'members[value eq ~ada~]'}"));
        assertFalse(get("/Users/ada").json().has("groups"));
    }

    @Test
    void aDeactivatedUserStaysAMemberThatIsNotLive() {
        post("/Users", user("ada@x.example", json("'externalId': 'ada', 'active': true")));
        String id =
                post("/Groups", group("Sales", "'members': [{'value': 'ada'}]")).id();
        patch("/Users/ada", json("{'op': 'replace', 'path': 'active', 'value': false}"));
        assertEquals("ada", members(id));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
        patch("/Users/ada", json("{'op': 'replace', 'path': 'active', 'value': true}"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
    }

    @Test
    void namesMayRepeatAndExternalIdsMayNot() {
        assertEquals(201, post("/Groups", group("Sales")).status());
        assertEquals(201, post("/Groups", group("Sales")).status());
        String id = post("/Groups", group("Sales", "'externalId': 'e1'")).id();
        post("/Groups", group("Other", "'externalId': 'e1'")).assertError(409, "uniqueness");
        assertEquals(3, total("/Groups" + query("displayName eq sales")));
        delete("/Groups/" + id);
        assertEquals(201, post("/Groups", group("Other", "'externalId': 'e1'")).status());
        post("/Groups", json("{'externalId': 'e2'}")).assertError(400, "invalidValue");
    }

    @Test
    void aVersionGuardsTheMembersToo() {
        Reply created = post("/Groups", group("Sales"));
        String path = "/Groups/" + created.id();
        String add = "{\"Operations\": [{\"op\": \"add\", \"path\": \"members\", \"value\": [{\"value\": \"u1\"}]}]}";
        assertEquals(
                204,
                send(request("PATCH", path, add).setHeader("If-Match", created.header("ETag")))
                        .status());
        send(request("PATCH", path, add.replace("u1", "u2")).setHeader("If-Match", created.header("ETag")))
                .assertError(412, null);
        Reply now = get(path);
        assertEquals(
                304,
                send(request("GET", path, null).setHeader("If-None-Match", now.header("ETag")))
                        .status());
        assertEquals("u1", members(created.id()));
    }

    @Test
    void groupsOfOtherProvidersAreOutOfReach() {
        database.execute("INSERT INTO neon_auth.organizations_sync (id, kind, name, raw_json) VALUES"
                + " ('org_1', 'organization', 'Sales', '{\"displayName\": \"Sales\"}')");
        assertEquals(0, total("/Groups"));
        assertEquals(0, total("/Groups" + query("displayName eq \"Sales\"")));
        get("/Groups/org_1").assertError(404, null);
        delete("/Groups/org_1").assertError(404, null);
        patch("/Groups/org_1", json("{'op': 'remove', 'path': 'members'}")).assertError(404, null);
        put("/Groups/org_1", group("Mine")).assertError(404, null);
        assertEquals("organization|Sales|live", organization("org_1"));
    }

    @Test
    void clientsThatAddAtTheSameTimeLoseNothing() {
        String id = post("/Groups", group("Sales")).id();
        List<CompletableFuture<Reply>> replies = IntStream.range(10, 30)
                .mapToObj(i -> CompletableFuture.supplyAsync(() -> patch(
                        "/Groups/" + id, json("{'op': 'add', 'path': 'members', 'value': [{'value': 'u" + i + "'}]}"))))
                .toList();
        replies.forEach(reply -> assertEquals(204, reply.join().status()));
        assertEquals(IntStream.range(10, 30).mapToObj(i -> "u" + i).collect(Collectors.joining(" ")), members(id));
    }

    @Test
    void aFailedWriteIsMadeGoodByTheNextTry() {
        String id =
                post("/Groups", group("Sales", "'members': [{'value': 'u1'}]")).id();
        database.execute("""
                CREATE OR REPLACE FUNCTION no_members() RETURNS trigger LANGUAGE plpgsql AS
                  'BEGIN RAISE EXCEPTION USING ERRCODE = ''42501'', MESSAGE = ''made to fail''; END';
                CREATE TRIGGER no_members BEFORE INSERT OR UPDATE ON neon_auth.memberships_sync FOR EACH ROW EXECUTE FUNCTION no_members()""");
        try {
            patch("/Groups/" + id, json("{'op': 'add', 'path': 'members', 'value': [{'value': 'u2'}]}"))
                    .assertError(503, null);
            assertEquals("u1", members(id));
        } finally {
            database.execute("DROP TRIGGER no_members ON neon_auth.memberships_sync");
        }
        assertEquals(
                204,
                patch("/Groups/" + id, json("{'op': 'add', 'path': 'members', 'value': [{'value': 'u2'}]}"))
                        .status());
        assertEquals("u1 u2", members(id));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }
}
