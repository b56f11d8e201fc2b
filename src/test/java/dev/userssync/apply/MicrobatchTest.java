package dev.userssync.apply;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.stream.IntStream;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The component alone: what a batch holds, who gets an error, and that no caller waits for ever. The test defines the
 * route.
 */
class MicrobatchTest {

    private final CamelContext context = new DefaultCamelContext();
    /** The input of the route: one list of names per batch, each {@code id=name}. */
    private final List<List<String>> batches = Collections.synchronizedList(new ArrayList<>());
    /** A permit for each batch that the route may take. */
    private final Semaphore open = new Semaphore(0);

    private final Set<String> poison = new HashSet<>();
    /** A permit for each caller that may get past the step after its commit. */
    private final Semaphore steps = new Semaphore(0);

    private final List<String> continued = Collections.synchronizedList(new ArrayList<>());
    private volatile Exception trouble;
    private volatile Exception poisonous = new SQLException("no such value", "22003");
    private ProducerTemplate producer;

    @BeforeEach
    void start() throws Exception {
        context.getRegistry().bind("microbatch", new MicrobatchComponent());
        context.getShutdownStrategy().setTimeout(20);
        RouteBuilder.addRoutes(
                context,
                routes -> { // a lambda: the application's package scan would find a class
                    routes.from("microbatch:test?shards=1&maxSize=8&capacity=20")
                            .routeId("writer")
                            .errorHandler(routes.noErrorHandler())
                            .process(this::write);
                    routes.from("direct:in")
                            .errorHandler(routes.noErrorHandler())
                            .to("microbatch:test");
                    routes.from("direct:slow")
                            .errorHandler(routes.noErrorHandler())
                            .to("microbatch:test")
                            .process(exchange -> {
                                continued.add(name(exchange));
                                steps.acquire();
                            });
                    routes.from("direct:nested")
                            .errorHandler(routes.noErrorHandler())
                            .to("microbatch:test")
                            .to("direct:in?synchronous=true");
                });
        context.start();
        producer = context.createProducerTemplate();
        producer.setMaximumCacheSize(50);
    }

    @AfterEach
    void stop() {
        open.release(1000);
        steps.release(1000);
        context.stop();
    }

    private static String name(Exchange exchange) {
        return exchange.getMessage().getBody(JsonNode.class).path("name").textValue();
    }

    private void write(Exchange exchange) throws Exception {
        List<JsonNode> events = exchange.getMessage().getBody(List.class);
        batches.add(events.stream()
                .map(event ->
                        event.path("id").textValue() + "=" + event.path("name").textValue())
                .toList());
        open.acquire();
        if (trouble != null) {
            throw trouble;
        }
        if (events.stream().anyMatch(event -> poison.contains(event.path("name").textValue()))) {
            throw poisonous;
        }
    }

    private CompletableFuture<Exchange> send(String id, String name, String updated) {
        return send("direct:in", id, name, updated);
    }

    private CompletableFuture<Exchange> send(String route, String id, String name, String updated) {
        ObjectNode event = JsonNodeFactory.instance
                .objectNode()
                .put("type", "updated")
                .put("id", id)
                .put("name", name)
                .put("updated_at", updated);
        return producer.asyncSend(route, exchange -> exchange.getMessage().setBody(event));
    }

    /** The writer is busy with one event, so the following events meet in the next batch. */
    private CompletableFuture<Exchange> busy() {
        CompletableFuture<Exchange> first = send("busy", "first", null);
        await().until(() -> batches.size() == 1);
        return first;
    }

    private void waiting(int count) {
        await().until(() -> component().consumer("test").getPendingExchangesSize() == count);
    }

    private MicrobatchComponent component() {
        return context.getComponent("microbatch", MicrobatchComponent.class);
    }

    private static Exception failure(CompletableFuture<Exchange> sent) throws Exception {
        return sent.get(10, java.util.concurrent.TimeUnit.SECONDS).getException();
    }

    @Test
    void oneLoneEventDoesNotWaitForOthers() throws Exception {
        open.release();
        assertNull(failure(send("u1", "Ada", null)));
        assertEquals(List.of(List.of("u1=Ada")), batches);
    }

    @Test
    void aBatchIsWhatQueuedUpAndItsCallersAreAnsweredAfterIt() throws Exception {
        CompletableFuture<Exchange> first = busy();
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(0, 10).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(10);
        assertTrue(sent.stream().noneMatch(CompletableFuture::isDone));
        open.release(1);
        assertNull(failure(first));
        await().until(() -> batches.size() == 2);
        assertEquals(8, batches.get(1).size(), "maxSize");
        assertTrue(sent.stream().noneMatch(CompletableFuture::isDone), "nobody is answered before the commit");
        open.release(2);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertEquals(3, batches.size());
    }

    @Test
    void eventsOfOneUserAreMergedByTheirVersion() throws Exception {
        busy();
        List<CompletableFuture<Exchange>> sent = new ArrayList<>();
        for (String second : List.of("10", "30", "20")) {
            sent.add(send("u1", "at " + second, "2026-01-01T00:00:" + second + "Z"));
            waiting(sent.size());
        }
        open.release(2);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertEquals(List.of("u1=at 30"), batches.get(1));
    }

    @Test
    void whatCannotBeMergedWaitsForTheNextBatchInOrder() throws Exception {
        busy();
        String[] versions = {"2026-01-01T00:00:10Z", null, "2026-01-01T00:00:20Z", "2026-01-01T00:00:30Z"};
        List<CompletableFuture<Exchange>> sent = new ArrayList<>();
        for (int i = 0; i < versions.length; i++) {
            sent.add(send("u1", "n" + i, versions[i]));
            waiting(i + 1);
        }
        open.release(10);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertEquals(List.of(List.of("busy=first"), List.of("u1=n0"), List.of("u1=n1"), List.of("u1=n3")), batches);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 7})
    void onlyTheCallerOfTheGuiltyEventGetsARowError(int guilty) throws Exception {
        poison.add("poison");
        busy();
        List<CompletableFuture<Exchange>> sent = IntStream.range(0, 8)
                .mapToObj(i -> send("u" + i, i == guilty ? "poison" : "n", null))
                .toList();
        waiting(8);
        open.release(100);
        for (int i = 0; i < 8; i++) {
            assertEquals(i == guilty, failure(sent.get(i)) != null, "caller " + i);
        }
        assertEquals(
                "22003",
                assertInstanceOf(SQLException.class, failure(sent.get(guilty))).getSQLState());
    }

    @Test
    void aRowErrorOfMergedEventsFindsTheOneThatIsGuilty() throws Exception {
        poison.add("poison");
        busy();
        CompletableFuture<Exchange> good = send("u1", "good", "2026-01-01T00:00:10Z");
        waiting(1);
        CompletableFuture<Exchange> bad = send("u1", "poison", "2026-01-01T00:00:20Z");
        waiting(2);
        open.release(100);
        assertNull(failure(good));
        assertInstanceOf(SQLException.class, failure(bad));
        assertTrue(batches.contains(List.of("u1=good")), batches.toString());
    }

    @Test
    void anyOtherErrorGoesToAllCallersOnce() throws Exception {
        trouble = new SQLException("gone", "08006");
        CompletableFuture<Exchange> first = busy();
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(0, 8).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(8);
        open.release(100);
        assertInstanceOf(SQLException.class, failure(first));
        for (CompletableFuture<Exchange> each : sent) {
            assertInstanceOf(SQLException.class, failure(each));
        }
        assertEquals(2, batches.size());
    }

    /** A missing table, for example: further statements would find no innocent event. */
    @Test
    void whatAnOperatorMustRepairIsNotTriedForEachEvent() throws Exception {
        trouble = new SQLException("no such table", "42P01");
        List<CompletableFuture<Exchange>> sent = fullBatch();
        open.release(1000);
        for (CompletableFuture<Exchange> each : sent) {
            assertEquals(
                    "42P01", assertInstanceOf(SQLException.class, failure(each)).getSQLState());
        }
        assertTrue(batches.size() <= 2 + 33, batches.size() + " batches");
    }

    @Test
    void aBatchIsNotHalvedForEver() throws Exception {
        ((MicrobatchEndpoint) component().consumer("test").getEndpoint()).setHalvingTimeout(0);
        trouble = new SQLException("none of them", "P0001");
        List<CompletableFuture<Exchange>> sent = fullBatch();
        open.release(1000);
        for (CompletableFuture<Exchange> each : sent) {
            assertInstanceOf(RejectedExecutionException.class, failure(each), "the sender must retry");
        }
    }

    /** A failure without an SQL error may also be the fault of one event. */
    @Test
    void aFailureBeforeTheDatabaseFindsTheGuiltyEvent() throws Exception {
        poison.add("poison");
        poisonous = new IllegalStateException("cannot be read");
        busy();
        List<CompletableFuture<Exchange>> sent = IntStream.range(0, 8)
                .mapToObj(i -> send("u" + i, i == 3 ? "poison" : "n", null))
                .toList();
        waiting(8);
        open.release(100);
        for (int i = 0; i < 8; i++) {
            assertEquals(i == 3, failure(sent.get(i)) != null, "caller " + i);
        }
    }

    /** 64 events in one batch. */
    private List<CompletableFuture<Exchange>> fullBatch() {
        MicrobatchEndpoint endpoint =
                (MicrobatchEndpoint) component().consumer("test").getEndpoint();
        endpoint.setMaxSize(64);
        endpoint.setCapacity(100);
        busy();
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(0, 64).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(64);
        return sent;
    }

    /** Events that cannot even be merged: the writer tries each alone, and survives. */
    @Test
    void eventsThatCannotBeMergedAreAnswered() throws Exception {
        busy();
        List<CompletableFuture<Exchange>> sent = new ArrayList<>();
        for (String version : List.of("2026-01-01T00:00:10Z", "not a time", "2026-01-01T00:00:20Z")) {
            sent.add(send("u1", "n", version));
            waiting(sent.size());
        }
        open.release(100);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
    }

    @ParameterizedTest
    @ValueSource(classes = {IllegalStateException.class, AssertionError.class, OutOfMemoryError.class})
    void aWriterThatThrowsIsReplacedAndNobodyHangs(Class<? extends Throwable> kind) throws Exception {
        CompletableFuture<Exchange> first = busy();
        component().consumer("test").observer = (users, nanoseconds) -> {
            throw sneaky(kind);
        };
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(1, 8).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(7);
        open.release(2);
        assertInstanceOf(RejectedExecutionException.class, failure(first));
        for (CompletableFuture<Exchange> each : sent) {
            assertInstanceOf(RejectedExecutionException.class, failure(each));
        }
        component().consumer("test").observer = null;
        open.release(1);
        assertNull(failure(send("u9", "n", null)), "a new writer has started");
        assertEquals(0, component().consumer("test").getPendingExchangesSize());
    }

    @ParameterizedTest
    @ValueSource(classes = {IllegalStateException.class, AssertionError.class, OutOfMemoryError.class})
    void aCallerThatThrowsDisturbsNobody(Class<? extends Throwable> kind) throws Exception {
        busy();
        component()
                .consumer("test")
                .add(
                        new org.apache.camel.support.DefaultExchange(context),
                        JsonNodeFactory.instance.objectNode().put("id", "u0").put("name", "n"),
                        doneSync -> {
                            throw sneaky(kind);
                        });
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(1, 8).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(8);
        open.release(100);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertEquals(0, component().consumer("test").getPendingExchangesSize());
    }

    /** Such as a request of 300 ms that an integrator adds after the commit. */
    @Test
    void aSlowStepAfterTheCommitDelaysNobody() throws Exception {
        open.release(1000);
        List<CompletableFuture<Exchange>> slow = IntStream.range(0, 16)
                .mapToObj(i -> send("direct:slow", "u" + i, "n", null))
                .toList();
        await().until(() -> continued.size() == 16);
        assertNull(failure(send("u0", "later", null)), "of the same user");
        assertNull(failure(send("u99", "n", null)));
        assertTrue(slow.stream().noneMatch(CompletableFuture::isDone));
        steps.release(16);
        for (CompletableFuture<Exchange> each : slow) {
            assertNull(failure(each));
        }
    }

    @Test
    void callersContinueInTheOrderOfTheirCommits() throws Exception {
        busy();
        steps.release(1000);
        List<CompletableFuture<Exchange>> sent = new ArrayList<>();
        for (int i = 0; i < 15; i++) {
            sent.add(send("direct:slow", "u1", "n" + i, null)); // without versions each needs a batch of its own
            waiting(i + 1);
        }
        open.release(100);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertEquals(IntStream.range(0, 15).mapToObj(i -> "n" + i).toList(), continued);
    }

    /** More of them than there are threads for callers. */
    @Test
    void aStepAfterTheCommitMayWaitForAnEventOfTheSameUser() throws Exception {
        restart("callers=2");
        open.release(1000);
        List<CompletableFuture<Exchange>> sent = IntStream.range(0, 12)
                .mapToObj(i -> send("direct:nested", "u" + i % 4, "n", null))
                .toList();
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
    }

    @Test
    void stepsThatKeepAllThreadsAreNamed() throws Exception {
        restart("callers=2&stuckAfter=1");
        open.release(1000);
        List<CompletableFuture<Exchange>> sent = IntStream.range(0, 3)
                .mapToObj(i -> send("direct:slow", "u" + i, "n", null))
                .toList();
        await().until(() -> component().consumer("test").stuck() != null);
        assertTrue(
                component()
                        .consumer("test")
                        .stuck()
                        .matches(
                                "steps after test keep all threads for \\d+ s, since 2\\S+Z, and 1 written events wait .*"),
                component().consumer("test").stuck());
        steps.release(3);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertNull(component().consumer("test").stuck());
    }

    @Test
    void callersThatWaitForAThreadCountAsWaiting() throws Exception {
        restart("callers=1&capacity=3");
        open.release(1000);
        for (int i = 0; i < 4; i++) {
            send("direct:slow", "u" + i, "n", null);
            int size = i + 1;
            await().until(() -> batches.size() == size);
        }
        waiting(3);
        assertInstanceOf(RejectedExecutionException.class, failure(send("u9", "n", null)));
    }

    /** With other options than start(). */
    private void restart(String options) throws Exception {
        context.getRouteController().stopRoute("writer");
        context.removeRoute("writer");
        RouteBuilder.addRoutes(
                context,
                routes -> routes.from("microbatch:test?shards=1&maxSize=8&" + options)
                        .routeId("writer")
                        .errorHandler(routes.noErrorHandler())
                        .process(this::write));
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> RuntimeException sneaky(Class<? extends Throwable> kind) throws T {
        try {
            throw (T) kind.getDeclaredConstructor().newInstance();
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void aWriterThatDoesNotFinishIsNamed() throws Exception {
        ((MicrobatchEndpoint) component().consumer("test").getEndpoint()).setStuckAfter(1);
        assertNull(component().consumer("test").stuck());
        CompletableFuture<Exchange> first = busy();
        await().until(() -> component().consumer("test").stuck() != null);
        assertTrue(
                component()
                        .consumer("test")
                        .stuck()
                        .matches(
                                "writer 1 of 1 of test has not finished a batch for \\d+ s, since 2\\S+Z: see pg_stat_activity .*"),
                component().consumer("test").stuck());
        open.release();
        assertNull(failure(first));
        await().until(() -> component().consumer("test").stuck() == null);
    }

    @Test
    void anEventWithoutAnIdTakesNoRoom() throws Exception {
        assertTrue(failure(send(null, "n", null)) != null);
        assertEquals(0, component().consumer("test").getPendingExchangesSize());
    }

    @Test
    void aFullQueueRefuses() throws Exception {
        busy();
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(0, 20).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(20);
        assertInstanceOf(RejectedExecutionException.class, failure(send("u20", "n", null)));
        open.release(100);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        assertNull(failure(send("u20", "n", null)), "there is room again");
    }

    @Test
    void aStopWritesWhatWaits() throws Exception {
        busy();
        List<CompletableFuture<Exchange>> sent =
                IntStream.range(0, 12).mapToObj(i -> send("u" + i, "n", null)).toList();
        waiting(12);
        CompletableFuture<Void> stopped = CompletableFuture.runAsync(context::stop);
        open.release(100);
        for (CompletableFuture<Exchange> each : sent) {
            assertNull(failure(each));
        }
        stopped.get(20, java.util.concurrent.TimeUnit.SECONDS);
    }

    @Test
    void withoutAConsumerTheCallerHearsOfItAtOnce() throws Exception {
        context.getRouteController().stopRoute("writer");
        assertInstanceOf(RejectedExecutionException.class, failure(send("u1", "n", null)));
        context.getRouteController().startRoute("writer");
        open.release();
        await().atMost(Duration.ofSeconds(5)).until(() -> failure(send("u2", "n", null)) == null);
    }
}
