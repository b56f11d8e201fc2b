package dev.userssync.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Deliveries;
import dev.userssync.testing.AppProcess;
import dev.userssync.testing.DeliveryStream;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Acknowledged means committed: whatever process dies in the middle of a stream, every delivery that was answered 204
 * is in the table.
 */
@Tag("app")
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

    /** All tests share one data directory, so each also proves that the previous test left no damage. */
    private AppProcess app;

    private final DeliveryStream stream = new DeliveryStream(SENDERS, version -> version % USERS);

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

    @Test
    void theApplicationIsKilled() throws Exception {
        try (DeliveryStream.Deliveries deliveries =
                stream.new Deliveries(running().webhooks("generic"))) {
            deliveries.await(ACKNOWLEDGED, BEFORE_THE_END);
            app.kill();
            deliveries.close();
            assertEquals(Set.of(ACKNOWLEDGED), deliveries.replies.keySet());
        }
        assertEveryAcknowledgedVersionIsInTheTable();
    }

    @Test
    void postgresIsKilled() throws Exception {
        try (DeliveryStream.Deliveries deliveries =
                stream.new Deliveries(running().webhooks("generic"))) {
            deliveries.await(ACKNOWLEDGED, BEFORE_THE_END);
            app.postgres().destroyForcibly();
            deliveries.await(RETRY, 2 * SENDERS);
            deliveries.close();
            assertEquals(Set.of(ACKNOWLEDGED, RETRY), deliveries.replies.keySet());
        }
        app.stop();
        app.exitCode();
        assertEveryAcknowledgedVersionIsInTheTable();
    }

    @Test
    void theApplicationIsStopped() throws Exception {
        try (DeliveryStream.Deliveries deliveries =
                stream.new Deliveries(running().webhooks("generic"))) {
            deliveries.await(ACKNOWLEDGED, BEFORE_THE_END);
            Instant stop = Instant.now();
            app.stop();
            assertEquals(143, app.exitCode(), "128 + SIGTERM");
            assertTrue(Instant.now().isBefore(stop.plus(SHUTDOWN_TIMEOUT)), app.output());
            deliveries.close();
            assertTrue(
                    Set.of(ACKNOWLEDGED, RETRY).containsAll(deliveries.replies.keySet()), deliveries.replies::toString);
        }
        assertFalse(
                app.output().contains("not applied"), "Postgres is stopped after the last delivery\n" + app.output());
        assertNull(app.postgres());
        assertEveryAcknowledgedVersionIsInTheTable();
    }

    @Tag("long")
    @RepeatedTest(5)
    void theyEndInTurn() throws Exception {
        theApplicationIsKilled();
        postgresIsKilled();
        theApplicationIsStopped();
    }

    private void assertEveryAcknowledgedVersionIsInTheTable() {
        List<String> rows = running().column(DeliveryStream.ROWS);
        assertEquals(Map.of(), stream.lost(rows));
        assertEquals(List.of(), stream.wrong(rows));
    }
}
