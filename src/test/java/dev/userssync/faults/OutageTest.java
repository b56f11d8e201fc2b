package dev.userssync.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Deliveries;
import dev.userssync.bench.Ports;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.Http;
import dev.userssync.testing.Rows;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Batches under load during a second fault: the database is unreachable, or two instances write the same users. */
@Tag("app")
class OutageTest {

    private static final String RETRY = "503, Retry-After 30";

    @TempDir
    private Path directory;

    private EmbeddedPostgres postgres(int port) throws IOException {
        return EmbeddedPostgres.builder()
                .setDataDirectory(directory.resolve("postgres"))
                .setCleanDataDirectory(false)
                .setPort(port)
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .start();
    }

    @Test
    void postgresIsStoppedFor20SecondsUnderLoad() throws Exception {
        DeliveryStream stream = new DeliveryStream(32, version -> version % 100);
        EmbeddedPostgres postgres = postgres(Ports.free());
        Properties settings = TestSettings.with(new TestDatabase(), "generic");
        settings.setProperty("database.url", postgres.getJdbcUrl("postgres", "postgres"));
        FakeApi api = new FakeApi(FakeApis::clerk);
        settings.setProperty("clerk.api.key", FakeApis.KEY);
        settings.setProperty("clerk.api.url", api.url());
        settings.setProperty("poll.interval", "1s");
        settings.setProperty("poll.tick", "100");
        try (api;
                StartedApp app = new StartedApp(settings)) {
            CapturedLog log = new CapturedLog();
            try (DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"))) {
                deliveries.await("204", 500);
                postgres.close();
                long away = System.nanoTime() + Duration.ofSeconds(20).toNanos();
                deliveries.await(RETRY, 1);
                while (System.nanoTime() < away) {
                    LockSupport.parkNanos(away - System.nanoTime()); // the outage
                    Http.get(app.management("/observe/health/ready"));
                    new Delivery("").post(app.management("/dead-letters/replay"));
                }
                List<String> said = List.copyOf(log.lines());
                int before = deliveries.replies.get("204");
                postgres = postgres(postgres.getPort());
                deliveries.await("204", before + 500);
                deliveries.close();
                assertEquals(Set.of("204", RETRY), deliveries.replies.keySet());
                String database = settings.getProperty("database.url").replaceFirst("\\?.*", "");
                assertTrue(said.size() <= 3, said::toString);
                assertTrue(
                        said.stream().anyMatch(line -> line.contains("the database " + database + " is unreachable, ")),
                        said::toString);
                Awaitility.await()
                        .until(() -> log.lines().stream()
                                .anyMatch(line -> line.contains("the database " + database + " is back, after ")));
            }
            List<String> rows;
            try (Connection connection = postgres.getPostgresDatabase().getConnection()) {
                rows = Rows.column(connection, DeliveryStream.ROWS);
            }
            assertEquals(Map.of(), stream.lost(rows));
            assertEquals(List.of(), stream.wrong(rows));
        } finally {
            postgres.close();
        }
    }

    /**
     * Many users per batch, in a different order in each instance. Without one order of locks Postgres would find a
     * deadlock at once.
     */
    @Test
    void twoInstancesWriteTheSameUsersWithoutADeadlock() throws Exception {
        int seconds = Integer.getInteger("deadlock.hunt.seconds", 10);
        DeliveryStream stream = new DeliveryStream(64, version -> (int) (version * 2654435761L % 40 & 0x7fffffff));
        TestDatabase database = new TestDatabase();
        try (StartedApp one = new StartedApp(TestSettings.with(database, "generic"));
                StartedApp other = new StartedApp(TestSettings.with(database, "generic"));
                DeliveryStream.Deliveries deliveries =
                        stream.new Deliveries(one.webhooks("generic"), other.webhooks("generic"))) {
            Awaitility.await()
                    .during(Duration.ofSeconds(seconds))
                    .atMost(Duration.ofSeconds(seconds + 5))
                    .until(() -> deliveries.replies.keySet(), Set.of("204")::containsAll);
            deliveries.close();
            assertEquals(Set.of("204"), deliveries.replies.keySet());
        }
        List<String> rows = database.column(DeliveryStream.ROWS);
        assertEquals(Map.of(), stream.lost(rows));
        assertEquals(List.of(), stream.wrong(rows));
        assertEquals("0", database.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"));
    }
}
