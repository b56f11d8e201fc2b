package dev.userssync.verify;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.settings.Providers;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.CountedCrypto;
import dev.userssync.testing.TestSettings;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The schemes behind {@code verify:<scheme>}. Real endpoints create them from options and settings. */
class VerifyTest {

    private static final byte[] BODY = "{\"name\": \"Zoë 🦊\"}".getBytes(StandardCharsets.UTF_8);
    private static final Instant NOW = Instant.parse("2026-06-01T12:00:00Z");

    private final DefaultCamelContext camel = new DefaultCamelContext();

    @AfterEach
    void stop() {
        camel.stop();
    }

    private VerificationScheme scheme(String uri, String secret) {
        return scheme(uri, secret, NOW);
    }

    private VerificationScheme scheme(String uri, String secret, Instant now) {
        camel.getPropertiesComponent().addOverrideProperty("acme.webhook.secret", secret);
        camel.getRegistry().bind("verify", new VerifyComponent());
        camel.getRegistry().bind("clock", Clock.fixed(now, ZoneOffset.UTC));
        camel.getRegistry().bind("hmac", new HmacSignature());
        camel.getRegistry().bind("header", new HeaderValue());
        camel.getRegistry().bind("bearer", new BearerToken());
        camel.getRegistry().bind("basic", new BasicCredentials());
        camel.getRegistry().bind("standard-webhooks", new StandardWebhooks());
        camel.start();
        camel.getEndpoint(uri + (uri.contains("?") ? "&" : "?") + "provider=acme");
        return camel.getComponent("verify", VerifyComponent.class).scheme("acme");
    }

    private static boolean accepts(VerificationScheme scheme, Map<String, String> headers, byte[] body)
            throws Exception {
        try {
            assertArrayEquals(
                    body, scheme.verify(MultiMap.caseInsensitiveMultiMap().addAll(headers), body));
            return true;
        } catch (SecurityException e) {
            return false;
        }
    }

    static List<JsonNode> vectors() throws IOException {
        List<JsonNode> vectors = new ArrayList<>();
        new ObjectMapper()
                .readTree(Path.of("src/test/resources/hmac-vectors.json").toFile())
                .forEach(vectors::add);
        assertTrue(vectors.size() > 8);
        return vectors;
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void hmacVectors(JsonNode vector) throws Exception {
        Instant at = vector.path("at").isNull()
                ? NOW
                : Instant.ofEpochMilli(vector.path("at").longValue());
        String options = vector.path("options").textValue();
        VerificationScheme scheme =
                scheme("verify:hmac?" + options, vector.path("secret").textValue(), at);
        String header = options.replaceAll("header=([^&]+).*", "$1");
        byte[] body = vector.path("body").textValue().getBytes(StandardCharsets.UTF_8);
        assertTrue(accepts(
                scheme, Map.of(header.toLowerCase(), vector.path("value").textValue()), body));
        body[body.length / 2] ^= 1;
        assertFalse(
                accepts(scheme, Map.of(header, vector.path("value").textValue()), body), "one bit of the body differs");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "hmac?header=X-S",
                "hmac?header=X-S&encoding=base64&prefix=v0=",
                "hmac?header=X-S&timestamp=seconds&algorithm=sha1",
                "hmac?header=X-S&timestamp=milliseconds",
                "bearer",
                "header",
                "header?header=X-Api-Key",
                "standard-webhooks"
            })
    void whatASchemeSignsItAccepts(String uri) throws Exception {
        VerificationScheme scheme = scheme("verify:" + uri, TestSettings.SECRET.substring(6));
        VerificationScheme.Signed signed = scheme.sign(BODY);
        assertTrue(accepts(scheme, signed.headers(), signed.body()));
        assertFalse(accepts(scheme, Map.of(), BODY), "no header at all");
        for (String name : signed.headers().keySet()) {
            MultiMap twice = MultiMap.caseInsensitiveMultiMap()
                    .addAll(signed.headers())
                    .add(name, signed.headers().get(name));
            assertThrows(SecurityException.class, () -> scheme.verify(twice, BODY), name + " appears twice");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "seconds, -301, false",
        "seconds, -300, true",
        "seconds, 300, true",
        "seconds, 301, false",
        "milliseconds, -300, true",
        "milliseconds, 301, false"
    })
    void theToleranceHoldsBothWays(String unit, long skew, boolean accepted) throws Exception {
        VerificationScheme.Signed signed = scheme(
                        "verify:hmac?header=X-S&timestamp=" + unit, "s3cret", NOW.plusSeconds(skew))
                .sign(BODY);
        camel.getRegistry().bind("clock", Clock.fixed(NOW, ZoneOffset.UTC));
        camel.getEndpoint("verify:hmac?header=X-S&provider=acme&tolerance=300&timestamp=" + unit);
        assertEquals(
                accepted,
                accepts(camel.getComponent("verify", VerifyComponent.class).scheme("acme"), signed.headers(), BODY));
    }

    @Test
    void secondsAreNotTakenForMilliseconds() throws Exception {
        VerificationScheme.Signed signed =
                scheme("verify:hmac?header=X-S&timestamp=seconds", "s3cret").sign(BODY);
        camel.getEndpoint("verify:hmac?header=X-S&timestamp=milliseconds&provider=acme");
        assertFalse(
                accepts(camel.getComponent("verify", VerifyComponent.class).scheme("acme"), signed.headers(), BODY));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                " ",
                "t=",
                "t=now,v1=00",
                "v1=00",
                "t=1780315200",
                "t=1780315200,v1=",
                "t=1780315200,v1=zz",
                "t=-1,v1=00",
                "t=99999999999999999999,v1=00",
                "t=1780315200,v0=00",
                ",",
                "=",
                "00"
            })
    void aMalformedHeaderIsRefused(String value) throws Exception {
        assertFalse(accepts(scheme("verify:hmac?header=X-S&timestamp=seconds", "s3cret"), Map.of("X-S", value), BODY));
    }

    @Test
    void severalSecretsAreAllAccepted() throws Exception {
        VerificationScheme.Signed old =
                scheme("verify:hmac?header=X-S", "old-secret").sign(BODY);
        camel.getPropertiesComponent().addOverrideProperty("acme.webhook.secret", "new-secret, old-secret");
        camel.getEndpoint("verify:hmac?header=X-S&provider=acme&tolerance=299");
        VerificationScheme both =
                camel.getComponent("verify", VerifyComponent.class).scheme("acme");
        assertTrue(accepts(both, old.headers(), BODY));
        assertTrue(accepts(both, both.sign(BODY).headers(), BODY));
        assertFalse(accepts(both, Map.of("X-S", "00".repeat(32)), BODY));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "bearer | abc, def | Authorization | Bearer abc | true",
                "bearer | abc, def | authorization | bearer  def | true",
                "bearer | abc | Authorization | abc | false",
                "bearer | abc | Authorization | Bearer abcd | false",
                "bearer | abc | Authorization | Bearer | false",
                "bearer | abc | Authorization | Basic abc | false",
                "bearer | abc | X-Token | Bearer abc | false",
                "header | Basic dTpw, other | Authorization | Basic dTpw | true",
                "header | Basic dTpw, other | Authorization | other | true",
                "header | Basic dTpw | Authorization | basic dTpw | false",
                "header | Basic dTpw | Authorization | Basic | false",
                "header?header=X-Api-Key | k1 | x-api-key | k1 | true",
                "header?header=X-Api-Key | k1 | Authorization | k1 | false",
                "basic | ada:s3cret bob:p:w | Authorization | Basic YWRhOnMzY3JldA== | true",
                "basic | ada:s3cret bob:p:w | Authorization | basic Ym9iOnA6dw== | true",
                "basic | ada:s3cret | Authorization | Basic YWRhOnMzY3JldDE= | false",
                "basic | ada:s3cret | Authorization | Basic ada:s3cret | false"
            })
    void valuesInAHeader(String uri, String secret, String header, String value, boolean accepted) throws Exception {
        assertEquals(accepted, accepts(scheme("verify:" + uri, secret), Map.of(header, value), BODY));
    }

    @Test
    void basicSignsAsHttpDoes() throws Exception {
        assertEquals(
                "Basic " + Base64.getEncoder().encodeToString("ada:s3cret".getBytes()),
                scheme("verify:basic", "ada:s3cret").sign(BODY).headers().get("Authorization"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "verify:nothing | s3cret | provider acme: there is no verification scheme nothing; there are basic, bearer, header, hmac, standard-webhooks",
                "verify:hmac | s3cret | provider acme, verification scheme hmac: the option header is missing",
                "verify:hmac?header=X-S&algorithm=md5 | s3cret | provider acme, verification scheme hmac: the option algorithm must be sha256 or sha1",
                "verify:hmac?header=X-S&tolerance=0 | s3cret | provider acme, verification scheme hmac: the option tolerance must be at least 1 second",
                "verify:hmac?header=X-S | , | ACME_WEBHOOK_SECRET: no secret is set",
                "verify:header | , | ACME_WEBHOOK_SECRET: no secret is set",
                "verify:basic | s3cret | ACME_WEBHOOK_SECRET: secret 1 is not user:password",
                "verify:standard-webhooks | whsec_s3cret! | ACME_WEBHOOK_SECRET: key 1 is not base64; expected whsec_, whpk_ or whsk_ and base64, as the provider shows it"
            })
    void whatCannotWorkStopsTheStartWithOneLine(String uri, String secret, String line) {
        Exception refused = assertThrows(Exception.class, () -> scheme(uri, secret));
        assertEquals(
                line, ObjectHelper.getException(StartupFailure.class, refused).getMessage());
    }

    @Test
    void anOptionThatDoesNotExistIsNamed() {
        Exception refused =
                assertThrows(Exception.class, () -> scheme("verify:hmac?header=X-S&algoritm=sha256", "s3cret"));
        assertTrue(refused.getMessage().contains("algoritm"), refused.getMessage());
    }

    /** Once, each of 1,200 signatures over a MiB cost an HMAC of its own, and one request took seconds. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "standard-webhooks | v1  | 32 | 1200 | 3 | 0",
                "standard-webhooks | v1  | 32 | 1   | 3 | 0",
                "standard-webhooks | v1 | 31 | 1200 | 0 | 0",
                "standard-webhooks | v1a | 64 | 1200 | 0 | 10",
                "standard-webhooks | v1a | 63 | 1200 | 0 | 0",
                "standard-webhooks | v2 | 32 | 1200 | 0 | 0",
                "hmac?header=webhook-signature&timestamp=seconds | v1 | 32 | 1200 | 4 | 0",
                "hmac?header=webhook-signature&timestamp=seconds | v1 | 33 | 1200 | 0 | 0",
                "hmac?header=webhook-signature&timestamp=seconds&algorithm=sha1 | v1 | 20 | 1200 | 4 | 0"
            })
    void refusingCostsOneHmacForEachSecret(
            String uri, String version, int length, int signatures, int macs, int verifications) throws Exception {
        boolean hmac = uri.startsWith("hmac");
        String secrets = String.join(
                ",",
                TestSettings.SECRET,
                "whsec_" + "A".repeat(32),
                "whsec_" + "B".repeat(32),
                "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=");
        VerificationScheme scheme = scheme("verify:" + uri, secrets);
        StringBuilder header = new StringBuilder(hmac ? "t=" + NOW.getEpochSecond() : "");
        for (int i = 0; i < signatures; i++) {
            byte[] signature = Arrays.copyOf(("forged " + i).getBytes(), length);
            header.append(
                    hmac
                            ? "," + version + "=" + HexFormat.of().formatHex(signature)
                            : " " + version + "," + Base64.getEncoder().encodeToString(signature));
        }
        Map<String, String> headers = Map.of(
                "webhook-id",
                "msg_1",
                "webhook-timestamp",
                "" + NOW.getEpochSecond(),
                "webhook-signature",
                header.toString());
        try (CountedCrypto counted = new CountedCrypto()) {
            assertFalse(accepts(scheme, headers, BODY));
            assertEquals(
                    macs + " HMACs, " + verifications + " verifications",
                    CountedCrypto.MACS + " HMACs, " + CountedCrypto.VERIFICATIONS + " verifications");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"standard-webhooks", "hmac?header=webhook-signature&timestamp=seconds"})
    void tenSignaturesAreLookedAt(String uri) throws Exception {
        VerificationScheme scheme = scheme("verify:" + uri, TestSettings.SECRET);
        VerificationScheme.Signed signed = scheme.sign(BODY);
        for (int before : new int[] {9, 10}) {
            String others = (uri.startsWith("hmac")
                            ? "v1=" + "00".repeat(32) + ","
                            : "v1," + Base64.getEncoder().encodeToString(new byte[32]) + " ")
                    .repeat(before);
            Map<String, String> headers = new HashMap<>(signed.headers());
            headers.compute("webhook-signature", (name, value) -> others + value);
            assertEquals(before < 10, accepts(scheme, headers, BODY), before + " before the right one");
        }
    }

    /** A secret is rotated at the moment in which an operator asks for the explanation of a delivery. */
    @Test
    void explainingASignatureDoesNotTouchTheClockOfALiveScheme() throws Exception {
        Clock other = Clock.fixed(NOW.minusSeconds(3600), ZoneOffset.UTC);
        List<Instant> live = new ArrayList<>();
        camel.getRegistry().bind("probe", (VerificationSchemeFactory) endpoint -> {
            Instant seen = endpoint.clock().instant();
            if (!seen.equals(NOW)) {
                Thread rotation = new Thread(() ->
                        camel.getComponent("verify", VerifyComponent.class).secretChanged("acme" + Providers.SECRET));
                rotation.start();
                try {
                    rotation.join();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            boolean explained = Thread.currentThread().getName().equals("explain");
            if (!explained) {
                live.add(seen);
            }
            return (headers, body) -> body;
        });
        scheme("verify:probe", "s3cret");
        Thread explain = new Thread(
                () -> {
                    try {
                        camel.getComponent("verify", VerifyComponent.class)
                                .endpoint("acme")
                                .scheme(other);
                    } catch (java.security.GeneralSecurityException e) {
                        throw new IllegalStateException(e);
                    }
                },
                "explain");
        explain.start();
        explain.join();
        assertEquals(List.of(NOW, NOW), live);
    }
}
