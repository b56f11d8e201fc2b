package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Events about memberships that leave something out: WorkOS names the member of a group by a membership of the
 * organization, Stack Auth sends no time, and Logto cuts a long list. A real HTTP server plays the APIs.
 */
class IncompleteMembershipsTest extends RunningApp {

    private static final String MEMBERSHIPS =
            "SELECT concat_ws(' ', id, user_id, deleted_at IS NULL) FROM neon_auth.memberships_sync ORDER BY id COLLATE \"C\"";

    private final HttpServer api;
    private final Map<String, Integer> answers = new ConcurrentHashMap<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    IncompleteMembershipsTest() throws IOException {
        api = HttpServer.create(new InetSocketAddress("localhost", 0), 0);
        api.createContext("/", this::answer);
        api.start();
        String url = "http://localhost:" + api.getAddress().getPort();
        settings.setProperty("workos.webhook.secret", "workos-secret");
        settings.setProperty("workos.api.key", "sk_test");
        settings.setProperty("workos.api.url", url);
        settings.setProperty("workos.id.prefix", "wo:");
        settings.setProperty("stack-auth.webhook.secret", TestSettings.SECRET);
        settings.setProperty("stack-auth.api.key", "ssk_test");
        settings.setProperty("stack-auth.project.id", "project");
        settings.setProperty("stack-auth.api.url", url);
        settings.setProperty("logto.webhook.secret", "logto-secret");
        settings.setProperty("auth0.webhook.secret", "token-of-the-stream");
        settings.setProperty("auth0.organizations", "off");
    }

    @AfterAll
    void stopApi() {
        api.stop(0);
    }

    @BeforeEach
    void clean() {
        database.execute(
                "TRUNCATE neon_auth.memberships_sync, users_sync_internal.membership_roles, users_sync_internal.dead_letter");
        answers.clear();
        requests.clear();
    }

    private void answer(HttpExchange request) throws IOException {
        String path = request.getRequestURI().getRawPath();
        requests.add(request.getRequestMethod() + " " + path);
        byte[] body =
                "{\"object\": \"organization_membership\", \"user_id\": \"user_of_the_api\", \"organization_id\": \"org_1\"}"
                        .getBytes(StandardCharsets.UTF_8);
        request.sendResponseHeaders(answers.getOrDefault(path, 404), body.length);
        request.getResponseBody().write(body);
        request.close();
    }

    private int post(String provider, String body) throws Exception {
        return new Delivery(context.getComponent("verify", VerifyComponent.class)
                        .scheme(provider)
                        .sign(body.getBytes(StandardCharsets.UTF_8)))
                .post(webhooks(provider))
                .statusCode();
    }

    private int send(String event, String data, int second) throws Exception {
        return post("workos", """
                {"id": "event_1", "event": "%s", "data": %s, "created_at": "2026-03-02T10:00:%02d.000Z"}""".formatted(event, data, second));
    }

    private int member(String change, String membership, int second) throws Exception {
        return send(
                "group.member_" + change,
                "{\"group_id\": \"group_1\", \"organization_membership_id\": \"" + membership + "\"}",
                second);
    }

    @Test
    void theTableKnowsTheUser() throws Exception {
        assertEquals(204, send("organization_membership.created", """
                {"id": "om_1", "user_id": "user_1", "organization_id": "org_1", "status": "active", "role": {"slug": "member"},
                 "created_at": "2026-03-02T10:00:00.000Z", "updated_at": "2026-03-02T10:00:00.000Z"}""", 0));
        assertEquals(204, member("added", "om_1", 1));
        assertEquals(List.of("wo:group_1:wo:user_1 wo:user_1 t", "wo:om_1 wo:user_1 t"), database.column(MEMBERSHIPS));
        assertEquals(204, member("removed", "om_1", 2));
        assertEquals(List.of("wo:group_1:wo:user_1 wo:user_1 f", "wo:om_1 wo:user_1 t"), database.column(MEMBERSHIPS));
        assertEquals(List.of(), requests);
    }

    @Test
    void theApiKnowsTheUser() throws Exception {
        answers.put("/user_management/organization_memberships/om%2F2", 200);
        assertEquals(204, member("added", "om/2", 1));
        assertEquals(List.of("wo:group_1:wo:user_of_the_api wo:user_of_the_api t"), database.column(MEMBERSHIPS));
        assertEquals(List.of("GET /user_management/organization_memberships/om%2F2"), requests);
    }

    @Test
    void untilSomebodyKnowsTheUserWorkosRepeatsTheDelivery() throws Exception {
        assertEquals(503, member("added", "om_3", 1));
        answers.put("/user_management/organization_memberships/om_3", 500);
        assertEquals(503, member("added", "om_3", 1));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        answers.put("/user_management/organization_memberships/om_3", 200);
        assertEquals(204, member("added", "om_3", 1));
        assertEquals(List.of("wo:group_1:wo:user_of_the_api wo:user_of_the_api t"), database.column(MEMBERSHIPS));
    }

    private int team(String change) throws Exception {
        return post(
                "stack-auth",
                "{\"type\": \"team_" + change
                        + "\", \"data\": {\"id\": \"team_admin\", \"team_id\": \"t1\", \"user_id\": \"u1\"}}");
    }

    @Test
    void whoJoinsATeamAgainIsAMemberAgain() throws Exception {
        answers.put("/api/v1/team-member-profiles/t1/u1", 200);
        assertEquals(204, team("membership.created"));
        assertEquals(204, team("permission.created"));
        assertEquals(204, team("membership.deleted"));
        assertEquals(List.of("t1:u1 u1 f"), database.column(MEMBERSHIPS));
        assertEquals(204, team("membership.created"));
        assertEquals(List.of("t1:u1 u1 t"), database.column(MEMBERSHIPS));
        assertEquals("{}", database.value("SELECT roles FROM neon_auth.memberships_sync"));
        assertEquals(
                List.of("GET /api/v1/team-member-profiles/t1/u1", "GET /api/v1/team-member-profiles/t1/u1"), requests);
    }

    @Test
    void aMembershipThatTheApiDoesNotShowEndsNoDeletion() throws Exception {
        assertEquals(204, team("membership.created"));
        assertEquals(List.of("t1:u1 u1 t"), database.column(MEMBERSHIPS));
        assertEquals(204, team("membership.deleted"));
        assertEquals(204, team("membership.created")); // late
        assertEquals(List.of("t1:u1 u1 f"), database.column(MEMBERSHIPS));
        answers.put("/api/v1/team-member-profiles/t1/u1", 500);
        assertEquals(503, team("membership.created"));
    }

    @ParameterizedTest
    @CsvSource({"added, 300, 301", "added, 5000, 1", "removed, 1, 0", "removed, 5000, 1"})
    void aListThatLogtoCutStatesNothing(String change, int users, int live) throws Exception {
        assertEquals(204, logto("added", 0, 1));
        assertEquals(204, logto(change, change.equals("added") ? 1 : 0, users));
        assertEquals(Integer.toString(live), database.value("SELECT count(*) FROM neon_auth.memberships_live"));
    }

    private int logto(String change, int from, int users) throws Exception {
        String ids = IntStream.range(from, from + users)
                .mapToObj(i -> "\"u" + i + "\"")
                .collect(Collectors.joining(","));
        return post("logto", """
                {"event": "Organization.Membership.Updated", "createdAt": "2026-03-02T10:00:00.%03dZ", "organizationId": "o1", "%sUserIds": [%s]}""".formatted(from + (change.equals("added") ? 0 : 1), change, ids));
    }

    @Test
    void aProviderWhoseOrganizationsAreOffParksNothing() throws Exception {
        for (String object : List.of("{\"organization\": {\"id\": \"o1\"}, \"user\": {\"user_id\": \"u1\"}}", "{}")) {
            assertEquals(204, post("auth0", """
                    {"type": "organization.member.added", "time": "2026-03-02T10:00:00Z", "data": {"object": %s}}""".formatted(object)));
        }
        assertEquals(List.of(), database.column(MEMBERSHIPS));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }
}
