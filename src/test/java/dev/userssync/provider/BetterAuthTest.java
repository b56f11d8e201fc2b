package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.bench.Ports;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestDatabase;
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
import java.util.List;
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

    private final TestDatabase betterAuth = new TestDatabase();
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
        server.environment().put("DATABASE_URL", betterAuth.url().replace("jdbc:", ""));
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
    void organizationsTeamsAndMembersAreThoseOfBetterAuth() {
        String ada = signUp("ada.b");
        String orchard = post("/organization/create", "{\"name\": \"Orchard\", \"slug\": \"orchard\"}")
                .get("id")
                .asText();
        assertTablesAreBetterAuths(); // with a first team, and its creator in it
        awaitOne("memberships_live", "user_id = '" + ada + "' AND roles = '{owner}'");
        awaitOne("memberships_live", "user_id = '" + ada + "' AND roles IS NULL");

        post(
                "/organization/update",
                "{\"organizationId\": \"%s\", \"data\": {\"name\": \"Orchard Labs\", \"slug\": \"labs\"}}"
                        .formatted(orchard));
        String team = createTeam(orchard, "Platform");
        String other = createTeam(orchard, "Sales");
        post(
                "/organization/update-team",
                "{\"teamId\": \"%s\", \"data\": {\"name\": \"Sellers\", \"organizationId\": \"%s\"}}"
                        .formatted(other, orchard));
        assertTablesAreBetterAuths();

        String invitation = post("/organization/invite-member", """
                {"email": "bea@example.com", "role": "member", "organizationId": "%s", "teamId": ["%s", "%s"]}""".formatted(orchard, team, other))
                .get("id")
                .asText();
        String bea = signUp("bea");
        String member = post("/organization/accept-invitation", "{\"invitationId\": \"%s\"}".formatted(invitation))
                .at("/member/id")
                .asText();
        assertTablesAreBetterAuths(); // also in both teams
        awaitOne("memberships_live", "id = '" + member + "' AND role = 'member' AND active");

        signIn("ada.b");
        post("/organization/update-member-role", """
                {"memberId": "%s", "role": ["admin", "member"], "organizationId": "%s"}""".formatted(member, orchard));
        awaitOne("memberships_live", "id = '" + member + "' AND roles = '{admin,member}'");
        String pair =
                "{\"teamId\": \"%s\", \"userId\": \"%s\", \"organizationId\": \"%s\"}".formatted(team, bea, orchard);
        post("/organization/remove-team-member", pair);
        assertTablesAreBetterAuths();
        post("/organization/add-team-member", pair);
        post("/organization/remove-team", "{\"teamId\": \"%s\", \"organizationId\": \"%s\"}".formatted(other, orchard));
        assertTablesAreBetterAuths();

        signIn("bea");
        post("/organization/leave", "{\"organizationId\": \"%s\"}".formatted(orchard)); // and the team with it
        assertTablesAreBetterAuths();
        awaitOne("memberships_sync", "id = '" + member + "' AND deleted_at > created_at");
        addMember(bea, orchard, "member", team); // under a new id
        assertTablesAreBetterAuths();
        signIn("ada.b");
        post("/organization/remove-member", """
                {"memberIdOrEmail": "bea@example.com", "organizationId": "%s"}""".formatted(orchard));
        assertTablesAreBetterAuths();
        addMember(bea, orchard, "admin,member", team);
        signIn("bea");
        post("/delete-user", "{\"password\": \"%s\"}".formatted(PASSWORD));
        assertTablesAreBetterAuths();

        signIn("ada.b");
        post("/organization/delete", "{\"organizationId\": \"%s\"}".formatted(orchard)); // and its teams with it
        assertTablesAreBetterAuths();
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.organizations_live"));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.memberships_live"));
        assertEquals(
                "0",
                database.value(
                        "SELECT count(*) FROM neon_auth.memberships_sync WHERE raw_json::text ~ '@|membershipKey'"));
        assertNothingParkedAndNoSecret();
    }

    @Test
    void whoeverIsRefusedChangesNothing() {
        signUp("owner");
        String organization = post("/organization/create", "{\"name\": \"Only\", \"slug\": \"only\"}")
                .get("id")
                .asText();
        assertTablesAreBetterAuths();
        String body = "{\"organizationId\": \"%s\"}".formatted(organization);
        assertEquals(400, answer("/organization/leave", body).statusCode(), "the only owner");
        signUp("stranger");
        assertEquals(400, answer("/organization/delete", body).statusCode());
        assertTablesAreBetterAuths();
        signIn("owner");
        post("/organization/delete", body);
        assertTablesAreBetterAuths();
    }

    private String createTeam(String organization, String name) {
        return post(
                        "/organization/create-team",
                        "{\"name\": \"%s\", \"organizationId\": \"%s\"}".formatted(name, organization))
                .get("id")
                .asText();
    }

    private void addMember(String user, String organization, String role, String team) {
        send(HttpRequest.newBuilder(URI.create(auth + "/add-member"))
                .POST(HttpRequest.BodyPublishers.ofString(
                        "{\"userId\": \"%s\", \"organizationId\": \"%s\", \"role\": \"%s\", \"teamId\": \"%s\"}"
                                .formatted(user, organization, role, team))));
    }

    private void signIn(String name) {
        post("/sign-in/email", "{\"email\": \"%s@example.com\", \"password\": \"%s\"}".formatted(name, PASSWORD));
    }

    /** The live rows are the organizations, teams and memberships of Better Auth's own tables. */
    private void assertTablesAreBetterAuths() {
        List<String> organizations = betterAuth.column("""
                SELECT concat_ws(' | ', id, 'organization', name, slug) FROM organization
                 UNION ALL SELECT concat_ws(' | ', id, 'team', name, "organizationId") FROM team ORDER BY 1""");
        List<String> memberships = betterAuth.column("""
                SELECT concat_ws(' | ', id, "organizationId", "userId", replace(role, ',', ' ')) FROM member
                 UNION ALL SELECT concat_ws(' | ', id, "teamId", "userId") FROM "teamMember" ORDER BY 1""");
        await().atMost(Duration.ofSeconds(20)).untilAsserted(() -> {
            assertEquals(
                    organizations,
                    database.column("SELECT concat_ws(' | ', id, kind, name, coalesce(parent_id, slug))"
                            + " FROM neon_auth.organizations_live ORDER BY 1"),
                    BetterAuthTest::log);
            assertEquals(
                    memberships,
                    database.column("SELECT concat_ws(' | ', id, organization_id, user_id, array_to_string(roles, ' '))"
                            + " FROM neon_auth.memberships_live ORDER BY 1"),
                    BetterAuthTest::log);
        });
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
        // the two users that JSON cannot express, and the user whose memberships cannot be read
        for (String line : List.of(
                "users-sync: user.created could not be sent", "users-sync: \\w+ of no-tables could not be read")) {
            assertEquals(
                    2,
                    run.output.lines().filter(one -> one.matches(line + ".*")).count(),
                    run.output);
        }
        assertEquals(4, run.output.lines().count(), run.output);
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
        return json(answer(path, body));
    }

    private HttpResponse<String> answer(String path, String body) {
        return request(HttpRequest.newBuilder(URI.create(auth + "/api/auth" + path))
                .header("Content-Type", "application/json")
                .header("Origin", auth)
                .POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private JsonNode get(String path) {
        return send(HttpRequest.newBuilder(URI.create(auth + "/api/auth" + path)));
    }

    private JsonNode send(HttpRequest.Builder request) {
        return json(request(request));
    }

    private static JsonNode json(HttpResponse<String> response) {
        assertEquals(200, response.statusCode(), response.request() + " " + response.body() + log());
        try {
            return new ObjectMapper().readTree(response.body());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private HttpResponse<String> request(HttpRequest.Builder request) {
        try {
            return browser.send(request.timeout(Duration.ofSeconds(30)).build(), HttpResponse.BodyHandlers.ofString());
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
