package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
}
