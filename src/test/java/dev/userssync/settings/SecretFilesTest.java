package dev.userssync.settings;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.AppProcess;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Secrets in files: users-sync applies a changed file without a restart. */
class SecretFilesTest extends RunningApp {

    private static final String OLD = TestSettings.SECRET;
    private static final String NEW = "whsec_YW5vdGhlciBzZWNyZXQgdGhhdCB0YWtlcyBvdmVy";
    private static final String ROTATED_KEY = "the-next-key-of-the-api";

    private final Path directory = temporary();
    private final FakeApi api = new FakeApi(FakeApis::clerk);
    private final CapturedLog log = new CapturedLog();

    SecretFilesTest() {
        for (String setting : List.of("clerk.webhook.secret", "stack-auth.webhook.secret", "generic.webhook.secret")) {
            settings.remove(setting);
        }
        fromFile("generic.webhook.secret", OLD);
        fromFile("okta.webhook.secret", "Basic b2xk");
        fromFile("clerk.api.key", "not-yet-" + FakeApis.KEY);
        fromFile("console.password", "the first password");
        settings.setProperty("clerk.api.url", api.url());
        settings.setProperty("poll.interval", "1h");
        settings.setProperty("secret.files.period", "100");
    }

    private static Path temporary() {
        try {
            return Files.createTempDirectory("secrets");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void fromFile(String setting, String text) {
        write(setting, text);
        settings.setProperty(setting + ".file", directory.resolve(setting).toString());
    }

    /** Replaces the file at once, as Kubernetes does. */
    private void write(String setting, String text) {
        try {
            Path next = Files.writeString(directory.resolve(setting + ".next"), text + "\n");
            Files.move(
                    next,
                    directory.resolve(setting),
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void changed(String setting, String text) {
        log.clear();
        write(setting, text);
        awaitLine(Setting.variable(setting) + "_FILE has changed and is in use");
    }

    private void awaitLine(String text) {
        await().atMost(Duration.ofSeconds(15)).until(() -> log.lines().stream().anyMatch(line -> line.contains(text)));
    }

    private int post(String secret) {
        return new Delivery("{\"type\": \"user.banned\"}")
                .signed(secret, Instant.now().getEpochSecond())
                .post(webhooks("generic"))
                .statusCode();
    }

    @BeforeEach
    void theSecretsOfTheBeginning() {
        if (post(OLD) != 204) {
            changed("generic.webhook.secret", OLD);
        }
    }

    @AfterAll
    void closeApi() {
        api.close();
    }

    @Test
    void aWebhookSecretIsRotatedWithoutARestart() {
        assertEquals(204, post(OLD));
        assertEquals(401, post(NEW));
        changed("generic.webhook.secret", OLD + "\n" + NEW);
        assertEquals(204, post(OLD));
        assertEquals(204, post(NEW));
        changed("generic.webhook.secret", NEW);
        assertEquals(401, post(OLD));
        assertEquals(204, post(NEW));
        assertEquals(
                List.of(),
                log.lines().stream()
                        .filter(line -> line.contains("whsec_") || line.contains(NEW.substring(6)))
                        .toList());
    }

    @Test
    void everyEndpointOfAProviderTakesTheNewSecret() {
        changed("okta.webhook.secret", "Basic bmV3");
        // Okta's one-time question has an endpoint of its own.
        for (HttpResponse<String> reply : List.of(
                new Delivery("{\"data\": {\"events\": []}}")
                        .header("Authorization", "Basic bmV3")
                        .post(webhooks("okta")),
                Http.get(webhooks("okta"), "Authorization", "Basic bmV3", "x-okta-verification-challenge", "q"))) {
            assertTrue(reply.statusCode() < 300, reply.statusCode() + reply.body());
        }
        assertEquals(
                401,
                Http.get(webhooks("okta"), "Authorization", "Basic b2xk", "x-okta-verification-challenge", "q")
                        .statusCode());
    }

    @ParameterizedTest
    @CsvSource({"whsec_c2hvcnQ=, key 1 is too short", "whsec_no!base64, key 1 is not base64", "'', it is empty"})
    void whatCannotBeUsedChangesNothing(String text, String reason) {
        log.clear();
        write("generic.webhook.secret", text);
        awaitLine("GENERIC_WEBHOOK_SECRET_FILE cannot be used, keeping the previous value");
        assertEquals(204, post(OLD));
        List<String> lines = log.lines().stream()
                .filter(line -> line.contains("GENERIC_WEBHOOK_SECRET_FILE"))
                .toList();
        assertTrue(lines.get(0).contains(reason), lines.get(0));
        assertFalse(lines.get(0).contains("c2hvcnQ") || lines.get(0).contains("no!base64"), lines.get(0));
        write("generic.webhook.secret", OLD);
    }

    @Test
    void aFileThatIsGoneChangesNothing() throws IOException {
        log.clear();
        Files.delete(directory.resolve("generic.webhook.secret"));
        awaitLine("there is no such file");
        assertEquals(204, post(OLD));
        write("generic.webhook.secret", OLD);
    }

    @Test
    void anApiKeyIsRotatedWithoutARestart() {
        write("clerk.api.key", FakeApis.KEY);
        api.create("user_1");
        String refresh = management("/admin/users/clerk/user_1/refresh");
        await().atMost(Duration.ofSeconds(15))
                .until(() -> Http.post(refresh, "", "Authorization", basic(password()))
                                .statusCode()
                        == 200);
        changed("clerk.api.key", ROTATED_KEY);
        HttpResponse<String> refused = Http.post(refresh, "", "Authorization", basic(password()));
        assertEquals("its API answers HTTP 401, check CLERK_API_KEY\n", refused.body());
        assertEquals(
                "Bearer " + ROTATED_KEY,
                api.requests().get(api.requests().size() - 1).headers().get("Authorization"));
    }

    private String password() {
        return context.resolvePropertyPlaceholders("{{console.password}}");
    }

    private static String basic(String password) {
        return "Basic "
                + java.util.Base64.getEncoder().encodeToString(("any:" + password).getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void theSessionsOfTheConsoleEndWithItsPassword() {
        HttpResponse<String> opened = Http.post(
                management("/console/login"),
                "password=" + URLEncoder.encode(password(), StandardCharsets.UTF_8),
                "Content-Type",
                "application/x-www-form-urlencoded");
        String cookie = opened.headers().firstValue("Set-Cookie").orElseThrow().replaceFirst(";.*", "");
        assertEquals(
                200, Http.get(management("/console/users"), "Cookie", cookie).statusCode());
        String before = password();
        changed("console.password", "the next password");
        assertFalse(Http.get(management("/console/users"), "Cookie", cookie).statusCode() == 200);
        assertEquals(
                403,
                Http.get(management("/admin/status"), "Authorization", basic(before))
                        .statusCode());
        assertEquals(
                200,
                Http.get(management("/admin/status"), "Authorization", basic("the next password"))
                        .statusCode());
    }

    @Test
    void theStartSaysWhatIsWrongWithAFile(@TempDir Path data) throws IOException {
        Path secret = Files.writeString(data.resolve("secret"), OLD);
        try (AppProcess missing = new AppProcess(data.resolve("data"), "CLERK_WEBHOOK_SECRET_FILE", "/no/such/file");
                AppProcess both = new AppProcess(
                        data.resolve("data"),
                        "CLERK_WEBHOOK_SECRET_FILE",
                        secret.toString(),
                        "CLERK_WEBHOOK_SECRET",
                        NEW)) {
            assertEquals(
                    "CLERK_WEBHOOK_SECRET_FILE names a file that cannot be used: there is no such file",
                    missing.refusal());
            assertEquals(
                    "CLERK_WEBHOOK_SECRET and CLERK_WEBHOOK_SECRET_FILE are both set: unset one of them",
                    both.refusal());
        }
    }
}
