package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.ScimApp;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The requests of Okta and Entra ID, byte for byte, and the resulting rows. */
class ScimDialectsTest extends ScimApp {

    private static String query(String filter) {
        return "?filter=" + URLEncoder.encode(filter, StandardCharsets.UTF_8);
    }

    /** JSON as the tables below write it: ' stands for a quote, ~ for a quote within a text. */
    private static String json(String text) {
        return text.replace('\'', '"').replace("~", "\\\"");
    }

    @Test
    void oktaFromProbeToReactivation() {
        Reply probe = get("/Users" + query("userName eq \"rosa@agency.example\"") + "&startIndex=1&count=100");
        assertEquals(200, probe.status());
        assertEquals("application/scim+json", probe.header("Content-Type"));
        assertEquals(
                "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:ListResponse\"],\"totalResults\":0,\"itemsPerPage\":0,\"startIndex\":1,\"Resources\":[]}",
                probe.http().body());

        Reply created = post("/Users", fixture("okta/create"));
        assertEquals(201, created.status(), created.http().body());
        assertEquals("00u5c0mpan1on", created.id());
        assertEquals(scim() + "/Users/00u5c0mpan1on", created.header("Location"));
        assertEquals("Rosa Diaz|rosa@agency.example|live", row("00u5c0mpan1on"));
        assertEquals("en-US", database.value("SELECT raw_json ->> 'locale' FROM neon_auth.users_sync"));
        post("/Users", fixture("okta/create")).assertError(409, "uniqueness");

        assertEquals(200, get("/Users/00u5c0mpan1on").status());
        Reply replaced = put("/Users/00u5c0mpan1on", fixture("okta/replace"));
        assertEquals(200, replaced.status(), replaced.http().body());
        assertEquals("Rosa Santos|santos@agency.example|live", row("00u5c0mpan1on"));
        assertFalse(replaced.json().has("locale"), "PUT replaces");
        assertEquals(
                "00u5c0mpan1on",
                replaced.json().path("externalId").textValue(),
                "but does not cut the tie to Okta's id");

        assertEquals(
                200,
                send(request("PATCH", "/Users/00u5c0mpan1on", fixture("okta/password")))
                        .status());
        assertEquals(
                200,
                send(request("PATCH", "/Users/00u5c0mpan1on", fixture("okta/deactivate")))
                        .status());
        assertEquals("Rosa Santos|santos@agency.example|deleted", row("00u5c0mpan1on"));
        JsonNode found =
                get("/Users" + query("userName eq \"rosa@agency.example\"")).json();
        assertEquals(1, found.path("totalResults").intValue());
        assertFalse(found.at("/Resources/0/active").booleanValue());
        assertEquals(200, get("/Users/00u5c0mpan1on").status());

        // Okta omits "active" when it updates a user that it has deactivated. Such a PUT must not bring the user back.
        assertEquals(
                200,
                put(
                                "/Users/00u5c0mpan1on",
                                fixture("okta/replace")
                                        .replace("\"active\": true,", "")
                                        .replace("Maria", "M."))
                        .status());
        assertEquals("Rosa Santos|santos@agency.example|deleted", row("00u5c0mpan1on"));

        assertEquals(
                200,
                send(request("PATCH", "/Users/00u5c0mpan1on", fixture("okta/reactivate")))
                        .status());
        assertEquals("Rosa Santos|santos@agency.example|live", row("00u5c0mpan1on"));
        assertEquals(
                "0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE raw_json::text LIKE '%Hunter%'"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void entraFromTestConnectionToDelete() {
        for (String filter : new String[] {
            "userName eq \"6b4f0d1e\"", "externalId eq \"6b4f0d1e\"", "emails[type eq \"work\"].value eq \"6b4f0d1e\""
        }) {
            Reply probe = get("/Users" + query(filter));
            assertEquals(200, probe.status(), filter);
            assertEquals(0, probe.json().path("totalResults").intValue());
        }
        Reply created = send(request("POST", "/Users", fixture("entra/create"))
                .setHeader("Content-Type", "application/scim+json; charset=utf-8"));
        assertEquals(201, created.status(), created.http().body());
        String id = created.id();
        assertEquals("5f0cf3a8-9c1c-4c77-8a53-2b7b1f9f6a01", id);
        assertEquals("Kim Vos|kim.vos@agency.example|live", row(id));

        Reply updated = send(request("PATCH", "/Users/" + id, fixture("entra/update")));
        assertEquals(200, updated.status(), updated.http().body());
        assertEquals("Kim Vos-Peralta|kim@agency.example|live", row(id));
        assertEquals("+31 6 0000", updated.json().at("/phoneNumbers/0/value").textValue());
        assertEquals("mobile", updated.json().at("/phoneNumbers/0/type").textValue());
        assertEquals(
                "Desk 99",
                updated.json().at("/addresses/0/formatted").textValue(),
                "a replace of what is not there yet adds it");
        assertEquals(
                "{\"department\":\"Day shift\"}",
                updated.json()
                        .path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
                        .toString());

        Reply paths = send(request("PATCH", "/Users/" + id, fixture("entra/keys-are-paths")));
        assertEquals(200, paths.status(), paths.http().body());
        assertEquals("Kim V.|kim@agency.example|live", row(id));
        assertEquals("Kimberly", paths.json().at("/name/givenName").textValue());
        assertEquals(2, paths.json().path("emails").size());
        assertEquals(
                "701984",
                paths.json()
                        .path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")
                        .path("employeeNumber")
                        .textValue());

        for (String disable : new String[] {"entra/disable", "entra/disable-text"}) {
            Reply disabled = send(request("PATCH", "/Users/" + id, fixture(disable)));
            assertEquals("false", disabled.json().path("active").toString(), "a boolean, however it was written");
            assertEquals("Kim V.|kim@agency.example|deleted", row(id));
            assertEquals(
                    "true",
                    send(request("PATCH", "/Users/" + id, fixture("entra/enable-text")))
                            .json()
                            .path("active")
                            .toString());
            assertEquals("Kim V.|kim@agency.example|live", row(id));
        }
        send(request("PATCH", "/Users/" + id, fixture("entra/disable")));
        Reply deleted = delete("/Users/" + id);
        assertEquals(204, deleted.status());
        assertEquals("", deleted.http().body());
        get("/Users/" + id).assertError(404, null);
        assertEquals("Kim V.|kim@agency.example|deleted", row(id));
    }

    private static final String INACTIVE = "{\"op\": \"replace\", \"value\": {\"active\": false}}";

    private static String ada(String userName, String externalId, String name) {
        return user(
                userName,
                json((externalId == null ? "" : "'externalId': '" + externalId + "', ")
                        + "'active': true, 'displayName': '" + name + "'"));
    }

    private void assertReactivated(Reply reply, String id) {
        assertEquals(201, reply.status(), reply.http().body());
        assertEquals(id, reply.id());
        assertEquals(scim() + "/Users/" + id, reply.header("Location"));
        assertEquals("true", reply.json().path("active").toString());
        assertEquals(reply.json(), get("/Users/" + id).json());
    }

    @Test
    void aRehiredUserGetsTheFormerRow() {
        Reply hired = post("/Users", ada("ada@example.org", "00u1ada", "Ada Byron"));
        patch("/Users/00u1ada", INACTIVE);
        Reply rehired = post("/Users", ada("ada@example.org", "00u1ada", "Ada King"));
        assertReactivated(rehired, "00u1ada");
        assertEquals("Ada King|ada@example.org|live", row("00u1ada"));
        assertEquals(hired.json().at("/meta/created"), rehired.json().at("/meta/created"));
        post("/Users", ada("ada@example.org", "00u1ada", "Ada King")).assertError(409, "uniqueness");

        // Renamed while inactive: the externalId identifies the user.
        patch("/Users/00u1ada", INACTIVE);
        assertReactivated(post("/Users", ada("ada.king@example.org", "00u1ada", "Ada King")), "00u1ada");
        assertEquals("Ada King|ada.king@example.org|live", row("00u1ada"));

        // Still inactive: the client only repeats its state.
        patch("/Users/00u1ada", INACTIVE);
        assertEquals(
                "00u1ada",
                post("/Users", ada("ada@example.org", "00u1ada", "Ada Lovelace").replace("true", "false"))
                        .id());
        assertEquals("Ada Lovelace|ada@example.org|deleted", row("00u1ada"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void aRehiredUserWithoutExternalIdIsKnownByTheUserName() {
        String id = post("/Users", ada("ada@example.org", null, "Ada Byron")).id();
        patch("/Users/" + id, INACTIVE);
        assertReactivated(post("/Users", ada("ADA@example.org", null, "Ada King")), id);
        // Now the client sends an externalId.
        patch("/Users/" + id, INACTIVE);
        Reply known = post("/Users", ada("ada@example.org", "00u1ada", "Ada King"));
        assertReactivated(known, id);
        assertEquals("00u1ada", known.json().path("externalId").textValue());
        // This time the client omits the externalId, and the user keeps it.
        patch("/Users/" + id, INACTIVE);
        Reply untold = post("/Users", ada("ada@example.org", null, "Ada L."));
        assertReactivated(untold, id);
        assertEquals("00u1ada", untold.json().path("externalId").textValue());
        assertEquals("Ada L.|ada@example.org|live", row(id));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void theUserNameOfAnInactiveUserIsFreeForAnotherPerson() {
        post("/Users", ada("ada@example.org", "00u1ada", "Ada Byron"));
        patch("/Users/00u1ada", INACTIVE);
        Reply other = post("/Users", ada("ada@example.org", "00u2ada", "Ada Yonath"));
        assertEquals(201, other.status(), other.http().body());
        assertEquals("00u2ada", other.id());
        assertEquals("Ada Byron|ada@example.org|deleted", row("00u1ada"));
        assertEquals("Ada Yonath|ada@example.org|live", row("00u2ada"));
        // A search for the userName finds its current owner.
        for (String filter :
                new String[] {"userName eq \"ada@example.org\"", "active pr and userName eq \"ADA@example.org\""}) {
            JsonNode found = get("/Users" + query(filter)).json();
            assertEquals(1, found.path("totalResults").intValue(), filter);
            assertEquals("00u2ada", found.at("/Resources/0/id").textValue(), filter);
        }
        assertEquals(
                "00u1ada",
                get("/Users" + query("userName eq \"ada@example.org\" and active eq false"))
                        .json()
                        .at("/Resources/0/id")
                        .textValue());
        assertEquals(
                2,
                get("/Users" + query("userName sw \"ada\""))
                        .json()
                        .path("totalResults")
                        .intValue());
        // The former owner returns only under another name.
        patch("/Users/00u1ada", "{\"op\": \"replace\", \"path\": \"active\", \"value\": true}")
                .assertError(409, "uniqueness");
        post("/Users", ada("ada@example.org", "00u1ada", "Ada Byron")).assertError(409, "uniqueness");
        assertReactivated(post("/Users", ada("ada.byron@example.org", "00u1ada", "Ada Byron")), "00u1ada");
        // A rename may also take the userName of an inactive user.
        patch("/Users/00u1ada", INACTIVE);
        assertEquals(
                200,
                patch(
                                "/Users/00u2ada",
                                "{\"op\": \"replace\", \"path\": \"userName\", \"value\": \"ada.byron@example.org\"}")
                        .status());
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void theExternalIdOfAnActiveUserIsTaken() {
        post("/Users", ada("ada@example.org", "00u1ada", "Ada Byron"));
        Reply refused = post("/Users", ada("other@example.org", "00u1ada", "Ada King"));
        refused.assertError(409, "uniqueness");
        assertTrue(
                refused.json().path("detail").textValue().contains("externalId"),
                refused.http().body());
        assertEquals("Ada Byron|ada@example.org|live", row("00u1ada"));
        // Also where the row's id does not derive from the externalId.
        String id = post("/Users", ada("bob@example.org", null, "Bob")).id();
        patch("/Users/" + id, "{\"op\": \"add\", \"path\": \"externalId\", \"value\": \"00u3bob\"}");
        post("/Users", ada("bobby@example.org", "00u3bob", "Bobby")).assertError(409, "uniqueness");
        patch("/Users/" + id, INACTIVE);
        assertReactivated(post("/Users", ada("bobby@example.org", "00u3bob", "Bobby")), id);
        assertEquals(204, delete("/Users/" + id).status());
        assertReactivated(post("/Users", ada("bob@example.org", "00u3bob", "Bob")), id);
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void aDeletedUserComesBackByItsOwnIdOnly() {
        post("/Users", ada("ada@example.org", "00u1ada", "Ada Byron"));
        assertEquals(204, delete("/Users/00u1ada").status());
        String other =
                post("/Users", ada("ada@example.org", null, "Ada Yonath")).id();
        assertTrue(other.matches("[0-9a-f-]{36}"), "a released userName does not identify its next owner");
        assertReactivated(post("/Users", ada("ada.king@example.org", "00u1ada", "Ada King")), "00u1ada");

        // The id stays with the person, although the client has changed the person's externalId since.
        patch("/Users/00u1ada", "{\"op\": \"replace\", \"path\": \"externalId\", \"value\": \"00u9ada\"}");
        assertEquals(204, delete("/Users/00u1ada").status());
        assertTrue(post("/Users", ada("third@example.org", "00u1ada", "Third"))
                .id()
                .matches("[0-9a-f-]{36}"));
        assertReactivated(post("/Users", ada("ada.king@example.org", "00u9ada", "Ada King")), "00u1ada");
    }

    @Test
    void whoWasErasedOrPurgedIsCreatedAnew() {
        post("/Users", ada("ada@example.org", "00u1ada", "Ada Byron"));
        patch("/Users/00u1ada", INACTIVE);
        // The clock of the instance that erased the user was ahead of this instance's clock.
        database.execute(
                "DELETE FROM neon_auth.users_sync; INSERT INTO users_sync_internal.tombstone VALUES ('00u1ada', now() + interval '1 minute')"
                        + " ON CONFLICT (id) DO UPDATE SET at = excluded.at");
        try {
            assertReactivated(post("/Users", ada("ada@example.org", "00u1ada", "Ada King")), "00u1ada");
            assertEquals("Ada King|ada@example.org|live", row("00u1ada"));
        } finally {
            database.execute("DELETE FROM users_sync_internal.tombstone");
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "Title | {'op': 'REPLACE', 'path': 'Title', 'value': 'Captain'} | {'title': 'Captain'}",
                "null removes | {'op': 'replace', 'path': 'nickName', 'value': null} | {'nickName': null}",
                "without path, null removes | {'op': 'replace', 'value': {'nickName': null}} | {'nickName': null}",
                "empty list removes | {'op': 'replace', 'path': 'emails', 'value': []} | {'emails': null}",
                "one value for a list | {'op': 'add', 'path': 'emails', 'value': {'value': 'b@x.example', 'type': 'home'}} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': true}, {'value': 'b@x.example', 'type': 'home'}]}",
                "add to a list without path | {'op': 'add', 'value': {'emails': [{'value': 'b@x.example'}]}} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': true}, {'value': 'b@x.example'}]}",
                "add what is there replaces | {'op': 'Add', 'path': 'emails[type eq ~work~].value', 'value': 'c@x.example'} | {'emails': [{'value': 'c@x.example', 'type': 'work', 'primary': true}]}",
                "complex value | {'op': 'replace', 'path': 'name', 'value': {'givenName': 'Zoe'}} | {'name': {'givenName': 'Zoe', 'familyName': 'Doe'}}",
                "the core schema before the attribute | {'op': 'replace', 'path': 'urn:ietf:params:scim:schemas:core:2.0:User:title', 'value': 'Captain'} | {'title': 'Captain'}",
                "text booleans within values | {'op': 'replace', 'path': 'emails', 'value': [{'value': 'd@x.example', 'primary': 'True'}]} | {'emails': [{'value': 'd@x.example', 'primary': true}]}",
                "remove by filter | {'op': 'Remove', 'path': 'emails[value eq ~a@x.example~]'} | {'emails': null}",
                "remove that repeats the value | {'op': 'Remove', 'path': 'emails[type eq ~work~].value', 'value': 'a@x.example'} | {'emails': [{'type': 'work', 'primary': true}]}",
                "remove what is not there | {'op': 'remove', 'path': 'title'} | {'title': null}",
                "read-only groups are passed over | {'op': 'replace', 'value': {'groups': [{'value': 'admins'}], 'title': 'Captain'}} | {'title': 'Captain', 'groups': null}",
                "an extension of their own | {'op': 'add', 'value': {'urn:acme:1.0:User': {'badge': 7, 'password': 'x', 'deep': [{'client_secret': 'x'}]}}} | {'urn:acme:1.0:User': {'badge': 7, 'deep': [{}]}}",
                "a secret by its path | {'op': 'add', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:apiSecret', 'value': 'x'} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {}}",
                "an extension as a whole | {'op': 'add', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User', 'value': {'division': 'North'}} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'division': 'North'}}",
                "manager as an object | {'op': 'add', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager', 'value': {'value': '26'}} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': {'value': '26'}}}",
                "a role by its primary, as text | {'op': 'Add', 'path': 'roles[primary eq ~True~].value', 'value': 'viewer'}, {'op': 'Replace', 'path': 'roles[primary EQ ~True~].value', 'value': 'admin'} | {'roles': [{'primary': true, 'value': 'admin'}]}",
                "a role by its primary, bare | {'op': 'Add', 'path': 'roles[primary eq True].value', 'value': 'viewer'}, {'op': 'Replace', 'path': 'roles[primary eq tRUE].display', 'value': 'Viewer'} | {'roles': [{'primary': true, 'value': 'viewer', 'display': 'Viewer'}]}",
                "an address by its primary | {'op': 'Replace', 'path': 'emails[primary eq ~True~].value', 'value': 'b@x.example'} | {'emails': [{'value': 'b@x.example', 'type': 'work', 'primary': true}]}",
                "a list by its primary, removed | {'op': 'Remove', 'path': 'emails[primary eq ~True~]'} | {'emails': null}",
                "not primary, removed | {'op': 'Remove', 'path': 'emails[primary eq ~False~ or not (primary eq ~TRUE~)]'} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': true}]}",
                "created by two conditions | {'op': 'add', 'path': 'phoneNumbers[type eq ~work~ and primary eq ~True~].value', 'value': '1'} | {'phoneNumbers': [{'type': 'work', 'primary': true, 'value': '1'}]}",
                "created as a whole | {'op': 'replace', 'path': 'phoneNumbers[type eq ~work~]', 'value': {'value': '1'}} | {'phoneNumbers': [{'type': 'work', 'value': '1'}]}",
                "an added primary, as text, ends the former one | {'op': 'Add', 'path': 'emails', 'value': [{'value': 'b@x.example', 'type': 'home', 'primary': 'True'}]} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': false}, {'value': 'b@x.example', 'type': 'home', 'primary': true}]}",
                "primary by its path, as text | {'op': 'Add', 'path': 'emails[type eq ~home~].value', 'value': 'b@x.example'}, {'op': 'Add', 'path': 'emails[type eq ~home~].primary', 'value': 'True'} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': false}, {'type': 'home', 'value': 'b@x.example', 'primary': true}]}",
                "the former primary changes in the same request | {'op': 'replace', 'path': 'emails[type eq ~work~].display', 'value': 'A'}, {'op': 'add', 'path': 'emails', 'value': [{'value': 'b@x.example', 'primary': true}]} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': false, 'display': 'A'}, {'value': 'b@x.example', 'primary': true}]}",
                "an extension's list has one primary | {'op': 'add', 'value': {'urn:acme:1.0:User': {'desks': [{'value': '1', 'primary': true}, {'value': '2', 'primary': true}]}}} | {'urn:acme:1.0:User': {'desks': [{'value': '1', 'primary': true}, {'value': '2', 'primary': false}]}}",
                "an address in another case is no twin | {'op': 'Add', 'path': 'emails', 'value': [{'type': 'work', 'value': 'A@X.example', 'display': 'A', 'primary': true}]} | {'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': true, 'display': 'A'}]}",
                "a role is no twin of itself | {'op': 'add', 'path': 'roles', 'value': [{'value': 'member', 'display': 'Member', 'type': 'app'}]}, {'op': 'Add', 'path': 'roles', 'value': [{'value': 'member'}, {'value': 'admin'}]} | {'roles': [{'value': 'member', 'display': 'Member', 'type': 'app'}, {'value': 'admin'}]}",
                "a role that becomes primary is no twin | {'op': 'add', 'path': 'roles', 'value': 'member'}, {'op': 'Add', 'path': 'roles[primary eq ~True~].value', 'value': 'member'} | {'roles': [{'value': 'member', 'primary': true}]}",
                "one number at home and at work is two | {'op': 'add', 'path': 'phoneNumbers', 'value': [{'value': '1', 'type': 'work'}]}, {'op': 'add', 'path': 'phoneNumbers', 'value': [{'value': '1', 'type': 'home'}]} | {'phoneNumbers': [{'value': '1', 'type': 'work'}, {'value': '1', 'type': 'home'}]}",
                "an address without value is no twin | {'op': 'add', 'value': {'addresses': [{'type': 'work', 'locality': 'Delft'}]}}, {'op': 'add', 'value': {'addresses': {'type': 'work', 'locality': 'Delft', 'primary': 'True'}}} | {'addresses': [{'type': 'work', 'locality': 'Delft', 'primary': true}]}",
                "remove of listed values | {'op': 'add', 'path': 'roles', 'value': ['a', 'b', 'c']}, {'op': 'Remove', 'path': 'roles', 'value': [{'value': 'a'}, {'value': 'c'}, {'value': 'x'}]} | {'roles': [{'value': 'b'}]}",
                "name as text | {'op': 'replace', 'path': 'name', 'value': 'Ann D.'} | {'name': {'formatted': 'Ann D.', 'givenName': 'Ann', 'familyName': 'Doe'}}",
                "addresses as texts | {'op': 'replace', 'path': 'emails', 'value': ['b@x.example', 'c@x.example']} | {'emails': [{'value': 'b@x.example'}, {'value': 'c@x.example'}]}",
                "values in lists of one | {'op': 'Replace', 'path': 'displayName', 'value': [{'$ref': null, 'value': 'Ann'}]}, {'op': 'Replace', 'path': 'active', 'value': ['True']} | {'displayName': 'Ann', 'active': true}",
                "manager as text | {'op': 'Add', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager', 'value': 'oid-boss'} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': {'value': 'oid-boss'}}}",
                "manager in a list | {'op': 'Replace', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager', 'value': [{'$ref': '../Users/oid-boss', 'value': 'oid-boss'}]} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': {'$ref': '../Users/oid-boss', 'value': 'oid-boss'}}}",
                "manager as text, another before | {'op': 'add', 'value': {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager': 'x'}}, {'op': 'replace', 'value': {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': 'oid-boss', 'division': 'North'}}} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': {'value': 'oid-boss'}, 'division': 'North'}}",
                "manager's displayName | {'op': 'add', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName', 'value': 'Boss'} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': {'displayName': 'Boss'}}}",
                "no manager any more | {'op': 'add', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager', 'value': 'x'}, {'op': 'replace', 'path': 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager', 'value': ''} | {'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {}}",
                "an attribute that the schema does not know | {'op': 'add', 'path': 'shoeSize', 'value': 38.50} | {'shoeSize': 38.50}",
            })
    void patchOperations(String what, String operation, String expected) throws IOException {
        post(
                "/Users",
                user(
                        "u",
                        json("'externalId': 'u', 'nickName': 'U', 'name': {'givenName': 'Ann', 'familyName': 'Doe'},"
                                + "'emails': [{'value': 'a@x.example', 'type': 'work', 'primary': true}]")));
        Reply patched = patch("/Users/u", json(operation));
        assertEquals(200, patched.status(), patched.http().body());
        JSON.readTree(json(expected))
                .properties()
                .forEach(attribute -> assertEquals(
                        attribute.getValue().isNull() ? null : attribute.getValue(),
                        patched.json().get(attribute.getKey()),
                        attribute.getKey()));
        assertEquals(patched.json(), get("/Users/u").json());
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "no operations, and no word of a PatchOp | [] | invalidSyntax",
                "operations that are none | {'op': 'add'} | invalidSyntax",
                "no op | [{'path': 'title', 'value': 'x'}] | invalidSyntax",
                "unknown op | [{'op': 'move', 'path': 'title', 'value': 'x'}] | invalidSyntax",
                "op a number | [{'op': 1, 'path': 'title', 'value': 'x'}] | invalidSyntax",
                "path an object | [{'op': 'add', 'path': {}, 'value': 'x'}] | invalidSyntax",
                "no path and no object | [{'op': 'add', 'value': 'x'}] | invalidSyntax",
                "no value | [{'op': 'add', 'path': 'title'}] | invalidValue",
                "remove without path | [{'op': 'remove'}] | noTarget",
                "broken path | [{'op': 'add', 'path': 'emails[type eq', 'value': 'x'}] | invalidPath",
                "a bracket that is not closed | [{'op': 'add', 'path': 'emails[type eq ~work~', 'value': {'value': 'x'}}] | invalidPath",
                "path of signs | [{'op': 'add', 'path': '?!', 'value': 'x'}] | invalidPath",
                "path too deep | [{'op': 'add', 'path': 'name.familyName.x', 'value': 'x'}] | invalidPath",
                "path to the schema | [{'op': 'add', 'path': 'urn:ietf:params:scim:schemas:core:2.0:User', 'value': {'title': 'x'}}] | invalidPath",
                "path ends early | [{'op': 'add', 'path': 'name.', 'value': 'x'}] | invalidPath",
                "id | [{'op': 'replace', 'path': 'id', 'value': 'x'}] | mutability",
                "a filter with no match and no equality | [{'op': 'replace', 'path': 'emails[type sw ~z~].value', 'value': 'x'}] | noTarget",
                "a filter on one value | [{'op': 'replace', 'path': 'title[value eq ~z~]', 'value': 'x'}] | noTarget",
                "active not a boolean | [{'op': 'replace', 'path': 'active', 'value': 'maybe'}] | invalidValue",
                "active an object | [{'op': 'replace', 'path': 'active', 'value': {'x': 1}}] | invalidValue",
                "name a boolean | [{'op': 'replace', 'path': 'name', 'value': true}] | invalidValue",
                "name a list | [{'op': 'replace', 'path': 'name', 'value': ['x', 'y']}] | invalidValue",
                "emails lists | [{'op': 'replace', 'path': 'emails', 'value': [['x@y.example', 'z@y.example']]}] | invalidValue",
                "emails booleans | [{'op': 'replace', 'path': 'emails', 'value': [true]}] | invalidValue",
                "displayName a list of two | [{'op': 'replace', 'path': 'displayName', 'value': ['x', 'y']}] | invalidValue",
                "userName blank | [{'op': 'replace', 'path': 'userName', 'value': ' '}] | invalidValue",
                "remove of values that say not which | [{'op': 'remove', 'path': 'emails', 'value': [{'primary': true}]}] | invalidValue",
                "remove of an empty value | [{'op': 'remove', 'path': 'emails', 'value': [{}]}] | invalidValue",
                "a number beyond numeric | [{'op': 'add', 'path': 'n', 'value': 1e999999}] | invalidValue",
                "the second operation | [{'op': 'replace', 'path': 'title', 'value': 'x'}, {'op': 'replace', 'path': 'active', 'value': 'maybe'}] | invalidValue",
            })
    void patchesThatChangeNothing(String what, String operations, String scimType) {
        Reply before = post(
                "/Users", user("u", json("'externalId': 'u', 'emails': [{'value': 'a@x.example', 'type': 'work'}]")));
        send(request("PATCH", "/Users/u", json("{'Operations': " + operations + "}")))
                .assertError(400, scimType);
        assertEquals(before.json(), get("/Users/u").json());
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void charactersThatPostgresRefusesAreReplaced() {
        Reply created = post(
                "/Users", user("u", json("'externalId': 'u', 'displayName': 'Ada \\ud83d', 'title': 'a\\u0000b'")));
        assertEquals(201, created.status(), created.http().body());
        assertEquals("Ada \ufffd", created.json().path("displayName").textValue());
        assertEquals(
                "Ada \ufffd|a\ufffdb",
                database.value("SELECT concat_ws('|', name, raw_json ->> 'title') FROM neon_auth.users_sync"));
        assertEquals(
                200,
                patch("/Users/u", json("{'op': 'replace', 'path': 'title', 'value': '\\ud83d'}"))
                        .status());
        assertEquals("\ufffd", get("/Users/u").json().path("title").textValue());
        post("/Users", user("v", json("'externalId': 'v\\u0000'"))).assertError(400, "invalidValue");
    }

    @Test
    void externalIdsOfUpTo2600BytesAreTheIdsOfUsers() {
        for (int length : new int[] {390, 1000, 2600}) {
            String id = "x".repeat(length);
            assertEquals(
                    201,
                    post("/Users", user("u" + length, json("'externalId': '" + id + "'")))
                            .status());
            assertEquals(id, get("/Users/" + id).id());
            assertEquals(204, delete("/Users/" + id).status());
        }
        post("/Users", user("u", json("'externalId': '" + "x".repeat(2601) + "'")))
                .assertError(400, "invalidValue");
        String wide = post("/Users", user("wide", json("'externalId': '" + "\u20ac".repeat(860) + "'")))
                .id();
        assertEquals(200, get("/Users/" + wide).status(), "an id fits into the line of a request");
    }

    @Test
    void endlessPathsAndFilters() {
        post("/Users", user("u", json("'externalId': 'u'")));
        patch("/Users/u", json("{'op': 'add', 'path': 'emails[" + "not (".repeat(100_000) + "', 'value': 'x'}"))
                .assertError(400, "invalidPath");
        post("/Users/.search", json("{'filter': '" + "not (".repeat(100_000) + "'}"))
                .assertError(400, "invalidFilter");
        String deep = "not (".repeat(500) + "userName pr" + ")".repeat(500);
        assertEquals(
                1,
                post("/Users/.search", json("{'filter': '" + deep + "'}"))
                        .json()
                        .path("totalResults")
                        .intValue());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{'displayName': 'Ann Display', 'name': {'formatted': 'Ann F.', 'givenName': 'Ann'}} | Ann Display / u@x.example",
                "{'displayName': ' ', 'name': {'formatted': 'Ann F.', 'givenName': 'Ann'}} | Ann F. / u@x.example",
                "{'name': {'givenName': 'Ann', 'familyName': 'Doe'}} | Ann Doe / u@x.example",
                "{'name': {'familyName': 'Doe'}} | Doe / u@x.example",
                "{} | - / u@x.example",
                "{'userName': 'ann'} | - / -",
                "{'emails': [{'value': 'first@x.example'}, {'value': 'second@x.example', 'primary': 'true'}]} | - / second@x.example",
                "{'emails': [{'type': 'work'}, {'value': 'first@x.example'}, {'value': 'second@x.example'}]} | - / first@x.example",
                "{'emails': []} | - / u@x.example",
                "{'emails': 'plain@x.example'} | - / plain@x.example",
                "{'emails': ['one@x.example', 'two@x.example'], 'name': 'Ann P.', 'phoneNumbers': 123, 'addresses': 'Desk 9', 'roles': 'admin'} | Ann P. / one@x.example",
                "{'emails': [{'value': 'first@x.example', 'primary': 'True'}, {'value': 'second@x.example', 'primary': true}], 'displayName': ['Ann']} | Ann / first@x.example",
                "{'emails': '', 'name': ' '} | - / u@x.example",
                "{'UserName': 'ann@y.example', 'EMAILS': [{'Value': 'loud@x.example'}]} | - / loud@x.example",
            })
    void nameAndEmail(String attributes, String expected) {
        String given = json(attributes);
        String body = given.toLowerCase().contains("username")
                ? given
                : given.replaceFirst("\\{", "{\"userName\": \"u@x.example\"" + (given.equals("{}") ? "" : ", "));
        Reply created = post("/Users", body);
        assertEquals(201, created.status(), created.http().body());
        assertEquals(expected.replace(" / ", "|") + "|live", row(created.id()));
        assertTrue(
                database.value("SELECT raw_json ->> 'userName' FROM neon_auth.users_sync")
                                .length()
                        > 2,
                "kept under the schema's spelling");
    }

    @Test
    void noListHasTwoPrimaries() {
        String lists = json(
                "'emails': [{'value': 'a@x.example', 'primary': 'True'}, {'value': 'b@x.example', 'primary': true}],"
                        + "'roles': [{'value': 'a', 'primary': true}, {'value': 'b', 'primary': 'true'}], 'desks': [{'primary': true}, {'primary': true}]");
        for (Reply reply : new Reply[] {
            post("/Users", user("u", json("'externalId': 'u'"), lists)), put("/Users/u", user("u", lists))
        }) {
            for (String list : new String[] {"emails", "roles", "desks"}) {
                assertEquals(
                        "true",
                        reply.json().path(list).path(0).path("primary").toString(),
                        reply.http().body());
                assertEquals(
                        "false",
                        reply.json().path(list).path(1).path("primary").toString(),
                        reply.http().body());
            }
        }
        assertEquals("-|a@x.example|live", row("u"));
    }

    @Test
    void entraWritesBooleansAndManagersAsText() {
        String manager = json(
                "'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User': {'manager': 'oid-boss', 'department': 'Day'}");
        Reply created = post("/Users", user("kim@x.example", json("'externalId': 'kim', 'active': 'True'"), manager));
        assertEquals(201, created.status(), created.http().body());
        String extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assertEquals(
                "{\"value\":\"oid-boss\"}",
                created.json().path(extension).path("manager").toString());
        assertEquals(
                "{\"value\": \"oid-boss\"}",
                database.value("SELECT raw_json -> '" + extension + "' -> 'manager' FROM neon_auth.users_sync"));
        post("/Users", user("off@x.example", json("'externalId': 'off', 'active': 'False'")));
        for (String filter : new String[] {
            "manager.value eq \"oid-boss\"",
            "manager eq \"oid-boss\"",
            extension + ":manager.value eq \"OID-boss\"",
            extension + ":manager eq \"oid-boss\"",
            "id eq \"kim\" and manager eq \"oid-boss\"",
            "department sw \"day\"",
            "active eq \"True\"",
            "active EQ True",
            "active ne \"FALSE\"",
            "not (active eq \"False\")"
        }) {
            JsonNode found = get("/Users" + query(filter)).json();
            assertEquals(1, found.path("totalResults").intValue(), filter);
            assertEquals("kim", found.at("/Resources/0/id").textValue(), filter);
        }
        for (String filter : new String[] {
            "active eq \"False\"", "active eq fALSE", "active ne true", "userName sw \"o\" and active eq \"false\""
        }) {
            assertEquals(
                    "off",
                    get("/Users" + query(filter)).json().at("/Resources/0/id").textValue(),
                    filter);
        }
        // A text that only looks like a boolean or a filter stays a text.
        post("/Users", user("True", json("'externalId': 'true', 'title': 'primary eq True'")));
        assertEquals(
                "true",
                get("/Users" + query("userName eq \"True\" and title eq \"primary eq True\""))
                        .json()
                        .at("/Resources/0/id")
                        .textValue());
        assertEquals(
                "true",
                get("/Users" + query("title co \"True\""))
                        .json()
                        .at("/Resources/0/id")
                        .textValue());
    }

    /**
     * The identity provider authentik: POST; after a 409 it adopts the first user with the userName; PUT of the whole
     * user; DELETE.
     */
    @Test
    void authentikFromConfigToDelete() {
        JsonNode config = get("/ServiceProviderConfig").json();
        assertTrue(config.path("patch").path("supported").booleanValue()
                && config.path("filter").path("supported").booleanValue());
        assertTrue(
                config.path("bulk").path("maxOperations").isInt(), "without maxOperations authentik gives up filters");

        String uid = "0f2c1b".repeat(10);
        String body = user(
                "akadmin",
                json("'externalId': '" + uid
                        + "', 'active': true, 'displayName': 'Ada K.', 'locale': 'en-us', 'photos': [],"
                        + "'name': {'formatted': 'Ada K.', 'familyName': ' ', 'givenName': 'Ada K.'},"
                        + "'emails': [{'primary': true, 'type': 'other', 'value': 'ada@example.org'}]"));
        assertEquals(uid, post("/Users", body).id());
        post("/Users", body).assertError(409, "uniqueness");
        Reply adopted = get("/Users" + query("userName eq \"akadmin\""));
        assertEquals(uid, adopted.json().at("/Resources/0/id").textValue());
        Reply replaced = put("/Users/" + uid, body.replace("Ada K.", "Ada L."));
        assertEquals(200, replaced.status(), replaced.http().body());
        assertEquals("Ada L.|ada@example.org|live", row(uid));
        // A former user with the same userName, whom authentik has forgotten.
        put("/Users/" + uid, body.replace("\"active\": true", "\"active\": false"));
        assertReactivated(post("/Users", body), uid);
        assertEquals(204, delete("/Users/" + uid).status());
        assertEquals("Ada K.|ada@example.org|deleted", row(uid));
        assertReactivated(post("/Users", body), uid);
    }

    /** Auth0's event stream action: the externalId is the user_id, which contains a bar. */
    @Test
    void auth0FromCreatedToBlocked() {
        String body = user(
                "ada@example.org",
                json("'externalId': 'auth0|665a', 'active': true, 'name': {'givenName': 'Ada', 'familyName': 'King'},"
                        + "'emails': [{'value': 'ada@example.org', 'primary': true}]"));
        Reply created = post("/Users", body);
        assertEquals("auth0|665a", created.id());
        assertEquals(scim() + "/Users/auth0%7C665a", created.header("Location"));
        JsonNode found = get("/Users" + query("externalId eq \"auth0|665a\"")).json();
        assertEquals(1, found.path("totalResults").intValue());
        String path = "/Users/" + URLEncoder.encode(found.at("/Resources/0/id").textValue(), StandardCharsets.UTF_8);
        assertEquals(200, put(path, body.replace("King", "Lovelace")).status());
        assertEquals("Ada Lovelace|ada@example.org|live", row("auth0|665a"));
        assertEquals(
                200,
                patch(path, json("{'op': 'replace', 'path': 'active', 'value': false}"))
                        .status());
        assertEquals("Ada Lovelace|ada@example.org|deleted", row("auth0|665a"));
        assertReactivatedAt(path, post("/Users", body));
        assertEquals(204, delete(path).status());
        assertEquals("Ada King|ada@example.org|deleted", row("auth0|665a"));
        assertReactivatedAt(path, post("/Users", body));
    }

    private void assertReactivatedAt(String path, Reply reply) {
        assertEquals(201, reply.status(), reply.http().body());
        assertEquals(reply.json(), get(path).json());
        assertEquals("true", reply.json().path("active").toString());
    }

    /** WSO2's outbound connector, which Asgardeo uses too: addresses as plain texts, a password, and no externalId. */
    @Test
    void asgardeoFromCreatedToDeleted() {
        String body = user(
                "ada@example.org",
                json(
                        "'password': 'Hunter2-x', 'name': {'givenName': 'Ada', 'familyName': 'King'},"
                                + "'emails': ['ada@example.org', {'type': 'work', 'value': 'ada@work.example'}], 'phoneNumbers': ['+44 1']"));
        Reply created = post("/Users", body);
        assertEquals(201, created.status(), created.http().body());
        assertEquals(
                "{\"value\":\"ada@example.org\"}",
                created.json().at("/emails/0").toString());
        JsonNode found =
                get("/Users" + query("userName Eq \"ada@example.org\"")).json();
        String id = found.at("/Resources/0/id").textValue();
        assertEquals(created.id(), id);
        assertEquals(200, put("/Users/" + id, body.replace("King", "Lovelace")).status());
        assertEquals("Ada Lovelace|ada@example.org|live", row(id));
        assertEquals(
                200,
                patch(
                                "/Users/" + id,
                                json("{'op': 'replace', 'value': {'emails': ['al@example.org'], 'active': false}}"))
                        .status());
        assertEquals("Ada Lovelace|al@example.org|deleted", row(id));
        assertReactivated(
                post("/Users", body.replace("'password'", "'active'").replaceFirst("\\{", "{\"active\": true, ")), id);
        assertEquals(204, delete("/Users/" + id).status());
        assertEquals(
                "0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE raw_json::text LIKE '%Hunter%'"));
    }

    /**
     * ConnId's update() sends a resource where SCIM expects a list of operations, and a PUT with only the changed
     * fields.
     */
    @Test
    void connIdHearsWhatToSend() {
        Reply before = post(
                "/Users",
                user(
                        "ada",
                        json(
                                "'externalId': 'x', 'displayName': 'Ada B.', 'meta': {'resourceType': 'User'}, 'password': 'Hunter2-x'")));
        Reply patched = send(request(
                "PATCH",
                "/Users/x",
                json("{'meta': {'resourceType': 'User'}, 'id': 'x',"
                        + "'schemas': ['urn:ietf:params:scim:schemas:core:2.0:User'], 'displayName': 'Ada'}")));
        patched.assertError(400, "invalidSyntax");
        for (String word :
                new String[] {"Operations is missing", "urn:ietf:params:scim:api:messages:2.0:PatchOp", "PUT"}) {
            assertTrue(
                    patched.json().path("detail").textValue().contains(word),
                    patched.http().body());
        }
        Reply put = put(
                "/Users/x",
                json(
                        "{'meta': {'resourceType': 'User'}, 'id': 'x', 'schemas': ['urn:ietf:params:scim:schemas:core:2.0:User'], 'active': false}"));
        put.assertError(400, "invalidValue");
        for (String word : new String[] {"userName is missing", "PATCH"}) {
            assertTrue(
                    put.json().path("detail").textValue().contains(word),
                    put.http().body());
        }
        assertEquals(before.json(), get("/Users/x").json());
    }
}
