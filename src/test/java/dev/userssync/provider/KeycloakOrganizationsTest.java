package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.KeycloakRealm;
import dev.userssync.testing.KeycloakServer;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A real Keycloak reports organizations, groups and 500 memberships, and the tables hold what Keycloak lists. */
@Tag("app")
@Tag("keycloak")
class KeycloakOrganizationsTest {

    private final TestDatabase database = new TestDatabase();
    private final Properties settings = TestSettings.with(database, "keycloak");
    private final KeycloakRealm realm = KeycloakServer.running().realm("OrganizationsTest");
    private List<String> users;
    private String orchard;
    private String staff;
    private String night;

    KeycloakOrganizationsTest() {
        realm.allowOrganizations();
        settings.setProperty("keycloak.api.url", KeycloakServer.running().url());
        settings.setProperty("keycloak.realm", realm.name());
        settings.setProperty("poll.tick", "50");
        settings.setProperty("reconcile.max-share", "100"); // what Keycloak does not report is much of little
        settings.setProperty("keycloak.api.key", "users-sync:" + realm.reader("users-sync"));
    }

    @Test
    void theTablesHoldWhatKeycloakReports() {
        try (StartedApp app = new StartedApp(settings)) {
            realm.sendWebhooks(app.webhooks("keycloak"), TestSettings.SECRET);
            fiveHundredMembers();
            changes();
            whatKeycloakDoesNotReport();
            // Without any organization or group, the brake would hold the reconcile.
            joinOrganization(realm.post("organizations", "{\"name\": \"Mill\"}"), users.get(1));
            reconcile(app);
            assertTheTablesAreKeycloaks();
        }
        whileUsersSyncIsDown();
        try (StartedApp app = new StartedApp(settings)) {
            reconcile(app);
            assertTheTablesAreKeycloaks();
            assertEquals(
                    "0 0",
                    report("concat_ws(' ', last_report ->> 'unknown', last_report ->> 'newer')"),
                    "the reconcile knows all");
        }
    }

    /** Runs the backfill, and then a reconcile. */
    private void reconcile(StartedApp app) {
        await().atMost(Duration.ofMinutes(1))
                .until(() ->
                        report("backfilled_at IS NOT NULL AND phase IS NULL").equals("t"));
        String before = report("started_at");
        assertEquals(
                200,
                new Delivery("")
                        .post(app.management("/admin/polls/keycloak:organizations/reconcile"))
                        .statusCode());
        await().atMost(Duration.ofMinutes(1))
                .until(() -> report("phase IS NULL AND started_at > '" + before + "'")
                        .equals("t"));
    }

    private String report(String expression) {
        return String.join(
                "",
                database.column("SELECT " + expression
                        + " FROM users_sync_internal.poll_state WHERE provider = 'keycloak:organizations'"));
    }

    /** No webhook arrives. */
    private void whileUsersSyncIsDown() {
        String cellar = realm.post("organizations", "{\"name\": \"Cellar\"}");
        users.subList(60, 180).forEach(user -> joinOrganization(cellar, user)); // more than a page
        realm.post("organizations/" + cellar + "/groups", "{\"name\": \"Coopers\"}");
        String coopers = realm.list("organizations/" + cellar + "/groups")
                .get(0)
                .get("id")
                .asText();
        realm.put("organizations/" + cellar + "/groups/" + coopers + "/members/" + users.get(65), "{}");
        String team = realm.post("groups", "{\"name\": \"Team\"}");
        String inside = realm.post("groups/" + team + "/children", "{\"name\": \"Inside\"}");
        joinGroup(inside, users.get(7));
    }

    private void fiveHundredMembers() {
        realm.createMany("user", 400); // a partial import
        await().atMost(Duration.ofMinutes(1))
                .until(() -> database.value("SELECT count(*) FROM neon_auth.users_live")
                        .equals("400"));
        users = database.column("SELECT id FROM neon_auth.users_live ORDER BY id");
        orchard = realm.post("organizations", """
                {"name": "Orchard", "alias": "orchard", "domains": [{"name": "orchard.example"}]}""");
        String bakery = realm.post("organizations", "{\"name\": \"Bakery\"}");
        staff = realm.post("groups", "{\"name\": \"Staff\"}");
        night = realm.post("groups/" + staff + "/children", "{\"name\": \"Night\"}");
        String drivers = realm.post("groups", "{\"name\": \"Drivers\"}");
        users.subList(0, 250).forEach(user -> joinOrganization(orchard, user));
        users.subList(200, 350).forEach(user -> joinOrganization(bakery, user));
        users.subList(0, 60).forEach(user -> joinGroup(staff, user));
        users.subList(30, 60).forEach(user -> joinGroup(night, user));
        users.subList(390, 400).forEach(user -> joinGroup(drivers, user));
        assertEquals(2 + 3 + 500, keycloak().size());
        assertTheTablesAreKeycloaks();

        realm.remove("organizations/" + bakery);
        realm.remove("groups/" + drivers);
        assertTheTablesAreKeycloaks();
    }

    private void changes() {
        users.subList(0, 20).forEach(user -> realm.remove("organizations/" + orchard + "/members/" + user));
        users.subList(30, 40).forEach(user -> realm.remove("users/" + user + "/groups/" + night));
        joinOrganization(orchard, users.get(0)); // again
        realm.put("organizations/" + orchard, """
                {"name": "Orchard Labs", "alias": "orchard", "enabled": true, "domains": [{"name": "orchard.example"}]}""");
        realm.put("groups/" + staff, "{\"name\": \"Crew\"}");
        realm.put("groups/" + night, "{\"name\": \"Late\", \"parentId\": \"" + staff + "\"}");
        realm.delete(users.get(50)); // a member of all three
        realm.update(users.get(51), "{\"lastName\": \"Renamed\"}");
        assertTheTablesAreKeycloaks();
    }

    /** The rows of docs/organizations.md; a reconcile must find these differences. */
    private void whatKeycloakDoesNotReport() {
        realm.post("organizations/" + orchard + "/groups", "{\"name\": \"Pickers\"}");
        String pickers = realm.list("organizations/" + orchard + "/groups")
                .get(0)
                .get("id")
                .asText();
        String group = "organizations/" + orchard + "/groups/" + pickers;
        users.subList(100, 103).forEach(user -> realm.put(group + "/members/" + user, "{}"));
        realm.remove(group + "/members/" + users.get(100));
        realm.put(group, "{\"name\": \"Fruit pickers\"}");
        assertTheTablesAreKeycloaks();

        String madeInAGroup = realm.create("{\"username\": \"made-in-a-group\", \"groups\": [\"/Crew\"]}");
        realm.remove("organizations/" + orchard + "/members/" + users.get(101)); // and with it from its group
        awaitDifferences(Set.of(staff + " " + madeInAGroup), Set.of(pickers + " " + users.get(101)));

        realm.remove("groups/" + staff); // and with it the group in it, whose members the view hides
        Set<String> surplus =
                new TreeSet<>(Set.of(night + " | group | Late | " + staff, pickers + " " + users.get(101)));
        awaitDifferences(Set.of(), surplus);

        realm.remove("organizations/" + orchard); // and with it its groups
        surplus.add(pickers + " | group | Fruit pickers | " + orchard);
        surplus.remove(pickers + " " + users.get(101));
        awaitDifferences(Set.of(), surplus);
    }

    private void joinOrganization(String organization, String user) {
        realm.post("organizations/" + organization + "/members", "\"" + user + "\"");
    }

    private void joinGroup(String group, String user) {
        realm.put("users/" + user + "/groups/" + group, "{}");
    }

    private void assertTheTablesAreKeycloaks() {
        awaitDifferences(Set.of(), Set.of());
    }

    private void awaitDifferences(Set<String> missing, Set<String> surplus) {
        Set<String> keycloak = keycloak();
        await().atMost(Duration.ofMinutes(1)).untilAsserted(() -> {
            Set<String> tables = tables();
            assertEquals(missing, without(keycloak, tables), "missing in the tables");
            assertEquals(surplus, without(tables, keycloak), "unknown to Keycloak");
        });
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    private static Set<String> without(Set<String> all, Set<String> some) {
        Set<String> rest = new TreeSet<>(all);
        rest.removeAll(some);
        return rest;
    }

    /** The live rows: organizations with their slug, groups with their parent, and memberships. */
    private Set<String> tables() {
        List<String> rows = new ArrayList<>(
                database.column(
                        "SELECT concat_ws(' | ', id, kind, name,"
                                + " CASE kind WHEN 'group' THEN coalesce(parent_id, 'top') ELSE slug END) FROM neon_auth.organizations_live"));
        rows.addAll(database.column("SELECT organization_id || ' ' || user_id FROM neon_auth.memberships_live"));
        return new TreeSet<>(rows);
    }

    /** The same by Keycloak's own listings. */
    private Set<String> keycloak() {
        Set<String> rows = new TreeSet<>();
        for (JsonNode one : realm.list("organizations")) {
            String id = one.get("id").asText();
            rows.add(row("organization", one, one.get("alias").asText()));
            addMembers("organizations/" + id, id, rows);
            for (JsonNode group : realm.list("organizations/" + id + "/groups")) {
                rows.add(row("group", group, id));
                addMembers(
                        "organizations/" + id + "/groups/" + group.get("id").asText(),
                        group.get("id").asText(),
                        rows);
            }
        }
        addGroups("groups", rows);
        return rows;
    }

    private void addGroups(String path, Set<String> rows) {
        for (JsonNode one : realm.list(path)) {
            String id = one.get("id").asText();
            rows.add(row("group", one, one.path("parentId").asText("top")));
            addMembers("groups/" + id, id, rows);
            addGroups("groups/" + id + "/children", rows);
        }
    }

    private void addMembers(String path, String id, Set<String> rows) {
        realm.list(path + "/members")
                .forEach(user -> rows.add(id + " " + user.get("id").asText()));
    }

    private static String row(String kind, JsonNode one, String slugOrParent) {
        return String.join(" | ", one.get("id").asText(), kind, one.get("name").asText(), slugOrParent);
    }
}
