package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.bench.Ports;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.CookieManager;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A real Better Auth in Node, with the hooks pasted from docs/better-auth.md, reports its users to the application. The
 * Maven profile better-auth installs it from npm into target/better-auth.
 */
@Tag("better-auth")
class BetterAuthTest extends RunningApp {

    private static final String PASSWORD = "correct horse battery staple";
    private static final Path HOME = Path.of("target/better-auth");

    private final String auth = "http://127.0.0.1:" + Ports.free();
    private final HttpClient browser = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .cookieHandler(new CookieManager())
            .build();
    private Process node;

    BetterAuthTest() {
        settings.setProperty("better-auth.webhook.secret", TestSettings.SECRET);
    }

    @BeforeAll
    void signUpsAreOpen() throws IOException {
        Matcher snippet = Pattern.compile("`users-sync.ts`:\n\n```ts\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Path.of("docs/better-auth.md")));
        assertTrue(snippet.find(), "docs/better-auth.md has no snippet to paste");
        Files.writeString(HOME.resolve("users-sync.ts"), snippet.group(1));
        ProcessBuilder server = new ProcessBuilder("node", "--import", "tsx", "server.js")
                .directory(HOME.toFile())
                .redirectErrorStream(true)
                .redirectOutput(HOME.resolve("server.log").toFile());
        server.environment().put("PORT", Integer.toString(URI.create(auth).getPort()));
        server.environment().put("USERS_SYNC_URL", webhooks("better-auth"));
        server.environment().put("USERS_SYNC_SECRET", TestSettings.SECRET);
        node = server.start();
        await().atMost(Duration.ofSeconds(60)).until(() -> !node.isAlive() || answers());
        assertTrue(node.isAlive(), BetterAuthTest::log);
    }

    @AfterAll
    void stopNode() throws InterruptedException {
        if (node != null) {
            node.destroy();
            node.waitFor(10, TimeUnit.SECONDS);
        }
    }

    @Test
    void aUserWhoSignsUpChangesTheProfileAndLeaves() {
        JsonNode user = post("/sign-up/email", """
                {"name": "Ada Lovelace", "email": "Ada@Example.com", "password": "%s"}""".formatted(PASSWORD)).get("user");
        String id = user.get("id").asText();
        awaitRow(id, "name = 'Ada Lovelace' AND email = 'ada@example.com' AND deleted_at IS NULL");
        assertTimes(id, user);
        assertEquals(
                "false",
                database.value("SELECT raw_json ->> 'emailVerified' FROM neon_auth.users_sync WHERE id = ?", id));

        post("/update-user", "{\"name\": \"Augusta King\", \"image\": \"https://example.com/ada.png\"}");
        awaitRow(
                id,
                "name = 'Augusta King' AND email = 'ada@example.com' AND raw_json ->> 'image' = 'https://example.com/ada.png'");
        post("/change-email", "{\"newEmail\": \"countess@example.com\"}");
        awaitRow(id, "name = 'Augusta King' AND email = 'countess@example.com' AND deleted_at IS NULL");
        assertTimes(id, get("/get-session").get("user"));

        post("/delete-user", "{\"password\": \"%s\"}".formatted(PASSWORD));
        awaitRow(id, "deleted_at > created_at");
        awaitRow(id, "name = 'Augusta King' AND email = 'countess@example.com' AND raw_json ->> 'id' = id");
        assertNothingParkedAndNoSecret();
    }

    @Test
    void anOrganizationWithATeamAndAMember() {
        String ada = signUp("ada.b");
        String organization = post("/organization/create", "{\"name\": \"Orchard\", \"slug\": \"orchard\"}")
                .get("id")
                .asText();
        awaitOne(
                "organizations_sync",
                "id = '" + organization
                        + "' AND kind = 'organization' AND name = 'Orchard' AND slug = 'orchard' AND deleted_at IS NULL");
        // The plugin creates a team of the same name.
        awaitOne(
                "organizations_sync",
                "parent_id = '" + organization + "' AND kind = 'team' AND name = 'Orchard' AND deleted_at IS NULL");
        awaitOne(
                "memberships_live",
                "organization_id = '" + organization + "' AND user_id = '" + ada + "' AND roles = '{owner}'");

        post(
                "/organization/update",
                "{\"organizationId\": \"%s\", \"data\": {\"name\": \"Orchard Labs\"}}".formatted(organization));
        awaitOne("organizations_sync", "id = '" + organization + "' AND name = 'Orchard Labs' AND slug = 'orchard'");
        String team = post(
                        "/organization/create-team",
                        "{\"name\": \"Platform\", \"organizationId\": \"%s\"}".formatted(organization))
                .get("id")
                .asText();
        String invitation = post("/organization/invite-member", """
                {"email": "bea@example.com", "role": "member", "organizationId": "%s"}""".formatted(organization))
                .get("id")
                .asText();

        String bea = signUp("bea");
        String member = post("/organization/accept-invitation", "{\"invitationId\": \"%s\"}".formatted(invitation))
                .at("/member/id")
                .asText();
        awaitOne(
                "memberships_live", "id = '" + member + "' AND user_id = '" + bea + "' AND role = 'member' AND active");

        post("/sign-in/email", "{\"email\": \"ada.b@example.com\", \"password\": \"%s\"}".formatted(PASSWORD));
        post("/organization/update-member-role", """
                {"memberId": "%s", "role": ["admin", "member"], "organizationId": "%s"}""".formatted(member, organization));
        awaitOne("memberships_live", "id = '" + member + "' AND roles = '{admin,member}'");
        post("/organization/add-team-member", """
                {"teamId": "%s", "userId": "%s", "organizationId": "%s"}""".formatted(team, bea, organization));
        awaitOne("memberships_live", "organization_id = '" + team + "' AND user_id = '" + bea + "' AND roles IS NULL");
        post("/organization/remove-team-member", """
                {"teamId": "%s", "userId": "%s", "organizationId": "%s"}""".formatted(team, bea, organization));
        awaitOne("memberships_sync", "organization_id = '" + team + "' AND deleted_at > created_at");
        post(
                "/organization/remove-team",
                "{\"teamId\": \"%s\", \"organizationId\": \"%s\"}".formatted(team, organization));
        awaitOne("organizations_sync", "id = '" + team + "' AND deleted_at > created_at");
        post("/organization/remove-member", """
                {"memberIdOrEmail": "bea@example.com", "organizationId": "%s"}""".formatted(organization));
        awaitOne("memberships_sync", "id = '" + member + "' AND deleted_at > updated_at");
        post("/organization/delete", "{\"organizationId\": \"%s\"}".formatted(organization));
        awaitOne("organizations_sync", "id = '" + organization + "' AND deleted_at > updated_at");
        assertEquals(
                "0", database.value("SELECT count(*) FROM neon_auth.memberships_live WHERE user_id = '" + ada + "'"));
        assertEquals(
                "0", database.value("SELECT count(*) FROM neon_auth.memberships_sync WHERE raw_json::text LIKE '%@%'"));
        assertNothingParkedAndNoSecret();
    }

    private String signUp(String name) {
        return post(
                        "/sign-up/email",
                        "{\"name\": \"%1$s\", \"email\": \"%1$s@example.com\", \"password\": \"%2$s\"}"
                                .formatted(name, PASSWORD))
                .at("/user/id")
                .asText();
    }

    private void awaitOne(String table, String condition) {
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertEquals(
                        "1",
                        database.value("SELECT count(*) FROM neon_auth." + table + " WHERE " + condition),
                        () -> condition + ": "
                                + database.value("SELECT jsonb_agg(to_jsonb(t)) FROM neon_auth." + table + " t")
                                + log()));
    }

    @Test
    void aUserWithoutAName() {
        String id =
                post("/sign-up/email", """
                {"name": "", "email": "nameless@example.com", "password": "%s"}""".formatted(PASSWORD)).at("/user/id").asText();
        awaitRow(id, "name IS NULL AND email = 'nameless@example.com' AND deleted_at IS NULL");
        post("/sign-out", "{}");
        post("/sign-in/email", "{\"email\": \"nameless@example.com\", \"password\": \"%s\"}".formatted(PASSWORD));
        assertNothingParkedAndNoSecret();
    }

    @Test
    void whateverAUserHoldsTheHooksThrowNothing() throws Exception {
        Hostile run = hostile("USERS_SYNC_URL", webhooks("better-auth"), "USERS_SYNC_SECRET", TestSettings.SECRET);
        assertEquals(0, run.exit, run.output);
        assertEquals(2, run.output.lines().count(), run.output); // the two users that JSON cannot express
        assertEquals(
                run.output.lines().count(),
                run.output
                        .lines()
                        .filter(line -> line.startsWith("users-sync: user.created could not be sent"))
                        .count(),
                run.output);
        awaitRow(
                "circle",
                "name = 'Circle' AND raw_json -> 'friends' = '[{\"name\": \"Friend\"}]' AND NOT jsonb_exists(raw_json, 'self')");
        awaitRow("big", "raw_json ->> 'credits' = '9007199254740993' AND raw_json -> 'limits' = '[\"1\"]'");
        awaitRow("twice", "raw_json -> 'first' = raw_json -> 'second' AND raw_json -> 'second' ->> 'theme' = 'dark'");
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "USERS_SYNC_URL", "USERS_SYNC_SECRET"})
    void withoutItsSettingsTheHooksSayItOnce(String set) throws Exception {
        Hostile run = set.isEmpty() ? hostile() : hostile(set, "http://localhost:1/webhooks/better-auth");
        assertEquals(0, run.exit, run.output);
        assertEquals("users-sync: set USERS_SYNC_URL and USERS_SYNC_SECRET; until then nothing is sent\n", run.output);
    }

    private record Hostile(int exit, String output) {}

    private static Hostile hostile(String... environment) throws Exception {
        ProcessBuilder process = new ProcessBuilder("node", "--import", "tsx", "hostile.js")
                .directory(HOME.toFile())
                .redirectErrorStream(true);
        for (int i = 0; i < environment.length; i += 2) {
            process.environment().put(environment[i], environment[i + 1]);
        }
        Process node = process.start();
        String output = new String(node.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Hostile(node.waitFor(), output);
    }

    private void assertTimes(String id, JsonNode user) {
        awaitRow(
                id,
                "created_at = '" + user.get("createdAt").asText() + "' AND updated_at = '"
                        + user.get("updatedAt").asText() + "'");
    }

    private void assertNothingParkedAndNoSecret() {
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM neon_auth.users_sync AS u WHERE u::text ILIKE '%password%' OR u::text LIKE '%"
                                + PASSWORD + "%'"));
    }

    private void awaitRow(String id, String condition) {
        await().atMost(Duration.ofSeconds(20))
                .untilAsserted(() -> assertEquals(
                        "t",
                        database.value(
                                "SELECT coalesce(" + condition + ", false) FROM neon_auth.users_sync WHERE id = ?", id),
                        () -> condition + ": "
                                + database.value("SELECT to_jsonb(u) FROM neon_auth.users_sync u WHERE id = ?", id)
                                + log()));
    }

    private JsonNode post(String path, String body) {
        return send(HttpRequest.newBuilder(URI.create(auth + "/api/auth" + path))
                .header("Content-Type", "application/json")
                .header("Origin", auth)
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private JsonNode get(String path) {
        return send(HttpRequest.newBuilder(URI.create(auth + "/api/auth" + path)));
    }

    private JsonNode send(HttpRequest.Builder request) {
        try {
            HttpResponse<String> response =
                    browser.send(request.timeout(Duration.ofSeconds(30)).build(), HttpResponse.BodyHandlers.ofString());
            assertEquals(200, response.statusCode(), response.request() + " " + response.body() + log());
            return new ObjectMapper().readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private boolean answers() {
        try (Socket socket = new Socket("127.0.0.1", URI.create(auth).getPort())) {
            return socket.isConnected();
        } catch (IOException e) {
            return false;
        }
    }

    private static String log() {
        try {
            return "\n" + Files.readString(HOME.resolve("server.log"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
