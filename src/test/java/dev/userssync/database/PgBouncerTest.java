package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Deliveries;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.PgBouncer;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A real PgBouncer, as at Neon and Supabase: other clients of the pool do not notice users-sync, and no delivery
 * notices the pooler.
 */
@Tag("app")
@Tag("pgbouncer")
class PgBouncerTest {

    private static final List<String> SETTINGS = List.of(
            "lock_timeout",
            "statement_timeout",
            "plan_cache_mode",
            "search_path",
            "role",
            "client_min_messages",
            "default_transaction_isolation",
            "default_transaction_read_only",
            "extra_float_digits");

    @TempDir
    private Path directory;

    private final TestDatabase database = new TestDatabase();
    private final CapturedLog log = new CapturedLog();

    private Properties settings(String url) {
        Properties settings = TestSettings.with(database, "generic");
        settings.setProperty("database.url", url);
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("console.password", "correct horse battery staple");
        return settings;
    }

    /** What another client of the same pooler sees. */
    private static String settingsOf(Connection client) throws SQLException {
        StringBuilder values = new StringBuilder();
        for (String setting : SETTINGS) {
            try (var statement = client.createStatement();
                    ResultSet value = statement.executeQuery("SHOW " + setting)) {
                value.next();
                values.append(setting).append('=').append(value.getString(1)).append(' ');
            }
        }
        return values.toString();
    }

    private static Connection client(PgBouncer pooler) throws SQLException {
        return DriverManager.getConnection(pooler.url() + "&prepareThreshold=0&assumeMinServerVersion=14");
    }

    @ParameterizedTest
    @ValueSource(strings = {"transaction", "session"})
    void nobodyElseInThePoolInheritsASetting(String mode) throws Exception {
        try (PgBouncer pooler = new PgBouncer(directory, mode, database)) {
            String before;
            try (Connection client = client(pooler)) {
                before = settingsOf(client);
            }
            DeliveryStream stream = new DeliveryStream(16, version -> version % 100);
            Set<String> seen = new TreeSet<>();
            try (StartedApp app = new StartedApp(settings(pooler.url()));
                    DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"));
                    Connection client = client(pooler)) {
                deliveries.await("204", 200);
                for (int i = 0; i < 30; i++) {
                    seen.add(settingsOf(client));
                    String scim = app.webhooks("").replace("/webhooks/", "/scim/v2");
                    assertEquals(
                            201,
                            ScimApp.send(ScimApp.request(
                                            scim,
                                            "POST",
                                            "/Users",
                                            ScimApp.user("jane" + i, "\"externalId\": \"s" + i + "\"")))
                                    .status());
                }
                deliveries.await("204", 500);
                deliveries.close();
                assertEquals(Set.of("204"), deliveries.replies.keySet());
            }
            assertEquals(Set.of(before), seen);
            List<String> rows = database.column(DeliveryStream.ROWS + " WHERE id LIKE 'user%'");
            assertEquals(Map.of(), stream.lost(rows));
            assertEquals(List.of(), stream.wrong(rows));
            assertTrue(
                    log.lines().stream().anyMatch(line -> line.contains("DATABASE_URL leads to a pooler")),
                    log.lines().toString());
            assertTrue(
                    log.lines().stream().anyMatch(line -> line.contains("set DATABASE_DIRECT_URL")),
                    "the console's indexes need a session");
        }
    }

    /** PgBouncer before 1.21 loses prepared statements. users-sync warns an operator whose settings expect them. */
    @Test
    void aPoolerThatKeepsNoPreparedStatementsIsNoticed() throws Exception {
        try (PgBouncer pooler = new PgBouncer(directory, "transaction", database)) {
            DeliveryStream stream = new DeliveryStream(8, version -> version % 20);
            try (StartedApp app = new StartedApp(settings(pooler.url() + "&prepareThreshold=1"));
                    DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"))) {
                await().atMost(Duration.ofSeconds(30))
                        .until(() -> log.lines().stream()
                                .anyMatch(line -> line.contains("does not keep prepared statements")));
                int before = deliveries.replies.getOrDefault("204", 0);
                deliveries.await("204", before + 200);
            } catch (RuntimeException e) { // the migration may be the first to meet another client's name
                StartupFailure told = ObjectHelper.getException(StartupFailure.class, e);
                assertTrue(
                        told != null && told.getMessage().contains("remove prepareThreshold from DATABASE_URL"),
                        e.toString());
            }
        }
    }

    @Test
    void migrationsAndIndexesGoTheDirectWay() throws Exception {
        try (PgBouncer pooler = new PgBouncer(directory, "transaction", database)) {
            Properties settings = settings(pooler.url());
            settings.setProperty(
                    "database.direct.url",
                    database.url().replaceFirst("user=[^&]*&?", "")); // the user comes from DATABASE_URL
            try (StartedApp app = new StartedApp(settings)) {
                await().until(() -> database.column("SELECT 1 FROM pg_indexes WHERE indexname = 'users_sync_words_idx'")
                                .size()
                        == 1);
                assertEquals(
                        204,
                        new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}")
                                .post(app.webhooks("generic"))
                                .statusCode());
            }
        }
    }
}
