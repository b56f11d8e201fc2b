package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RawHttp;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.TestSettings;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a broken or hostile sender gets as a reply. Neither table nor log keeps any of its input. */
class BadInputTest extends RunningApp {

    /** Stands in every body and header that must leave no trace in the log. */
    private static final String PRIVATE = "private-jane@example.com";

    private final CapturedLog log = new CapturedLog();

    BadInputTest() {
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
        log.clear();
    }

    private static String created(String id) {
        return user("\"id\": " + id);
    }

    private static String user(String fields) {
        return "{\"type\": \"user.created\", \"timestamp\": \"2026-01-01T00:00:00Z\", \"data\": {\"email\": \""
                + PRIVATE + "\", " + fields + "}}";
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
                arguments(
                        "10,000 levels in the profile",
                        user("\"id\": \"u1\", \"deep\": " + "[".repeat(10_000) + "]".repeat(10_000))),
                arguments("data is text", "{\"type\": \"user.created\", \"data\": \"" + PRIVATE + "\"}"),
                arguments("no id", user("\"name\": \"Jane\"")),
                arguments("id null", created("null")),
                arguments("id blank", created("\"  \"")),
                arguments("id a number", created("42")),
                arguments("id an object", created("{\"id\": \"u1\"}")),
                arguments("id of 2,601 bytes", created("\"" + "x".repeat(2601) + "\"")),
                arguments("id of 868 characters of three bytes", created("\"" + "\u20ac".repeat(867) + "\"")),
                arguments("NUL in the id", created("\"u\\u0000\"")),
                arguments("half a surrogate pair in the id", created("\"u\\ud83d\"")),
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
        assertEquals(
                List.of("generic|1|" + body),
                database.column(
                        "SELECT provider || '|' || attempts || '|' || convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
        assertLogIsClean();
        // The provider retries: one more attempt, not one more row.
        assertReply(422, new Delivery(body).post(webhooks("generic")));
        assertEquals("2", database.value("SELECT attempts FROM users_sync_internal.dead_letter"));
    }

    static Stream<Arguments> rowErrors() {
        return Stream.of(arguments("a number beyond numeric", user("\"id\": \"u1\", \"n\": 1e999999"), "22003"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("rowErrors")
    void whatPostgresRefusesIsParkedAndAnswered204(String what, String body, String sqlState) {
        assertReply(204, new Delivery(body).post(webhooks("generic")));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(
                sqlState,
                database.value("SELECT sql_state FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
        assertLogIsClean();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "o'hara\\\"; DROP TABLE neon_auth.users_sync; --",
                "auth0|5f7c",
                "a%2Fb",
                "../../etc",
                "🦊",
                "{{clerk.webhook.secret}}",
                "${env:HOME}",
                " padded ",
                "$1",
                ":?events",
                "\\\\u0000"
            })
    void anOddIdIsKeptAsItIs(String id) throws Exception {
        assertReply(204, new Delivery(created("\"" + id + "\"")).post(webhooks("generic")));
        String read = new com.fasterxml.jackson.databind.ObjectMapper()
                .readTree("\"" + id + "\"")
                .textValue();
        assertEquals(read, database.value("SELECT id FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    /** Random, because an index compresses repeated text. */
    static Stream<String> longIds() {
        Random random = new Random(9);
        String letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
        IntFunction<String> text = length -> random.ints(length, 0, letters.length())
                .mapToObj(i -> letters.substring(i, i + 1))
                .collect(Collectors.joining());
        return Stream.of(
                "samlp|orchard-idp|" + text.apply(255),
                text.apply(390),
                text.apply(1000),
                text.apply(2600),
                "🦊".repeat(650),
                random.ints(650, 0x20000, 0x2A000).mapToObj(Character::toString).collect(Collectors.joining()));
    }

    @ParameterizedTest
    @MethodSource("longIds")
    void anIdOfUpTo2600BytesIsKeptAndDeleted(String id) {
        assertReply(204, new Delivery(created("\"" + id + "\"")).post(webhooks("generic")));
        assertEquals(id, database.value("SELECT id FROM neon_auth.users_sync"));
        assertReply(
                204,
                new Delivery(created("\"" + id + "\"").replace("user.created", "user.deleted"))
                        .post(webhooks("generic")));
        assertEquals(id, database.value("SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
        // Here one index holds the provider's name and the id.
        database.execute(
                "INSERT INTO users_sync_internal.sweep_seen (provider, id, fate) SELECT 'a-provider-with-a-long-name', id, 'deleted' FROM neon_auth.users_sync");
        database.execute("TRUNCATE users_sync_internal.sweep_seen");
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void anIdThatIsTooLongIsRefusedWithASentence() {
        assertReply(422, new Delivery(created("\"" + "x".repeat(2601) + "\"")).post(webhooks("generic")));
        assertEquals(
                "id has 2601 bytes, at most 2600 are allowed",
                database.value("SELECT reason FROM users_sync_internal.dead_letter"));
    }

    private double replaced() {
        return Http.get(management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> line.startsWith("users_sync_replaced_characters_total{provider=\"generic\"}"))
                .mapToDouble(line -> Double.parseDouble(line.split(" ")[1]))
                .sum();
    }

    @Test
    void charactersThatPostgresRefusesAreReplacedAndTheRestIsApplied() {
        assertReply(
                204,
                new Delivery("{\"type\":\"user.created\",\"data\":{\"id\":\"u1\",\"email\":\"old@example.org\"}}")
                        .post(webhooks("generic")));
        double before = replaced();
        assertReply(
                204,
                new Delivery(
                                "{\"type\":\"user.updated\",\"timestamp\":\"2026-11-20T08:00:00Z\",\"data\":{\"id\":\"u1\",\"name\":\"Ada \\ud83d\",\"email\":\"ada\\u0000@example.org\","
                                        + "\"bio\":\"a\\u0000b\",\"k\\ude00ey\":{\"deep\":[[\"\\ud83d\\ud83d\\ude00\",\"\\\\u0000\",\"\ud83e\udd8a\"]]},\"x\\u0000\":1,\"x\\ud83d\":2,\"updated_at\":\"2026-01-20T08:00:00Z\"}}")
                        .post(webhooks("generic")));
        assertEquals(
                "Ada \ufffd|ada\ufffd@example.org|a\ufffdb|\ufffd\ud83d\ude00|\\u0000|\ud83e\udd8a|2",
                database.value("""
                SELECT concat_ws('|', name, email, raw_json ->> 'bio', raw_json #>> '{k\ufffdey,deep,0,0}', raw_json #>> '{k\ufffdey,deep,0,1}',
                                 raw_json #>> '{k\ufffdey,deep,0,2}', raw_json ->> 'x\ufffd') FROM neon_auth.users_sync"""));
        assertEquals(before + 1, replaced());
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    /** Half a surrogate pair as three bytes looks like UTF-8, but is not. */
    @Test
    void whatIsNoUtf8IsNoJson() {
        byte[] body = user("\"id\": \"u1\", \"name\": \"Ada ???\"").getBytes(StandardCharsets.UTF_8);
        int at = new String(body, StandardCharsets.ISO_8859_1).indexOf("???");
        System.arraycopy(new byte[] {(byte) 0xED, (byte) 0xA0, (byte) 0xBD}, 0, body, at, 3);
        assertReply(422, new Delivery(body).post(webhooks("generic")));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void fractionalMillisecondsAreKept() {
        assertReply(
                204, new Delivery(user("\"id\": \"u1\", \"updated_at\": 1740681360000.5")).post(webhooks("generic")));
        assertEquals(
                "2025-02-27 18:36:00.0005",
                database.value("SELECT updated_at AT TIME ZONE 'UTC' FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"user.banned", "session.created", "", "USER.CREATED", "user.user.created", "drop table"})
    void anUnknownTypeIsAcknowledgedAndIgnored(String type) {
        assertReply(204, new Delivery(created("\"u1\"").replace("user.created", type)).post(webhooks("generic")));
        assertNothingKept();
    }

    @Test
    void aBodyOf2MegabytesIsRefusedBeforeItIsProcessed() {
        log.clear();
        assertReply(
                413,
                new Delivery(user("\"id\": \"u1\", \"x\": \"" + "x".repeat(2_000_000) + "\""))
                        .post(webhooks("generic")));
        assertEquals(
                1,
                log.lines().stream()
                        .filter(
                                line -> line.matches(
                                        "(?s)WARN .*generic: delivery refused: it has 2000\\d{3} bytes, MAX_BODY_SIZE is 1048576\\s*"))
                        .count(),
                log.lines().toString());
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
                arguments(
                        "re-serialised JSON",
                        new Delivery(body)
                                .signed(
                                        TestSettings.SECRET,
                                        now,
                                        body.replace(": ", ":")
                                                .replace(", ", ",")
                                                .getBytes(StandardCharsets.UTF_8))),
                arguments("no id", new Delivery(body).header("webhook-id", null)),
                arguments("no timestamp", new Delivery(body).header("webhook-timestamp", null)),
                arguments("no signature", new Delivery(body).header("webhook-signature", null)),
                arguments("an empty signature", new Delivery(body).header("webhook-signature", "")),
                arguments("another id", new Delivery(body).header("webhook-id", "msg_other")),
                arguments(
                        "an incomplete Svix family",
                        new Delivery(body).header("webhook-signature", null).header("svix-signature", "v1,AAAA")),
                arguments("not even JSON", new Delivery(PRIVATE).header("webhook-signature", "v1,AAAA")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("forgeries")
    void aForgedOrStaleDeliveryIsAnswered401(String what, Delivery delivery) {
        assertReply(401, delivery.post(webhooks("generic")));
        assertNothingKept();
        assertEquals(
                1,
                log.lines().stream()
                        .filter(line -> line.contains("generic: delivery refused: "))
                        .count(),
                "one line says why");
    }

    @Test
    void aHeaderThatComesTwiceIsAnswered401() throws Exception {
        Delivery delivery = new Delivery(created("\"u1\""));
        for (String header : List.of("webhook-id", "webhook-timestamp", "webhook-signature")) {
            String reply = RawHttp.post(
                    webhooks("generic"),
                    created("\"u1\""),
                    Map.of(
                            "webhook-id",
                            delivery.header("webhook-id"),
                            "webhook-timestamp",
                            delivery.header("webhook-timestamp"),
                            "webhook-signature",
                            delivery.header("webhook-signature")),
                    header + ": " + delivery.header(header));
            assertTrue(reply.startsWith("HTTP/1.1 401"), reply);
        }
        assertNothingKept();
    }

    @Test
    void headersInTheQueryAreNoHeaders() {
        Delivery delivery = new Delivery(created("\"u1\""));
        StringBuilder query = new StringBuilder("?x=1");
        for (String header : List.of("webhook-id", "webhook-timestamp", "webhook-signature")) {
            query.append('&')
                    .append(header)
                    .append('=')
                    .append(URLEncoder.encode(delivery.header(header), StandardCharsets.UTF_8));
            delivery.header(header, null);
        }
        assertReply(401, delivery.post(webhooks("generic") + query));
        assertNothingKept();
    }

    @Test
    void headersFromOutsideChangeNothing() {
        Delivery delivery = new Delivery(created("\"u1\""));
        for (String header : List.of(
                "CamelHttpResponseCode",
                "CamelJdbcParameters",
                "CamelSqlQuery",
                "CamelHttpUri",
                "CamelBeanMethodName",
                "kafka.OVERRIDE_TOPIC",
                "events",
                "provider",
                "letter",
                "reply",
                "body",
                "Retry-After")) {
            delivery.header(header, "{\"events\": \"[]\"}");
        }
        HttpResponse<String> reply = delivery.post(
                webhooks("generic") + "?provider=clerk&events=[]&CamelHttpResponseCode=200&kafka.OVERRIDE_TOPIC=x");
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
        HttpResponse<String> reply =
                new Delivery(created("\"u1\"")).method(method).post(webhooks("generic"));
        assertReply(405, reply);
        assertEquals("POST", reply.headers().firstValue("Allow").orElse("none"));
        assertNothingKept();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "DELETE | /scim/v2/Users | GET, POST",
                "POST | /scim/v2/Users/u1 | DELETE, GET, PATCH, PUT",
                "PUT | /scim/v2/ServiceProviderConfig | GET"
            })
    void aScimClientIsToldTheMethodsOfAPath(String method, String path, String allowed) {
        HttpResponse<String> reply = new Delivery("{}")
                .method(method)
                .header("Content-Type", "application/scim+json")
                .post(webhooks("").replace("/webhooks/", path));
        assertEquals(
                "405 " + allowed,
                reply.statusCode() + " " + reply.headers().firstValue("Allow").orElse("none"));
    }

    @Test
    void anOperatorIsToldTheMethodsOfAPath() {
        HttpResponse<String> reply = Http.get(management("/dead-letters/replay"));
        assertEquals(
                "405 POST",
                reply.statusCode() + " " + reply.headers().firstValue("Allow").orElse("none"));
    }

    /** A proxy that believes the other header would see the next request begin elsewhere. */
    @ParameterizedTest
    @ValueSource(strings = {"Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Content-Length: 3"})
    void aRequestWithTwoLengthsIsRefusedAndItsConnectionClosed(String line) throws Exception {
        String smuggled = "GET /webhooks/generic HTTP/1.1\r\nHost: localhost\r\n\r\n";
        for (String port : List.of(webhooks("generic"), management("/dead-letters/replay"))) {
            String reply = RawHttp.post(port, "0\r\n\r\n" + smuggled, Map.of(), line);
            assertTrue(reply.startsWith("HTTP/1.1 400"), reply);
            assertEquals(1, reply.split("HTTP/1\\.1 ").length - 1, "the rest is no request: " + reply);
        }
        assertNothingKept();
    }

    @Test
    void aBodyThatComesInChunksIsTaken() throws Exception {
        Delivery delivery = new Delivery(created("\"u1\""));
        java.net.http.HttpRequest.Builder request = java.net.http.HttpRequest.newBuilder(
                        java.net.URI.create(webhooks("generic")))
                .POST(java.net.http.HttpRequest.BodyPublishers.ofInputStream(
                        () -> new java.io.ByteArrayInputStream(created("\"u1\"").getBytes(StandardCharsets.UTF_8))));
        delivery.headers().forEach(request::header);
        assertEquals(
                204,
                java.net.http.HttpClient.newHttpClient()
                        .send(request.build(), HttpResponse.BodyHandlers.discarding())
                        .statusCode());
    }

    @Test
    void aDeliveryForAProviderThatIsOffNamesItsSetting() {
        log.clear();
        assertReply(404, new Delivery(created("\"u1\"")).post(webhooks("workos")));
        assertReply(404, new Delivery(created("\"u1\"")).post(webhooks("nobody")));
        assertEquals(
                List.of("WARN users-sync.deliveries : workos: workos is off: set WORKOS_WEBHOOK_SECRET"),
                log.lines().stream().map(String::strip).toList());
        for (int i = 0; i < 100; i++) {
            assertReply(404, new Delivery(created("\"u1\"")).post(webhooks("kinde")));
        }
        assertTrue(log.lines().size() < 70, "anybody can ask: " + log.lines().size());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "text/plain",
                "application/x-www-form-urlencoded",
                "multipart/form-data; boundary=x",
                "application/xml"
            })
    void otherContentTypesAreAnswered415(String type) {
        assertReply(
                415,
                new Delivery(created("\"u1\"")).header("Content-Type", type).post(webhooks("generic")));
        assertNothingKept();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "application/json; charset=utf-8",
                "application/json;charset=UTF-8",
                "application/json",
                "APPLICATION/JSON; Charset=UTF-8",
                "Application/Json"
            })
    void jsonMayNameItsCharset(String type) {
        assertReply(
                204,
                new Delivery(created("\"u1\"")).header("Content-Type", type).post(webhooks("generic")));
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
        reply.headers()
                .map()
                .keySet()
                .forEach(name -> assertTrue(
                        List.of("content-length", "transfer-encoding", "retry-after", "allow")
                                .contains(name.toLowerCase()),
                        "header " + name + " leaks"));
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
