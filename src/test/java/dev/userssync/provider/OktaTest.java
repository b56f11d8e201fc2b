package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.JsonBody;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.verify.VerificationScheme;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Two features of Okta alone: the question before the first delivery, and many events in one request. */
class OktaTest extends RunningApp {

    private static final String VALUE = "the value of the hook";

    OktaTest() {
        settings.setProperty("okta.webhook.secret", VALUE + ", the value before");
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    @AfterEach
    void mend() {
        database.execute("DROP TRIGGER IF EXISTS fails ON neon_auth.users_sync");
        database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT IF EXISTS no_u2");
    }

    private static Delivery delivery(String body) {
        return new Delivery(new VerificationScheme.Signed(java.util.Map.of("Authorization", VALUE), body.getBytes()));
    }

    private static String created(String... ids) {
        return Arrays.stream(ids)
                .map(id -> """
                {"eventType": "user.lifecycle.create", "published": "2026-01-01T00:00:00.000Z", "outcome": {"result": "SUCCESS"},
                 "target": [{"type": "User", "id": "%s", "alternateId": "x@example.com", "displayName": "X"}]}""".formatted(id))
                .collect(Collectors.joining(",", "{\"data\": {\"events\": [", "]}}"));
    }

    @Test
    void theQuestionIsAnswered() {
        HttpResponse<String> reply = delivery("")
                .method("GET")
                .header("x-okta-verification-challenge", "a-b_c\"9")
                .post(webhooks("okta"));
        assertEquals(200, reply.statusCode());
        assertEquals("{\"verification\":\"a-b_c\\\"9\"}", reply.body());
        assertTrue(reply.headers().firstValue("Content-Type").orElse("").startsWith("application/json"));
        assertEquals(
                List.of(),
                reply.headers().map().keySet().stream()
                        .filter(name -> name.toLowerCase().startsWith("x-okta")
                                || name.toLowerCase().startsWith("authorization"))
                        .toList());
    }

    @Test
    void aStrangersQuestionIsNot() {
        assertEquals(
                401,
                delivery("")
                        .header("Authorization", "guess")
                        .method("GET")
                        .header("x-okta-verification-challenge", "a")
                        .post(webhooks("okta"))
                        .statusCode());
        assertEquals(
                401,
                delivery("")
                        .header("Authorization", null)
                        .method("GET")
                        .header("x-okta-verification-challenge", "a")
                        .post(webhooks("okta"))
                        .statusCode());
        assertEquals(
                401, delivery("").method("GET").post(webhooks("okta")).statusCode(), "the request holds no question");
        assertEquals(405, delivery("").method("PUT").post(webhooks("okta")).statusCode());
        assertEquals(
                405, new Delivery("").method("GET").post(webhooks("generic")).statusCode(), "others ask no questions");
    }

    @Test
    void everyEventOfARequestIsApplied() {
        String[] ids = IntStream.range(0, 200).mapToObj(i -> "00u" + i).toArray(String[]::new);
        assertEquals(204, delivery(created(ids)).post(webhooks("okta")).statusCode());
        assertEquals("200", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void oneBadEventStopsNoneOfTheOthers() {
        assertEquals(
                422,
                delivery(created("00u1", " ", "00u3")).post(webhooks("okta")).statusCode());
        assertEquals(List.of("00u1", "00u3"), database.column("SELECT id FROM neon_auth.users_sync ORDER BY id"));
        assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));

        assertEquals(
                422,
                delivery(created("00u4", "00u\\u0000", "00u6"))
                        .post(webhooks("okta"))
                        .statusCode());
        assertEquals(
                204,
                delivery(created("00u7", "00u8", "00u9").replaceFirst("\"X\"", "\"X\\\\ud83d\""))
                        .post(webhooks("okta"))
                        .statusCode());
        assertEquals("X\ufffd", database.value("SELECT name FROM neon_auth.users_sync WHERE id = '00u7'"));
        assertEquals("7", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void whatCannotBeAppliedYetMakesOktaSendAllOfItAgain() {
        database.execute("""
                CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF NEW.id = '00u2' THEN
                    RAISE EXCEPTION 'made to fail' USING ERRCODE = '40001';
                  END IF;
                  RETURN NEW;
                END $$""");
        database.execute(
                "CREATE TRIGGER fails BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION fails()");
        HttpResponse<String> reply = delivery(created("00u1", "00u2", "00u3")).post(webhooks("okta"));
        assertEquals(503, reply.statusCode());
        assertEquals("30", reply.headers().firstValue("Retry-After").orElse(null));
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        mend();
        assertEquals(
                204,
                delivery(created("00u1", "00u2", "00u3")).post(webhooks("okta")).statusCode());
        assertEquals("3", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void aDeadLetterOfOneOfSeveralEventsHoldsThatEventAlone() throws Exception {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_u2 CHECK (id <> '00u2')");
        for (int attempt = 1; attempt <= 2; attempt++) { // Okta may retry the delivery
            assertEquals(
                    204,
                    delivery(created("00u1", "00u2", "00u3"))
                            .post(webhooks("okta"))
                            .statusCode());
            assertEquals(
                    "okta " + attempt,
                    database.value("SELECT provider || ' ' || attempts FROM users_sync_internal.dead_letter"));
        }
        assertEquals(List.of("00u1", "00u3"), database.column("SELECT id FROM neon_auth.users_sync ORDER BY id"));
        JsonNode letter = JsonBody.MAPPER.readTree(
                database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter"));
        assertEquals(
                "created 00u2 X",
                letter.path("type").asText() + " " + letter.path("id").asText() + " "
                        + letter.path("name").asText());
        database.execute("UPDATE neon_auth.users_sync SET name = 'newer'");
        database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT IF EXISTS no_u2");
        assertEquals(
                "{\"tried\": 1, \"went_through\": 1, \"still_parked\": 0}\n",
                new Delivery("").post(management("/dead-letters/replay")).body());
        assertEquals(
                List.of("00u1 newer", "00u2 X", "00u3 newer"),
                database.column("SELECT id || ' ' || name FROM neon_auth.users_sync ORDER BY id"),
                "only the parked event was replayed");
    }

    @Test
    void anEventOfSeveralThatIsNoUserEventIsParkedAlone() throws Exception {
        assertEquals(
                422,
                delivery(created("00u1", " ", "00u3")).post(webhooks("okta")).statusCode());
        JsonNode letter = JsonBody.MAPPER.readTree(
                database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter"));
        assertEquals(
                "created [ ]",
                letter.path("type").asText() + " [" + letter.path("id").asText() + "]");
        assertEquals(
                "{\"tried\": 1, \"went_through\": 0, \"still_parked\": 1}\n",
                new Delivery("").post(management("/dead-letters/replay")).body());
        assertEquals("2", database.value("SELECT attempts FROM users_sync_internal.dead_letter"));
    }

    /**
     * The hook has no API key to fetch with. users-sync merges each event, and all events of a user have the same time.
     */
    @Test
    void theEventsOfOneUserKeepTheirOrder() {
        String events = IntStream.range(0, 240)
                .mapToObj(i -> created("00u" + i % 40).replace("\"X\"", "\"v" + i / 40 + "\""))
                .map(one -> one.substring("{\"data\": {\"events\": [".length(), one.length() - "]}}".length()))
                .collect(Collectors.joining(",", "{\"data\": {\"events\": [", "]}}"));
        assertEquals(204, delivery(events).post(webhooks("okta")).statusCode());
        assertEquals(
                List.of("v5 40"),
                database.column(
                        "SELECT name || ' ' || count(*) FROM neon_auth.users_sync GROUP BY name ORDER BY name"));
    }

    @Test
    void aDeadLetterOfSeveralEventsIsReplayed() {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_u2 CHECK (id <> '00u2')");
        assertEquals(
                204, delivery(created("00u1", "00u2")).post(webhooks("okta")).statusCode());
        assertEquals(
                "{\"tried\": 1, \"went_through\": 0, \"still_parked\": 1}\n",
                new Delivery("").post(management("/dead-letters/replay")).body());
        database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_u2");
        assertEquals(
                "{\"tried\": 1, \"went_through\": 1, \"still_parked\": 0}\n",
                new Delivery("").post(management("/dead-letters/replay")).body());
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }
}
