package dev.userssync.apply;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.HttpDoorTest;
import dev.userssync.bench.Deliveries;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.Http;
import dev.userssync.testing.KafkaTopic;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.verify.VerifyComponent;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.camel.Exchange;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The profile kafka, with a real broker: the topic acknowledges a delivery, and a consumer takes it into the table. */
class KafkaTest extends RunningApp {

    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final KafkaTopic topic = new KafkaTopic(4);

    KafkaTest() {
        settings.putAll(topic.profile("both"));
        settings.setProperty("zitadel.webhook.secret", "zitadel-secret");
        settings.setProperty("replay.protection", "stack-auth");
        settings.setProperty("user.changes.topic", "user-changes");
    }

    @AfterAll
    void stopBroker() {
        context.stop(); // while the broker runs; a second stop does no harm
        topic.close();
    }

    @BeforeEach
    void clean() {
        topic.awaitEmpty(PATIENCE);
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    private static Delivery created(String id, String name) {
        return new Delivery(
                "{\"type\": \"user.created\", \"data\": {\"id\": \"" + id + "\", \"name\": \"" + name + "\"}}");
    }

    private int post(Delivery delivery) {
        return delivery.post(webhooks("generic")).statusCode();
    }

    private void awaitValue(String expected, String sql) {
        await().atMost(PATIENCE).until(() -> database.column(sql), List.of(expected)::equals);
    }

    /** docs/reactions/topic.camel.yaml */
    @Test
    void aReactionPublishesEachChange() throws Exception {
        topic.broker.topic("user-changes", 1);
        PluginHelper.getRoutesLoader(context)
                .loadRoutes(ResourceHelper.fromString(
                        "topic.camel.yaml", Files.readString(Path.of("docs/reactions/topic.camel.yaml"))));
        await().atMost(PATIENCE)
                .until(() -> database.value("SELECT count(*) FROM users_sync_internal.reaction")
                        .equals("1"));
        assertEquals(204, post(created("u9", "Jane")));
        Exchange record = context.createConsumerTemplate()
                .receive("kafka:user-changes?autoOffsetReset=earliest&groupId=test", PATIENCE.toMillis());
        assertEquals("u9", record.getMessage().getHeader("kafka.KEY"));
        JsonNode change = new ObjectMapper().readTree(record.getMessage().getBody(String.class));
        assertEquals(
                "user created Jane",
                change.path("entity").asText() + " " + change.path("kind").asText() + " "
                        + change.at("/row/name").asText());
    }

    @Test
    void aDeliveryIsAnsweredByTheTopicAndComesIntoTheTable() {
        assertEquals(204, post(created("u1", "Jane")));
        awaitValue("Jane", "SELECT name FROM neon_auth.users_sync WHERE id = 'u1'");
        assertEquals(
                204,
                post(
                        new Delivery(
                                "{\"type\": \"user.deleted\", \"timestamp\": \"2026-01-02T00:00:00Z\", \"data\": {\"id\": \"u1\"}}")));
        awaitValue("1", "SELECT count(*) FROM neon_auth.users_sync WHERE id = 'u1' AND deleted_at IS NOT NULL");
        assertEquals(401, post(created("u2", "Jane").header("webhook-id", "msg_other")));
        assertEquals(422, post(new Delivery("{}")));
        topic.awaitEmpty(PATIENCE);
    }

    /** Without a version the order of arrival counts, and the topic keeps that order. */
    @Test
    void theEventsOfAUserStayInOrder() {
        for (int i = 0; i < 50; i++) {
            assertEquals(204, post(created("u" + i % 5, "name " + i)));
        }
        topic.awaitEmpty(PATIENCE);
        assertEquals(
                List.of("name 45", "name 46", "name 47", "name 48", "name 49"),
                database.column("SELECT name FROM neon_auth.users_sync ORDER BY id"));
    }

    @Test
    void partsOfAUserAreMerged() throws GeneralSecurityException {
        for (String event : List.of("""
                {"aggregateID": "1", "aggregateType": "user", "sequence": 1, "event_type": "user.human.added", "created_at": "2026-01-01T00:00:00Z",
                 "event_payload": {"userName": "ada", "displayName": "Ada", "email": "a@example.com"}}""", """
                {"aggregateID": "1", "aggregateType": "user", "sequence": 2, "event_type": "user.human.profile.changed", "created_at": "2026-01-02T00:00:00Z",
                 "event_payload": {"displayName": "Countess"}}""")) {
            Delivery delivery = new Delivery(context.getComponent("verify", VerifyComponent.class)
                    .scheme("zitadel")
                    .sign(event.getBytes()));
            assertEquals(204, delivery.post(webhooks("zitadel")).statusCode());
        }
        awaitValue("Countess a@example.com", "SELECT name || ' ' || email FROM neon_auth.users_sync WHERE id = '1'");
    }

    /** The topic holds the id of a delivery with its event. users-sync remembers the id where it writes the row. */
    @Test
    void aRecordedDeliveryChangesNothing() {
        List<Delivery> deliveries = List.of(named("Ann"), named("Bob"));
        for (int i : new int[] {0, 1, 0, 1, 0}) {
            assertEquals(204, deliveries.get(i).post(webhooks("stack-auth")).statusCode());
        }
        topic.awaitEmpty(PATIENCE);
        assertEquals("Bob", database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u1'"));
        assertEquals("2", database.value("SELECT count(*) FROM users_sync_internal.delivery"));
    }

    private static Delivery named(String name) {
        return new Delivery(
                "{\"type\": \"user.updated\", \"data\": {\"id\": \"u1\", \"display_name\": \"" + name + "\"}}");
    }

    @Test
    void aRowThatPostgresRefusesIsParkedAndStopsNobody() {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_poison CHECK (name <> 'poison')");
        for (int i = 0; i < 20; i++) {
            assertEquals(204, post(created("u" + i, i == 10 ? "poison" : "good")));
        }
        topic.awaitEmpty(PATIENCE);
        assertEquals("19", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(
                "generic 23514 user event 1",
                database.value(
                        "SELECT concat_ws(' ', provider, sql_state, holds, attempts) FROM users_sync_internal.dead_letter WHERE state = 'parked'"));

        assertEquals(200, Http.post(management("/dead-letters/replay"), "").statusCode());
        assertEquals(
                "2", database.value("SELECT attempts FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
        database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_poison");
        assertEquals(200, Http.post(management("/dead-letters/replay"), "").statusCode());
        assertEquals("poison", database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u10'"));
        assertEquals("replayed", database.value("SELECT state FROM users_sync_internal.dead_letter"));
    }

    /** More bad events than halving a batch can find: the next attempt continues with the others. */
    @Test
    void aTriggerThatRefusesEverybodyDoesNotStopThePartition() throws Exception {
        MicrobatchEndpoint endpoint = (MicrobatchEndpoint) context.getComponent("microbatch", MicrobatchComponent.class)
                .consumer("users")
                .getEndpoint();
        int halving = endpoint.getHalvingTimeout();
        endpoint.setHalvingTimeout(1_500);
        database.execute("""
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1); RAISE EXCEPTION 'nobody'; END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION refuse()""");
        try {
            context.getRouteController().stopRoute("consume-user-events");
            for (int i = 0; i < 60; i++) {
                topic.put(
                        "u" + i,
                        ("{\"type\": \"created\", \"provider\": \"generic\", \"id\": \"u" + i + "\", \"raw\": {}}")
                                .getBytes());
            }
            context.getRouteController().startRoute("consume-user-events");
            topic.awaitEmpty(PATIENCE);
            assertEquals(
                    "60",
                    database.value("SELECT count(*) FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
        } finally {
            endpoint.setHalvingTimeout(halving);
            database.execute("DROP TRIGGER refuse ON neon_auth.users_sync; DROP FUNCTION refuse()");
        }
    }

    @Test
    void recordsThatAreNotOursAreParked() {
        topic.put("u1", "no JSON".getBytes());
        topic.put("u1", null);
        topic.put(null, "[]".getBytes());
        topic.put("u1", "{\"type\": \"renamed\", \"id\": \"u1\"}".getBytes());
        topic.put("u1", "{\"type\": \"created\", \"id\": \"u1\", \"raw\": 1}".getBytes());
        topic.put("u1", "{\"type\": \"created\", \"id\": \"u1\", \"raw\": {}, \"created_at\": \"\"}".getBytes());
        topic.put(
                "u1",
                "{\"type\": \"created\", \"id\": \"u1\", \"raw\": {}, \"created_at\": \"2026-13-01T00:00:00Z\"}"
                        .getBytes());
        topic.put("u1", "{\"type\": \"created\", \"id\": \"u1\", \"raw\": {}".getBytes());
        assertEquals(204, post(created("u1", "Jane")));
        topic.awaitEmpty(PATIENCE);
        assertEquals(
                "8",
                database.value(
                        "SELECT count(*) FROM users_sync_internal.dead_letter WHERE state = 'parked' AND provider = 'unknown'"));
        assertEquals("Jane", database.value("SELECT name FROM neon_auth.users_sync"));
    }

    /** Every character comes through. Half a surrogate pair is replaced, as without a topic. */
    @Test
    void theTopicChangesNoText() {
        assertEquals(204, post(created("u1", "J\u00e4ne \ud83d\ude00 \\u0041 \\\"{}")));
        assertEquals(204, post(created("u2", "half \\ud83d")));
        topic.awaitEmpty(PATIENCE);
        assertEquals(
                "J\u00e4ne \ud83d\ude00 A \"{}",
                database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u1' AND name = raw_json ->> 'name'"));
        assertEquals(
                "half \ufffd",
                database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u2' AND name = raw_json ->> 'name'"));
    }

    /** The profile and the record both hold the name, so the record is larger than the delivery. */
    @Test
    void whatTheBrokersDoNotTakeIsParkedAtTheDoor() {
        assertEquals(204, post(created("u1", "n".repeat(600_000))));
        assertEquals(
                "delivery", database.value("SELECT holds FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
    }

    @Test
    void deliveriesAreAnsweredWhilePostgresIsAway() throws Exception {
        DeliveryStream stream = new DeliveryStream(8, version -> version % 100);
        String name = database.value("SELECT current_database()");
        TestDatabase other = new TestDatabase();
        try (DeliveryStream.Deliveries deliveries = stream.new Deliveries(webhooks("generic"))) {
            deliveries.await("204", 200);
            other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
            try {
                other.column("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'");
                await().atMost(PATIENCE).until(() -> delay() > 2);
                assertEquals(
                        200,
                        Http.get(management("/observe/health/ready")).statusCode(),
                        "the instance accepts deliveries");
                deliveries.await("204", deliveries.replies.get("204") + 200);
            } finally {
                other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
            }
            deliveries.close();
            assertEquals(Set.of("204"), deliveries.replies.keySet());
        }
        topic.awaitEmpty(PATIENCE);
        assertEquals(Map.of(), stream.lost(database.column(DeliveryStream.ROWS)));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertEquals(0, delay());
    }

    private double delay() {
        return Http.get(management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> line.startsWith("users_sync_topic_delay_seconds "))
                .mapToDouble(line -> Double.parseDouble(line.split(" ")[1]))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void whileASecondInstanceStartsAndStopsSendersAreToldToComeAgain() {
        Properties second = topic.settings(new TestDatabase(), "both", "clerk", "generic", "scim");
        HttpDoorTest.Senders senders = new HttpDoorTest.Senders(second);
        try (senders;
                StartedApp app = new StartedApp(second)) {
            await().atMost(PATIENCE)
                    .until(() -> senders.of("signed").contains(204)
                            && !senders.of("clerk").isEmpty()
                            && !senders.of("scim").isEmpty());
        }
        assertEquals(
                Map.of("signed", Set.of(204), "clerk", Set.of(401), "scim", Set.of(401)),
                Map.of("signed", senders.of("signed"), "clerk", senders.of("clerk"), "scim", senders.of("scim")));
    }

    @Test
    void whileTheBrokerDoesNotAnswerTheProviderIsToldToRetry() {
        topic.broker.freeze();
        try {
            HttpResponse<String> reply = created("u1", "Jane").post(webhooks("generic"));
            assertEquals(503, reply.statusCode());
            assertTrue(reply.headers().firstValue("Retry-After").isPresent());
        } finally {
            topic.broker.thaw();
        }
        await().atMost(PATIENCE).until(() -> post(created("u1", "Jane")) == 204);
        topic.awaitEmpty(PATIENCE);
        assertEquals("Jane", database.value("SELECT name FROM neon_auth.users_sync"));
    }
}
