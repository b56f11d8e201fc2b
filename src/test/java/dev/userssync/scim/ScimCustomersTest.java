package dev.userssync.scim;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.unboundid.scim2.client.ScimService;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.types.GroupResource;
import com.unboundid.scim2.common.types.UserResource;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.ScimCustomers;
import dev.userssync.testing.ScimCustomers.Customer;
import jakarta.ws.rs.client.Client;
import jakarta.ws.rs.client.ClientBuilder;
import jakarta.ws.rs.client.ClientRequestFilter;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.glassfish.jersey.client.ClientConfig;
import org.glassfish.jersey.jnh.connector.JavaNetHttpConnectorProvider;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two customers push the same people, each with a token of its own, beside the client of SCIM_WEBHOOK_SECRET. */
class ScimCustomersTest extends ScimApp {

    private static final String ADA = user(
            "ada@x.example",
            "\"externalId\": \"ada\"",
            "\"displayName\": \"Ada\"",
            "\"emails\": [{\"value\": \"ada@x.example\", \"primary\": true}]");

    private ScimCustomers customers;
    private Customer acme;
    private Customer beta;
    private Customer ofSecret;

    ScimCustomersTest() {
        settings.setProperty("camel.main.profile", "dev"); // commands without a password, from this machine
        settings.setProperty("camel.main.routesReloadEnabled", "false");
    }

    @BeforeEach
    void twoCustomers() {
        database.execute("DELETE FROM users_sync_internal.scim_token; DELETE FROM users_sync_internal.scim_client");
        customers = new ScimCustomers(scim(), management(""));
        acme = customers.add("acme", "org_acme", "--organization-name", "Acme");
        beta = customers.add("beta", "org_beta", "--prefix", "b-");
        ofSecret = customers.new Customer(TOKEN);
    }

    @Test
    void theSamePeopleAreThreeUsers() {
        assertEquals("acme:ada", acme.post("/Users", ADA).id());
        assertEquals("b-ada", beta.post("/Users", ADA).id());
        assertEquals("ada", post("/Users", ADA).id());
        for (Customer one : List.of(acme, beta, ofSecret)) {
            JsonNode all = one.get("/Users").json();
            assertEquals(1, all.path("totalResults").intValue(), all.toString());
        }
        assertEquals("Ada|ada@x.example|live", row("acme:ada"));
    }

    /** The memberships of a client's organization as {@code user}, {@code user?} if not active, or {@code user-} if ended. */
    private String membersOf(String organization) {
        return database.value(
                "SELECT coalesce(string_agg(user_id || CASE WHEN deleted_at IS NOT NULL THEN '-' WHEN NOT active THEN '?' ELSE '' END,"
                        + " ' ' ORDER BY user_id), '') FROM neon_auth.memberships_sync WHERE organization_id = ? AND id = ? || ':' || user_id",
                organization,
                organization);
    }

    private String visibleMembers() {
        return database.value(
                "SELECT coalesce(string_agg(organization_id || ' ' || user_id, ', ' ORDER BY id), '') FROM neon_auth.memberships_live");
    }

    @Test
    void everyUserIsAMemberOfTheOrganizationOfItsClient() {
        assertEquals("Acme", database.value("SELECT name FROM neon_auth.organizations_live WHERE id = 'org_acme'"));
        assertEquals(
                "organization",
                database.value("SELECT kind FROM neon_auth.organizations_sync WHERE id = 'org_beta' AND name = id"));
        acme.post("/Users", ADA);
        beta.post("/Users", ADA);
        post("/Users", ADA);
        assertEquals("org_acme acme:ada, org_beta b-ada", visibleMembers());

        acme.patch("/Users/acme:ada", "{\"op\": \"replace\", \"path\": \"active\", \"value\": false}");
        assertEquals("acme:ada?", membersOf("org_acme"));
        acme.patch("/Users/acme:ada", "{\"op\": \"replace\", \"path\": \"active\", \"value\": true}");
        assertEquals("acme:ada", membersOf("org_acme"));
        String before = database.value("SELECT xmin FROM neon_auth.memberships_sync WHERE user_id = 'acme:ada'");
        acme.put("/Users/acme:ada", user("ada2@x.example"));
        assertEquals(
                before,
                database.value("SELECT xmin FROM neon_auth.memberships_sync WHERE user_id = 'acme:ada'"),
                "a membership that does not change is not written");
        assertEquals(204, acme.delete("/Users/acme:ada").status());
        assertEquals("acme:ada-", membersOf("org_acme"));
        assertEquals("org_beta b-ada", visibleMembers());
        assertEquals("acme:ada", acme.post("/Users", ADA).id());
        assertEquals("acme:ada", membersOf("org_acme"));
        assertEquals("org_acme acme:ada, org_beta b-ada", visibleMembers());
        assertEquals(
                "acme:new?",
                acme.post("/Users", user("new", "\"externalId\": \"new\"", "\"active\": false"))
                                .id()
                        + membersOf("org_acme").replaceFirst("acme:ada acme:new", ""));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void anErasedUserMayReturn() {
        acme.post("/Users", ADA);
        beta.post("/Users", ADA);
        assertEquals(
                200, Http.post(management("/admin/user/erase?id=acme:ada"), "").statusCode());
        acme.get("/Users/acme:ada").assertError(404, null);
        assertEquals("org_beta b-ada", visibleMembers());
        assertEquals("acme:ada", acme.post("/Users", ADA).id());
        assertEquals("org_acme acme:ada, org_beta b-ada", visibleMembers());
    }

    @Test
    void groupsArePartOfTheOrganization() {
        acme.post("/Users", ADA);
        Reply group = acme.post(
                "/Groups",
                "{\"displayName\": \"Sales\", \"externalId\": \"sales\", \"members\": [{\"value\": \"acme:ada\"}]}");
        assertEquals(201, group.status(), group.http().body());
        assertTrue(group.id().startsWith("acme:"), group.id());
        assertEquals(
                "org_acme",
                database.value("SELECT parent_id FROM neon_auth.organizations_sync WHERE id = ?", group.id()));
        assertEquals("acme:ada", members(group.id()));
        assertEquals(
                group.id(),
                acme.get("/Users/acme:ada").json().at("/groups/0/value").textValue());
        assertEquals(
                1, acme.get("/Users/acme:ada").json().path("groups").size(), "the organization itself is no group");
        Reply same = beta.post("/Groups", "{\"displayName\": \"Sales\", \"externalId\": \"sales\"}");
        assertEquals(201, same.status(), same.http().body());
        assertNotEquals(group.id(), same.id());
    }

    /** Lets the next writes of memberships fail, as a database does that is stopping. */
    private void failNextMemberships(int times) {
        database.execute("""
                DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries;
                CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF nextval('public.tries') <= %d THEN
                    RAISE EXCEPTION 'stopping' USING ERRCODE = '57P01';
                  END IF;
                  RETURN NEW;
                END $$;
                DROP TRIGGER IF EXISTS fails ON neon_auth.memberships_sync;
                CREATE TRIGGER fails BEFORE INSERT ON neon_auth.memberships_sync FOR EACH ROW EXECUTE FUNCTION fails()""".formatted(times));
    }

    @Test
    void theRepetitionOfARequestRepairsTheMembership() {
        try {
            for (String body : List.of(ADA, user("no-external-id"))) {
                failNextMemberships(1);
                acme.post("/Users", body).assertError(503, null);
                assertEquals("", membersOf("org_acme"));
                Reply repeated = acme.post("/Users", body);
                assertEquals(201, repeated.status(), repeated.http().body());
                String id = repeated.id();
                assertEquals(id, membersOf("org_acme"));
                assertEquals(1, acme.get("/Users").json().path("totalResults").intValue());
                assertEquals(409, acme.post("/Users", body).status());

                String inactive = "{\"op\": \"replace\", \"path\": \"active\", \"value\": false}";
                failNextMemberships(1);
                acme.patch("/Users/" + id, inactive).assertError(503, null);
                assertEquals(200, acme.patch("/Users/" + id, inactive).status());
                assertEquals(id + "?", membersOf("org_acme"));

                failNextMemberships(1);
                acme.delete("/Users/" + id).assertError(503, null);
                assertEquals(204, acme.delete("/Users/" + id).status());
                assertEquals(id + "-", membersOf("org_acme"));
                failNextMemberships(0);
                empty();
            }
        } finally {
            database.execute("DROP TRIGGER fails ON neon_auth.memberships_sync");
        }
    }

    /** What one request does must not depend on whether another client has the user. */
    private void assertUnreachable(String id, Customer stranger) {
        String writes = writes();
        String path = "/Users/" + URLEncoder.encode(id, StandardCharsets.UTF_8);
        String absent = path + "-nobody";
        for (String method : List.of("GET", "PUT", "PATCH", "DELETE")) {
            String body = method.equals("PUT")
                    ? ADA
                    : method.equals("PATCH") ? "{\"Operations\": [{\"op\": \"remove\", \"path\": \"title\"}]}" : null;
            Reply reply = stranger.send(method, path, body);
            reply.assertError(404, null);
            assertEquals(
                    stranger.send(method, absent, body).http().body(),
                    reply.http().body(),
                    method);
        }
        stranger.send("GET", path.replace("/Users/", "/Groups/"), null).assertError(404, null);
        String local = id.substring(id.length() - 3);
        for (String filter : List.of(
                "id eq \"" + id + "\"",
                "id sw \"" + id.substring(0, 2) + "\"",
                "id sw \"\"",
                "id co \"" + local + "\"",
                "id pr",
                "not (id eq \"x\")",
                "id ne \"x\" or userName pr",
                "userName eq \"ada@x.example\"",
                "externalId eq \"ada\"",
                "emails.value eq \"ada@x.example\"",
                "emails[value eq \"ada@x.example\"]",
                "displayName eq \"Ada\"",
                "meta.location co \"" + local + "\"",
                "userName eq \"ada@x.example\" or userName eq \"x\"")) {
            assertEquals(0, stranger.count("/Users", filter), filter);
            Reply searched = stranger.post(
                    "/.search", JSON.createObjectNode().put("filter", filter).toString());
            assertEquals(
                    0,
                    searched.json().path("totalResults").intValue(),
                    searched.http().body());
        }
        for (String query :
                List.of("", "?sortBy=id", "?sortBy=userName&sortOrder=descending", "?startIndex=2", "?count=0")) {
            Reply listed = stranger.get("/Users" + query);
            assertEquals(0, listed.json().path("totalResults").intValue(), query);
            assertFalse(listed.http().body().toLowerCase().contains("ada"), query);
        }
        assertEquals(writes, writes());
    }

    private String writes() {
        return database.value(
                "SELECT (SELECT string_agg(id || xmin, ' ' ORDER BY id) FROM neon_auth.users_sync) || (SELECT count(*) FROM users_sync_internal.event_log)");
    }

    @Test
    void noClientReachesTheUserOfAnother() {
        acme.post("/Users", ADA);
        assertUnreachable("acme:ada", beta);
        assertUnreachable("acme:ada", ofSecret);
        assertEquals(204, acme.delete("/Users/acme:ada").status());
        beta.post("/Users", ADA);
        assertUnreachable("b-ada", acme);
        assertUnreachable("b-ada", ofSecret);
        assertEquals(204, beta.delete("/Users/b-ada").status());
        ofSecret.post("/Users", ADA);
        assertUnreachable("ada", acme);
        assertUnreachable("ada", beta);
    }

    private static String group(String name, String member) {
        return "{\"displayName\": \"" + name + "\", \"members\": [{\"value\": \"" + member + "\"}]}";
    }

    @Test
    void noClientReachesTheGroupOfAnotherOrGivesItsUsersAMembership() {
        acme.post("/Users", ADA);
        beta.post("/Users", ADA);
        String secret = ofSecret.post("/Users", ADA).id();
        String sales = acme.post("/Groups", group("Sales", "acme:ada")).id();
        for (Customer stranger : List.of(beta, ofSecret)) {
            String path = "/Groups/" + sales;
            stranger.get(path).assertError(404, null);
            stranger.put(path, group("Mine", "b-ada")).assertError(404, null);
            stranger.patch(path, "{\"op\": \"add\", \"path\": \"members\", \"value\": [{\"value\": \"b-ada\"}]}")
                    .assertError(404, null);
            stranger.delete(path).assertError(404, null);
            for (String filter : List.of("displayName eq \"Sales\"", "id sw \"\"", "members.value eq \"acme:ada\"")) {
                assertEquals(0, stranger.count("/Groups", filter), filter);
            }
            assertEquals(0, stranger.count("/Users", "groups.value eq \"" + sales + "\""));
            // By each request that names members
            Reply own = stranger.post("/Groups", group("Own", "acme:ada"));
            assertEquals(201, own.status(), own.http().body());
            assertFalse(own.json().has("members"), own.http().body());
            String add =
                    "{\"op\": \"add\", \"path\": \"members\", \"value\": [{\"value\": \"acme:ada\"}, {\"value\": \"acme:nobody\"}]}";
            stranger.patch("/Groups/" + own.id(), add);
            stranger.patch("/Groups/" + own.id(), add.replace("add", "replace").replace("\"path\": \"members\", ", ""));
            stranger.patch(
                    "/Groups/" + own.id(),
                    "{\"op\": \"replace\", \"value\": {\"members\": [{\"value\": \"acme:ada\"}]}}");
            stranger.put("/Groups/" + own.id(), group("Own", "acme:ada"));
            assertEquals("", members(own.id()));
            assertEquals(0, stranger.count("/Groups", "members.value eq \"acme:ada\""));
        }
        assertEquals("acme:ada", members(sales));
        assertEquals(
                "org_acme, " + sales,
                database.value(
                        "SELECT string_agg(organization_id, ', ' ORDER BY organization_id DESC) FROM neon_auth.memberships_sync WHERE user_id = 'acme:ada'"));
        // The users of SCIM_WEBHOOK_SECRET are out of the clients' reach, too.
        String own = acme.post("/Groups", group("Own", secret)).id();
        assertEquals("", members(own));
        // As before, a group of SCIM_WEBHOOK_SECRET may name a user who comes later.
        assertEquals(
                "later",
                members(ofSecret.post("/Groups", group("Early", "later")).id()));
    }

    @Test
    void anIdCannotBeMadeToLookLikeAnothers() {
        // Of the client of SCIM_WEBHOOK_SECRET, who has no prefix
        Reply disguised = ofSecret.post("/Users", user("mallory", "\"externalId\": \"acme:mallory\""));
        assertEquals(201, disguised.status());
        assertTrue(disguised.id().matches("[0-9a-f-]{36}"), disguised.id());
        assertEquals(0, acme.get("/Users").json().path("totalResults").intValue());
        assertEquals(200, ofSecret.get("/Users/" + disguised.id()).status());
        assertEquals(
                409,
                ofSecret.post("/Users", user("other", "\"externalId\": \"acme:mallory\""))
                        .status());
        // Of a client, whose prefix comes first
        for (String externalId :
                List.of("acme:ada", "../acme:ada", "%2Facme:ada", "/acme:ada", "acme%3Aada", "\\nacme:ada")) {
            Reply reply = beta.post("/Users", user(externalId, "\"externalId\": \"" + externalId + "\""));
            assertEquals(201, reply.status(), reply.http().body());
            assertTrue(reply.id().startsWith("b-"), reply.id());
            String path = reply.header("Location").substring(scim().length());
            assertEquals(reply.json(), beta.get(path).json());
            acme.get(path).assertError(404, null);
            assertEquals(204, beta.delete(path).status());
        }
        // In the path
        acme.post("/Users", ADA);
        for (String path : List.of(
                "/Users/acme%3Aada",
                "/Users/b-%2F..%2Facme:ada",
                "/Users/b-/../acme:ada",
                "/Users/acme:ada%00",
                "/Users//acme:ada",
                "/Users/acme:ada/",
                "/Users/%61cme:ada",
                "/Users/acme:ada?id=b-ada",
                "/users/acme:ada")) {
            for (String method : List.of("GET", "DELETE")) {
                int status = beta.send(method, path, null).status();
                assertTrue(status == 404 || status == 405 || status == 400, method + " " + path + " " + status);
            }
        }
        assertEquals("Ada|ada@x.example|live", row("acme:ada"));
        // In the body
        Reply patched = beta.post("/Users", user("eve", "\"id\": \"acme:ada\"", "\"organization_id\": \"org_acme\""));
        assertNotEquals("acme:ada", patched.id());
        assertEquals(
                "org_beta",
                database.value(
                        "SELECT organization_id FROM neon_auth.memberships_sync WHERE user_id = ?", patched.id()));
        beta.patch(
                "/Users/" + patched.id(), "{\"op\": \"replace\", \"value\": {\"id\": \"acme:ada\", \"schemas\": []}}");
        assertEquals(1, beta.get("/Users").json().path("totalResults").intValue());
        assertEquals(1, acme.get("/Users").json().path("totalResults").intValue());
    }

    @ParameterizedTest(name = "[{index}]")
    @ValueSource(
            strings = {
                "Basic %s",
                "%s",
                "Bearer %s, %s",
                "Bearer %s %s",
                "Bearer %sx",
                "Bearer x%s",
                "Bearer \"%s\"",
                "Token %s",
                "Bearer"
            })
    void aTokenInAnotherFormIsNone(String authorization) {
        send(request("GET", "/Users", null).setHeader("Authorization", authorization.replace("%s", acme.token)))
                .assertError(401, null);
    }

    @Test
    void aTokenCountsOnceAndOnlyInItsHeader() {
        for (String[] headers : new String[][] {
            {"Authorization", "Bearer " + acme.token, "Authorization", "Bearer " + TOKEN},
            {"Authorization", "Bearer " + TOKEN, "Authorization", "Bearer " + acme.token},
            {"X-Authorization", "Bearer " + acme.token},
            {"client", "acme"}
        }) {
            HttpRequest.Builder request = HttpRequest.newBuilder(
                    URI.create(scim() + "/Users?client=acme&Authorization=Bearer%20" + acme.token));
            send(request.headers(headers)).assertError(401, null);
        }
        assertEquals(
                200,
                send(request("GET", "/Users", null).setHeader("Authorization", "bearer  " + acme.token))
                        .status());
        String changed = acme.token.substring(0, 47) + (acme.token.endsWith("A") ? "B" : "A");
        customers.new Customer(changed).get("/Users").assertError(401, null);
        String hash = database.value("SELECT hash FROM users_sync_internal.scim_token WHERE client = 'acme'");
        customers.new Customer(hash).get("/Users").assertError(401, null);
        customers.new Customer("ussc_" + hash.substring(0, 43)).get("/Users").assertError(401, null);
        assertTrue(List.of(400, 401, 431)
                .contains(customers.new Customer("ussc_" + "x".repeat(30_000))
                        .get("/Users")
                        .status()));
    }

    @Test
    void wrongTokensCostNoQueryEach() {
        acme.get("/Users");
        String reads = "SELECT sum(seq_scan) + sum(idx_scan) FROM pg_stat_all_tables WHERE relname = 'scim_token'";
        String before = database.value(reads);
        for (int i = 0; i < 200; i++) {
            customers.new Customer("ussc_" + "%043d".formatted(i)).get("/Users");
        }
        assertTrue(Long.parseLong(database.value(reads)) - Long.parseLong(before) < 20);
    }

    @Test
    void tokensAreRotatedAndEnd() {
        acme.post("/Users", ADA);
        Customer next = customers.rotated("acme", "1h");
        assertNotEquals(acme.token, next.token);
        assertEquals(200, acme.get("/Users/acme:ada").status());
        assertEquals(200, next.get("/Users/acme:ada").status());
        JsonNode listed = customers.json("list");
        assertEquals(2, listed.at("/0/tokens").size(), listed.toString());
        assertTrue(
                listed.at("/0/tokens/0/ends_at").isTextual()
                        && listed.at("/0/tokens/1/ends_at").isNull(),
                listed.toString());
        assertFalse(listed.toString().contains("ussc_"));

        Customer last = customers.rotated("acme", "0s");
        acme.get("/Users/acme:ada").assertError(401, null);
        next.get("/Users/acme:ada").assertError(401, null);
        assertEquals(200, last.get("/Users/acme:ada").status());
        assertEquals(200, beta.get("/Users").status());
        // As another instance, or time, ends a token
        database.execute("UPDATE users_sync_internal.scim_token SET ends_at = now() WHERE client = 'acme'");
        await().atMost(Duration.ofSeconds(10)).until(() -> last.get("/Users").status() == 401);
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM users_sync_internal.scim_token AS t WHERE t::text LIKE '%' || ? || '%'",
                        last.token));
    }

    @Test
    void aRemovedClientLeavesItsRowsToNobody() {
        acme.post("/Users", ADA);
        assertEquals(0, customers.run("remove", "acme"), () -> customers.err);
        assertTrue(customers.out.contains("1 users and 0 groups whose ids start with acme:"), customers.out);
        acme.get("/Users").assertError(401, null);
        assertUnreachable("acme:ada", beta);
        assertUnreachable("acme:ada", ofSecret);
        assertEquals("acme:ada", membersOf("org_acme"));
        assertEquals(1, customers.run("remove", "acme"));
        assertEquals(1, customers.run("rotate", "acme"));
        assertEquals(
                "users-sync: there is no SCIM client acme; users-sync scim-client list names them\n", customers.err);
        assertEquals(1, customers.run("add", "gamma", "--organization", "org_acme", "--prefix", "acme:"));
        assertEquals(1, customers.run("add", "acme", "--organization", "org_gamma"));
        assertTrue(customers.err.contains("add it again with --organization org_acme --prefix acme:"), customers.err);
        assertEquals(
                200, customers.add("acme", "org_acme").get("/Users/acme:ada").status());
        acme.get("/Users").assertError(401, null);
    }

    @Test
    void theListNamesClientsUsersAndUse() {
        acme.post("/Users", ADA);
        acme.post("/Users", user("zoe", "\"active\": false"));
        assertEquals(0, customers.run("list"), () -> customers.err);
        List<String> lines = customers.out.lines().toList();
        assertTrue(
                lines.get(0)
                        .startsWith(
                                "acme: organization org_acme, ids start with acme:, 1 live users, token of today, last used 20"),
                customers.out);
        assertEquals(
                "beta: organization org_beta, ids start with b-, 0 live users, token of today, never used",
                lines.get(1));
        assertEquals(0, customers.run("remove", "beta"), () -> customers.err);
        customers.run("list");
        assertTrue(customers.out.contains("0 live users, removed on 20"), customers.out);
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "acme | org | - | there is a SCIM client acme already",
                "gamma | org | acme: | could start the same ids",
                "gamma | org | acme:x | could start the same ids",
                "gamma | org | ac | could start the same ids",
                "gamma | org | taken: | the tables hold the id taken:1 already",
                "gamma | org | own/ | the prefix must have 1 to 64 letters",
                "gamma | org | clerk: | its prefix clerk: and the prefix clerk:x: of clerk could start the same ids",
                "gamma | group | - | the organization group is a group that a SCIM client pushes",
                "gamma delta | org | - | the name must have 1 to 63 letters",
                "gamma | org_acme:acme | : | memberships of this client and of the SCIM client acme could have the same ids",
            })
    void aClientThatCannotBeIsRefused(String name, String organization, String prefix, String reason) {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, raw_json) VALUES ('taken:1', '{}');"
                        + " INSERT INTO neon_auth.organizations_sync (id, raw_json) VALUES ('group', '{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:Group\"]}')");
        context.getPropertiesComponent().addOverrideProperty("clerk.id.prefix", "clerk:x:");
        try {
            assertEquals(
                    1,
                    prefix == null
                            ? customers.run("add", name, "--organization", organization)
                            : customers.run("add", name, "--organization", organization, "--prefix", prefix));
            assertTrue(customers.err.contains(reason), customers.err);
            assertEquals("2", database.value("SELECT count(*) FROM users_sync_internal.scim_client"));
            assertEquals(
                    "0",
                    database.value(
                            "SELECT count(*) FROM neon_auth.organizations_sync WHERE id = ? AND raw_json -> 'schemas' IS NULL",
                            organization));
        } finally {
            context.getPropertiesComponent().addOverrideProperty("clerk.id.prefix", "");
        }
    }

    @Test
    void wrongUsageIsSaid() {
        assertEquals(2, customers.run());
        assertEquals(2, customers.run("add", "gamma"));
        assertTrue(customers.err.contains("--organization"), customers.err);
        assertEquals(2, customers.run("rotate"));
        assertEquals(1, customers.run("rotate", "acme", "--keep", "soon"));
        assertEquals("users-sync: keep must be a number and s, m, h or d, such as 24h or 0s\n", customers.err);
        assertEquals(200, acme.get("/Users").status());
    }

    @Test
    void anOrganizationThatAProviderKeepsIsLeftAlone() {
        database.execute(
                "INSERT INTO neon_auth.organizations_sync (id, name, raw_json) VALUES ('org_theirs', 'Theirs', '{\"id\": \"org_theirs\"}')");
        customers.add("gamma", "org_theirs", "--organization-name", "Ours").post("/Users", ADA);
        assertEquals("Theirs", database.value("SELECT name FROM neon_auth.organizations_sync WHERE id = 'org_theirs'"));
        // A second identity provider of the same customer
        customers.add("gamma-entra", "org_theirs").post("/Users", ADA);
        assertEquals("gamma-entra:ada gamma:ada", membersOf("org_theirs"));
    }

    @Test
    void aListOfTheMembersAtAProviderEndsNoMembershipOfAClient() throws Exception {
        acme.post("/Users", ADA);
        Instant now = Instant.now().plusSeconds(5);
        for (String[] member : new String[][] {{"theirs"}, {}}) {
            String body = JSON.writeValueAsString(Map.of(
                    "type",
                    "membership.listed",
                    "data",
                    Map.of(
                            "organization_id",
                            "org_acme",
                            "updated_at",
                            now.toString(),
                            "members",
                            Stream.of(member)
                                    .map(id -> Map.of("user_id", id, "raw", Map.of()))
                                    .toList())));
            assertEquals(204, new Delivery(body).post(webhooks("generic")).statusCode());
            now = now.plusSeconds(1);
        }
        assertEquals("acme:ada theirs-", membersOf("org_acme"));
    }

    /** Okta and Entra ID, request by request, for two customers in turn. */
    @Test
    void twoCustomersWithOktaAndTwoWithEntraId() {
        List<Customer> both = List.of(acme, beta);
        List<String> prefixes = List.of("acme:", "b-");
        for (int i = 0; i < 2; i++) {
            Customer one = both.get(i);
            String rosa = prefixes.get(i) + "00u5c0mpan1on";
            assertEquals(0, one.count("/Users", "userName eq \"rosa@agency.example\""));
            assertEquals(rosa, one.post("/Users", fixture("okta/create")).id());
            String couriers = one.post("/Groups", fixture("okta/group-create")).id();
            String add = fixture("okta/group-members").replace("00u5", prefixes.get(i) + "00u5");
            assertEquals(204, one.send("PATCH", "/Groups/" + couriers, add).status());
            assertEquals(rosa, members(couriers));
            assertEquals(
                    200,
                    one.send("PUT", "/Users/" + rosa, fixture("okta/replace")).status());
            assertEquals(
                    200,
                    one.send("PATCH", "/Users/" + rosa, fixture("okta/deactivate"))
                            .status());
            assertEquals(List.of("org_acme", "org_beta").get(i) + "|f", membership(rosa));
            assertEquals(
                    200,
                    one.send("PATCH", "/Users/" + rosa, fixture("okta/reactivate"))
                            .status());
            assertEquals(List.of("org_acme", "org_beta").get(i) + "|t", membership(rosa));

            String kim = prefixes.get(i) + "5f0cf3a8-9c1c-4c77-8a53-2b7b1f9f6a01";
            assertEquals(kim, one.post("/Users", fixture("entra/create")).id());
            String shift = one.post("/Groups", fixture("entra/group-create")).id();
            assertEquals(
                    204,
                    one.send(
                                    "PATCH",
                                    "/Groups/" + shift,
                                    fixture("entra/group-add").replace("5f0cf3a8", prefixes.get(i) + "5f0cf3a8"))
                            .status());
            assertEquals(kim, members(shift));
            assertEquals(1, one.count("/Groups", "externalId eq \"8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159\""));
            assertEquals(
                    200,
                    one.send("PATCH", "/Users/" + kim, fixture("entra/disable-text"))
                            .status());
            assertEquals(204, one.delete("/Users/" + kim).status());
        }
        for (Customer one : both) {
            assertEquals(1, one.get("/Users").json().path("totalResults").intValue());
            assertEquals(2, one.get("/Groups").json().path("totalResults").intValue());
        }
        assertEquals(
                "org_acme acme:00u5c0mpan1on",
                database.value(
                        "SELECT organization_id || ' ' || user_id FROM neon_auth.memberships_live WHERE organization_id = 'org_acme'"));
    }

    private String membership(String user) {
        return database.value(
                "SELECT organization_id || '|' || left(active::text, 1) FROM neon_auth.memberships_sync WHERE user_id = ? AND organization_id LIKE 'org%' AND deleted_at IS NULL",
                user);
    }

    /** An independent client, the one of UnboundID's SCIM SDK. */
    @Test
    void unboundIdsClientSeesOnlyItsOwn() throws ScimException {
        Client http = ClientBuilder.newClient(new ClientConfig().connectorProvider(new JavaNetHttpConnectorProvider()));
        try {
            ScimService ours = service(http, acme);
            ScimService theirs = service(http, beta);
            for (ScimService one : List.of(ours, theirs)) {
                UserResource jane = new UserResource().setUserName("jane");
                jane.setExternalId("jane");
                one.create("Users", jane);
                one.create("Groups", new GroupResource().setDisplayName("Sales"));
            }
            UserResource jane = ours.retrieve("Users", "acme:jane", UserResource.class);
            assertEquals("acme:jane", jane.getId());
            assertThrows(
                    ResourceNotFoundException.class, () -> theirs.retrieve("Users", "acme:jane", UserResource.class));
            assertThrows(ResourceNotFoundException.class, () -> theirs.delete("Users", "acme:jane"));
            assertThrows(ResourceNotFoundException.class, () -> theirs.replace(jane));
            ListResponse<UserResource> found =
                    theirs.search("Users", Filter.eq("userName", "jane").toString(), UserResource.class);
            assertEquals("b-jane", found.getResources().get(0).getId());
            assertEquals(1, found.getTotalResults());
            assertEquals(
                    1,
                    ours.search("Groups", "displayName eq \"Sales\"", GroupResource.class)
                            .getTotalResults());
            ours.delete("Users", "acme:jane");
            assertEquals(
                    "b-jane",
                    theirs.retrieve("Users", "b-jane", UserResource.class).getId());
        } finally {
            http.close();
        }
    }

    private ScimService service(Client http, Customer customer) {
        ClientRequestFilter bearer =
                request -> request.getHeaders().putSingle("Authorization", "Bearer " + customer.token);
        return new ScimService(http.target(scim()).register(bearer));
    }

    /** Somebody else's lock on a user or a name must neither delay a client nor tell it that there is one. */
    @Test
    void noClientWaitsForTheLocksOfAnother() throws SQLException {
        acme.post("/Users", ADA);
        try (Connection connection = database.connect()) {
            connection.setAutoCommit(false);
            for (String lock : List.of(
                    "id acme:ada",
                    "name acme:ada@x.example",
                    "name ada@x.example",
                    "group acme:sales",
                    "group sales")) {
                connection
                        .createStatement()
                        .execute("SELECT pg_advisory_xact_lock(hashtextextended('users-sync scim " + lock + "', 0))");
            }
            // A request that waited would be answered 503 after five seconds.
            beta.delete("/Users/acme:ada").assertError(404, null);
            assertEquals("b-ada", beta.post("/Users", ADA).id());
            assertEquals(
                    201,
                    beta.post("/Groups", "{\"displayName\": \"Sales\", \"externalId\": \"sales\"}")
                            .status());
            acme.delete("/Users/acme:ada").assertError(503, null);
        }
    }
}
