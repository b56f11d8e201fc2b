package dev.userssync.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.JwksServer;
import dev.userssync.testing.Jwts;
import dev.userssync.testing.SettableClock;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.util.ObjectHelper;
import org.jose4j.jwk.EcJwkGenerator;
import org.jose4j.jwk.EllipticCurveJsonWebKey;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.OkpJwkGenerator;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jwk.RsaJsonWebKey;
import org.jose4j.keys.EllipticCurves;
import org.jose4j.lang.JoseException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The schemes that use JWT and JWS, and every known attack on them. Real endpoints create the schemes, with keys from a
 * real JWKS endpoint.
 */
public class JoseTest {

    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final byte[] BODY = "{\"name\": \"Zoë 🦊\"}".getBytes(StandardCharsets.UTF_8);
    private static final String HMAC_SECRET = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    private static final RsaJsonWebKey RSA = JwksTest.rsa("rsa");
    private static final RsaJsonWebKey ATTACKER = JwksTest.rsa("attacker");
    private static final OctetKeyPairJsonWebKey ED25519 = ed25519("ed");
    private static final EllipticCurveJsonWebKey EC = ec("ec");

    private static final String BODY_URI = "verify:jwt-body?algorithm=RS256";
    private static final String HASH_URI = "verify:jwt-header-with-body-hash?header=X-Jwt&encoding=base64&algorithm=";
    private static final String DETACHED_URI =
            "verify:detached-jws?header=X-Sig&timestampHeader=X-Time&timestamp=milliseconds&keyIdHeader=X-Kid&algorithm=EdDSA";

    private final DefaultCamelContext camel = new DefaultCamelContext();
    private final SettableClock clock = new SettableClock(NOW);
    private final JwksServer jwks = new JwksServer(RSA, ED25519, EC);

    public static OctetKeyPairJsonWebKey ed25519(String id) {
        return named(id, () -> OkpJwkGenerator.generateJwk(OctetKeyPairJsonWebKey.SUBTYPE_ED25519));
    }

    private static EllipticCurveJsonWebKey ec(String id) {
        return named(id, () -> EcJwkGenerator.generateJwk(EllipticCurves.P256));
    }

    private interface Made<K> {
        K key() throws JoseException;
    }

    private static <K extends PublicJsonWebKey> K named(String id, Made<K> made) {
        try {
            K key = made.key();
            key.setKeyId(id);
            return key;
        } catch (JoseException e) {
            throw new IllegalStateException(e);
        }
    }

    @AfterEach
    void stop() {
        camel.stop();
        jwks.close();
    }

    private VerificationScheme scheme(String uri, String... settings) {
        Map<String, String> all =
                new LinkedHashMap<>(Map.of("acme.jwks.url", jwks.url().toString(), "acme.webhook.secret", HMAC_SECRET));
        for (int i = 0; i < settings.length; i += 2) {
            all.put("acme." + settings[i], settings[i + 1]);
        }
        all.forEach(camel.getPropertiesComponent()::addOverrideProperty);
        camel.getRegistry().bind("verify", new VerifyComponent());
        camel.getRegistry().bind("clock", Clock.class, clock);
        camel.getRegistry().bind("jwt-body", new JwtBody());
        camel.getRegistry().bind("jwt-header-with-body-hash", new JwtBodyHash());
        camel.getRegistry().bind("detached-jws", new DetachedJws());
        camel.start();
        camel.getEndpoint(uri + "&provider=acme");
        return camel.getComponent("verify", VerifyComponent.class).scheme("acme");
    }

    private static boolean accepts(VerificationScheme scheme, Map<String, String> headers, byte[] body, byte[] document)
            throws GeneralSecurityException {
        try {
            assertArrayEquals(
                    document, scheme.verify(MultiMap.caseInsensitiveMultiMap().addAll(headers), body));
            return true;
        } catch (SecurityException e) {
            return false;
        }
    }

    // jwt-body

    private static Map<String, Object> claims(Object... more) {
        Map<String, Object> claims = new LinkedHashMap<>(Map.of("type", "user.created", "iat", NOW.getEpochSecond()));
        for (int i = 0; i < more.length; i += 2) {
            claims.put((String) more[i], more[i + 1]);
        }
        return claims;
    }

    private static boolean acceptsJwt(VerificationScheme scheme, String jwt, Map<String, Object> claims)
            throws GeneralSecurityException {
        return accepts(
                scheme,
                Map.of(),
                jwt.getBytes(StandardCharsets.UTF_8),
                Jwts.json(claims).getBytes(StandardCharsets.UTF_8));
    }

    private static boolean acceptsClaims(VerificationScheme scheme, Map<String, Object> claims)
            throws GeneralSecurityException {
        return acceptsJwt(
                scheme,
                Jwts.sign(Jwts.header("RS256", "rsa"), Jwts.json(claims), "RS256", RSA.getPrivateKey()),
                claims);
    }

    @Test
    void theClaimsAreTheVerifiedDocument() throws Exception {
        VerificationScheme scheme = scheme(BODY_URI);
        assertTrue(acceptsClaims(scheme, claims("data", Map.of("user", Map.of("name", "Zoë 🦊")))));
        String jwt =
                Jwts.sign(Jwts.header("RS256", "rsa", "typ", "JWT"), Jwts.json(claims()), "RS256", RSA.getPrivateKey());
        assertTrue(acceptsJwt(scheme, jwt + "\n", claims()));
    }

    @Test
    void aTokenInAFieldOfTheBody() throws Exception {
        VerificationScheme scheme = scheme(BODY_URI + "&token=token");
        String jwt = Jwts.sign(
                Jwts.header("RS256", "rsa"), Jwts.json(claims("evt", "user.create")), "RS256", RSA.getPrivateKey());
        assertTrue(
                acceptsJwt(
                        scheme, Jwts.json(Map.of("token", jwt, "event", "user.delete")), claims("evt", "user.create")),
                "what stands outside is not read");
        for (String body : List.of(
                jwt,
                "{}",
                "[]",
                "null",
                "",
                "{\"token\": null}",
                "{\"token\": [\"" + jwt + "\"]}",
                "{\"token\": \"\"}",
                "{\"token\"",
                "{\"Token\": \"" + jwt + "\"}",
                "{\"a\":".repeat(50_000))) {
            assertFalse(
                    acceptsJwt(scheme, body, claims("evt", "user.create")),
                    body.substring(0, Math.min(30, body.length())));
        }
    }

    /** Each name is an attack. The genuine token shows that only the attack explains each refusal. */
    static List<String> forgedTokens() {
        return List.of(
                "genuine",
                "another key",
                "payload changed",
                "header changed",
                "none",
                "None",
                "none with a signature",
                "no alg",
                "alg is no text",
                "alg in other case",
                "HS256 with the public key",
                "HS256 with the modulus",
                "RS512 with the right key",
                "PS256 with the right key",
                "ES256 with the other key",
                "no kid",
                "unknown kid",
                "kid is no text",
                "kid is empty",
                "kid is a path",
                "kid of the Ed25519 key",
                "kid of the other key",
                "jku",
                "x5u",
                "jwk",
                "x5c",
                "crit",
                "b64 false",
                "kid twice",
                "no signature",
                "half a signature",
                "two signatures",
                "JSON form",
                "JWE",
                "nested",
                "empty");
    }

    @ParameterizedTest
    @MethodSource("forgedTokens")
    void aForgedTokenIsRefused(String attack) throws Exception {
        try (JwksServer theirs = new JwksServer(ATTACKER)) {
            String header = Jwts.header("RS256", "rsa");
            String payload = Jwts.json(claims());
            String genuine = Jwts.sign(header, payload, "RS256", RSA.getPrivateKey());
            String[] parts = genuine.split("\\.");
            Key own = RSA.getPrivateKey();
            Map<String, Object> theirKey = ATTACKER.toParams(org.jose4j.jwk.JsonWebKey.OutputControlLevel.PUBLIC_ONLY);
            String jwt = switch (attack) {
                case "genuine" -> genuine;
                case "another key" -> Jwts.sign(header, payload, "RS256", ATTACKER.getPrivateKey());
                case "payload changed" ->
                    parts[0] + "."
                            + Jwts.base64url(
                                    Jwts.json(claims("type", "user.deleted")).getBytes()) + "." + parts[2];
                case "header changed" ->
                    Jwts.base64url(Jwts.header("RS256", "rsa", "typ", "x").getBytes()) + "." + parts[1] + "."
                            + parts[2];
                case "none" -> Jwts.sign(Jwts.header("none", null), payload, "none", null);
                case "None" -> Jwts.sign(Jwts.header("None", "rsa"), payload, "none", null);
                case "none with a signature" -> Jwts.sign(Jwts.header("none", "rsa"), payload, "RS256", own);
                case "no alg" -> Jwts.sign("{\"kid\":\"rsa\"}", payload, "RS256", own);
                case "alg is no text" -> Jwts.sign("{\"alg\":[\"RS256\"],\"kid\":\"rsa\"}", payload, "RS256", own);
                case "alg in other case" -> Jwts.sign(Jwts.header("rs256", "rsa"), payload, "RS256", own);
                case "HS256 with the public key" ->
                    Jwts.sign(Jwts.header("HS256", "rsa"), payload, "HS256", RSA.getPublicKey());
                case "HS256 with the modulus" ->
                    Jwts.sign(Jwts.header("HS256", "rsa"), payload, "HS256", Jwts.secret((String)
                            RSA.toParams(org.jose4j.jwk.JsonWebKey.OutputControlLevel.PUBLIC_ONLY)
                                    .get("n")));
                case "RS512 with the right key" -> Jwts.sign(Jwts.header("RS512", "rsa"), payload, "RS512", own);
                case "PS256 with the right key" -> Jwts.sign(Jwts.header("PS256", "rsa"), payload, "PS256", own);
                case "ES256 with the other key" ->
                    Jwts.sign(Jwts.header("ES256", "ec"), payload, "ES256", EC.getPrivateKey());
                case "no kid" -> Jwts.sign(Jwts.header("RS256", null), payload, "RS256", own);
                case "unknown kid" -> Jwts.sign(Jwts.header("RS256", "rsa2"), payload, "RS256", own);
                case "kid is no text" -> Jwts.sign("{\"alg\":\"RS256\",\"kid\":{\"rsa\":1}}", payload, "RS256", own);
                case "kid is empty" -> Jwts.sign(Jwts.header("RS256", " "), payload, "RS256", own);
                case "kid is a path" -> Jwts.sign(Jwts.header("RS256", "../../../../dev/null"), payload, "RS256", own);
                case "kid of the Ed25519 key" ->
                    Jwts.sign(Jwts.header("RS256", "ed"), payload, "EdDSA", ED25519.getPrivateKey());
                case "kid of the other key" ->
                    Jwts.sign(Jwts.header("RS256", "rsa"), payload, "ES256", EC.getPrivateKey());
                case "jku" ->
                    Jwts.sign(
                            Jwts.header("RS256", "attacker", "jku", theirs.url().toString()),
                            payload,
                            "RS256",
                            ATTACKER.getPrivateKey());
                case "x5u" ->
                    Jwts.sign(
                            Jwts.header("RS256", "attacker", "x5u", theirs.url().toString()),
                            payload,
                            "RS256",
                            ATTACKER.getPrivateKey());
                // The right key signs these four, so a verifier that ignored the header would accept them.
                case "jwk" -> Jwts.sign(Jwts.header("RS256", "rsa", "jwk", theirKey), payload, "RS256", own);
                case "x5c" -> Jwts.sign(Jwts.header("RS256", "rsa", "x5c", List.of("MIIB")), payload, "RS256", own);
                case "crit" ->
                    Jwts.sign(Jwts.header("RS256", "rsa", "crit", List.of("exp"), "exp", 1), payload, "RS256", own);
                case "b64 false" -> Jwts.sign(Jwts.header("RS256", "rsa", "b64", false), payload, "RS256", own);
                case "kid twice" ->
                    Jwts.sign("{\"alg\":\"RS256\",\"kid\":\"attacker\",\"kid\":\"rsa\"}", payload, "RS256", own);
                case "no signature" -> parts[0] + "." + parts[1] + ".";
                case "half a signature" -> genuine.substring(0, genuine.length() - 100);
                case "two signatures" -> genuine + "." + parts[2];
                case "JSON form" ->
                    Jwts.json(Map.of("protected", parts[0], "payload", parts[1], "signature", parts[2]));
                case "JWE" -> parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[1] + "." + parts[2];
                case "nested" ->
                    Jwts.sign(
                            Jwts.header("RS256", "attacker", "cty", "JWT"), genuine, "RS256", ATTACKER.getPrivateKey());
                default -> "";
            };
            assertEquals(attack.equals("genuine"), acceptsJwt(scheme(BODY_URI), jwt, claims()));
            assertEquals(0, theirs.requests(), "users-sync fetches no key from an address in a token");
        }
    }

    @ParameterizedTest
    @CsvSource({"rsa, 0, true, SIGNATURE", "rsa, -301, false, AGE", "other, 0, false, KEY", "'', 0, false, KEY"})
    void theReasonOfARefusalCanBeCounted(String keyId, long issued, boolean forged, Refused.Reason reason)
            throws Exception {
        String jwt = Jwts.sign(
                Jwts.header("RS256", keyId),
                Jwts.json(claims("iat", NOW.getEpochSecond() + issued)),
                "RS256",
                forged ? ATTACKER.getPrivateKey() : RSA.getPrivateKey());
        VerificationScheme scheme = scheme(BODY_URI);
        assertEquals(
                reason,
                Refused.reason(assertThrows(
                        SecurityException.class,
                        () -> scheme.verify(MultiMap.caseInsensitiveMultiMap(), jwt.getBytes()))));
        assertEquals(
                Refused.Reason.HEADER,
                Refused.reason(assertThrows(
                        SecurityException.class, () -> scheme.verify(MultiMap.caseInsensitiveMultiMap(), BODY))));
    }

    @ParameterizedTest
    @CsvSource({"0, true", "-300, true", "-301, false", "300, true", "301, false"})
    void aTokenMustBeNew(long issued, boolean accepted) throws Exception {
        assertEquals(accepted, acceptsClaims(scheme(BODY_URI), claims("iat", NOW.getEpochSecond() + issued)));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "exp, 0, true",
                "exp, -30, true",
                "exp, -31, false",
                "nbf, 30, true",
                "nbf, 31, false",
                "nbf, -1000, true",
                "exp, 1000, true"
            })
    void expiryAndStartHoldWhereTheyAreGiven(String claim, long at, boolean accepted) throws Exception {
        assertEquals(accepted, acceptsClaims(scheme(BODY_URI), claims(claim, NOW.getEpochSecond() + at)));
    }

    @Test
    void timesThatAreNoneAreRefused() throws Exception {
        VerificationScheme scheme = scheme(BODY_URI);
        for (Object time : new Object[] {
            "now",
            "1780315200",
            1e300,
            Long.MAX_VALUE,
            -1,
            List.of(),
            Map.of(),
            true,
            new java.math.BigInteger("9".repeat(40))
        }) {
            assertFalse(acceptsClaims(scheme, claims("iat", time)), time.toString());
        }
        assertFalse(acceptsClaims(scheme, claims("iat", null)), "without a time anybody could replay it for ever");
        assertFalse(acceptsClaims(scheme, claims("exp", "never")));
    }

    @ParameterizedTest
    @CsvSource(
            nullValues = "-",
            value = {
                "2026-06-01T12:00:00.123Z, true",
                "2026-06-01T14:00:00+02:00, true",
                "2026-06-01T11:55:00Z, true",
                "2026-06-01T11:54:59Z, false",
                "2026-06-01T12:05:01Z, false",
                "2026-06-01T12:00:00, false",
                "yesterday, false",
                "'', false",
                "-, false"
            })
    void theTimeInAClaimOfItsOwn(String timestamp, boolean accepted) throws Exception {
        Map<String, Object> claims = claims("timestamp", timestamp);
        claims.remove("iat");
        assertEquals(accepted, acceptsClaims(scheme(BODY_URI + "&time=timestamp"), claims));
    }

    @Test
    void anAccessTokenIsNoWebhook() throws Exception {
        // Kinde and Hanko sign access tokens with the same keys, and every user has one.
        Map<String, Object> accessToken = claims("sub", "kp_1234", "exp", NOW.getEpochSecond() + 3600);
        assertFalse(acceptsClaims(scheme(BODY_URI + "&time=timestamp"), accessToken));
        camel.getEndpoint(BODY_URI + "&subject=RAW(hanko webhooks)&provider=acme");
        VerificationScheme hanko =
                camel.getComponent("verify", VerifyComponent.class).scheme("acme");
        assertFalse(acceptsClaims(hanko, accessToken));
        assertFalse(acceptsClaims(hanko, claims()));
        assertTrue(acceptsClaims(hanko, claims("sub", "hanko webhooks")));
    }

    @Test
    void issuerAndAudienceWhereTheyAreSet() throws Exception {
        VerificationScheme scheme =
                scheme(BODY_URI, "jwt.issuer", "https://acme.example", "jwt.audience", "users-sync");
        assertTrue(acceptsClaims(scheme, claims("iss", "https://acme.example", "aud", "users-sync")));
        assertTrue(acceptsClaims(scheme, claims("iss", "https://acme.example", "aud", List.of("app", "users-sync"))));
        assertFalse(acceptsClaims(scheme, claims("iss", "https://acme.example")));
        assertFalse(acceptsClaims(scheme, claims("aud", "users-sync")));
        assertFalse(acceptsClaims(scheme, claims("iss", "https://acme.example/", "aud", "users-sync")));
        assertFalse(acceptsClaims(scheme, claims("iss", "https://acme.example", "aud", "users-sync-2")));
        assertFalse(acceptsClaims(scheme, claims("iss", "https://acme.example", "aud", List.of())));
        assertFalse(acceptsClaims(scheme, claims("iss", List.of("https://acme.example"), "aud", 5)));
    }

    @Test
    void claimsThatStandTwiceAreRefused() throws Exception {
        String twice = "{\"iat\":" + NOW.getEpochSecond() + ",\"type\":\"user.created\",\"type\":\"user.deleted\"}";
        VerificationScheme scheme = scheme(BODY_URI);
        for (String payload : List.of(
                twice, "[]", "null", "1", "", "not JSON", "{\"iat\":" + NOW.getEpochSecond() + "} {}", "\u0000")) {
            String jwt = Jwts.sign(Jwts.header("RS256", "rsa"), payload, "RS256", RSA.getPrivateKey());
            assertThrows(
                    SecurityException.class,
                    () -> scheme.verify(MultiMap.caseInsensitiveMultiMap(), jwt.getBytes()),
                    payload);
        }
    }

    @Test
    void noBytesWhateverMakeMoreThanARefusal() throws Exception {
        VerificationScheme scheme = scheme(BODY_URI);
        String genuine = Jwts.sign(Jwts.header("RS256", "rsa"), Jwts.json(claims()), "RS256", RSA.getPrivateKey());
        Random random = new Random(7);
        for (int i = 0; i < 3000; i++) {
            byte[] bytes = genuine.getBytes();
            for (int change = random.nextInt(3); change >= 0; change--) {
                // Spares the last characters: base64 knows two spellings of the last one.
                bytes[random.nextInt(bytes.length - 4)] = (byte)
                        (random.nextBoolean() ? random.nextInt(256) : "._-=ABCabc{}\" \n".charAt(random.nextInt(15)));
            }
            if (!new String(bytes, StandardCharsets.UTF_8).strip().equals(genuine)) {
                try {
                    byte[] document = scheme.verify(MultiMap.caseInsensitiveMultiMap(), bytes);
                    // A character outside base64, in the signature alone, does not change the signed bytes.
                    assertArrayEquals(Jwts.json(claims()).getBytes(), document);
                    assertTrue(new String(bytes, StandardCharsets.UTF_8)
                            .startsWith(genuine.substring(0, genuine.lastIndexOf('.') + 1)));
                } catch (SecurityException e) {
                    assertFalse(e.getMessage().contains(genuine.substring(0, 20)));
                }
            }
        }
        assertTrue(acceptsJwt(scheme, genuine, claims()));
    }

    // jwt-header-with-body-hash

    private static byte[] sha256(byte[] body) throws GeneralSecurityException {
        return MessageDigest.getInstance("SHA-256").digest(body);
    }

    private static String hashClaims(String hash, Object... more) {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("request_body_sha256", hash);
        for (int i = 0; i < more.length; i += 2) {
            claims.put((String) more[i], more[i + 1]);
        }
        return Jwts.json(claims);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "EdDSA"
            })
    void fusionAuthWithEveryKindOfKey(String algorithm) throws Exception {
        VerificationScheme scheme = scheme(HASH_URI + algorithm);
        PublicJsonWebKey pair = algorithm.startsWith("E") ? algorithm.equals("EdDSA") ? ED25519 : EC : RSA;
        Key key = algorithm.startsWith("HS") ? Jwts.secret(HMAC_SECRET) : pair.getPrivateKey();
        String claims = hashClaims(Base64.getEncoder().encodeToString(sha256(BODY)));
        String header = Jwts.header(
                algorithm, algorithm.startsWith("HS") ? "the id of an HMAC key" : pair.getKeyId(), "typ", "JWT");
        assertTrue(accepts(scheme, Map.of("x-jwt", Jwts.sign(header, claims, algorithm, key)), BODY, BODY));
        assertFalse(
                accepts(
                        scheme,
                        Map.of("x-jwt", Jwts.sign(header, claims, algorithm, key)),
                        "{}".getBytes(),
                        "{}".getBytes()),
                "another body");
        assertFalse(accepts(scheme, Map.of("x-jwt", Jwts.sign(header, claims, "none", null)), BODY, BODY));
        for (String other : List.of("HS256", "HS512", "RS256", "PS256", "ES256", "EdDSA")) {
            if (!other.equals(algorithm)) {
                PublicJsonWebKey otherPair = other.startsWith("E") ? other.equals("EdDSA") ? ED25519 : EC : RSA;
                Key otherKey = other.startsWith("HS") ? Jwts.secret(HMAC_SECRET) : otherPair.getPrivateKey();
                assertFalse(
                        accepts(
                                scheme,
                                Map.of(
                                        "X-Jwt",
                                        Jwts.sign(Jwts.header(other, otherPair.getKeyId()), claims, other, otherKey)),
                                BODY,
                                BODY),
                        other + " with a right key, but " + algorithm + " is pinned");
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "base64 | base64 | true",
                "base64 | hex | false",
                "base64 | base64url | false",
                "base64 | hash of a hash | false",
                "base64 | '' | false",
                "base64 | - | false",
                "hex | hex | true",
                "hex | HEX | true",
                "hex | base64 | false",
                "hex | '' | false",
                "hex | - | false"
            })
    void theHashIsWrittenAsConfigured(String encoding, String written, boolean accepted) throws Exception {
        byte[] hash = sha256(BODY);
        String text = written == null
                ? null
                : switch (written) {
                    case "base64" -> Base64.getEncoder().encodeToString(hash);
                    case "base64url" ->
                        Base64.getUrlEncoder().encodeToString(new byte[] {-1, -1, -1})
                                + Base64.getUrlEncoder().encodeToString(hash);
                    case "hex" -> HexFormat.of().formatHex(hash);
                    case "HEX" -> HexFormat.of().withUpperCase().formatHex(hash);
                    case "hash of a hash" -> Base64.getEncoder().encodeToString(sha256(hash));
                    default -> "";
                };
        VerificationScheme scheme =
                scheme("verify:jwt-header-with-body-hash?header=X-Jwt&algorithm=HS256&encoding=" + encoding);
        assertEquals(
                accepted,
                accepts(
                        scheme,
                        Map.of(
                                "X-Jwt",
                                Jwts.sign(
                                        Jwts.header("HS256", null),
                                        hashClaims(text),
                                        "HS256",
                                        Jwts.secret(HMAC_SECRET))),
                        BODY,
                        BODY));
    }

    @Test
    void aTokenOfTheSameKeyWithoutAHashIsNoWebhook() throws Exception {
        VerificationScheme scheme = scheme(HASH_URI + "RS256");
        String accessToken =
                Jwts.sign(Jwts.header("RS256", "rsa"), Jwts.json(claims("sub", "u1")), "RS256", RSA.getPrivateKey());
        assertFalse(accepts(scheme, Map.of("X-Jwt", accessToken), BODY, BODY));
        assertFalse(accepts(scheme, Map.of(), BODY, BODY));
        assertFalse(accepts(scheme, Map.of("X-Jwt", ""), BODY, BODY));
        assertFalse(accepts(scheme, Map.of("X-Jwt", "Bearer " + accessToken), BODY, BODY));
    }

    @Test
    void everyConfiguredSecretIsAccepted() throws Exception {
        String old = "an old secret of enough length: 0123456789";
        VerificationScheme scheme =
                scheme(HASH_URI + "HS256", "webhook.secret", HMAC_SECRET + ", " + old.replace(' ', '_'));
        VerificationScheme.Signed signed = scheme.sign(BODY);
        assertTrue(accepts(scheme, signed.headers(), signed.body(), BODY));
        String claims = hashClaims(Base64.getEncoder().encodeToString(sha256(BODY)));
        assertTrue(accepts(
                scheme,
                Map.of(
                        "X-Jwt",
                        Jwts.sign(Jwts.header("HS256", null), claims, "HS256", Jwts.secret(old.replace(' ', '_')))),
                BODY,
                BODY));
        assertFalse(accepts(
                scheme,
                Map.of(
                        "X-Jwt",
                        Jwts.sign(
                                Jwts.header("HS256", null),
                                claims,
                                "HS256",
                                Jwts.secret("a third secret of enough length"))),
                BODY,
                BODY));
    }

    @Test
    void keycloakSendsItAsABearerTokenWithAudienceAndTimes() throws Exception {
        VerificationScheme scheme = scheme(
                "verify:jwt-header-with-body-hash?header=Authorization&algorithm=RS256",
                "jwt.issuer",
                "https://id.example/realms/demo",
                "jwt.audience",
                "users-sync");
        String hash = HexFormat.of().formatHex(sha256(BODY));
        long now = NOW.getEpochSecond();
        String issuer = "https://id.example/realms/demo";
        Map<String, Boolean> tokens = new LinkedHashMap<>();
        tokens.put(hashClaims(hash, "iss", issuer, "aud", "users-sync", "iat", now, "exp", now + 300), true);
        tokens.put(hashClaims(hash, "iss", issuer, "aud", "another receiver", "iat", now, "exp", now + 300), false);
        tokens.put(
                hashClaims(
                        hash,
                        "iss",
                        "https://id.example/realms/other",
                        "aud",
                        "users-sync",
                        "iat",
                        now,
                        "exp",
                        now + 300),
                false);
        tokens.put(hashClaims(hash, "iss", issuer, "aud", "users-sync", "iat", now - 301, "exp", now - 1), false);
        tokens.put(hashClaims(hash, "iss", issuer, "aud", "users-sync", "iat", now - 3000, "exp", now + 3000), false);
        for (Map.Entry<String, Boolean> token : tokens.entrySet()) {
            String jwt =
                    Jwts.sign(Jwts.header("RS256", "rsa", "typ", "JWT"), token.getKey(), "RS256", RSA.getPrivateKey());
            assertEquals(
                    token.getValue(),
                    accepts(scheme, Map.of("Authorization", "Bearer " + jwt), BODY, BODY),
                    token.getKey());
            assertEquals(token.getValue(), accepts(scheme, Map.of("Authorization", "bearer  " + jwt), BODY, BODY));
            assertFalse(accepts(scheme, Map.of("Authorization", jwt), BODY, BODY), "without its Bearer");
        }
    }

    // detached-jws

    private static String detached(String header, String time, byte[] body, Key key) {
        String jws = Jwts.sign(header, time + "." + Jwts.base64url(body), "EdDSA", key);
        return jws.replaceFirst("\\..*\\.", "..");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "genuine",
                "no kid in the signature",
                "no kid beside it",
                "kids differ",
                "no kid at all",
                "another key",
                "another body",
                "another time",
                "signed for another time",
                "time missing",
                "time in seconds",
                "time with a sign",
                "time twice",
                "signature twice",
                "no signature",
                "payload not detached",
                "one dot",
                "none",
                "HS256 with the public key",
                "jwk",
                "b64 false"
            })
    void aForgedDetachedSignatureIsRefused(String attack) throws Exception {
        VerificationScheme scheme = scheme(DETACHED_URI);
        String time = Long.toString(attack.equals("time in seconds") ? NOW.getEpochSecond() : NOW.toEpochMilli());
        Key key = attack.equals("another key") ? ed25519("ed").getPrivateKey() : ED25519.getPrivateKey();
        String header = switch (attack) {
            case "no kid in the signature", "no kid at all" -> Jwts.header("EdDSA", null);
            case "none" -> Jwts.header("none", "ed");
            case "HS256 with the public key" -> Jwts.header("HS256", "ed");
            case "jwk" -> Jwts.header("EdDSA", "ed", "jwk", Map.of("kty", "OKP"));
            case "b64 false" -> Jwts.header("EdDSA", "ed", "b64", false, "crit", List.of("b64"));
            default -> Jwts.header("EdDSA", "ed");
        };
        String signature = detached(
                header,
                attack.equals("signed for another time") ? "1" : time,
                attack.equals("another body") ? "{}".getBytes() : BODY,
                key);
        signature = switch (attack) {
            case "none" -> signature.replaceFirst("\\.\\..*", "..AA");
            case "no signature" -> signature.replaceFirst("\\.\\..*", "..");
            case "payload not detached" -> Jwts.sign(header, time + "." + Jwts.base64url(BODY), "EdDSA", key);
            case "one dot" -> signature.replace("..", ".");
            case "HS256 with the public key" ->
                Jwts.sign(header, time + "." + Jwts.base64url(BODY), "HS256", ED25519.getPublicKey())
                        .replaceFirst("\\..*\\.", "..");
            default -> signature;
        };
        MultiMap headers = MultiMap.caseInsensitiveMultiMap().add("x-sig", signature);
        if (!attack.equals("time missing")) {
            headers.add(
                    "x-time",
                    attack.equals("another time")
                            ? Long.toString(NOW.toEpochMilli() + 1)
                            : attack.equals("time with a sign") ? "+" + time : time);
        }
        if (!attack.equals("no kid beside it") && !attack.equals("no kid at all")) {
            headers.add("x-kid", attack.equals("kids differ") ? "rsa" : "ed");
        }
        if (attack.endsWith("twice")) {
            headers.add(attack.startsWith("time") ? "x-time" : "x-sig", attack.startsWith("time") ? time : signature);
        }
        boolean accepted = List.of("genuine", "no kid in the signature", "no kid beside it")
                .contains(attack);
        if (accepted) {
            assertArrayEquals(BODY, scheme.verify(headers, BODY));
        } else {
            assertThrows(SecurityException.class, () -> scheme.verify(headers, BODY));
        }
    }

    @ParameterizedTest
    @CsvSource({"-301, false", "-300, true", "300, true", "301, false"})
    void aDetachedSignatureMustBeNew(long skew, boolean accepted) throws Exception {
        String time = Long.toString(NOW.plusSeconds(skew).toEpochMilli());
        assertEquals(
                accepted,
                accepts(
                        scheme(DETACHED_URI),
                        Map.of(
                                "X-Sig",
                                detached(Jwts.header("EdDSA", "ed"), time, BODY, ED25519.getPrivateKey()),
                                "X-Time",
                                time),
                        BODY,
                        BODY));
    }

    @Test
    void whatIsOldOrOtherwiseUnfitMakesNoFetch() throws Exception {
        VerificationScheme scheme = scheme(DETACHED_URI);
        String old = Long.toString(NOW.minusSeconds(1000).toEpochMilli());
        assertFalse(accepts(
                scheme,
                Map.of(
                        "X-Sig",
                        detached(Jwts.header("EdDSA", "ed"), old, BODY, ED25519.getPrivateKey()),
                        "X-Time",
                        old),
                BODY,
                BODY));
        String now = Long.toString(NOW.toEpochMilli());
        assertFalse(accepts(
                scheme,
                Map.of("X-Sig", detached(Jwts.header("none", "ed"), now, BODY, ED25519.getPrivateKey()), "X-Time", now),
                BODY,
                BODY));
        assertEquals(0, jwks.requests());
    }

    // Published by providers, signed by other implementations

    static List<JsonNode> vectors() throws IOException {
        List<JsonNode> vectors = new ArrayList<>();
        new ObjectMapper()
                .readTree(Path.of("src/test/resources/jose-vectors.json").toFile())
                .forEach(vectors::add);
        assertEquals(2, vectors.size());
        return vectors;
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void joseVectors(JsonNode vector) throws Exception {
        jwks.answer(200, vector.path("jwks").toString(), Map.of());
        clock.move(Duration.between(NOW, Instant.parse(vector.path("at").textValue())));
        VerificationScheme scheme = scheme(vector.path("uri").textValue());
        MultiMap headers = MultiMap.caseInsensitiveMultiMap();
        vector.path("headers")
                .properties()
                .forEach(
                        header -> headers.add(header.getKey(), header.getValue().textValue()));
        byte[] body = vector.path("body").textValue().getBytes(StandardCharsets.UTF_8);
        assertEquals(
                vector.path("document").textValue(), new String(scheme.verify(headers, body), StandardCharsets.UTF_8));
        for (int i = 0; i < body.length - 4; i += 13) {
            byte[] other = body.clone();
            other[i] = (byte) (other[i] == 'A' ? 'B' : 'A');
            assertThrows(
                    SecurityException.class, () -> scheme.verify(headers, other), "one character of the body differs");
        }
        clock.move(Duration.ofSeconds(301));
        assertThrows(SecurityException.class, () -> scheme.verify(headers, body), "301 seconds later");
    }

    // Settings that cannot work

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "verify:jwt-body?time=timestamp | x | https://a.example | provider acme, verification scheme jwt-body: the option algorithm must be one of HS256, HS384, HS512, RS256, RS384,"
                        + " RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
                "verify:jwt-body?algorithm=none | x | https://a.example | provider acme, verification scheme jwt-body: the option algorithm must be one of HS256, HS384, HS512, RS256, RS384,"
                        + " RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA",
                "verify:jwt-body?algorithm=RS256&tolerance=0 | x | https://a.example | provider acme, verification scheme jwt-body: the option tolerance must be at least 1 second",
                "verify:jwt-body?algorithm=RS256 | x | '' | ACME_JWKS_URL must be the URL of the provider's keys, such as https://<host>/.well-known/jwks.json",
                "verify:jwt-body?algorithm=RS256 | x | file:///etc/passwd | ACME_JWKS_URL must be the URL of the provider's keys, such as https://<host>/.well-known/jwks.json",
                "verify:jwt-body?algorithm=RS256 | x | acme.kinde.com | ACME_JWKS_URL must be the URL of the provider's keys, such as https://<host>/.well-known/jwks.json",
                "verify:jwt-body?algorithm=RS256 | x | https://user:s3cret@a.example | ACME_JWKS_URL must be the URL of the provider's keys, such as https://<host>/.well-known/jwks.json",
                "verify:jwt-body?algorithm=RS256 | x | https://a b | ACME_JWKS_URL is not a URL",
                "verify:jwt-header-with-body-hash?algorithm=HS256 | 0123456789abcdef0123456789abcdef | '' | provider acme, verification scheme jwt-header-with-body-hash: the option header is missing",
                "verify:jwt-header-with-body-hash?header=X&algorithm=HS256 | s3cret | '' | ACME_WEBHOOK_SECRET: secret 1 is too short: 6 bytes, HS256 needs at least 32",
                "verify:jwt-header-with-body-hash?header=X&algorithm=HS512 | 0123456789abcdef0123456789abcdef | '' | ACME_WEBHOOK_SECRET: secret 1 is too short: 32 bytes, HS512 needs at least 64",
                "verify:jwt-header-with-body-hash?header=X&algorithm=HS256 | '' | https://a.example | ACME_WEBHOOK_SECRET: no secret is set",
                "verify:detached-jws?header=X&algorithm=EdDSA&timestamp=seconds | x | https://a.example | provider acme, verification scheme detached-jws: the option timestampHeader is missing",
                "verify:detached-jws?header=X&algorithm=EdDSA&timestampHeader=Y | x | https://a.example | provider acme, verification scheme detached-jws: the option timestamp must be seconds or milliseconds"
            })
    void whatCannotWorkStopsTheStartWithOneLine(String uri, String secret, String url, String line) {
        Exception refused = assertThrows(Exception.class, () -> scheme(uri, "webhook.secret", secret, "jwks.url", url));
        assertEquals(
                line, ObjectHelper.getException(StartupFailure.class, refused).getMessage());
    }

    @Test
    void onlyAnHmacCanBeSignedHere() throws Exception {
        VerificationScheme scheme = scheme(HASH_URI + "RS256");
        assertThrows(IllegalStateException.class, () -> scheme.sign(BODY));
        camel.getEndpoint(BODY_URI + "&provider=acme");
        assertThrows(
                IllegalStateException.class,
                () -> camel.getComponent("verify", VerifyComponent.class)
                        .scheme("acme")
                        .sign(BODY));
    }
}
