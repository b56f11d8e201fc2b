package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.console.ConsoleSession;
import dev.userssync.database.Database;
import dev.userssync.database.DatabaseUrl;
import dev.userssync.management.Access;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.Sources;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every claim in the table of docs/security.md has its test, and no secret leaks. */
class SecurityTest extends RunningApp {

    /** Secrets of every kind, all different. */
    private static final Map<String, String> SECRETS = Map.of(
            "workos.webhook.secret", "workos-hmac-shared-value",
            "auth0.webhook.secret", "auth0-bearer-shared-value",
            "okta.webhook.secret", "okta-header-shared-value",
            "fusionauth.webhook.secret", "fusionauth-jwt-shared-value-of-at-least-32-bytes",
            "clerk.api.key", "clerk-key-shared-value",
            "console.password", "console-password-shared-value");

    SecurityTest() {
        SECRETS.forEach(settings::setProperty);
        settings.setProperty("clerk.api.url", "http://localhost:1");
    }

    private String admin() {
        return "Basic "
                + Base64.getEncoder()
                        .encodeToString((":" + SECRETS.get("console.password")).getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void theTestsOfTheTableExist() throws IOException {
        Matcher named = Pattern.compile("`(\\w+)#(\\w+)`").matcher(Files.readString(Path.of("docs/security.md")));
        List<String> missing = new ArrayList<>();
        int count = 0;
        while (named.find()) {
            count++;
            Path source = Sources.of("src/test/java", named.group(1));
            if (source == null || !isTest(Files.readString(source), named.group(2))) {
                missing.add(named.group());
            }
        }
        assertTrue(count > 60, count + " tests are named");
        assertEquals(List.of(), missing);
    }

    private static boolean isTest(String source, String method) {
        int at = source.indexOf("void " + method + "(");
        return at > 0
                && Pattern.compile("@(Test|ParameterizedTest|Property)\\b")
                        .matcher(source.substring(source.lastIndexOf("\n\n", at), at))
                        .find();
    }

    @Test
    void everyThreatNamesATest() throws IOException {
        List<String> rows = new ArrayList<>();
        boolean shownByTests = false;
        for (String line : Files.readAllLines(Path.of("docs/security.md"))) {
            if (line.endsWith("| shown by |")) {
                shownByTests = true;
            } else if (!line.startsWith("|")) {
                shownByTests = false; // end of a table
            } else if (shownByTests && line.startsWith("| ")) {
                rows.add(line);
            }
        }
        assertTrue(rows.size() > 30);
        assertEquals(List.of(), rows.stream().filter(row -> !row.contains("#")).toList());
    }

    /** Checks the comparison that each verifier makes. A timed test would only measure this machine. */
    @ParameterizedTest
    @ValueSource(strings = {"WebhookKeys", "HmacSignature", "HeaderValue", "JwtBodyHash", "Access", "ConsoleSession"})
    void secretsAreComparedInConstantTime(String source) throws IOException {
        String code = Files.readString(Sources.of("src/main/java", source));
        assertTrue(code.contains("MessageDigest.isEqual("), source);
        for (String compared :
                List.of("signature", "expected", "given", "secret", "password", "hash", "hmac", "token", "csrf")) {
            assertFalse(
                    Pattern.compile("(?i)\\b" + compared
                                    + "\\w*(\\(\\w*\\))?\\.(equals|startsWith|contains|matches|indexOf|compareTo)\\(|Arrays\\.equals|\\.equals\\("
                                    + compared + "\\w*\\)")
                            .matcher(code)
                            .find(),
                    source + " compares " + compared);
        }
    }

    @Test
    void noSecretIsShown() throws IOException {
        for (String provider : List.of("generic", "workos", "auth0", "okta", "fusionauth")) {
            new Delivery("{}").header("Authorization", "Bearer wrong").post(webhooks(provider));
        }
        StringBuilder shown = new StringBuilder();
        for (String path : List.of(
                "/observe/health",
                "/observe/health/ready",
                "/observe/health/live",
                "/observe/metrics",
                "/observe/info",
                "/observe",
                "/admin/status",
                "/admin/polls",
                "/console/login",
                "/admin/users?q=a",
                "/dev",
                "/q/dev")) {
            shown.append(Http.get(management(path), "Authorization", admin()).body());
        }
        assertTrue(shown.toString().contains("users_sync_"), "metrics were read");
        List<String> secrets = new ArrayList<>(SECRETS.values());
        secrets.add(TestSettings.SECRET.substring("whsec_".length()));
        assertEquals(
                List.of(), secrets.stream().filter(shown.toString()::contains).toList());
    }

    /** A debugger, a log line or an exception that prints an object. */
    @Test
    void noObjectTellsItsSecret() throws Exception {
        StringBuilder told = new StringBuilder();
        VerifyComponent verify = context.getComponent("verify", VerifyComponent.class);
        for (String provider : List.of("generic", "workos", "auth0", "okta", "fusionauth")) {
            VerificationScheme scheme = verify.scheme(provider);
            told.append(scheme)
                    .append(scheme.sign("{}".getBytes(StandardCharsets.UTF_8)))
                    .append(verify.endpoint(provider));
        }
        told.append(DatabaseUrl.of("DATABASE_URL", "postgres://app:url-password-shared-value@localhost/db"));
        told.append(Database.of(context).pool)
                .append(new Access(context))
                .append(new ConsoleSession(SECRETS.get("console.password"), java.time.Clock.systemUTC()));
        context.getRoutes().forEach(route -> told.append(route).append(route.getProperties()));
        assertFalse(told.toString().contains("shared-value"), told.toString());
        assertFalse(told.toString().contains(TestSettings.SECRET.substring("whsec_".length())));
    }

    @Test
    void strangersDoNotFillTheLog() {
        CapturedLog log = new CapturedLog();
        for (int i = 0; i < 100; i++) {
            assertEquals(
                    401,
                    new Delivery("{}")
                            .header("webhook-id", "msg_forged")
                            .post(webhooks("stack-auth"))
                            .statusCode());
        }
        List<String> told = log.lines().stream()
                .filter(line -> line.contains("stack-auth: "))
                .toList();
        assertEquals(61, told.size());
        assertTrue(told.get(60).contains("more deliveries are refused than are logged in this minute"), told.get(60));
        assertTrue(
                Http.get(management("/observe/metrics"), "Authorization", admin())
                        .body()
                        .matches(
                                "(?s).*users_sync_signature_failures_total\\{provider=\"stack-auth\",reason=\"signature\"[^}]*} 100\\.0.*"));
    }

    @Test
    void neitherDoesAMappingThatFails() {
        CapturedLog log = new CapturedLog();
        for (int i = 0; i < 80; i++) {
            assertEquals(
                    422,
                    new Delivery("{\"type\": \"user.updated\", \"data\": {\"id\": " + i + "}}")
                            .post(webhooks("clerk"))
                            .statusCode());
        }
        List<String> told =
                log.lines().stream().filter(line -> line.contains("clerk: ")).toList();
        assertEquals(61, told.size());
        assertTrue(told.get(0).contains("clerk: delivery parked as a dead letter: "), told.get(0));
        assertTrue(told.get(60).contains("more deliveries are parked than are logged in this minute"), told.get(60));
        assertEquals(
                "80", database.value("SELECT count(*) FROM users_sync_internal.dead_letter WHERE provider = 'clerk'"));
    }

    /**
     * Guessing faster does not help: beyond a few guesses at a time users-sync checks no password, not even the right
     * one.
     */
    @Test
    void passwordsAreNotGuessedByTheThousand() {
        List<CompletableFuture<Integer>> guesses = new ArrayList<>();
        long begin = System.nanoTime();
        for (int i = 0; i < 40; i++) {
            String guess = Base64.getEncoder().encodeToString((":guess" + i).getBytes(StandardCharsets.UTF_8));
            guesses.add(CompletableFuture.supplyAsync(
                    () -> Http.get(management("/admin/status"), "Authorization", "Basic " + guess)
                            .statusCode()));
        }
        long answered = guesses.stream()
                .map(CompletableFuture::join)
                .filter(status -> status == 403)
                .count();
        double seconds = (System.nanoTime() - begin) / 1e9;
        assertTrue(
                answered >= 1 && answered <= 5 * Math.ceil(seconds),
                answered + " guesses were answered in " + seconds + " s");
        assertTrue(guesses.stream().allMatch(guess -> guess.join() == 403 || guess.join() == 429));
        await().until(() ->
                Http.get(management("/admin/status"), "Authorization", admin()).statusCode() == 200);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'; DROP TABLE neon_auth.users_sync; --",
                "%",
                "_",
                "\\",
                "a\\'b",
                "$$",
                ":?q",
                "a & b | !c",
                "<->",
                "') OR ('a' = 'a",
                "\u0000",
                "(((((",
                "*:*"
            })
    void aSearchIsNoMoreThanASearch(String words) {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, name, raw_json) VALUES ('hidden', 'Somebody Else', '{}') ON CONFLICT DO NOTHING");
        var reply = Http.get(
                management("/admin/users?q=" + URLEncoder.encode(words, StandardCharsets.UTF_8)),
                "Authorization",
                admin());
        assertTrue(reply.statusCode() == 200 || reply.statusCode() == 400, reply.statusCode() + reply.body());
        assertFalse(reply.body().contains("Somebody Else"), reply.body());
        assertEquals("hidden", database.value("SELECT id FROM neon_auth.users_sync"));
    }
}
