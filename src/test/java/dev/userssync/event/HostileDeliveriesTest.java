package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RawHttp;
import dev.userssync.testing.RunningApp;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Deliveries that are larger than they look, use a path that two programs may read differently, or hold another
 * language than JSON.
 */
class HostileDeliveriesTest extends RunningApp {

    private static final String CLERKS = "whsec_YSBzZWNyZXQgdGhhdCBjbGVyayBhbG9uZSBoYXM=";

    private static final byte[] BOMB = bomb();

    HostileDeliveriesTest() {
        settings.setProperty("clerk.webhook.secret", CLERKS);
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    private static byte[] bomb() {
        ByteArrayOutputStream packed = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(packed)) {
            for (int i = 0; i < 256; i++) {
                gzip.write(new byte[1024 * 1024]);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return packed.toByteArray();
    }

    /** 256 MiB of zeros, compressed to a quarter of a MiB. users-sync never unpacks a body, so this one is not JSON. */
    @ParameterizedTest
    @ValueSource(strings = {"gzip", "deflate", "br", "gzip, gzip"})
    void aBombIsNotUnpacked(String encoding) {
        assertEquals(
                422,
                new Delivery(BOMB)
                        .header("Content-Encoding", encoding)
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(
                Integer.toString(BOMB.length),
                database.value("SELECT length(body) FROM users_sync_internal.dead_letter"));
    }

    /**
     * Signed for generic: generic applies it, no route takes it, or clerk refuses it. It never arrives under another
     * name.
     */
    @ParameterizedTest
    @CsvSource({
        "generic, 204",
        "./generic, 204",
        "clerk/../generic, 204",
        "clerk%2F..%2Fgeneric, 404",
        "generic/../clerk, 401",
        "generic/%2e%2e/clerk, 401",
        "generic%2F..%2Fclerk, 404",
        "generic;x=1, 404",
        "generic/, 204",
        "generic%00, 404",
        "generic%20, 404",
        "%67eneric, 204",
        "Generic, 404",
        "generic%252f..%252fclerk, 404",
        "generic%5c..%5cclerk, 404",
        "generic/..;/clerk, 404",
        "/generic, 204"
    })
    void aPathMeansOneProvider(String path, int expected) throws IOException {
        String body = "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}";
        String reply = RawHttp.post(
                webhooks(path),
                body,
                new Delivery(body)
                        .headers().entrySet().stream()
                                .filter(header -> !header.getKey().equals("Content-Type"))
                                .collect(java.util.stream.Collectors.toMap(
                                        java.util.Map.Entry::getKey, java.util.Map.Entry::getValue)));
        assertEquals(Integer.toString(expected), reply.substring(9, 12), reply);
        assertEquals(
                expected == 204 ? List.of("generic") : List.of(),
                database.column(
                        "SELECT provider FROM users_sync_internal.event_log WHERE delivery IS NOT NULL"
                                + " AND at > now() - interval '1 minute' AND user_id IN (SELECT id FROM neon_auth.users_sync) GROUP BY provider"));
    }

    /** If two programs disagree on where a body ends, the rest of the body would be another request. */
    @Test
    void twoLengthsAreNotTwoRequests() throws IOException {
        String hidden = "POST /webhooks/generic HTTP/1.1\r\nHost: x\r\n\r\n";
        String reply = RawHttp.post(
                webhooks("generic"), "0\r\n\r\n" + hidden, java.util.Map.of(), "Transfer-Encoding: chunked");
        assertFalse(reply.contains("HTTP/1.1 2"), reply);
        reply = RawHttp.post(webhooks("generic"), "{}", java.util.Map.of(), "Content-Length: 1");
        assertTrue(reply.startsWith("HTTP/1.1 400"), reply);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'; DROP TABLE neon_auth.users_sync; --",
                "\\'); SELECT pg_sleep(9); --",
                "$$; DROP TABLE neon_auth.users_sync; $$",
                ":?id",
                "?",
                "??",
                "${env:PATH}",
                "${body}",
                "{{database.url}}",
                "\\(env)",
                "\") | env | (\"",
                "#{1+1}",
                "resource:file:config/application.properties",
                "<script>alert(1)</script>",
                "%n%s"
            })
    void textIsTextInEveryField(String text) throws IOException {
        String json = JsonBody.MAPPER.writeValueAsString(text);
        String body = "{\"type\": \"user.created\", \"data\": {\"id\": " + json + ", \"name\": " + json
                + ", \"email\": " + json + ", " + json + ": " + json + "}}";
        assertEquals(
                204,
                new Delivery(body.getBytes(StandardCharsets.UTF_8))
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(
                "4",
                database.value(
                        "SELECT (id = ?)::int + (name = ?)::int + (email = ?)::int + (raw_json ->> ? = id)::int FROM neon_auth.users_sync",
                        text,
                        text,
                        text,
                        text));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        // The type decides the event's path, and users-sync counts and logs it.
        assertEquals(
                204,
                new Delivery(("{\"type\": " + json + ", \"data\": {\"id\": \"u2\"}}").getBytes(StandardCharsets.UTF_8))
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void theSignatureOfOneProviderIsNoneOfAnother() {
        String body = "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}";
        assertEquals(
                401,
                new Delivery(body)
                        .signed(CLERKS, Instant.now().getEpochSecond())
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(401, new Delivery(body).post(webhooks("clerk")).statusCode());
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }
}
