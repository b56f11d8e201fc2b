package dev.userssync.verify;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class WebhookKeysTest {

    private static final String SECRET = TestSettings.SECRET;
    private static final String OTHER =
            "whsec_" + Base64.getEncoder().encodeToString("another secret of thirty-two byt".getBytes());
    private static final byte[] BODY = "{\"name\": \"Zoë 🦊\"}".getBytes(StandardCharsets.UTF_8);
    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");
    private static final long SECONDS = NOW.getEpochSecond();

    static List<JsonNode> vectors() throws IOException {
        List<JsonNode> vectors = new ArrayList<>();
        new ObjectMapper()
                .readTree(Path.of("src/test/resources/standard-webhooks-vectors.json")
                        .toFile())
                .forEach(vectors::add);
        return vectors;
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void publishedVectors(JsonNode vector) throws Exception {
        assertEquals(
                vector.path("valid").booleanValue(),
                accepts(
                        vector.path("key").textValue(),
                        vector.path("id").textValue(),
                        vector.path("timestamp").asText(),
                        vector.path("signature").textValue(),
                        vector.path("payload").textValue().getBytes(StandardCharsets.UTF_8),
                        Instant.ofEpochSecond(vector.path("timestamp").longValue())),
                vector.path("name").textValue());
    }

    @Test
    void acceptsWhatTheReferenceLibrariesSign() throws Exception {
        String body = new String(BODY, StandardCharsets.UTF_8);
        String standard = new com.standardwebhooks.Webhook(SECRET).sign("msg_1", SECONDS, body);
        String svix = new com.svix.Webhook(SECRET).sign("msg_1", SECONDS, body);
        assertTrue(accepts(SECRET, "msg_1", "" + SECONDS, standard, BODY, NOW));
        assertTrue(accepts(SECRET, "msg_1", "" + SECONDS, svix, BODY, NOW));
        assertEquals(standard, new WebhookKeys(SECRET).sign("msg_1", SECONDS, BODY));
    }

    @Test
    void bytesThatAreNotTextAreSignedAsTheyAre() throws Exception {
        byte[] body = {(byte) 0xff, (byte) 0xfe, 0, '{'};
        assertTrue(accepts(
                SECRET, "msg_1", "" + SECONDS, new WebhookKeys(SECRET).sign("msg_1", SECONDS, body), body, NOW));
        // Both decode to the same replacement characters: a verifier that uses a String cannot tell them apart.
        byte[] other = {(byte) 0xfe, (byte) 0xff, 0, '{'};
        assertFalse(accepts(
                SECRET, "msg_1", "" + SECONDS, new WebhookKeys(SECRET).sign("msg_1", SECONDS, body), other, NOW));
    }

    @ParameterizedTest
    @ValueSource(strings = {" ", ",", ", ", " \t "})
    void severalKeysAreAllAccepted(String separator) throws Exception {
        String both = OTHER + separator + SECRET;
        assertTrue(
                accepts(both, "msg_1", "" + SECONDS, new WebhookKeys(SECRET).sign("msg_1", SECONDS, BODY), BODY, NOW));
        assertTrue(
                accepts(both, "msg_1", "" + SECONDS, new WebhookKeys(OTHER).sign("msg_1", SECONDS, BODY), BODY, NOW));
    }

    @Test
    void supabaseShowsItsSecretWithTheVersion() throws Exception {
        assertTrue(accepts(
                "v1," + SECRET,
                "msg_1",
                "" + SECONDS,
                new WebhookKeys(SECRET).sign("msg_1", SECONDS, BODY),
                BODY,
                NOW));
    }

    @Test
    void aSecretThatSharesAPrefixIsRefused() throws Exception {
        byte[] bytes = Base64.getDecoder().decode(SECRET.substring("whsec_".length()));
        bytes[bytes.length - 1] ^= 1;
        String nearly = "whsec_" + Base64.getEncoder().encodeToString(bytes);
        assertFalse(accepts(
                SECRET, "msg_1", "" + SECONDS, new WebhookKeys(nearly).sign("msg_1", SECONDS, BODY), BODY, NOW));
    }

    @Test
    void theToleranceIs300SecondsBothWays() throws Exception {
        for (long skew : new long[] {-301, -300, 0, 300, 301}) {
            long timestamp = SECONDS + skew;
            assertEquals(
                    Math.abs(skew) <= 300,
                    accepts(
                            SECRET,
                            "msg_1",
                            "" + timestamp,
                            new WebhookKeys(SECRET).sign("msg_1", timestamp, BODY),
                            BODY,
                            NOW));
        }
        SecurityException old = assertThrows(
                SecurityException.class,
                () -> new WebhookKeys(SECRET)
                        .verify(
                                "msg_1",
                                "" + (SECONDS - 412),
                                new WebhookKeys(SECRET).sign("msg_1", SECONDS - 412, BODY),
                                BODY,
                                NOW));
        assertEquals("the timestamp is 412 s old, 300 s are allowed", old.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "now", "1.5", "-1", "99999999999999999999", "0x10", "２"})
    void aTimestampThatIsNoNumberIsRefused(String timestamp) throws Exception {
        assertFalse(accepts(SECRET, "msg_1", timestamp, "v1,AAAA", BODY, NOW));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "v1", "v1,", "v1,%%%", ",", "v1a,AAAA", "v1,v1,v1"})
    void aMalformedSignatureIsRefused(String signature) throws Exception {
        assertFalse(accepts(SECRET, "msg_1", "" + SECONDS, signature, BODY, NOW));
        assertFalse(accepts(
                "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=", "msg_1", "" + SECONDS, signature, BODY, NOW));
    }

    @Test
    void idTimestampAndBodyAreAllSigned() throws Exception {
        String signature = new WebhookKeys(SECRET).sign("msg_1", SECONDS, BODY);
        assertFalse(accepts(SECRET, "msg_2", "" + SECONDS, signature, BODY, NOW));
        assertFalse(accepts(SECRET, "msg_1", "" + (SECONDS + 1), signature, BODY, NOW));
        assertFalse(accepts(SECRET, "msg_1", "" + SECONDS, signature, new byte[0], NOW));
        // The signature covers the separators: "msg_1." + "..." must not pass as another split of the same bytes.
        assertFalse(accepts(SECRET, "msg", "" + SECONDS, signature, BODY, NOW));
    }

    @ParameterizedTest
    @ValueSource(strings = {"whsec_c2hvcnQ=", "whsec_***", "whpk_AAAA", "whsk_AAAA", "whsec_", ""})
    void aKeyThatIsNoneIsRefusedWithoutShowingIt(String key) {
        IllegalArgumentException refused = assertThrows(
                IllegalArgumentException.class,
                () -> new WebhookKeys(SECRET + " " + key + "," + (key.isEmpty() ? "whsec_" : "")));
        assertTrue(refused.getMessage().startsWith("key 2 "), refused.getMessage());
        assertFalse(refused.getMessage().contains("c2hvcnQ"), refused.getMessage());
    }

    @Test
    void aPrivateKeySignsAndAPublicKeyOnlyVerifies() throws Exception {
        String secretKey =
                "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
        String publicKey = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
        String signature = new WebhookKeys(secretKey).sign("msg_1", SECONDS, BODY);
        assertDoesNotThrow(() -> new WebhookKeys(publicKey).verify("msg_1", "" + SECONDS, signature, BODY, NOW));
        assertThrows(IllegalStateException.class, () -> new WebhookKeys(publicKey).sign("msg_1", SECONDS, BODY));
    }

    /**
     * Sixty-four bytes that are no point of the curve make the JDK throw. Without care, users-sync would answer such a
     * forgery 422 and park it, instead of 401.
     */
    @Test
    void ed25519BytesThatAreNoPointAreRefused() throws Exception {
        byte[] noPoint = java.util.Arrays.copyOf("forged 0".getBytes(), 64);
        assertFalse(accepts(
                "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
                "msg_1",
                "" + SECONDS,
                "v1a," + Base64.getEncoder().encodeToString(noPoint),
                BODY,
                NOW));
    }

    private static boolean accepts(String keys, String id, String timestamp, String signature, byte[] body, Instant now)
            throws Exception {
        try {
            new WebhookKeys(keys).verify(id, timestamp, signature, body, now);
            return true;
        } catch (SecurityException e) {
            return false;
        }
    }
}
