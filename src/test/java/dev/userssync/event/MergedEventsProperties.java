package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import net.jqwik.api.statistics.Statistics;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;

/** Merging is no second merge rule. Merged before the SQL, the events of one user leave the same row as one by one. */
@Tag("app")
class MergedEventsProperties {

    private static final TestDatabase DATABASE = new TestDatabase();
    private static final AtomicInteger USERS = new AtomicInteger();
    private static StartedApp app;
    private static ProducerTemplate producer;

    @BeforeContainer
    static void start() {
        app = new StartedApp(TestSettings.with(DATABASE));
        producer = app.main.getCamelContext().createProducerTemplate();
    }

    @AfterContainer
    static void stop() {
        app.close();
    }

    @Property(tries = 150)
    void mergedEventsLeaveTheRowThatTheyLeaveOneByOne(
            @ForAll("histories") List<JsonNode> before, @ForAll("histories") List<JsonNode> meeting) {
        String single = "user " + USERS.incrementAndGet();
        String merged = "user " + USERS.incrementAndGet();
        for (JsonNode event : before) {
            apply(single, event);
            apply(merged, event);
        }
        meeting.forEach(event -> apply(single, event));
        List<JsonNode> entries = new ArrayList<>();
        for (JsonNode event : meeting) {
            JsonNode last = entries.isEmpty() ? null : MergeRule.merge(entries.get(entries.size() - 1), event);
            if (last == null) {
                entries.add(event);
            } else {
                entries.set(entries.size() - 1, last);
            }
        }
        entries.forEach(event -> apply(merged, event));
        Statistics.label("merged").collect(entries.size() < meeting.size());
        assertEquals(row(single), row(merged), () -> "after " + before + ", " + meeting + " as " + entries);
    }

    @Property(tries = 5_000)
    @Tag("long")
    void thousandsOfThemLeaveItToo(
            @ForAll("histories") List<JsonNode> before, @ForAll("histories") List<JsonNode> meeting) {
        mergedEventsLeaveTheRowThatTheyLeaveOneByOne(before, meeting);
    }

    @Property(tries = 200)
    void versionedEventsAlwaysMerge(@ForAll("versioned") JsonNode one, @ForAll("versioned") JsonNode other) {
        assertNotNull(MergeRule.merge(one, other));
    }

    private static void apply(String id, JsonNode event) {
        ObjectNode own = ((ObjectNode) event).deepCopy().put("id", id);
        Exchange answer = producer.send(
                "microbatch:users", exchange -> exchange.getMessage().setBody(own));
        assertTrue(answer.getException() == null, () -> own + ": " + answer.getException());
    }

    /** The whole row except the id; "now" for a time that the database set. */
    private static String row(String id) {
        return DATABASE.value(
                "SELECT jsonb_build_array(CASE WHEN name IS NULL THEN '{}' ELSE raw_json END, name, email, created_at, updated_at,"
                        + " CASE WHEN deleted_at > now() - interval '10 minutes' AND deleted_at < now() THEN 'now' ELSE deleted_at::text END)"
                        + " FROM neon_auth.users_sync WHERE id = ?",
                id);
    }

    @Provide
    Arbitrary<List<JsonNode>> histories() {
        return Arbitraries.oneOf(versioned(), unversioned()).list().ofMinSize(1).ofMaxSize(4);
    }

    /**
     * Few times, with and without a fraction, so that they collide; some lie in the future. The creation of a user is
     * one fact.
     */
    @Provide
    Arbitrary<JsonNode> versioned() {
        Arbitrary<String> times = Arbitraries.of(-7_200_000, -3_600_500, -3_600_000, 3_600_000, 7_200_000)
                .map(millis -> BASE.plusMillis(millis).toString());
        Arbitrary<JsonNode> upsert = Combinators.combine(
                        times, Arbitraries.of("Ada", "Bea"), Arbitraries.of(true, false))
                .as((time, name, tells) ->
                        profile(name).put("updated_at", time).put("created_at", tells ? CREATED : null));
        Arbitrary<JsonNode> delete = times.map(time -> deletion().put("deleted_at", time));
        return Arbitraries.oneOf(upsert, delete);
    }

    private Arbitrary<JsonNode> unversioned() {
        return Arbitraries.oneOf(
                Arbitraries.of("Cy", "Dee").map(MergedEventsProperties::profile),
                Arbitraries.create(MergedEventsProperties::deletion));
    }

    private static final Instant BASE = Instant.now().truncatedTo(java.time.temporal.ChronoUnit.SECONDS);
    private static final String CREATED = BASE.minus(Duration.ofDays(1)).toString();

    private static ObjectNode profile(String name) {
        ObjectNode event = JsonNodeFactory.instance
                .objectNode()
                .put("type", "updated")
                .put("name", name)
                .put("email", name + "@example.com");
        event.putObject("raw").put("name", name);
        return event;
    }

    private static ObjectNode deletion() {
        return JsonNodeFactory.instance.objectNode().put("type", "deleted");
    }
}
