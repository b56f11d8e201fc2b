package dev.userssync.verify;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.JwksServer;
import dev.userssync.testing.Jwts;
import dev.userssync.testing.PrivateKeys;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Kinde, Hanko, Neon Auth and FusionAuth over HTTP against the running application: genuine deliveries, forged
 * deliveries, and keys that cannot be fetched.
 */
class JwtProvidersTest extends RunningApp {

    private static final String HMAC_KEY = "the-hmac-key-of-the-tests-which-has-enough-bytes";

    private final PrivateKeys keys = new PrivateKeys();
    private final CapturedLog log = new CapturedLog();

    JwtProvidersTest() {
        keys.addTo(settings);
        settings.setProperty("fusionauth.webhook.secret", HMAC_KEY);
        settings.setProperty("camel.server.maxBodySize", "2000000"); // an import of 5,000 users
    }

    @AfterAll
    void close() {
        keys.close();
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
        log.clear();
    }

    private static byte[] fixture(String provider, String event) throws IOException {
        return Files.readAllBytes(Path.of("src/test/resources", provider, event + ".json"));
    }

    private VerificationScheme.Signed signed(String provider, byte[] document, Instant at) throws Exception {
        return provider.equals("fusionauth")
                ? context.getComponent("verify", VerifyComponent.class)
                        .scheme(provider)
                        .sign(document)
                : keys.sign(provider, document, at);
    }

    private Delivery delivery(String provider, String event) throws Exception {
        return new Delivery(signed(provider, fixture(provider, event), Instant.now()));
    }

    private void assertNothingKept() {
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    private void assertRefused(HttpResponse<String> reply) {
        assertEquals(401, reply.statusCode());
        assertEquals("", reply.body());
        assertNothingKept();
    }

    @ParameterizedTest
    @ValueSource(strings = {"kinde", "hanko", "neon-auth", "fusionauth"})
    void whatIsGenuineIsAppliedAndWhatIsChangedIsRefused(String provider) throws Exception {
        byte[] document = fixture(provider, "user.created");
        VerificationScheme.Signed signed = signed(provider, document, Instant.now());
        String body = new String(signed.body(), StandardCharsets.UTF_8);
        // Changes one character in the middle of the signed part.
        int at = body.length() / 3;
        String changed = body.substring(0, at) + (body.charAt(at) == 'Q' ? 'R' : 'Q') + body.substring(at + 1);
        assertRefused(
                new Delivery(new VerificationScheme.Signed(signed.headers(), changed.getBytes(StandardCharsets.UTF_8)))
                        .post(webhooks(provider)));
        for (String header : signed.headers().keySet()) {
            if (header.equals("X-Neon-Signature")
                    || header.equals("X-Neon-Timestamp")
                    || header.equals("X-FusionAuth-Signature-JWT")) {
                assertRefused(new Delivery(signed).header(header, null).post(webhooks(provider)));
                assertRefused(new Delivery(signed)
                        .header(header, signed.headers().get(header).replaceFirst("^.", "x"))
                        .post(webhooks(provider)));
            }
        }
        assertRefused(new Delivery(document)
                .header("Content-Type", provider.equals("kinde") ? "application/jwt" : "application/json")
                .post(webhooks(provider)));
        assertEquals(204, new Delivery(signed).post(webhooks(provider)).statusCode());
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @CsvSource({"kinde, -310", "kinde, 310", "hanko, -310", "hanko, 310", "neon-auth, -310", "neon-auth, 310"})
    void whatIsTooOldOrAheadIsRefused(String provider, long seconds) throws Exception {
        assertRefused(new Delivery(signed(
                        provider,
                        fixture(provider, "user.created"),
                        Instant.now().plusSeconds(seconds)))
                .post(webhooks(provider)));
        String refusal = String.join("", log.lines());
        assertTrue(refusal.contains(provider + ": delivery refused: "), refusal);
        assertFalse(refusal.contains("eyJ"), "no token in the log");
    }

    @Test
    void kindesTokensForUsersAreNoDeliveries() throws Exception {
        Map<String, Object> idToken = new LinkedHashMap<>(Map.of(
                "sub",
                "kp_1",
                "iss",
                "https://acme.kinde.com",
                "iat",
                Instant.now().getEpochSecond(),
                "exp",
                Instant.now().getEpochSecond() + 3600,
                "type",
                "user.deleted",
                "data",
                Map.of("user", Map.of("id", "kp_5f2c9a41e0b84c7d"))));
        String jwt = Jwts.sign(Jwts.header("RS256", "rsa-1"), Jwts.json(idToken), "RS256", keys.rsa.getPrivateKey());
        assertRefused(
                new Delivery(jwt).header("Content-Type", "application/jwt").post(webhooks("kinde")));
        assertRefused(new Delivery(Jwts.json(Map.of("token", jwt, "event", "user.delete"))).post(webhooks("hanko")));
    }

    @Test
    void theContentTypeIsTheProviders() throws Exception {
        assertEquals(
                415,
                delivery("kinde", "user.created")
                        .header("Content-Type", "application/json")
                        .post(webhooks("kinde"))
                        .statusCode());
        assertEquals(
                415,
                delivery("hanko", "user.created")
                        .header("Content-Type", "application/jwt")
                        .post(webhooks("hanko"))
                        .statusCode());
        assertEquals(
                204,
                delivery("kinde", "user.created")
                        .header("Content-Type", "application/jwt; charset=utf-8")
                        .post(webhooks("kinde"))
                        .statusCode());
    }

    @Test
    void whatIsParkedIsTheDocumentAndNotTheTokenAndCanBeReplayed() throws Exception {
        assertEquals(
                422,
                delivery("kinde", "user.updated.no-id").post(webhooks("kinde")).statusCode());
        String parked = database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter");
        assertTrue(parked.startsWith("{") && parked.contains("user.updated"), parked);
        database.execute(
                "UPDATE users_sync_internal.dead_letter SET body = convert_to(replace(convert_from(body, 'UTF8'), '\"email\"', '\"id\": \"kp_9\", \"email\"'), 'UTF8')");
        context.createProducerTemplate().sendBody("direct:replay-dead-letters", null);
        assertEquals("x@north.example", database.value("SELECT email FROM neon_auth.users_sync WHERE id = 'kp_9'"));
    }

    @Test
    void aSignUpThatNeonAsksAboutIsAllowed() throws Exception {
        HttpResponse<String> reply = delivery("neon-auth", "user.before_create").post(webhooks("neon-auth"));
        assertEquals(200, reply.statusCode());
        assertEquals("{\"allowed\":true}", reply.body());
        assertEquals(
                "application/json", reply.headers().firstValue("Content-Type").orElse(""));
        assertRefused(new Delivery(fixture("neon-auth", "user.before_create")).post(webhooks("neon-auth")));
        HttpResponse<String> created = delivery("neon-auth", "user.created").post(webhooks("neon-auth"));
        assertEquals(204, created.statusCode());
        assertEquals("", created.body());
        assertTrue(created.headers().firstValue("Content-Type").isEmpty());
    }

    @ParameterizedTest
    @CsvSource({"send.otp, 771204", "send.magic_link, t0ps3cret"})
    void aCodeThatNobodyWouldDeliverIsRefusedLoudlyAndKeptNowhere(String event, String secret) throws Exception {
        log.clear(); // the test support logs the parameters of the test
        HttpResponse<String> reply = delivery("neon-auth", event).post(webhooks("neon-auth"));
        assertEquals(422, reply.statusCode());
        assertFalse(reply.body().contains(secret));
        assertNothingKept();
        String lines = String.join("", log.lines());
        assertTrue(lines.contains("take " + event + " out of the webhook's enabled_events"), lines);
        assertFalse(lines.contains(secret), lines);
    }

    @Test
    void anImportOfManyUsers() throws Exception {
        StringBuilder users = new StringBuilder();
        for (int i = 0; i < 1000; i++) {
            users.append(i == 0 ? "" : ",")
                    .append("{\"id\":\"bulk-")
                    .append(i)
                    .append("\",\"email\":\"u")
                    .append(i)
                    .append("@werk.example\",\"insertInstant\":1777882530000}");
        }
        byte[] body = ("{\"event\":{\"type\":\"user.bulk.create\",\"createInstant\":1777882530000,\"users\":[" + users
                        + "]}}")
                .getBytes();
        assertEquals(
                204,
                new Delivery(signed("fusionauth", body, Instant.now()))
                        .post(webhooks("fusionauth"))
                        .statusCode());
        assertEquals(
                "1000",
                database.value(
                        "SELECT count(*) FROM neon_auth.users_sync WHERE email IS NOT NULL AND created_at IS NOT NULL"));
    }

    @Test
    void oneBadUserOfAnImportIsParkedAndTheOthersAreApplied() throws Exception {
        byte[] body = """
                {"event": {"type": "user.bulk.create", "createInstant": 1777882530000, "users": [
                  {"id": "a", "insertInstant": 1777882530000}, {"id": "", "insertInstant": 1777882530000}, {"id": "c", "insertInstant": 1777882530000}]}}
                """.getBytes();
        HttpResponse<String> reply =
                new Delivery(signed("fusionauth", body, Instant.now())).post(webhooks("fusionauth"));
        assertEquals(List.of("a", "c"), database.column("SELECT id FROM neon_auth.users_sync ORDER BY id"));
        assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertTrue(reply.statusCode() == 204 || reply.statusCode() == 422, "final either way: " + reply.statusCode());
    }

    @Test
    void anImportThatTheDatabaseCannotTakeNowIsSentAgainAsAWhole() throws Exception {
        database.execute("""
                CREATE OR REPLACE FUNCTION busy() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF NEW.id = '00000000-0000-4000-8000-000000000003' THEN RAISE EXCEPTION 'busy' USING ERRCODE = '55P03'; END IF;
                  RETURN NEW;
                END $$;
                CREATE TRIGGER busy BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION busy()""");
        try {
            HttpResponse<String> reply =
                    delivery("fusionauth", "user.bulk.create").post(webhooks("fusionauth"));
            assertEquals(503, reply.statusCode());
            assertEquals("30", reply.headers().firstValue("Retry-After").orElse(""));
        } finally {
            database.execute("DROP TRIGGER busy ON neon_auth.users_sync");
        }
        assertEquals(
                204,
                delivery("fusionauth", "user.bulk.create")
                        .post(webhooks("fusionauth"))
                        .statusCode());
        assertEquals("4", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    /** 1.3 MB; the id of one user is no valid id. */
    @Test
    void anImportOfFiveThousandUsersIsOneDelivery() throws Exception {
        for (boolean oneIsBad : new boolean[] {true, false}) {
            StringBuilder users = new StringBuilder();
            for (int i = 0; i < 5_000; i++) {
                users.append(i == 0 ? "" : ",").append("""
                        {"id": %s, "active": true, "email": "user%04d@orchard.example", "fullName": "User %04d", "insertInstant": 1795161600000,
                         "lastUpdateInstant": 1795161600000, "verified": true, "registrations": [], "memberships": [], "tenantId": "30663132"}""".formatted(
                        oneIsBad && i == 2_500 ? "17" : "\"00000000-0000-4000-8000-%012d\"".formatted(i), i, i));
            }
            byte[] document =
                    ("{\"event\": {\"type\": \"user.bulk.create\", \"createInstant\": 1795161600000, \"users\": ["
                                    + users + "]}}")
                            .getBytes(StandardCharsets.UTF_8);
            assertTrue(document.length > 1_200_000, document.length + " bytes");
            int reply = new Delivery(signed("fusionauth", document, Instant.now()))
                    .post(webhooks("fusionauth"))
                    .statusCode();
            if (oneIsBad) {
                assertEquals(422, reply);
                assertEquals("4999", database.value("SELECT count(*) FROM neon_auth.users_sync"));
                assertEquals(List.of("17 user2500@orchard.example"), database.column("""
                        SELECT concat_ws(' ', letter -> 'id', letter ->> 'email') FROM users_sync_internal.dead_letter CROSS JOIN LATERAL (SELECT CAST(convert_from(body, 'UTF8') AS jsonb) AS letter) AS held"""));
            } else {
                assertEquals(204, reply);
                assertEquals("5000", database.value("SELECT count(*) FROM neon_auth.users_live"));
            }
        }
    }

    /** A bulk delete: the event comes before the user is gone, and no event follows. */
    @Test
    void anAnnouncedDeletionIsAskedForWithinSeconds() throws Exception {
        TestDatabase other = new TestDatabase();
        Properties settings = TestSettings.with(other);
        settings.setProperty("fusionauth.webhook.secret", HMAC_KEY);
        settings.setProperty("fusionauth.api.key", FakeApis.KEY);
        settings.setProperty("poll.tick", "20");
        settings.setProperty("poll.second-look", "6s"); // a tenth of the real schedule
        String id = "1c592f8a-59c6-4a09-82f8-f4257e3ea4c8";
        try (FakeApi api = new FakeApi(FakeApis::fusionauth)) {
            api.create(id, "stays");
            settings.setProperty("fusionauth.api.url", api.url());
            try (StartedApp app = new StartedApp(settings)) {
                await().until(() ->
                        other.value("SELECT count(*) FROM neon_auth.users_live").equals("2"));
                String event = new String(fixture("fusionauth", "user.delete"), StandardCharsets.UTF_8);
                for (String body : List.of(event, event.replace(id, "stays"))) {
                    assertEquals(
                            204,
                            new Delivery(signed("fusionauth", body.getBytes(StandardCharsets.UTF_8), Instant.now()))
                                    .post(app.webhooks("fusionauth"))
                                    .statusCode());
                }
                assertEquals(
                        "2",
                        other.value("SELECT count(*) FROM neon_auth.users_live"),
                        "the event alone deletes nobody");
                api.delete(id);
                await().atMost(Duration.ofSeconds(30))
                        .until(() -> other.column("SELECT id FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL")
                                .equals(List.of(id)));
            }
        }
    }

    @Test
    void aDeactivatedUserCountsAsDeletedWhereThatIsSet() throws Exception {
        TestDatabase other = new TestDatabase();
        Properties settings = TestSettings.with(other);
        settings.setProperty("fusionauth.webhook.secret", HMAC_KEY);
        settings.setProperty("fusionauth.inactive", "deleted");
        try (StartedApp app = new StartedApp(settings)) {
            for (Map.Entry<String, Boolean> event : List.of(
                    Map.entry("user.updated", false),
                    Map.entry("user.deactivate", true),
                    Map.entry("user.login.success", true),
                    Map.entry("user.updated", true),
                    Map.entry("user.reactivate", false))) {
                assertEquals(
                        204,
                        delivery("fusionauth", event.getKey())
                                .post(app.webhooks("fusionauth"))
                                .statusCode());
                assertEquals(
                        event.getValue(),
                        other.value("SELECT deleted_at IS NOT NULL FROM neon_auth.users_sync")
                                .equals("t"),
                        event.getKey());
            }
        }
    }

    @Test
    void theSampleSenderSaysForWhomItCannotSign() {
        HttpResponse<String> reply = new Delivery("").post(management("/sample/kinde"));
        assertEquals(400, reply.statusCode());
        assertEquals("cannot send a sample of kinde: only the provider can sign for this scheme\n", reply.body());
        reply = new Delivery("").post(management("/sample/fusionauth"));
        assertEquals(200, reply.statusCode());
        assertTrue(reply.body().contains("user.deleted -> 204"), reply.body());
    }

    @Test
    void keycloakWithABearerTokenInsteadOfAnHmac() throws Exception {
        TestDatabase other = new TestDatabase();
        Properties settings = TestSettings.with(other);
        settings.setProperty("keycloak.webhook.verification", "jwt-header-with-body-hash");
        settings.setProperty("keycloak.webhook.header", "Authorization");
        settings.setProperty("keycloak.webhook.algorithm", "RS256");
        settings.setProperty("keycloak.jwks.url", keys.jwks.url().toString());
        settings.setProperty("keycloak.jwt.audience", "users-sync");
        try (StartedApp app = new StartedApp(settings)) {
            byte[] body = fixture("keycloak", "user.created");
            long now = Instant.now().getEpochSecond();
            for (String audience : List.of("another receiver", "users-sync")) {
                String token = Jwts.sign(
                        Jwts.header("RS256", "rsa-1", "typ", "JWT"),
                        Jwts.json(Map.of(
                                "aud",
                                audience,
                                "iat",
                                now,
                                "exp",
                                now + 300,
                                "request_body_sha256",
                                HexFormat.of().formatHex(sha256(body)))),
                        "RS256",
                        keys.rsa.getPrivateKey());
                assertEquals(
                        audience.equals("users-sync") ? 204 : 401,
                        new Delivery(body)
                                .header("Authorization", "Bearer " + token)
                                .post(app.webhooks("keycloak"))
                                .statusCode());
                assertEquals(
                        401,
                        new Delivery("{}")
                                .header("Authorization", "Bearer " + token)
                                .post(app.webhooks("keycloak"))
                                .statusCode());
            }
            assertEquals("1", other.value("SELECT count(*) FROM neon_auth.users_sync"));
        }
    }

    private static byte[] sha256(byte[] body) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(body);
    }

    /** Each of the four providers has an endpoint that misbehaves in its own way. A fifth provider keeps working. */
    @Test
    void keysThatCannotBeHadMeanLaterUntilTheyCanBeHad() throws Exception {
        TestDatabase other = new TestDatabase();
        Properties settings = TestSettings.with(other, "generic");
        settings.setProperty("fusionauth.webhook.algorithm", "RS256");
        Map<String, JwksServer> servers = new LinkedHashMap<>();
        for (String provider : List.of("kinde", "hanko", "neon-auth", "fusionauth")) {
            servers.put(provider, new JwksServer());
            settings.setProperty(
                    provider + ".jwks.url", servers.get(provider).url().toString());
        }
        servers.get("kinde").answer(503, "", Map.of());
        servers.get("hanko").answer(302, "", Map.of("Location", keys.jwks.url().toString()));
        servers.get("neon-auth").answer(request -> {
            request.sendResponseHeaders(200, 0);
            while (true) {
                request.getResponseBody().write(' ');
                request.getResponseBody().flush();
                Thread.sleep(50); // a slow drip, on purpose
            }
        });
        servers.get("fusionauth").answer(request -> {
            request.sendResponseHeaders(200, 0);
            while (true) {
                request.getResponseBody().write(new byte[8192]);
            }
        });
        try (StartedApp app = new StartedApp(settings)) {
            List<CompletableFuture<HttpResponse<String>>> replies = Stream.concat(
                            servers.keySet().stream(),
                            Stream.generate(() -> "neon-auth").limit(40))
                    .map(provider -> CompletableFuture.supplyAsync(
                            () -> signedWithPrivateKey(provider).post(app.webhooks(provider))))
                    .toList();
            long start = System.nanoTime();
            assertEquals(
                    204,
                    new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"g1\"}}")
                            .post(app.webhooks("generic"))
                            .statusCode());
            assertTrue(
                    Duration.ofNanos(System.nanoTime() - start).toSeconds() < 3,
                    "a provider with other keys need not wait");
            for (CompletableFuture<HttpResponse<String>> reply : replies) {
                assertEquals(503, reply.join().statusCode());
                assertEquals(
                        "30", reply.join().headers().firstValue("Retry-After").orElse(""));
            }
            assertEquals("0", other.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
            assertEquals("1", other.value("SELECT count(*) FROM neon_auth.users_sync"));
            String lines = String.join("", log.lines());
            for (String reason : List.of(
                    "kinde: not applied, asked the provider to retry in 30 s: the keys at "
                            + servers.get("kinde").url() + " cannot be fetched: the answer is 503",
                    "hanko.* cannot be fetched: the answer is 302",
                    "neon-auth.* cannot be fetched: no whole answer within 3 s",
                    "fusionauth.* cannot be fetched: the answer is larger than 256 KiB")) {
                assertTrue(lines.matches("(?s).*" + reason + ".*"), reason + " in " + lines);
            }
            servers.values().forEach(server -> server.publish(keys.rsa, keys.ed25519));
            for (String provider : servers.keySet()) {
                await().atMost(Duration.ofSeconds(20))
                        .pollInterval(Duration.ofMillis(300))
                        .until(() -> signedWithPrivateKey(provider)
                                        .post(app.webhooks(provider))
                                        .statusCode()
                                == 204);
            }
            assertEquals("5", other.value("SELECT count(*) FROM neon_auth.users_sync"));
        } finally {
            servers.values().forEach(JwksServer::close);
        }
    }

    private Delivery signedWithPrivateKey(String provider) {
        try {
            byte[] document = fixture(provider, "user.created");
            if (!provider.equals("fusionauth")) {
                return new Delivery(keys.sign(provider, document));
            }
            String hash = Base64.getEncoder().encodeToString(sha256(document));
            return new Delivery(document)
                    .header(
                            "X-FusionAuth-Signature-JWT",
                            Jwts.sign(
                                    Jwts.header("RS256", "rsa-1"),
                                    Jwts.json(Map.of("request_body_sha256", hash)),
                                    "RS256",
                                    keys.rsa.getPrivateKey()));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
