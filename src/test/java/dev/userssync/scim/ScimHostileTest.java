package dev.userssync.scim;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.ScimApp;
import java.io.File;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The replies to SCIM clients without the token, broken clients and hostile clients. Neither table nor log keeps any of
 * their input.
 */
class ScimHostileTest extends ScimApp {

    private static final String PRIVATE = "private-jane@example.com";
    private static final List<String> REQUESTS = List.of(
            "GET /Users",
            "GET /Users/u",
            "GET /Users/nobody",
            "GET /Schemas",
            "GET /ResourceTypes",
            "GET /ServiceProviderConfig",
            "POST /Users",
            "POST /Users/.search",
            "PUT /Users/u",
            "PATCH /Users/u",
            "DELETE /Users/u");

    private final CapturedLog log = new CapturedLog();

    ScimHostileTest() {
        settings.setProperty("scim.webhook.secret", TOKEN + ", the-next-token");
    }

    @BeforeEach
    void oneUser() {
        assertEquals(
                201,
                post("/Users", user("u", "\"externalId\": \"u\"", "\"active\": true"))
                        .status());
        log.clear();
    }

    private java.net.http.HttpRequest.Builder of(String methodAndPath) {
        String[] parts = methodAndPath.split(" ");
        boolean hasBody = List.of("POST", "PUT", "PATCH").contains(parts[0]);
        return request(parts[0], parts[1], hasBody ? user(PRIVATE) : null);
    }

    @ParameterizedTest(name = "[{index}]") // otherwise the log would hold the arguments
    @ValueSource(
            strings = {
                "",
                "Bearer",
                "Bearer ",
                "Bearer the-token-of-the-scim-clienT",
                "Bearer the-token-of-the-scim-client,",
                "the-token-of-the-scim-client",
                "Basic dGhlLXRva2VuLW9mLXRoZS1zY2ltLWNsaWVudA==",
                "Bearer the-token-of-the-scim-client, the-next-token",
                "Bearer x the-token-of-the-scim-client"
            })
    void withoutTheTokenNothingIsReadOrWritten(String authorization) {
        for (String request : REQUESTS) {
            Reply reply = send(of(request).setHeader("Authorization", authorization));
            reply.assertError(401, null);
            assertEquals("Bearer", reply.header("WWW-Authenticate"));
        }
        assertEquals(
                401,
                send(of("GET /Users").setHeader("Authorization", authorization).header("X-Other", "1"))
                        .status());
        assertNothingChanged();
    }

    @Test
    void noTokenAtAllAndATokenInTheQuery() {
        java.net.http.HttpRequest.Builder request = java.net.http.HttpRequest.newBuilder(
                java.net.URI.create(scim() + "/Users?Authorization=Bearer%20" + TOKEN + "&access_token=" + TOKEN));
        send(request).assertError(401, null);
        // the header comes twice
        send(of("GET /Users").header("Authorization", "Bearer " + TOKEN)).assertError(401, null);
    }

    @Test
    void anyOfSeveralTokens() {
        assertEquals(
                200,
                send(of("GET /Users").setHeader("Authorization", "Bearer the-next-token"))
                        .status());
        assertEquals(
                200,
                send(of("GET /Users").setHeader("Authorization", "bearer " + TOKEN))
                        .status(),
                "RFC 9110: the scheme's case does not matter");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "o'hara\"; DROP TABLE neon_auth.users_sync; --",
                "' OR '1'='1",
                "a/b",
                "../../etc",
                "a%2Fb",
                "🦊",
                "{{scim.webhook.secret}}",
                "${env:HOME}",
                "a b+c",
                "$1",
                "?",
                "%",
                "x\\",
                "id?count=0",
                "#",
                ".search",
                "u;v",
                "\"",
                "{id}"
            })
    void anOddIdIsOneId(String id) throws Exception {
        Reply created = post("/Users", user("odd", "\"externalId\": " + JSON.writeValueAsString(id)));
        assertEquals(201, created.status(), created.http().body());
        assertEquals(id, created.id());
        assertEquals(id, database.value("SELECT id FROM neon_auth.users_sync WHERE id <> 'u'"));
        String path = created.header("Location").substring(scim().length());
        assertEquals(created.json(), get(path).json());
        assertEquals(
                1,
                get("/Users?filter=" + encoded("externalId eq " + JSON.writeValueAsString(id)))
                        .json()
                        .path("totalResults")
                        .intValue());
        assertEquals(
                200,
                patch(path, "{\"op\": \"add\", \"path\": \"title\", \"value\": \"T\"}")
                        .status());
        assertEquals(204, delete(path).status());
        assertEquals(404, get(path).status());
        assertEquals(200, get("/Users/u").status());
    }

    @Test
    void aSlashAtTheEndIsNoId() {
        assertEquals(1, get("/Users/").json().path("totalResults").intValue());
    }

    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "userName eq \"x' OR '1'='1\"",
                "userName eq \"x\\\" or userName pr or userName eq \\\"\"",
                "emails.value eq \"x'); DROP TABLE neon_auth.users_sync; --\"",
                "name.familyName eq \"{}' OR TRUE --\"",
                "externalId eq \"' UNION SELECT raw_json::text FROM neon_auth.users_sync --\"",
                "id eq \"${env:HOME}\"",
                "userName eq \"%\"",
                "userName eq \"_\"",
                "emails[value eq \"\\u0041'\"]",
                "emails[type eq \"] or userName pr or emails[\"].value eq \"x\""
            })
    void aFilterIsNoMoreThanAFilter(String filter) {
        Reply reply = get("/Users?filter=" + encoded(filter));
        assertEquals(200, reply.status(), reply.http().body());
        assertEquals(
                0, reply.json().path("totalResults").intValue(), reply.http().body());
        assertNothingChanged();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "userName",
                "userName eq",
                "userName is \"x\"",
                "eq \"x\"",
                "(userName eq \"x\"",
                "userName eq \"x\")",
                "userName eq \"x\" and",
                "and",
                "not",
                "not userName pr",
                "userName eq \"x",
                "userName eq {\"a\": 1}",
                "userName eq [\"x\"]",
                "emails[type eq \"work\"",
                "emails]",
                "[",
                "]",
                "()",
                "''",
                ";",
                "userName eq \"x\"; DROP TABLE x",
                "name.familyName. eq \"x\"",
                "active gt true",
                "userName eq \"a\" \"b\""
            })
    void aFilterThatIsNone(String filter) {
        get("/Users?filter=" + encoded(filter)).assertError(400, "invalidFilter");
    }

    @Test
    void aFilterWithWhatPostgresCannotHold() {
        get("/Users?filter=" + encoded("userName eq \"a\\u0000b\"")).assertError(400, "invalidValue");
        get("/Users?filter=" + encoded("emails.value eq \"a\\u0000b\"")).assertError(400, "invalidValue");
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "startIndex=x,invalidValue",
                "count=1.5,invalidValue",
                "count=99999999999,invalidValue",
                "count=1&count=2,invalidSyntax",
                "filter=userName%20pr&filter=title%20pr,invalidSyntax",
                "attributes=?!,invalidPath",
                "excludedAttributes=emails[,invalidPath"
            })
    void parametersThatAreNone(String query, String scimType) {
        get("/Users?" + query.replace("?!", "%3F%21").replace("[", "%5B")).assertError(400, scimType);
    }

    @ParameterizedTest(name = "[{index}]")
    @ValueSource(
            strings = {
                "",
                "not JSON " + PRIVATE,
                "{\"userName\": \"" + PRIVATE,
                "[]",
                "null",
                "42",
                "\"" + PRIVATE + "\"",
                "{} {}"
            })
    void aBodyThatIsNoJsonObject(String body) {
        post("/Users", body).assertError(400, "invalidSyntax");
        put("/Users/u", body).assertError(400, "invalidSyntax");
        send(request("PATCH", "/Users/u", body)).assertError(400, "invalidSyntax");
        post("/Users/.search", body).assertError(400, "invalidSyntax");
        assertNothingChanged();
    }

    @Test
    void depthWithoutEnd() {
        post("/Users", "[".repeat(10_000)).assertError(400, "invalidSyntax");
        post("/Users", user("deep", "\"x\": " + "[".repeat(10_000) + "]".repeat(10_000)))
                .assertError(400, "invalidSyntax");
        assertEquals(
                201,
                post("/Users", user("deep", "\"x\": " + "[".repeat(900) + "1" + "]".repeat(900)))
                        .status());
    }

    @ParameterizedTest
    @CsvSource({"text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
    })
    void otherContentTypesAreAnswered415(String type) {
        for (String request : List.of("POST /Users", "PUT /Users/u", "PATCH /Users/u", "POST /Users/.search")) {
            send(of(request).setHeader("Content-Type", type)).assertError(415, null);
        }
        assertNothingChanged();
    }

    @Test
    void uploadsAreNotKept() {
        String body =
                "--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"a\"\r\n\r\n" + PRIVATE + "\r\n--x--\r\n";
        assertEquals(
                401,
                send(request("DELETE", "/Users/u", body)
                                .setHeader("Content-Type", "multipart/form-data; boundary=x")
                                .setHeader("Authorization", "no"))
                        .status());
        assertNothingChanged();
        await().until(() -> !new File("file-uploads").exists() || new File("file-uploads").list().length == 0);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "application/scim+json",
                "application/json",
                "application/json; charset=utf-8",
                "application/scim+json;charset=UTF-8"
            })
    void bothContentTypesAreTaken(String type) {
        assertEquals(
                201,
                send(request("POST", "/Users", user("v")).setHeader("Content-Type", type))
                        .status());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "PUT /Users",
                "PATCH /Users",
                "DELETE /Users",
                "POST /Users/u",
                "POST /ServiceProviderConfig",
                "DELETE /Schemas",
                "GET /.search",
                "POST /Groups/g",
                "OPTIONS /Users",
                "TRACE /Users"
            })
    void otherMethodsAreAnswered405(String request) {
        assertEquals(405, send(of(request)).status());
        assertNothingChanged();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "GET /Bulk",
                "GET /Groups/g",
                "GET /Groups/g/members",
                "GET /Users/u/emails",
                "GET /",
                "GET /users",
                "GET /../webhooks/clerk"
            })
    void otherPathsAreAnswered404(String request) {
        assertEquals(404, send(of(request)).status());
    }

    @Test
    void aBodyOf2MegabytesIsRefusedBeforeItIsProcessed() {
        post("/Users", user("large", "\"title\": \"" + "x".repeat(2_000_000) + "\""))
                .assertError(413, null);
        assertNothingChanged();
    }

    @Test
    void headersFromOutsideChangeNothing() {
        java.net.http.HttpRequest.Builder request = request(
                "GET",
                "/Users/u?id=nobody&status=500&CamelHttpResponseCode=500&operation=delete&kafka.OVERRIDE_TOPIC=x",
                null);
        for (String header : List.of(
                "CamelHttpResponseCode",
                "CamelHttpPath",
                "CamelBeanMethodName",
                "id",
                "status",
                "operation",
                "provider",
                "request",
                "first",
                "X-Leak")) {
            request.header(header, "delete");
        }
        Reply reply = send(request);
        assertEquals(200, reply.status());
        assertEquals("u", reply.id());
        reply.http()
                .headers()
                .map()
                .keySet()
                .forEach(name -> assertTrue(
                        List.of("content-type", "content-length", "transfer-encoding", "etag")
                                .contains(name.toLowerCase()),
                        "header " + name + " leaks"));
    }

    @Test
    void behindAProxyThatEndsTls() {
        assertTrue(send(of("GET /Users/u").header("X-Forwarded-Proto", "https"))
                .json()
                .at("/meta/location")
                .textValue()
                .startsWith("https://localhost:"));
        assertTrue(send(of("GET /Users/u").header("X-Forwarded-Proto", "javascript"))
                .json()
                .at("/meta/location")
                .textValue()
                .startsWith("http://localhost:"));
    }

    @Test
    void aVersionThatTheClientHas() {
        Reply user = get("/Users/u");
        assertEquals(user.header("ETag"), user.json().at("/meta/version").textValue());
        Reply same = send(of("GET /Users/u").header("If-None-Match", "\"other\", " + user.header("ETag")));
        assertEquals(304, same.status());
        assertEquals("", same.http().body());
        assertEquals(
                200,
                send(of("GET /Users/u").header("If-None-Match", "W/\"other\"")).status());
        send(of("DELETE /Users/u").header("If-Match", "W/\"other\"")).assertError(412, null);
        assertEquals(204, send(of("DELETE /Users/u").header("If-Match", "*")).status());
    }

    @Test
    void otherProvidersUsersAreOutOfReach() {
        database.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name, email, updated_at) VALUES ('clerk_1',"
                + " '{\"userName\": \"" + PRIVATE + "\", \"emails\": [{\"value\": \"" + PRIVATE
                + "\"}], \"schemas\": [\"urn:other\"]}', 'P', '" + PRIVATE + "', now())");
        get("/Users/clerk_1").assertError(404, null);
        put("/Users/clerk_1", user("x")).assertError(404, null);
        patch("/Users/clerk_1", "{\"op\": \"replace\", \"path\": \"title\", \"value\": \"x\"}")
                .assertError(404, null);
        delete("/Users/clerk_1").assertError(404, null);
        for (String filter : List.of(
                "userName pr",
                "id eq \"clerk_1\"",
                "userName eq \"" + PRIVATE + "\"",
                "emails.value eq \"" + PRIVATE + "\"")) {
            assertFalse(get("/Users?filter=" + encoded(filter)).http().body().contains(PRIVATE), filter);
        }
        assertEquals(1, get("/Users").json().path("totalResults").intValue());
        assertEquals("P|" + PRIVATE + "|live", row("clerk_1"));
        assertEquals(201, post("/Users", user(PRIVATE)).status(), "a userName of another provider is free");
    }

    @Test
    void aClientCannotMakeItsUserAnothersOrHideIt() {
        Reply patched = patch(
                "/Users/u",
                "{\"op\": \"replace\", \"value\": {\"schemas\": [\"urn:other\"], \"id\": \"v\", \"meta\": {\"created\": \"x\"}, \"title\": \"T\"}}");
        assertEquals(200, patched.status());
        assertEquals("u", patched.id());
        patch("/Users/u", "{\"op\": \"replace\", \"path\": \"schemas\", \"value\": [\"urn:other\"]}");
        patch("/Users/u", "{\"op\": \"remove\", \"path\": \"schemas\"}");
        assertEquals(
                "[\"urn:ietf:params:scim:schemas:core:2.0:User\"]",
                get("/Users/u").json().path("schemas").toString());
        assertEquals(
                "[\"urn:ietf:params:scim:schemas:core:2.0:User\"]",
                database.value("SELECT raw_json -> 'schemas' FROM neon_auth.users_sync"));
        assertNull(database.value("SELECT raw_json -> 'meta' FROM neon_auth.users_sync"));
    }

    private void assertNothingChanged() {
        assertEquals("u", database.value("SELECT raw_json ->> 'userName' FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        for (String line : log.lines()) {
            assertFalse(line.contains(PRIVATE), "user data in the log: " + line);
            assertFalse(line.contains(TOKEN), "the token in the log: " + line);
            assertFalse(line.contains("\tat "), "a stack trace in the log: " + line);
        }
    }
}
