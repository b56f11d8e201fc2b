package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Acknowledged means committed: whatever ends in the middle of a stream of deliveries, what was answered 204 is in the table. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CrashTest {

    private static final int SENDERS = 8;
    private static final int USERS = 100;
    private static final int BEFORE_THE_END = 300;
    private static final Duration SHUTDOWN_TIMEOUT = Duration.ofSeconds(20); // camel.main.shutdownTimeout
    private static final String ACKNOWLEDGED = "204";
    private static final String RETRY = "503, Retry-After 30";

    @TempDir
    private static Path directory;

    /** On one data directory for all tests: each also proves that the one before left no damage. */
    private AppProcess app;
    private final Instant firstVersion = Instant.now().minus(Duration.ofHours(1));
    private final AtomicInteger version = new AtomicInteger();
    /** The newest acknowledged version of each user. */
    private final Map<String, Integer> acknowledged = new ConcurrentHashMap<>();

    private AppProcess running() {
        if (app == null || !app.isAlive()) {
            app = AppProcess.running(directory.resolve("data"));
        }
        return app;
    }

    @AfterAll
    void close() {
        if (app != null) {
            app.close();
        }
    }

    @RepeatedTest(3)
    void theApplicationIsKilled() throws Exception {
        try (Deliveries deliveries = new Deliveries(running())) {
            deliveries.await(ACKNOWLEDGED, BEFORE_THE_END);
            app.kill();
            deliveries.close();
            assertEquals(Set.of(ACKNOWLEDGED), deliveries.replies.keySet());
        }
        assertEveryAcknowledgedVersionIsInTheTable();
    }

    @RepeatedTest(3)
    void postgresIsKilled() throws Exception {
        try (Deliveries deliveries = new Deliveries(running())) {
            deliveries.await(ACKNOWLEDGED, BEFORE_THE_END);
            app.postgres().destroyForcibly();
            deliveries.await(RETRY, 5 * SENDERS);
            deliveries.close();
            assertEquals(Set.of(ACKNOWLEDGED, RETRY), deliveries.replies.keySet());
        }
        app.stop();
        app.exitCode();
        assertEveryAcknowledgedVersionIsInTheTable();
    }

    @RepeatedTest(3)
    void theApplicationIsStopped() throws Exception {
        try (Deliveries deliveries = new Deliveries(running())) {
            deliveries.await(ACKNOWLEDGED, BEFORE_THE_END);
            Instant stop = Instant.now();
            app.stop();
            assertEquals(143, app.exitCode(), "128 + SIGTERM");
            assertTrue(Instant.now().isBefore(stop.plus(SHUTDOWN_TIMEOUT)), app.output());
            deliveries.close();
            assertTrue(Set.of(ACKNOWLEDGED, RETRY).containsAll(deliveries.replies.keySet()), deliveries.replies::toString);
        }
        assertFalse(app.output().contains("not applied"), "Postgres is stopped after the last delivery\n" + app.output());
        assertNull(app.postgres());
        assertEveryAcknowledgedVersionIsInTheTable();
    }

    private void assertEveryAcknowledgedVersionIsInTheTable() {
        Map<String, Integer> stored = new TreeMap<>();
        for (String row : running().column("SELECT id || ' ' || (raw_json ->> 'version') FROM neon_auth.users_sync")) {
            stored.put(row.split(" ")[0], Integer.valueOf(row.split(" ")[1]));
        }
        Map<String, Integer> lost = new TreeMap<>(acknowledged);
        lost.entrySet().removeIf(user -> stored.getOrDefault(user.getKey(), 0) >= user.getValue());
        assertEquals(Map.of(), lost);
    }

    /** Ever newer versions of a hundred users from concurrent senders, until it is closed. */
    private final class Deliveries implements AutoCloseable {

        /** How often each reply was given; a connection that breaks is none. */
        final Map<String, Integer> replies = new ConcurrentHashMap<>();
        private final String url;
        private final ExecutorService threads = Executors.newFixedThreadPool(SENDERS);
        private final List<Future<?>> senders = new ArrayList<>();
        private volatile boolean closed;

        Deliveries(AppProcess to) {
            url = to.webhooks("generic");
            for (int i = 0; i < SENDERS; i++) {
                senders.add(threads.submit(this::send));
            }
        }

        private void send() {
            while (!closed) {
                int next = version.incrementAndGet();
                String id = "user" + next % USERS;
                Instant time = firstVersion.plusMillis(next);
                Delivery delivery = new Delivery("""
                        {"type": "user.updated", "timestamp": "%s", "data": {"id": "%s", "name": "Jane", "email": "jane@example.com",
                         "created_at": "%s", "updated_at": "%s", "version": %d}}
                        """.formatted(time, id, firstVersion, time, next));
                try {
                    HttpResponse<String> reply = delivery.post(url);
                    if (reply.statusCode() == 204) {
                        acknowledged.merge(id, next, Math::max);
                    }
                    replies.merge(reply.statusCode() + reply.headers().firstValue("Retry-After").map(", Retry-After "::concat).orElse(""),
                            1, Integer::sum);
                } catch (UncheckedIOException e) {
                    // not acknowledged: it may be in the table or not
                }
            }
        }

        void await(String reply, int count) {
            Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> replies.getOrDefault(reply, 0) >= count);
        }

        @Override
        public void close() throws ExecutionException, InterruptedException {
            closed = true;
            threads.shutdown();
            for (Future<?> sender : senders) {
                sender.get();
            }
        }
    }
}
