package dev.userssync.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.HttpDoorTest;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.PrivateKeys;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The reasons of refused deliveries in the metric users_sync_signature_failures_total: the same words for every
 * provider and scheme.
 */
class RefusalReasonsTest extends RunningApp {

    private static final byte[] DOCUMENT =
            "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}".getBytes(StandardCharsets.UTF_8);

    private final PrivateKeys keys = new PrivateKeys();

    RefusalReasonsTest() {
        HttpDoorTest.WITH_SECRETS.forEach(
                provider -> settings.setProperty(provider + ".webhook.secret", TestSettings.SECRET));
        keys.addTo(settings);
    }

    @AfterAll
    void close() {
        keys.close();
    }

    private VerificationScheme.Signed signed(String provider, Duration age) throws Exception {
        Clock then = Clock.offset(Clock.systemUTC(), age.negated());
        return HttpDoorTest.SIGNED_WITH_KEYS.contains(provider)
                ? keys.sign(provider, DOCUMENT, then.instant())
                : context.getComponent("verify", VerifyComponent.class)
                        .endpoint(provider)
                        .scheme(then)
                        .sign(DOCUMENT);
    }

    private void assertCounted(String provider, String reason, Map<String, String> headers, String body) {
        Map<String, Double> before = failures(provider);
        Delivery delivery = new Delivery(new VerificationScheme.Signed(headers, body.getBytes(StandardCharsets.UTF_8)));
        if (provider.equals("kinde")) {
            delivery.header("Content-Type", "application/jwt");
        }
        assertEquals(401, delivery.post(webhooks(provider)).statusCode());
        before.merge(reason, 1.0, Double::sum);
        assertEquals(before, failures(provider));
    }

    private Map<String, Double> failures(String provider) {
        Map<String, Double> failures = new HashMap<>();
        Http.get(management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> line.startsWith("users_sync_signature_failures_total{provider=\"" + provider + "\""))
                .forEach(line -> failures.put(
                        line.replaceAll(".*reason=\"([a-z]+)\".*", "$1"),
                        Double.valueOf(line.substring(line.lastIndexOf(' ')))));
        return failures;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "auth0",
                "better-auth",
                "clerk",
                "fusionauth",
                "generic",
                "hanko",
                "keycloak",
                "kinde",
                "logto",
                "neon-auth",
                "okta",
                "stack-auth",
                "stytch",
                "supabase",
                "supabase-hook",
                "workos",
                "zitadel"
            })
    void noHeaderAndAWrongSignature(String provider) throws Exception {
        VerificationScheme.Signed signed = signed(provider, Duration.ZERO);
        String body = new String(signed.body(), StandardCharsets.UTF_8);
        boolean tokenInBody = provider.equals("kinde") || provider.equals("hanko");
        assertCounted(provider, "header", Map.of(), tokenInBody ? "{}" : body);
        Map<String, String> headers = new HashMap<>(signed.headers());
        if (tokenInBody) {
            int middle = body.lastIndexOf('.') + 20; // of the signature
            body = body.substring(0, middle) + (body.charAt(middle) == 'A' ? 'B' : 'A') + body.substring(middle + 1);
        } else if (provider.equals("auth0") || provider.equals("okta") || provider.equals("supabase")) {
            headers.replaceAll((name, value) -> value + "x"); // the value is the secret, whatever the body is
        } else {
            body += " ";
        }
        assertCounted(provider, "signature", headers, body);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "better-auth",
                "clerk",
                "generic",
                "hanko",
                "kinde",
                "neon-auth",
                "stack-auth",
                "stytch",
                "supabase-hook",
                "workos",
                "zitadel"
            })
    void anOldTime(String provider) throws Exception {
        VerificationScheme.Signed signed = signed(provider, Duration.ofSeconds(400));
        assertCounted(provider, "age", signed.headers(), new String(signed.body(), StandardCharsets.UTF_8));
    }

    @ParameterizedTest
    @CsvSource({
        "auth0, Authorization, Basic abc",
        "workos, WorkOS-Signature, v1=00",
        "workos, WorkOS-Signature, 00",
        "zitadel, ZITADEL-Signature, 't=now,v1=00'",
        "fusionauth, X-FusionAuth-Signature-JWT, none"
    })
    void aHeaderThatCannotBeRead(String provider, String header, String value) {
        assertCounted(provider, "header", Map.of(header, value), "{}");
    }
}
