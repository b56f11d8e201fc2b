package dev.userssync.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.JsonBody;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An attacker sends a recorded delivery a second time. The protection is on for clerk and stack-auth, and off for
 * generic.
 */
class ReplayProtectionTest extends RunningApp {

    ReplayProtectionTest() {
        settings.setProperty("replay.protection", "clerk, stack-auth");
    }

    @BeforeEach
    void clean() {
        database.execute(
                "TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter, users_sync_internal.event_log, users_sync_internal.delivery");
    }

    @AfterEach
    void mend() {
        database.execute("DROP TRIGGER IF EXISTS fails ON neon_auth.users_sync");
    }

    /** Stack Auth sends no version: without protection, the last arrival would win. */
    private static Delivery named(String name) {
        return new Delivery("{\"type\": \"user.updated\", \"data\": {\"id\": \"u1\", \"display_name\": \"" + name
                + "\", \"name\": \"" + name + "\"}}");
    }

    private int post(Delivery delivery) {
        return delivery.post(webhooks("stack-auth")).statusCode();
    }

    private String name() {
        return database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u1'");
    }

    private String remembered() {
        return database.value("SELECT count(*) FROM users_sync_internal.delivery");
    }

    @Test
    void aRecordedDeliveryChangesNothing() {
        Delivery recorded = named("Ann");
        assertEquals(204, post(recorded));
        assertEquals(204, post(named("Bob")));
        assertEquals(204, post(recorded));
        assertEquals("Bob", name());
        assertEquals(
                "applied applied duplicate",
                database.value(
                        "SELECT string_agg(decision, ' ' ORDER BY decision) FROM users_sync_internal.event_log"));
    }

    @Test
    void withoutTheProtectionNothingIsRemembered() {
        Delivery recorded = new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"name\": \"Ann\"}}");
        assertEquals(204, recorded.post(webhooks("generic")).statusCode());
        assertEquals(
                204,
                new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"name\": \"Bob\"}}")
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(204, recorded.post(webhooks("generic")).statusCode());
        assertEquals("Ann", name());
        assertEquals("0", remembered());
    }

    /** A delivery may carry two header families; only one of them is signed. */
    @Test
    void theIdIsTheOneThatIsSigned() {
        Delivery recorded = named("Ann");
        assertEquals(204, post(recorded));
        assertEquals(204, post(named("Bob")));
        assertEquals(204, post(recorded.header("svix-id", "msg_of_somebody_else")));
        assertEquals("Bob", name());
    }

    @Test
    void whatComesTwiceAtOnceIsAppliedOnce() {
        Delivery delivery = named("Ann");
        List<CompletableFuture<Integer>> replies = new ArrayList<>();
        for (int i = 0; i < 30; i++) {
            replies.add(CompletableFuture.supplyAsync(() -> post(delivery)));
        }
        replies.forEach(reply -> assertEquals(204, reply.join()));
        assertEquals(
                "1", database.value("SELECT count(*) FROM users_sync_internal.event_log WHERE decision = 'applied'"));
        assertEquals("1", remembered());
    }

    @ParameterizedTest
    @CsvSource({"40001, 503", "23514, 204"})
    void anAttemptThatFailedIsNotRemembered(String sqlState, int reply) {
        database.execute(
                "CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '"
                        + sqlState
                        + "'; END $$; CREATE TRIGGER fails BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION fails()");
        Delivery delivery = named("Ann");
        assertEquals(reply, post(delivery));
        assertEquals("0", remembered());
        assertEquals(
                sqlState.equals("40001") ? "0" : "1",
                database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        mend();
        assertEquals(204, post(delivery));
        assertEquals("Ann", name());
        assertEquals("1", remembered());
    }

    @Test
    void whatIsNoUserEventIsNotRemembered() {
        Delivery broken = new Delivery("{\"type\": \"user.updated\", \"data\": {}}");
        assertEquals(422, post(broken));
        assertEquals(422, post(broken));
        assertEquals(
                "2 0", database.value("SELECT attempts FROM users_sync_internal.dead_letter") + " " + remembered());
    }

    @Test
    void aDeadLetterIsReplayedAlthoughItsDeliveryFailedBefore() {
        database.execute(
                "CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '23514'; END $$;"
                        + " CREATE TRIGGER fails BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION fails()");
        assertEquals(204, post(named("Ann")));
        mend();
        new Delivery("").post(management("/dead-letters/replay"));
        assertEquals("Ann", name());
    }

    /** A provider may put several events into one delivery. Each is an event of its own, even two of the same user. */
    @Test
    void everyEventOfADeliveryIsAppliedOnce() throws IOException {
        String events = """
                [{"type": "updated", "id": "u1", "name": "Ann", "raw": {}}, {"type": "updated", "id": "u2", "name": "Zoe", "raw": {}},
                 {"type": "updated", "id": "u1", "name": "Ann", "raw": {"again": true}}]""";
        String unversioned = "SELECT string_agg(id || ' ' || name, ', ' ORDER BY id) FROM neon_auth.users_sync";
        send(events);
        assertEquals("3", remembered());
        database.execute("UPDATE neon_auth.users_sync SET name = 'changed since'");
        send(events);
        assertEquals("u1 changed since, u2 changed since", database.value(unversioned));
        assertEquals("3", remembered());
    }

    @Test
    void partsOfAUserToo() throws IOException {
        String parts =
                "[{\"type\": \"updated\", \"id\": \"u1\", \"name\": \"Ann\", \"partial\": true, \"raw\": {\"a\": 1}}]";
        send(parts);
        assertEquals("Ann", name());
        database.execute("UPDATE neon_auth.users_sync SET name = 'changed since'");
        send(parts);
        assertEquals("changed since", name());
    }

    private void send(String events) throws IOException {
        context.createFluentProducerTemplate()
                .to("direct:user-changed")
                .withVariable("provider", "stack-auth")
                .withVariable("delivery-id", "msg_1")
                .withBody(JsonBody.MAPPER.readValue(events, JsonNode.class))
                .send();
    }

    @Test
    void afterAnHourItIsForgotten() {
        post(named("Ann"));
        database.execute(
                "INSERT INTO users_sync_internal.delivery VALUES ('clerk', 'old', now() - interval '61 minutes')");
        context.createFluentProducerTemplate().to("direct:forget-history").request();
        assertEquals("1", remembered());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "nobody | REPLAY_PROTECTION names nobody, which is not a provider; the providers are auth0, ",
                "workos | REPLAY_PROTECTION names workos, whose deliveries have no signed id: remove it"
            })
    void aProviderThatCannotBeProtectedStopsTheStart(String provider, String message) {
        Properties wrong = TestSettings.with(database, "workos");
        wrong.setProperty("replay.protection", provider);
        Throwable failure = assertThrows(RuntimeException.class, () -> new StartedApp(wrong));
        while (failure.getCause() != null) {
            failure = failure.getCause();
        }
        assertTrue(failure.getMessage().startsWith(message), failure.getMessage());
    }
}
