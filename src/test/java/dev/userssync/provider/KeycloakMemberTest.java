package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Request;
import dev.userssync.testing.RunningApp;
import dev.userssync.verify.VerifyComponent;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Keycloak names a new member of an organization only by username, so users-sync asks Keycloak for the id. */
class KeycloakMemberTest extends RunningApp {

    private final FakeApi api = new FakeApi((request, ignored) -> answer(request));
    private final CapturedLog log = new CapturedLog();
    private volatile Answer found;

    KeycloakMemberTest() {
        settings.setProperty("keycloak.webhook.secret", "keycloak-secret");
        settings.setProperty("keycloak.api.key", "client:secret");
        settings.setProperty("keycloak.api.url", api.url());
        settings.setProperty("keycloak.realm", "orchard");
        settings.setProperty("keycloak.id.prefix", "kc:");
    }

    @AfterAll
    void closeApi() {
        api.close();
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.memberships_sync, users_sync_internal.dead_letter");
        found = users();
    }

    private Answer answer(Request request) {
        if (request.path().endsWith("/token")) {
            return Answer.ok(JsonNodeFactory.instance
                    .objectNode()
                    .put("access_token", "token")
                    .put("expires_in", 300));
        }
        boolean asked = request.path().equals("/admin/realms/orchard/users")
                && "noor+1@orchard.example".equals(request.query().get("username"))
                && "true".equals(request.query().get("exact"));
        return asked ? found : Answer.status(400);
    }

    /** Keycloak's answer: users by id and username. */
    private static Answer users(String... idsAndNames) {
        var users = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < idsAndNames.length; i += 2) {
            users.addObject().put("id", idsAndNames[i]).put("username", idsAndNames[i + 1]);
        }
        return Answer.ok(users);
    }

    private int joined(String username) throws Exception {
        String body = """
                {"type": "admin.ORGANIZATION_MEMBERSHIP-CREATE", "operationType": "CREATE", "resourceType": "ORGANIZATION_MEMBERSHIP",
                 "resourcePath": "organizations/o1/members", "time": 1767484800000, "representation": "{\\"name\\":\\"Orchard\\"}",
                 "authDetails": {"userId": "admin"}, "details": {"username": "%s"}}""".formatted(username);
        return new Delivery(context.getComponent("verify", VerifyComponent.class)
                        .scheme("keycloak")
                        .sign(body.getBytes()))
                .post(webhooks("keycloak"))
                .statusCode();
    }

    private List<String> rows() {
        return database.column(
                "SELECT concat_ws(' ', id, organization_id, user_id, created_at AT TIME ZONE 'UTC') FROM neon_auth.memberships_sync");
    }

    @Test
    void theUserIsFoundByItsName() throws Exception {
        found = users("u2", "noor+10@orchard.example", "u1", "noor+1@orchard.example");
        assertEquals(204, joined("noor+1@orchard.example"));
        assertEquals(List.of("kc:o1:kc:u1 kc:o1 kc:u1 2026-01-04 00:00:00"), rows());
    }

    @Test
    void aUserWhoIsNotFoundGetsNoRow() throws Exception {
        assertEquals(204, joined("noor+1@orchard.example"));
        assertEquals(204, joined("noor+1@orchard.example"));
        assertEquals(List.of(), rows());
        assertEquals(List.of(), database.column("SELECT reason FROM users_sync_internal.dead_letter"));
        assertEquals(
                1,
                log.lines().stream()
                        .filter(line -> line.contains("not the id of its new member"))
                        .count(),
                log.lines().toString());
        assertTrue(log.lines().stream().anyMatch(line -> line.startsWith("INFO users-sync : keycloak: ")));
    }

    @Test
    void keycloakIsAskedToSendItAgainWhenItsApiFails() throws Exception {
        found = Answer.status(500);
        assertEquals(503, joined("noor+1@orchard.example"));
        assertEquals(List.of(), rows());
    }
}
