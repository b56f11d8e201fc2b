package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.ScimCustomers;
import dev.userssync.testing.ScimCustomers.Customer;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

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
    }

    @Test
    void theSamePeopleAreThreeUsers() {
        assertEquals("acme:ada", acme.post("/Users", ADA).id());
        assertEquals("b-ada", beta.post("/Users", ADA).id());
        assertEquals("ada", post("/Users", ADA).id());
        for (Customer one : List.of(acme, beta, customers.new Customer(TOKEN))) {
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
}
