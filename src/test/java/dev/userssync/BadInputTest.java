package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a broken or hostile sender hears, and that neither table nor log keep anything of it. */
class BadInputTest extends RunningApp {

    /** In every body and header that must leave no trace in the log. */
    private static final String PRIVATE = "private-jane@example.com";

    private final CapturedLog log = new CapturedLog();

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
        log.clear();
    }

    private static String created(String id) {
        return user("\"id\": " + id);
    }

    private static String user(String fields) {
        return "{\"type\": \"user.created\", \"timestamp\": \"2026-01-01T00:00:00Z\", \"data\": {\"email\": \"" + PRIVATE + "\", " + fields + "}}";
    }

    static Stream<Arguments> unmappable() {
        return Stream.of(
                arguments("an empty body", ""),
                arguments("not JSON", PRIVATE),
                arguments("cut JSON", "{\"data\": {\"email\": \"" + PRIVATE),
                arguments("two documents", created("\"u1\"") + created("\"u2\"")),
                arguments("an array", "[\"" + PRIVATE + "\"]"),
                arguments("a number", "42"),
                arguments("null", "null"),
                arguments("an empty object", "{}"),
                arguments("10,000 levels", "[".repeat(10_000) + "]".repeat(10_000)),
                arguments("10,000 levels in the profile", user("\"id\": \"u1\", \"deep\": " + "[".repeat(10_000) + "]".repeat(10_000))),
                arguments("data is text", "{\"type\": \"user.created\", \"data\": \"" + PRIVATE + "\"}"),
                arguments("no id", user("\"name\": \"Jane\"")),
                arguments("id null", created("null")),
                arguments("id blank", created("\"  \"")),
                arguments("id a number", created("42")),
                arguments("id an object", created("{\"id\": \"u1\"}")),
                arguments("id of 256 characters", created("\"" + "x".repeat(256) + "\"")),
                arguments("type a number", "{\"type\": 5, \"data\": {\"id\": \"u1\"}}"),
                arguments("name an object", user("\"id\": \"u1\", \"name\": {\"first\": \"Jane\"}")),
                arguments("a time in year 1", user("\"id\": \"u1\", \"updated_at\": \"0001-01-01T00:00:00Z\"")),
                arguments("a time in 2100", user("\"id\": \"u1\", \"updated_at\": 4102444800000")),
                arguments("a time before 2000 in seconds", user("\"id\": \"u1\", \"updated_at\": 5")),
                arguments("a time without offset", user("\"id\": \"u1\", \"updated_at\": \"2026-01-01T00:00:00\"")),
                arguments("a time that is text", user("\"id\": \"u1\", \"updated_at\": \"" + PRIVATE + "\"")),
                arguments("a time too large to write out", user("\"id\": \"u1\", \"updated_at\": 1e999999999")),
                arguments("a boolean time", user("\"id\": \"u1\", \"updated_at\": true")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("unmappable")
    void whatCannotBecomeAUserEventIsParkedAndAnswered422(String what, String body) {
        assertReply(422, new Delivery(body).post(webhooks("generic")));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(List.of("generic|1|" + body), database.column(
                "SELECT provider || '|' || attempts || '|' || convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
        assertLogIsClean();
        // The provider tries again: one attempt more, not one row more.
        assertReply(422, new Delivery(body).post(webhooks("generic")));
        assertEquals("2", database.value("SELECT attempts FROM users_sync_internal.dead_letter"));
    }

    static Stream<Arguments> rowErrors() {
        return Stream.of(
                arguments("NUL in the name", user("\"id\": \"u1\", \"name\": \"Ja\\u0000ne\""), "22P05"),
                arguments("NUL in the profile", user("\"id\": \"u1\", \"about\": \"a\\u0000b\""), "22P05"),
                arguments("NUL in the id", created("\"u\\u0000\""), "22P05"),
                arguments("a lone surrogate in the name", user("\"id\": \"u1\", \"name\": \"Jane \\ud83d\""), "22P02"),
                arguments("a number beyond numeric", user("\"id\": \"u1\", \"n\": 1e999999"), "22003"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rowErrors")
    void whatPostgresRefusesIsParkedAndAnswered204(String what, String body, String sqlState) {
        assertReply(204, new Delivery(body).post(webhooks("generic")));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(sqlState, database.value("SELECT sql_state FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
        assertLogIsClean();
    }

    @ParameterizedTest
    @ValueSource(strings = {"o'hara\\\"; DROP TABLE neon_auth.users_sync; --", "auth0|5f7c", "a%2Fb", "../../etc", "🦊", "{{clerk.webhook.secret}}",
        "${env:HOME}", " padded ", "$1", ":?events", "\\\\u0000"})
    void anOddIdIsKeptAsItIs(String id) throws Exception {
        assertReply(204, new Delivery(created("\"" + id + "\"")).post(webhooks("generic")));
        String read = new com.fasterxml.jackson.databind.ObjectMapper().readTree("\"" + id + "\"").textValue();
        assertEquals(read, database.value("SELECT id FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void anIdOf255CharactersOfFourBytesIsKept() {
        assertReply(204, new Delivery(created("\"" + "🦊".repeat(255) + "\"")).post(webhooks("generic")));
        assertEquals("255", database.value("SELECT length(id) FROM neon_auth.users_sync"));
    }

    @Test
    void fractionalMillisecondsAreKept() {
        assertReply(204, new Delivery(user("\"id\": \"u1\", \"updated_at\": 1740681360000.5")).post(webhooks("generic")));
        assertEquals("2025-02-27 18:36:00.0005", database.value("SELECT updated_at AT TIME ZONE 'UTC' FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"user.banned", "session.created", "", "USER.CREATED", "user.user.created", "drop table"})
    void anUnknownTypeIsAcknowledgedAndIgnored(String type) {
        assertReply(204, new Delivery(created("\"u1\"").replace("user.created", type)).post(webhooks("generic")));
        assertNothingKept();
    }

    @Test
    void aBodyOf2MegabytesIsRefusedBeforeItIsProcessed() {
        assertReply(413, new Delivery(user("\"id\": \"u1\", \"x\": \"" + "x".repeat(2_000_000) + "\"")).post(webhooks("generic")));
        assertNothingKept();
    }

    static Stream<Arguments> forgeries() {
        byte[] bytes = Base64.getDecoder().decode(TestSettings.SECRET.substring("whsec_".length()));
        bytes[bytes.length - 1] ^= 1;
        String nearly = "whsec_" + Base64.getEncoder().encodeToString(bytes);
        String body = created("\"u1\"");
        long now = Instant.now().getEpochSecond();
        return Stream.of(
                arguments("a wrong secret that shares all but its last byte", new Delivery(body).signed(nearly, now)),
                arguments("an old delivery again", new Delivery(body).signed(TestSettings.SECRET, now - 301)),
                arguments("a delivery from the future", new Delivery(body).signed(TestSettings.SECRET, now + 360)),
                arguments("re-serialised JSON", new Delivery(body).signed(TestSettings.SECRET, now,
                        body.replace(": ", ":").replace(", ", ",").getBytes(StandardCharsets.UTF_8))),
                arguments("no id", new Delivery(body).header("webhook-id", null)),
                arguments("no timestamp", new Delivery(body).header("webhook-timestamp", null)),
                arguments("no signature", new Delivery(body).header("webhook-signature", null)),
                arguments("an empty signature", new Delivery(body).header("webhook-signature", "")),
                arguments("another id", new Delivery(body).header("webhook-id", "msg_other")),
                arguments("an incomplete Svix family", new Delivery(body).header("webhook-signature", null).header("svix-signature", "v1,AAAA")),
                arguments("not even JSON", new Delivery(PRIVATE).header("webhook-signature", "v1,AAAA")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("forgeries")
    void aForgedOrStaleDeliveryIsAnswered401(String what, Delivery delivery) {
        assertReply(401, delivery.post(webhooks("generic")));
        assertNothingKept();
        assertEquals(1, log.lines().stream().filter(line -> line.contains("generic: delivery refused: ")).count(), "one line says why");
    }

    @Test
    void aHeaderThatComesTwiceIsAnswered401() throws Exception {
        Delivery delivery = new Delivery(created("\"u1\""));
        for (String header : List.of("webhook-id", "webhook-timestamp", "webhook-signature")) {
            String reply = RawHttp.post(webhooks("generic"), created("\"u1\""), Map.of(
                    "webhook-id", delivery.header("webhook-id"), "webhook-timestamp", delivery.header("webhook-timestamp"),
                    "webhook-signature", delivery.header("webhook-signature")), header + ": " + delivery.header(header));
            assertTrue(reply.startsWith("HTTP/1.1 401"), reply);
        }
        assertNothingKept();
    }

    @Test
    void headersInTheQueryAreNoHeaders() {
        Delivery delivery = new Delivery(created("\"u1\""));
        StringBuilder query = new StringBuilder("?x=1");
        for (String header : List.of("webhook-id", "webhook-timestamp", "webhook-signature")) {
            query.append('&').append(header).append('=').append(URLEncoder.encode(delivery.header(header), StandardCharsets.UTF_8));
            delivery.header(header, null);
        }
        assertReply(401, delivery.post(webhooks("generic") + query));
        assertNothingKept();
    }

    @Test
    void headersFromOutsideChangeNothing() {
        Delivery delivery = new Delivery(created("\"u1\""));
        for (String header : List.of("CamelHttpResponseCode", "CamelJdbcParameters", "CamelSqlQuery", "CamelHttpUri", "CamelBeanMethodName",
                "kafka.OVERRIDE_TOPIC", "events", "provider", "letter", "reply", "body", "Retry-After")) {
            delivery.header(header, "{\"events\": \"[]\"}");
        }
        HttpResponse<String> reply = delivery.post(webhooks("generic") + "?provider=clerk&events=[]&CamelHttpResponseCode=200&kafka.OVERRIDE_TOPIC=x");
        assertReply(204, reply);
        assertEquals("u1", database.value("SELECT id FROM neon_auth.users_sync"));
    }

    @Test
    void bothHeaderFamiliesAreTaken() {
        Delivery delivery = new Delivery(created("\"u1\""));
        for (String part : List.of("id", "timestamp", "signature")) {
            delivery.header("svix-" + part, delivery.header("webhook-" + part)).header("webhook-" + part, null);
        }
        assertReply(204, delivery.post(webhooks("generic")));
        assertEquals("u1", database.value("SELECT id FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"GET", "PUT", "DELETE", "PATCH"})
    void otherMethodsAreAnswered405(String method) {
        assertReply(405, new Delivery(created("\"u1\"")).method(method).post(webhooks("generic")));
        assertNothingKept();
    }

    @ParameterizedTest
    @ValueSource(strings = {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml"})
    void otherContentTypesAreAnswered415(String type) {
        assertReply(415, new Delivery(created("\"u1\"")).header("Content-Type", type).post(webhooks("generic")));
        assertNothingKept();
    }

    @ParameterizedTest
    @ValueSource(strings = {"application/json; charset=utf-8", "application/json;charset=UTF-8", "application/json"})
    void jsonMayNameItsCharset(String type) {
        assertReply(204, new Delivery(created("\"u1\"")).header("Content-Type", type).post(webhooks("generic")));
    }

    @ParameterizedTest
    @ValueSource(strings = {"sample", "nobody", "", "generic/x", "generic%2F..", "../generic", "GENERIC"})
    void aProviderThatIsNotConfiguredIsAnswered404(String provider) {
        assertReply(404, new Delivery(created("\"u1\"")).post(webhooks(provider)));
        assertNothingKept();
    }

    private void assertReply(int status, HttpResponse<String> reply) {
        assertEquals(status, reply.statusCode());
        assertEquals("", reply.body(), "the reply has no body");
        reply.headers().map().keySet().forEach(name -> assertTrue(List.of("content-length", "transfer-encoding", "retry-after", "allow")
                .contains(name.toLowerCase()), "header " + name + " leaks"));
    }

    private void assertNothingKept() {
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertLogIsClean();
    }

    private void assertLogIsClean() {
        for (String line : log.lines()) {
            assertFalse(line.contains(PRIVATE), "user data in the log: " + line);
            assertFalse(line.contains(TestSettings.SECRET.substring(6, 30)), "the secret in the log: " + line);
            assertFalse(line.contains("\tat "), "a stack trace in the log: " + line);
        }
    }
}
