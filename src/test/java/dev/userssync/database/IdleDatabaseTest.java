package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Deliveries;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.Http;
import dev.userssync.testing.PostgresServer;
import dev.userssync.testing.Rows;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.Route;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** users-sync leaves an idle database alone, so that it can scale to zero, and runs on one with few connections. */
@Tag("app")
class IdleDatabaseTest {

    private static final String CONNECTIONS =
            "SELECT pid || ' ' || state || ' ' || query FROM pg_stat_activity WHERE datname = 'app'";
    private static final String TRANSACTIONS =
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = 'app'";

    @TempDir
    private Path directory;

    private PostgresServer postgres;
    private final FakeApi api = new FakeApi(FakeApis::clerk);
    private final Properties settings = TestSettings.with(new TestDatabase(), "generic");

    @BeforeEach
    void startPostgres() throws IOException {
        postgres = new PostgresServer(directory.resolve("postgres"));
        settings.setProperty("database.url", "jdbc:postgresql://localhost:" + postgres.port() + "/app");
        settings.setProperty("database.user", "app");
        settings.setProperty("database.quiet", "3000"); // instead of five minutes
        settings.setProperty("database.quiet.tick", "100");
    }

    @AfterEach
    void stopPostgres() throws IOException {
        postgres.close();
        api.close();
    }

    /** A connection of the test's own: one through the application's database would change the figures. */
    private List<String> column(String sql) {
        try (Connection connection = postgres.connect("postgres")) {
            return Rows.column(connection, sql);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int deliver(StartedApp app, String id) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"%s\", \"name\": \"Ada\"}}".formatted(id))
                .post(app.webhooks("generic"))
                .statusCode();
    }

    private static double metric(StartedApp app, String series) {
        return Http.get(app.management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> line.startsWith(series + " "))
                .mapToDouble(line -> Double.parseDouble(line.substring(series.length() + 1)))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void nothingIsAskedOfADatabaseThatNobodyNeedsAndItMayTakeItsTimeToResume() throws Exception {
        settings.setProperty("clerk.api.key", FakeApis.KEY);
        settings.setProperty("clerk.api.url", api.url());
        settings.setProperty("clerk.webhook.secret", TestSettings.SECRET);
        settings.setProperty("poll.interval", "1h");
        settings.setProperty("poll.tick", "20");
        api.createMany("polled_", 3);
        try (StartedApp app = new StartedApp(settings)) {
            await().atMost(Duration.ofSeconds(30))
                    .until(() -> column("SELECT 1 FROM pg_database WHERE datname = 'app'")
                                            .size()
                                    == 1
                            && postgres.column(
                                                    "SELECT 1 FROM users_sync_internal.poll_state WHERE backfilled_at IS NOT NULL AND phase IS NULL")
                                            .size()
                                    == 1);
            assertEquals(204, deliver(app, "u1"));
            Route everyMinute = app.main.getCamelContext().getRoute("report-activity");
            everyMinute.getProcessor().process(everyMinute.getEndpoint().createExchange());
            assertEquals(
                    "1",
                    postgres.column("SELECT sum(applied) FROM users_sync_internal.activity WHERE provider = 'generic'")
                            .get(0));
            await().atMost(Duration.ofSeconds(30)).until(() -> {
                // a scrape does not keep the database awake
                metric(app, "users_sync_webhook_age_seconds{provider=\"generic\"}");
                return column(CONNECTIONS).isEmpty();
            });
            AtomicReference<String> before = new AtomicReference<>();
            // Five seconds without a transaction. Before them, Postgres' own autovacuum may have run.
            await().during(Duration.ofSeconds(5)).atMost(Duration.ofSeconds(40)).until(() -> {
                assertEquals(
                        200, Http.get(app.management("/observe/health/ready")).statusCode());
                metric(app, "users_sync_users");
                everyMinute.getProcessor().process(everyMinute.getEndpoint().createExchange());
                String now = column(TRANSACTIONS).get(0);
                return now.equals(before.getAndSet(now)) && column(CONNECTIONS).isEmpty();
            });
            assertTrue(metric(app, "users_sync_figures_age_seconds") >= 5);
            assertTrue(
                    metric(app, "users_sync_webhook_age_seconds{provider=\"generic\"}") >= 5,
                    "right without asking the database");

            postgres.stop();
            CompletableFuture<Void> resumed = CompletableFuture.runAsync(
                    () -> {
                        try {
                            postgres.start();
                        } catch (IOException e) {
                            throw new UncheckedIOException(e);
                        }
                    },
                    CompletableFuture.delayedExecutor(2, TimeUnit.SECONDS));
            assertEquals(204, deliver(app, "u2"));
            resumed.get();
        }
    }

    /** A small plan's connection limit. SCIM needs connections of its own. */
    @Test
    void aRoleWithFiveConnectionsIsEnough() throws Exception {
        postgres.execute("postgres", "ALTER ROLE app CONNECTION LIMIT 5");
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("console.password", "correct horse battery staple");
        DeliveryStream stream = new DeliveryStream(16, version -> version % 50);
        try (StartedApp app = new StartedApp(settings);
                DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"))) {
            deliveries.await("204", 300);
            String scim = app.webhooks("").replace("/webhooks/", "/scim/v2");
            assertEquals(
                    201,
                    ScimApp.send(ScimApp.request(
                                    scim, "POST", "/Users", ScimApp.user("jane", "\"externalId\": \"s1\"")))
                            .status());
            deliveries.close();
            assertEquals(Set.of("204"), deliveries.replies.keySet());
        }
    }

    @Test
    void withoutAConnectionThatIsFreeTheStartNamesTheSetting() throws Exception {
        postgres.execute("postgres", "ALTER ROLE app CONNECTION LIMIT 1");
        try (Connection other = postgres.connectAsApp()) {
            StartupFailure failure = ObjectHelper.getException(
                    StartupFailure.class, assertThrows(RuntimeException.class, () -> new StartedApp(settings)));
            assertTrue(
                    failure.getMessage()
                            .contains(
                                    "too many connections for role \"app\"; free a connection, raise the limit, or set DATABASE_POOL_SIZE"),
                    failure.getMessage());
        }
    }

    @Test
    void thePoolTakesNoMoreThanIsSet() throws Exception {
        settings.setProperty("database.pool.size", "2");
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        DeliveryStream stream = new DeliveryStream(16, version -> version % 50);
        try (StartedApp app = new StartedApp(settings);
                DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"))) {
            deliveries.await("204", 200);
            assertTrue(column(CONNECTIONS).size() <= 2, column(CONNECTIONS).toString());
        }
        settings.setProperty("database.pool.size", "many");
        StartupFailure failure = ObjectHelper.getException(
                StartupFailure.class, assertThrows(RuntimeException.class, () -> new StartedApp(settings)));
        assertEquals(
                "DATABASE_POOL_SIZE must be a number of connections from 2 to 9999; it is many", failure.getMessage());
    }
}
