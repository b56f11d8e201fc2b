package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Deliveries that only say which user changed. With an API key users-sync fetches the user, here from a real HTTP
 * server that plays the API.
 */
class FetchTest extends RunningApp {

    private static final String OKTA_USER = """
            {"id": "%s", "status": "ACTIVE", "created": "2026-01-01T00:00:00.000Z", "lastUpdated": "2026-01-05T00:00:00.000Z",
             "profile": {"firstName": "Ida", "lastName": "Berg", "email": "ida@example.com", "login": "ida"}, "credentials": {"password": {"value": "never"}}}""";

    private record Answer(int status, String body, Map<String, String> headers) {}

    private final HttpServer api;
    private final Map<String, Answer> answers = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();
    private volatile CountDownLatch hangs = new CountDownLatch(0);
    private volatile int lifeOfTokens = 300;
    private final CapturedLog log = new CapturedLog();

    FetchTest() throws IOException {
        api = HttpServer.create(new InetSocketAddress("localhost", 0), 0);
        api.setExecutor(Executors.newCachedThreadPool());
        api.createContext("/", this::answer);
        api.start();
        String url = "http://localhost:" + api.getAddress().getPort();
        settings.setProperty("okta.webhook.secret", "okta-value");
        settings.setProperty("okta.api.key", "okta&key%41");
        settings.setProperty("okta.api.url", url + "/base");
        settings.setProperty("keycloak.webhook.secret", "keycloak-secret");
        settings.setProperty("keycloak.api.key", "users-sync:s3:cret/+");
        settings.setProperty("keycloak.api.url", url);
        settings.setProperty("keycloak.realm", "orchard");
        settings.setProperty("keycloak.id.prefix", "kc:");
        settings.setProperty("logto.webhook.secret", "logto-secret");
        settings.setProperty("logto.api.key", "app:secret");
        settings.setProperty("logto.api.url", url);
        settings.setProperty("camel.component.http.responseTimeout", "800");
    }

    @AfterAll
    void stopApi() {
        api.stop(0);
    }

    @BeforeEach
    void clean() {
        database.execute(
                "TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter, users_sync_internal.user_to_ask");
        answers.clear();
        requests.clear();
        log.clear();
        for (String provider : List.of("keycloak", "logto")) {
            ClientCredentials.forget(context, provider);
        }
        lifeOfTokens = 300;
        answers.put("POST /realms/orchard/protocol/openid-connect/token", new Answer(200, null, Map.of()));
        answers.put("POST /oidc/token", new Answer(200, null, Map.of()));
    }

    private void answer(HttpExchange request) throws IOException {
        String line = request.getRequestMethod() + " " + request.getRequestURI().getRawPath();
        String body = new String(request.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        requests.add(line + " " + request.getRequestHeaders().getFirst("Authorization")
                + (body.isEmpty() ? "" : " " + body));
        try {
            hangs.await(10, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
        Answer answer = answers.getOrDefault(line, new Answer(404, "{\"error\": \"not found\"}", Map.of()));
        answer.headers.forEach(request.getResponseHeaders()::set);
        String text = answer.body != null
                ? answer.body
                : "{\"access_token\": \"token-" + requests.size() + "\", \"token_type\": \"Bearer\", \"expires_in\": "
                        + lifeOfTokens + "}";
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        request.sendResponseHeaders(answer.status, bytes.length == 0 ? -1 : bytes.length);
        request.getResponseBody().write(bytes);
        request.close();
    }

    private void api(String request, int status, String body) {
        answers.put(
                "GET " + request,
                new Answer(status, body, Map.of("Content-Type", "application/json", "X-Secret-Header", "kept here")));
    }

    private int post(String provider, String body) {
        return reply(provider, body).statusCode();
    }

    private HttpResponse<String> reply(String provider, String body) {
        try {
            return new Delivery(context.getComponent("verify", VerifyComponent.class)
                            .scheme(provider)
                            .sign(body.getBytes(StandardCharsets.UTF_8)))
                    .post(webhooks(provider));
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String okta(String type, String... ids) {
        StringBuilder events = new StringBuilder();
        for (String id : ids) {
            events.append(events.length() == 0 ? "" : ",").append("""
                    {"eventType": "%s", "published": "2026-01-04T00:00:00.000Z", "outcome": {"result": "SUCCESS"},
                     "target": [{"type": "User", "id": "%s", "alternateId": "ida", "displayName": "Ida"}]}""".formatted(type, id));
        }
        return "{\"data\": {\"events\": [" + events + "]}}";
    }

    private static String keycloak(String operation, String representation) {
        return "{\"type\": \"admin.USER-" + operation
                + "\", \"time\": 1767484800000, \"resourceType\": \"USER\", \"resourcePath\": \"users/k1\","
                + " \"representation\": \"" + representation.replace("\"", "\\\"") + "\"}";
    }

    private String rows() {
        return database.value("SELECT count(*) FROM neon_auth.users_sync");
    }

    private String parked() {
        return database.value("SELECT count(*) FROM users_sync_internal.dead_letter");
    }

    private Instant time(String column) {
        return OffsetDateTime.parse(database.value("SELECT to_char(" + column
                        + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.USZ') FROM neon_auth.users_sync"))
                .toInstant();
    }

    @Test
    void theProfileIsFetchedAndApplied() {
        api("/base/api/v1/users/00u1", 200, OKTA_USER.formatted("00u1"));
        HttpResponse<String> reply = reply("okta", okta("user.account.update_profile", "00u1"));
        assertEquals(204, reply.statusCode());
        assertFalse(reply.headers().firstValue("X-Secret-Header").isPresent());
        assertEquals(List.of("GET /base/api/v1/users/00u1 SSWS okta&key%41"), requests);
        assertEquals(
                "00u1|Ida Berg|ida@example.com|2026-01-01 00:00:00|2026-01-05 00:00:00|ACTIVE|f", database.value("""
                SELECT concat_ws('|', id, name, email, created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC', raw_json ->> 'status',
                                 raw_json ?? 'credentials') FROM neon_auth.users_sync"""));
    }

    @Test
    void everyUserOfADeliveryIsFetched() {
        for (int i = 0; i < 30; i++) {
            api("/base/api/v1/users/00u" + i, 200, OKTA_USER.formatted("00u" + i));
        }
        String[] ids =
                java.util.stream.IntStream.range(0, 30).mapToObj(i -> "00u" + i).toArray(String[]::new);
        assertEquals(204, post("okta", okta("user.lifecycle.create", ids)));
        assertEquals("30", rows());
        api("/base/api/v1/users/00u7", 500, "{}");
        assertEquals(
                503,
                post("okta", okta("user.lifecycle.create", ids)),
                "one failure makes the provider retry the whole delivery");
    }

    @ParameterizedTest
    @CsvSource({"404", "410"})
    void aUserWhomTheApiDoesNotKnowIsMergedAndAskedForAgain(int status) {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, raw_json, name, email, updated_at) VALUES ('00u1', '{}', 'I', 'ida@example.com', '2026-01-01Z')");
        api("/base/api/v1/users/00u1", status, "{\"errorCode\": \"E0000007\"}");
        HttpResponse<String> reply = reply("okta", okta("user.lifecycle.deactivate", "00u1"));
        assertEquals(204, reply.statusCode());
        assertEquals(
                "Ida ida@example.com ida 2026-01-04 00:00:00 t",
                database.value("SELECT concat_ws(' ', name, email, raw_json ->> 'login',"
                        + " updated_at AT TIME ZONE 'UTC', deleted_at IS NULL) FROM neon_auth.users_sync"));
        assertEquals(
                "okta 00u1 event 0 t",
                database.value(
                        "SELECT concat_ws(' ', provider, id, why, looks, missed_at BETWEEN now() - interval '1 minute' AND now())"
                                + " FROM users_sync_internal.user_to_ask"));
    }

    @Test
    void aDeletionNeedsNoQuestion() {
        assertEquals(204, post("okta", okta("user.lifecycle.delete.initiated", "00u1")));
        assertEquals(List.of(), requests);
        assertEquals(
                "2026-01-04 00:00:00",
                database.value("SELECT deleted_at AT TIME ZONE 'UTC' FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @CsvSource({"500", "503", "429", "401", "403", "302", "400"})
    void anyOtherAnswerChangesNothing(int status) {
        answers.put(
                "GET /base/api/v1/users/00u1",
                new Answer(
                        status,
                        OKTA_USER.formatted("00u1"),
                        Map.of("Location", "/base/api/v1/users/00u2", "Retry-After", "1")));
        api("/base/api/v1/users/00u2", 200, OKTA_USER.formatted("00u2"));
        long start = System.nanoTime();
        assertRetryLater(reply("okta", okta("user.lifecycle.create", "00u1")));
        assertTrue(Duration.ofNanos(System.nanoTime() - start).toSeconds() < 3, "nobody waits for the API");
        assertEquals(1, requests.size(), "no redirect, no hidden retry");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "<html>", "{\"id\": \"00u1\"", "null", "[]", "42"})
    void anAnswerThatIsNoUserChangesNothing(String body) {
        api("/base/api/v1/users/00u1", 200, body);
        assertRetryLater(reply("okta", okta("user.lifecycle.create", "00u1")));
    }

    @Test
    void anApiThatHangsChangesNothing() {
        hangs = new CountDownLatch(1);
        try {
            assertRetryLater(reply("okta", okta("user.lifecycle.create", "00u1")));
        } finally {
            hangs.countDown();
        }
        api("/base/api/v1/users/00u1", 200, OKTA_USER.formatted("00u1"));
        assertEquals(204, post("okta", okta("user.lifecycle.create", "00u1")), "the provider retries");
    }

    @Test
    void aProfileThatPostgresRefusesIsParked() {
        api("/base/api/v1/users/00u1", 200, OKTA_USER.formatted("00u1").replace("\"ACTIVE\"", "1e999999"));
        assertEquals(204, post("okta", okta("user.lifecycle.create", "00u1")));
        assertEquals("1", parked());
        assertFalse(database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter")
                .contains("never"));
        assertEquals("0", rows());
    }

    @Test
    void theIdIsOneSegmentOfThePath() {
        api("/base/api/v1/users/a%2F..%2Fb%20%7B%7Bx%7D%7D%3Fq%25", 200, OKTA_USER.formatted("a/../b {{x}}?q%"));
        assertEquals(204, post("okta", okta("user.lifecycle.create", "a/../b {{x}}?q%")));
        assertEquals("a/../b {{x}}?q%", database.value("SELECT id FROM neon_auth.users_sync"));
        requests.clear();
        assertEquals(204, post("okta", okta("user.lifecycle.create", "..")));
        assertEquals(List.of(), requests);
    }

    @Test
    void whatHasNoTimeOfItsOwnIsDatedWithTheTimeOfTheQuestion() {
        api(
                "/admin/realms/orchard/users/k1",
                200,
                "{\"id\": \"k1\", \"username\": \"ida\", \"firstName\": \"Ida\", \"lastName\": \"Berg\","
                        + " \"email\": \"ida@example.com\", \"createdTimestamp\": 1767225600000, \"enabled\": false}");
        Instant before = Instant.now().minusMillis(1);
        assertEquals(204, post("keycloak", keycloak("UPDATE", "{\"enabled\":false}")));
        assertEquals(
                "kc:k1|Ida Berg|ida@example.com|2026-01-01 00:00:00|false|k1",
                database.value(
                        "SELECT concat_ws('|', id, name, email,"
                                + " created_at AT TIME ZONE 'UTC', raw_json ->> 'enabled', raw_json ->> 'id') FROM neon_auth.users_sync"));
        assertTrue(time("updated_at").isAfter(before) && time("updated_at").isBefore(Instant.now()));
        // The date makes a webhook of an earlier change stale, but not a later deletion.
        assertEquals(204, post("keycloak", keycloak("DELETE", "{\"id\":\"k1\"}")));
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"),
                "a deletion of long ago");
        answers.remove("GET /admin/realms/orchard/users/k1");
        assertEquals(204, post("keycloak", keycloak("UPDATE", "{\"enabled\":true}")));
        assertEquals(
                "t", database.value("SELECT deleted_at IS NULL FROM neon_auth.users_sync"), "one 404 deletes nobody");
        assertEquals("kc:k1", database.value("SELECT id FROM users_sync_internal.user_to_ask"));
    }

    @Test
    void oneTokenServesManyRequests() {
        api("/admin/realms/orchard/users/k1", 200, "{\"id\": \"k1\", \"username\": \"ida\"}");
        for (int i = 0; i < 3; i++) {
            assertEquals(204, post("keycloak", keycloak("UPDATE", "{}")));
        }
        assertEquals(4, requests.size());
        assertEquals(
                "POST /realms/orchard/protocol/openid-connect/token Basic dXNlcnMtc3luYzpzMyUzQWNyZXQlMkYlMkI= grant_type=client_credentials",
                requests.get(0));
        assertEquals("GET /admin/realms/orchard/users/k1 Bearer token-1", requests.get(3));
    }

    @Test
    void aTokenThatIsRefusedOrOldIsReplaced() {
        api("/admin/realms/orchard/users/k1", 200, "{\"id\": \"k1\", \"username\": \"ida\"}");
        assertEquals(204, post("keycloak", keycloak("UPDATE", "{}")));
        api("/admin/realms/orchard/users/k1", 401, "");
        assertEquals(503, post("keycloak", keycloak("UPDATE", "{}")));
        api("/admin/realms/orchard/users/k1", 200, "{\"id\": \"k1\", \"username\": \"ida\"}");
        lifeOfTokens = 0;
        assertEquals(204, post("keycloak", keycloak("UPDATE", "{}")));
        assertEquals(204, post("keycloak", keycloak("UPDATE", "{}")));
        assertEquals(
                3,
                requests.stream().filter(request -> request.startsWith("POST")).count());
    }

    @ParameterizedTest
    @CsvSource({"404, {}", "401, {}", "500, oops", "200, {}", "200, not JSON"})
    void withoutATokenNothingIsKnownOfTheUser(int status, String body) {
        answers.put("POST /realms/orchard/protocol/openid-connect/token", new Answer(status, body, Map.of()));
        assertRetryLater(reply("keycloak", keycloak("UPDATE", "{}")));
        assertTrue(log.lines().stream().noneMatch(line -> line.contains("s3:cret")), "a secret in the log");
    }

    @Test
    void logtoIsAskedWhenThePartOfAUserStandsInThePlaceOfTheUser() {
        api(
                "/api/users/u1",
                200,
                "{\"id\": \"u1\", \"name\": \"Ida\", \"primaryEmail\": \"ida@example.com\", \"customData\": {\"a\": 1}, \"createdAt\": 1767225600000,"
                        + " \"updatedAt\": 1767312000000}");
        assertEquals(
                204,
                post(
                        "logto",
                        "{\"event\": \"User.Data.Updated\", \"createdAt\": \"2026-01-03T00:00:00Z\", \"params\": {\"userId\": \"u1\"},"
                                + " \"matchedRoute\": \"/users/:userId/custom-data\", \"data\": {\"a\": 1}}"));
        assertEquals(
                "Ida|ida@example.com|2026-01-02 00:00:00",
                database.value(
                        "SELECT concat_ws('|', name, email, updated_at AT TIME ZONE 'UTC') FROM neon_auth.users_sync"));
        assertTrue(
                requests.get(0)
                        .matches(
                                "POST /oidc/token Basic \\S+ grant_type=client_credentials&scope=all&resource=http%3A%2F%2Flocalhost%3A\\d+%2Fapi"),
                requests.get(0));
        // users-sync does not fetch a user whom the delivery holds in full.
        requests.clear();
        assertEquals(
                204,
                post(
                        "logto",
                        "{\"event\": \"User.Created\", \"createdAt\": \"2026-01-03T00:00:00Z\", \"params\": {},"
                                + " \"data\": {\"id\": \"u2\", \"createdAt\": 1767225600000}}"));
        assertEquals(List.of(), requests);
    }

    private void assertRetryLater(HttpResponse<String> reply) {
        assertEquals(503, reply.statusCode());
        assertEquals("30", reply.headers().firstValue("Retry-After").orElse(null));
        assertEquals("", reply.body());
        assertEquals("0", rows());
        assertEquals("0", parked());
        assertTrue(
                log.lines().stream()
                        .anyMatch(line -> line.contains("not applied, asked the provider to retry in 30 s: ")),
                log.lines().toString());
    }
}
