package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.ScimApp.Reply;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.util.List;
import java.util.Properties;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** SCIM off; SCIM beside other providers; an inactive user who does not count as deleted. */
@Tag("app")
class ScimSettingsTest {

    private static final List<String> INDEXES = List.of(
            "users_sync_scim_emails_idx",
            "users_sync_scim_external_idx",
            "users_sync_scim_id_idx",
            "users_sync_scim_user_name_idx");

    private final TestDatabase database = new TestDatabase();
    private final Properties settings = TestSettings.with(database);
    private final String base = "http://localhost:" + settings.getProperty("camel.server.port") + "/scim/v2";

    private Reply send(String method, String path, String body) {
        return ScimApp.send(ScimApp.request(base, method, path, body));
    }

    private List<String> indexes() {
        return database.column(
                "SELECT indexname FROM pg_indexes WHERE tablename = 'users_sync' AND indexname LIKE '%scim%' ORDER BY 1");
    }

    @Test
    void withoutATokenThereIsNothing() {
        try (StartedApp app = new StartedApp(settings)) {
            for (String request :
                    List.of("GET /Users", "POST /Users", "GET /ServiceProviderConfig", "DELETE /Users/u")) {
                String[] parts = request.split(" ");
                Reply reply = send(parts[0], parts[1], parts[0].equals("POST") ? ScimApp.user("u") : null);
                assertEquals(404, reply.status());
                assertEquals("", reply.http().body());
            }
            assertEquals(List.of(), indexes(), "without SCIM the table has no SCIM indexes");
        }
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(201, send("POST", "/Users", ScimApp.user("u")).status());
            assertEquals(INDEXES, indexes());
        }
        settings.setProperty("scim.webhook.secret", "");
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(List.of(), indexes());
        }
    }

    @Test
    void aSettingThatCannotBeStopsTheStart() {
        settings.setProperty("scim.inactive", "gone");
        Throwable failure = assertThrows(RuntimeException.class, () -> new StartedApp(settings));
        assertEquals(
                "SCIM_INACTIVE must be deleted (an inactive user gets deleted_at) or kept (only raw_json says it)",
                ObjectHelper.getException(StartupFailure.class, failure).getMessage());
    }

    @Test
    void anInactiveUserMayStay() {
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("scim.inactive", "kept");
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(
                    201,
                    send("POST", "/Users", ScimApp.user("u", "\"externalId\": \"u\""))
                            .status());
            Reply inactive = send(
                    "PATCH", "/Users/u", "{\"Operations\": [{\"op\": \"replace\", \"value\": {\"active\": false}}]}");
            assertFalse(inactive.json().path("active").asBoolean(true));
            assertEquals("false|live", state());
            Reply rehired = send("POST", "/Users", ScimApp.user("renamed", "\"externalId\": \"u\""));
            assertEquals(201, rehired.status(), rehired.http().body());
            assertEquals("u", rehired.id());
            assertEquals("-|live", state());
            assertEquals(409, send("POST", "/Users", ScimApp.user("RENAMED")).status());
            send("PATCH", "/Users/u", "{\"Operations\": [{\"op\": \"replace\", \"value\": {\"active\": false}}]}");
            assertEquals(
                    "u",
                    send("POST", "/Users", ScimApp.user("RENAMED", "\"active\": true"))
                            .id());
            assertEquals("true|live", state());
            send("PATCH", "/Users/u", "{\"Operations\": [{\"op\": \"replace\", \"value\": {\"active\": false}}]}");
            assertEquals(204, send("DELETE", "/Users/u", null).status());
            assertEquals(404, send("GET", "/Users/u", null).status());
            assertTrue(state().endsWith("|deleted"));
        }
    }

    private String state() {
        return database.value(
                "SELECT coalesce(raw_json ->> 'active', '-') || CASE WHEN deleted_at IS NULL THEN '|live' ELSE '|deleted' END FROM neon_auth.users_sync");
    }

    @Test
    void aPrefixKeepsTheIdsApart() {
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("scim.id.prefix", "okta:");
        try (StartedApp app = new StartedApp(settings)) {
            Reply created = send("POST", "/Users", ScimApp.user("u", "\"externalId\": \"e1\""));
            assertEquals("okta:e1", created.id());
            assertTrue(send("POST", "/Users", ScimApp.user("v")).id().startsWith("okta:"));
            assertEquals("okta:e1", database.value("SELECT id FROM neon_auth.users_sync WHERE id LIKE '%e1'"));
            assertEquals(
                    created.json(),
                    send("GET", created.header("Location").substring(base.length()), null)
                            .json());
            assertEquals(
                    200,
                    send(
                                    "PATCH",
                                    "/Users/okta:e1",
                                    "{\"Operations\": [{\"op\": \"replace\", \"value\": {\"title\": \"T\"}}]}")
                            .status());
            // A SCIM user from before the prefix, or under another prefix.
            database.execute(
                    "INSERT INTO neon_auth.users_sync (id, raw_json) SELECT 'e2', raw_json || '{\"userName\": \"w\"}' FROM neon_auth.users_sync WHERE id = 'okta:e1'");
            assertEquals(404, send("GET", "/Users/e2", null).status());
            assertEquals(404, send("DELETE", "/Users/e2", null).status());
            assertEquals(
                    2, send("GET", "/Users", null).json().path("totalResults").intValue());
            assertEquals(
                    0,
                    send("GET", "/Users?filter=userName%20eq%20%22w%22", null)
                            .json()
                            .path("totalResults")
                            .intValue());
            assertEquals(
                    201,
                    send("POST", "/Users", ScimApp.user("w", "\"externalId\": \"e3\""))
                            .status(),
                    "a userName that this client cannot see is free");
            send(
                    "PATCH",
                    "/Users/okta:e1",
                    "{\"Operations\": [{\"op\": \"replace\", \"value\": {\"active\": false}}]}");
            assertEquals(
                    "okta:e1",
                    send("POST", "/Users", ScimApp.user("renamed", "\"externalId\": \"e1\""))
                            .id());
            assertEquals(204, send("DELETE", "/Users/okta:e1", null).status());
            assertEquals(
                    "okta:e1",
                    send("POST", "/Users", ScimApp.user("again", "\"externalId\": \"e1\""))
                            .id());
            assertEquals(204, send("DELETE", "/Users/okta:e1", null).status());
            assertEquals(
                    "deleted",
                    database.value(
                            "SELECT CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END FROM neon_auth.users_sync WHERE id = 'okta:e1'"));
        }
    }

    private static final String ADA = "{\"displayName\": \"Sales\", \"members\": [{\"value\": \"okta:ada\"}]}";

    @Test
    void theIdsOfGroupsHaveThePrefixToo() {
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("scim.id.prefix", "okta:");
        try (StartedApp app = new StartedApp(settings)) {
            send("POST", "/Users", ScimApp.user("ada", "\"externalId\": \"ada\""));
            Reply created = send("POST", "/Groups", ADA);
            assertEquals(201, created.status(), created.http().body());
            assertTrue(created.id().startsWith("okta:"), created.id());
            String path = created.header("Location").substring(base.length());
            assertEquals(created.json(), send("GET", path, null).json());
            assertEquals(
                    created.id() + ":okta:ada|" + created.id() + "|okta:ada",
                    database.value(
                            "SELECT concat_ws('|', id, organization_id, user_id) FROM neon_auth.memberships_live"));
            assertEquals(
                    created.id(),
                    send("GET", "/Users/okta:ada", null)
                            .json()
                            .at("/groups/0/value")
                            .textValue());
            // A group from before the prefix.
            database.execute(
                    "INSERT INTO neon_auth.organizations_sync (id, raw_json) SELECT 'g1', raw_json FROM neon_auth.organizations_sync");
            assertEquals(404, send("DELETE", "/Groups/g1", null).status());
            assertEquals(
                    1, send("GET", "/Groups", null).json().path("totalResults").intValue());
            assertEquals(204, send("DELETE", path, null).status());
        }
    }

    @Test
    void groupsMayBeOff() {
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("scim.organizations", "off");
        try (StartedApp app = new StartedApp(settings)) {
            for (String request : List.of("GET /Groups", "GET /Groups/g", "POST /Groups", "POST /Groups/.search")) {
                String[] parts = request.split(" ");
                send(parts[0], parts[1], parts[0].equals("POST") ? ADA : null).assertError(404, null);
            }
            send("POST", "/Users", ScimApp.user("ada", "\"externalId\": \"ada\""));
            database.execute("""
                    INSERT INTO neon_auth.organizations_sync (id, name, raw_json) VALUES
                      ('g', 'Sales', '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales"}');
                    INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id) VALUES ('g:ada', 'g', 'ada')""");
            assertFalse(send("GET", "/Users/ada", null).json().has("groups"));
            assertEquals(
                    1,
                    send("POST", "/.search", "{}").json().path("totalResults").intValue());
            assertEquals(
                    1,
                    send("GET", "/ResourceTypes", null)
                            .json()
                            .path("totalResults")
                            .intValue());
            assertEquals(404, send("GET", "/ResourceTypes/Group", null).status());
            assertEquals(
                    2, send("GET", "/Schemas", null).json().path("totalResults").intValue());
            assertFalse(send("GET", "/ServiceProviderConfig", null).json().has("documentationUri"));
        }
    }
}
