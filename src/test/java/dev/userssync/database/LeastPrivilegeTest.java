package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.command.Commands;
import dev.userssync.event.JsonBody;
import dev.userssync.provider.Polls;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.FakeOrganizationApis;
import dev.userssync.testing.FakeOrganizations;
import dev.userssync.testing.Http;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import org.apache.camel.FluentProducerTemplate;
import org.apache.camel.Route;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Two roles, as docs/security.md sets them up: one owns and migrates the tables, the other runs the application, and
 * everything works.
 */
@Tag("app")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class LeastPrivilegeTest {

    private final TestDatabase database = new TestDatabase();
    private final String url = database.url().replaceFirst("\\?.*", "");
    private final String owner = "owner_" + UUID.randomUUID();
    private final String role = "app_" + UUID.randomUUID();
    private final FakeApi api = new FakeApi(FakeApis::clerk);
    private final FakeOrganizations organizations = new FakeOrganizations(FakeOrganizationApis::auth0);
    private final Properties settings = TestSettings.with(database, "clerk", "generic", "scim");
    private final CapturedLog log = new CapturedLog();
    private StartedApp app;
    private String refusedBefore;

    @BeforeAll
    void theOwnerMigratesAndTheApplicationStarts() throws Exception {
        database.execute("CREATE ROLE \"" + owner + "\" LOGIN; CREATE ROLE \"" + role
                + "\" LOGIN; CREATE TABLE private (secret TEXT)");
        database.execute("DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO \"" + owner
                + "\"', current_database()); END $$");
        settings.setProperty("database.url", url);
        settings.setProperty("database.user", role);
        settings.setProperty("database.migrate", "false");
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        settings.setProperty("console.password", "correct horse battery staple");
        settings.setProperty("replay.protection", "generic");
        settings.setProperty("clerk.api.key", FakeApis.KEY);
        settings.setProperty("clerk.api.url", api.url());
        settings.setProperty("clerk.id.prefix", "c:"); // a missing user's id must name its provider
        settings.setProperty("poll.interval", "1h");
        settings.setProperty("poll.tick", "20");
        settings.setProperty("auth0.api.key", "client:secret");
        settings.setProperty("auth0.api.url", organizations.api.url());
        settings.setProperty("auth0.id.prefix", "a:");
        organizations.found("o1");
        organizations.join("o1", "u1", "admin");
        organizations.join("o1", "u2", "admin");
        api.createMany("polled_", 3);
        Throwable tooEarly = assertThrows(RuntimeException.class, () -> new StartedApp(settings));
        while (tooEarly.getCause() != null) {
            tooEarly = tooEarly.getCause();
        }
        refusedBefore = tooEarly.getMessage();
        migrate();
        try (Connection connection = DriverManager.getConnection(url, owner, null)) {
            connection.createStatement().execute(printSqlForTheRole());
        }
        log.clear();
        app = new StartedApp(settings);
    }

    /** Runs the command as the owner does before an upgrade. */
    private void migrate() throws Exception {
        ProcessBuilder command = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "dev.userssync.UsersSync",
                        "migrate")
                .redirectErrorStream(true);
        command.environment()
                .putAll(Map.of("DATABASE_URL", url, "DATABASE_USER", owner, "SCIM_WEBHOOK_SECRET", ScimApp.TOKEN));
        Process migrating = command.start();
        String output = new String(migrating.getInputStream().readAllBytes());
        assertEquals(0, migrating.waitFor(), output);
        assertTrue(output.contains(" migrations in " + url), output);
    }

    private String printSqlForTheRole() {
        StringWriter printed = new StringWriter();
        assertEquals(0, Commands.line(() -> 0).setOut(new PrintWriter(printed)).execute("print-sql", "--role", role));
        return printed.toString();
    }

    @AfterAll
    void stop() {
        if (app != null) {
            app.close();
        }
        api.close();
        organizations.close();
    }

    @Test
    void beforeTheMigrationTheStartSaysWhatToDo() {
        assertEquals(
                "the tables in " + url
                        + " are missing or older than this users-sync, and DATABASE_MIGRATE is false: run `users-sync migrate` with"
                        + " the role that owns them, then what `users-sync print-sql --role` prints",
                refusedBefore);
    }

    private int generic(String type, String id, int daysAgo) {
        Instant time = Instant.now().minus(daysAgo, ChronoUnit.DAYS);
        return new Delivery("""
                {"type": "user.%s", "data": {"id": "%s", "name": "Ada", "created_at": "%s", "updated_at": "%s", "deleted_at": "%s"}}""".formatted(type, id, time, time, time))
                .post(app.webhooks("generic"))
                .statusCode();
    }

    private FluentProducerTemplate to(String route) {
        return app.main.getCamelContext().createFluentProducerTemplate().to("direct:" + route);
    }

    private String name(String id) {
        return database.column("SELECT name FROM neon_auth.users_live WHERE id = ?", id).stream()
                .findFirst()
                .orElse("nobody");
    }

    @Test
    void deliveriesAreAppliedMergedAndParkedAndReplayed() throws Exception {
        assertEquals(204, generic("created", "u1", 2));
        assertEquals("Ada", name("u1"));
        assertEquals(204, generic("deleted", "u1", 1));
        assertEquals("nobody", name("u1"));
        to("user-changed")
                .withVariable("provider", "generic")
                .withVariable("delivery-id", "msg_parts")
                .withBody(JsonBody.MAPPER.readTree(
                        "[{\"type\": \"updated\", \"id\": \"u2\", \"name\": \"Zoe\", \"partial\": true, \"raw\": {}}]"))
                .send();
        assertEquals("Zoe", name("u2"));
        assertEquals(422, new Delivery("no JSON").post(app.webhooks("generic")).statusCode());
        assertEquals(
                204,
                new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u3\", \"n\": 1e999999}}")
                        .post(app.webhooks("generic"))
                        .statusCode());
        assertEquals(
                "{\"tried\": 2, \"went_through\": 0, \"still_parked\": 2}",
                to("replay-dead-letters").request(String.class));
        String letter = database.value("SELECT min(id) FROM users_sync_internal.dead_letter");
        to("discard-dead-letter").withHeader("letter", letter).send();
        assertEquals(
                "1", database.value("SELECT count(*) FROM users_sync_internal.dead_letter WHERE state = 'discarded'"));
        assertNothingWasDenied();
    }

    private void awaitBackfill() {
        String state =
                "SELECT backfilled_at IS NOT NULL AND phase IS NULL FROM users_sync_internal.poll_state WHERE provider = 'clerk'";
        await().atMost(Duration.ofSeconds(20))
                .until(() -> database.column(state).equals(List.of("t")));
    }

    @Test
    void usersArePolledComparedAndDeletedWhenTheyAreGone() {
        awaitBackfill();
        assertEquals("Name of polled_0000001", name("c:polled_0000001"));
        api.delete("polled_0000001");
        database.execute("UPDATE users_sync_internal.poll_state SET listing_due = now()");
        app.main
                .getCamelContext()
                .getRegistry()
                .lookupByNameAndType("polls", Polls.class)
                .wake("clerk");
        await().atMost(Duration.ofSeconds(20))
                .until(() -> name("c:polled_0000001").equals("nobody"));
        assertNothingWasDenied();
    }

    @Test
    void organizationsArePolledAndTheirMembershipsEnd() {
        String members =
                "SELECT user_id || ' ' || role AS one FROM neon_auth.memberships_live WHERE organization_id = 'a:o1' ORDER BY user_id";
        await().atMost(Duration.ofSeconds(20))
                .until(() -> database.column(members).equals(List.of("a:u1 admin", "a:u2 admin")));
        await().atMost(Duration.ofSeconds(20))
                .until(
                        () -> database.column(
                                "SELECT 1 FROM users_sync_internal.poll_state WHERE provider = 'auth0:organizations' AND phase IS NULL"),
                        done -> !done.isEmpty());
        organizations.leave("o1", "u2");
        organizations.change("o1", "u1", "editor");
        database.execute(
                "UPDATE users_sync_internal.poll_state SET listing_due = now() WHERE provider = 'auth0:organizations'");
        app.main
                .getCamelContext()
                .getRegistry()
                .lookupByNameAndType("polls", Polls.class)
                .wake("auth0:organizations");
        await().atMost(Duration.ofSeconds(20))
                .until(() -> database.column(members).equals(List.of("a:u1 editor")));
        assertNothingWasDenied();
    }

    @Test
    void scimAndTheConsoleWork() throws Exception {
        String scim = app.webhooks("").replace("/webhooks/", "/scim/v2");
        assertEquals(
                201,
                ScimApp.send(ScimApp.request(
                                scim,
                                "POST",
                                "/Users",
                                ScimApp.user("jane", "\"externalId\": \"s1\", \"displayName\": \"Jane\"")))
                        .status());
        assertEquals(
                200,
                ScimApp.send(
                                ScimApp.request(
                                        scim,
                                        "PATCH",
                                        "/Users/s1",
                                        "{\"Operations\": [{\"op\": \"replace\", \"path\": \"displayName\", \"value\": \"Jane D.\"}]}"))
                        .status());
        assertEquals("Jane D.", name("s1"));
        String console = "http://localhost:" + settings.getProperty("camel.management.port");
        String credentials =
                "Basic " + java.util.Base64.getEncoder().encodeToString(":correct horse battery staple".getBytes());
        for (String path : List.of("/admin/status", "/admin/users?q=jane", "/admin/user?id=s1")) {
            assertEquals(
                    200, Http.get(console + path, "Authorization", credentials).statusCode(), path);
        }
        assertTrue(Http.get(console + "/observe/health/ready").body().contains("UP"));
        assertNothingWasDenied();
    }

    @Test
    void scimClientsAreManagedAndServed() {
        String clients = app.management("/admin/scim-clients");
        String credentials =
                "Basic " + java.util.Base64.getEncoder().encodeToString(":correct horse battery staple".getBytes());
        for (String command : List.of("?name=acme&organization=org_acme", "/rotate?name=acme", "/remove?name=acme")) {
            var reply = Http.post(clients + command, "", "Authorization", credentials);
            assertEquals(200, reply.statusCode(), reply.body());
            if (reply.body().contains("token")) {
                String token = reply.body().replaceFirst("(?s).*\"token\":\"(\\w+[^\"]*)\".*", "$1");
                String scim = app.webhooks("").replace("/webhooks/", "/scim/v2");
                var added = ScimApp.send(ScimApp.request(
                                scim, "POST", "/Users", ScimApp.user(command, "\"externalId\": \"" + command + "\""))
                        .setHeader("Authorization", "Bearer " + token));
                assertEquals(201, added.status(), added.http().body());
            }
        }
        assertEquals(
                "2",
                database.value("SELECT count(*) FROM neon_auth.memberships_live WHERE organization_id = 'org_acme'"));
        assertEquals(403, Http.get(clients).statusCode());
        assertTrue(Http.get(clients, "Authorization", credentials).body().contains("\"live_users\":2"));
        assertNothingWasDenied();
    }

    @Test
    void usersAreErasedAndPurgedAndHistoryIsForgotten() throws Exception {
        generic("created", "erased", 50);
        generic("created", "purged", 50);
        generic("deleted", "purged", 40);
        assertTrue(to("erase-user")
                .withHeader("id", "erased")
                .request(String.class)
                .contains("\"rows_left\": 0"));
        assertTrue(
                to("purge-users").withHeader("days", "30").request(String.class).contains("\"purged\": 1"));
        database.execute(
                "INSERT INTO users_sync_internal.event_log (at, user_id, type, decision) VALUES (now() - interval '40 days', 'x', 'updated', 'applied')");
        assertEquals(1L, to("forget-history").request(Map.class).get("decisions"));
        Route everyMinute = app.main.getCamelContext().getRoute("report-activity");
        everyMinute.getProcessor().process(everyMinute.getEndpoint().createExchange());
        assertTrue(Integer.parseInt(database.value("SELECT count(*) FROM users_sync_internal.activity")) > 0);
        assertEquals(
                "erased purged",
                database.value("SELECT string_agg(id, ' ' ORDER BY id) FROM users_sync_internal.tombstone"));
        assertNothingWasDenied();
    }

    private String ready() {
        return Http.get(app.management("/observe/health/ready")).body();
    }

    /** Not ready, for the given reason, and then ready again. */
    private void assertNotReady(String reason, String trouble, String repair) {
        database.execute(trouble);
        Database.of(app.main.getCamelContext()).pool.getHikariPoolMXBean().softEvictConnections();
        try {
            await().atMost(Duration.ofSeconds(20)).until(() -> ready().contains(reason));
            List<String> start = startLog();
            assertTrue(
                    start.stream().anyMatch(line -> line.startsWith("ERROR") && line.contains(reason)),
                    start.toString());
        } finally {
            database.execute(repair);
            Database.of(app.main.getCamelContext()).pool.getHikariPoolMXBean().softEvictConnections();
        }
        await().atMost(Duration.ofSeconds(20)).until(() -> !ready().contains(reason));
    }

    @Test
    void aRoleThatCannotWriteIsNotReady() {
        awaitBackfill(); // interrupted now, the backfill would keep its lease longer than the other tests wait
        assertNotReady(
                "GRANT INSERT, UPDATE, DELETE ON neon_auth.users_sync TO",
                "REVOKE INSERT, UPDATE, DELETE ON neon_auth.users_sync FROM \"" + role + "\"",
                "GRANT INSERT, UPDATE, DELETE ON neon_auth.users_sync TO \"" + role + "\"");
        assertNotReady(
                "row level security on neon_auth.users_sync applies to the role",
                "ALTER TABLE neon_auth.users_sync ENABLE ROW LEVEL SECURITY",
                "CREATE POLICY users_sync ON neon_auth.users_sync TO \"" + role + "\" USING (true) WITH CHECK (true)");
        database.execute(
                "ALTER TABLE neon_auth.users_sync DISABLE ROW LEVEL SECURITY; DROP POLICY users_sync ON neon_auth.users_sync");
        String revives =
                "users_sync_internal.revives(timestamp with time zone,timestamp with time zone,timestamp with time zone)";
        assertNotReady(
                "GRANT EXECUTE ON FUNCTION " + revives + " TO",
                "REVOKE EXECUTE ON FUNCTION " + revives + " FROM PUBLIC, \"" + role + "\"",
                "GRANT EXECUTE ON FUNCTION " + revives + " TO \"" + role + "\"");
        assertNotReady(
                "read-only: Postgres accepts no writes (default_transaction_read_only)",
                "ALTER ROLE \"" + role + "\" SET default_transaction_read_only = on",
                "ALTER ROLE \"" + role + "\" RESET default_transaction_read_only");
        log.clear(); // drops what the log holds of the denied polls
    }

    @Test
    void theStartNamesARoleThatHasTheViewAndLacksTheTable() {
        String reader = "Report " + database.value("SELECT current_database()");
        database.execute("CREATE ROLE \"" + reader + "\"; GRANT SELECT ON neon_auth.users_live TO \"" + reader + "\"");
        try {
            assertTrue(
                    startLog().stream()
                            .anyMatch(line -> line.startsWith("WARN")
                                    && line.contains("GRANT SELECT ON neon_auth.users_sync TO \"" + reader + "\"")),
                    startLog().toString());
            database.execute("GRANT SELECT (id) ON neon_auth.users_sync TO \"" + reader + "\"");
            assertTrue(startLog().stream().noneMatch(line -> line.contains(reader)));
        } finally {
            database.execute("DROP OWNED BY \"" + reader + "\"; DROP ROLE \"" + reader + "\"");
        }
        assertTrue(ready().contains("UP"), "users-sync itself has its rights");
    }

    /** A call for each column of each row would cost more than the names are worth. */
    @Test
    void theConditionsOfTheMergeRuleArePutIntoTheStatement() throws SQLException {
        String plan = "";
        try (Connection connection = DriverManager.getConnection(url, role, null);
                ResultSet lines = connection
                        .createStatement()
                        .executeQuery("EXPLAIN VERBOSE SELECT"
                                + " users_sync_internal.profile_wins(u.updated_at, u.created_at, u.deleted_at, r.updated_at, r.created_at),"
                                + " users_sync_internal.part_wins(u.updated_at, u.created_at, u.raw_json, r.updated_at, r.created_at, r.raw_json),"
                                + " users_sync_internal.deletion_wins(u.deleted_at, r.updated_at, r.created_at),"
                                + " users_sync_internal.revives(u.updated_at, u.created_at, r.deleted_at)"
                                + " FROM neon_auth.users_sync AS u, neon_auth.users_sync AS r")) {
            while (lines.next()) {
                plan += lines.getString(1) + "\n";
            }
        }
        assertTrue(plan.contains("'-infinity'::timestamp with time zone"), plan);
        assertFalse(plan.contains("users_sync_internal"), plan);
    }

    private List<String> startLog() {
        Properties second = TestSettings.with(database, "generic");
        List.of("database.url", "database.user", "database.migrate")
                .forEach(setting -> second.setProperty(setting, settings.getProperty(setting)));
        CapturedLog start = new CapturedLog();
        new StartedApp(second).close();
        return start.lines();
    }

    private void assertNothingWasDenied() {
        // Only the owner can create the console's indexes, and users-sync says so.
        assertEquals(
                List.of(),
                log.lines().stream()
                        .filter(line -> line.contains("42501") || line.contains("permission denied"))
                        .filter(line -> !line.contains(
                                "Let the owner of neon_auth.users_sync run routes/sql/console-indexes.sql"))
                        .toList());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "CREATE TABLE neon_auth.more (id TEXT)",
                "CREATE TABLE users_sync_internal.more (id TEXT)",
                "CREATE SCHEMA more",
                "DROP TABLE neon_auth.users_sync CASCADE",
                "ALTER TABLE neon_auth.users_sync ADD COLUMN more TEXT",
                "TRUNCATE neon_auth.users_sync CASCADE",
                "CREATE INDEX ON neon_auth.users_sync (name)",
                "CREATE OR REPLACE VIEW neon_auth.users_live AS SELECT 1",
                "ALTER TABLE neon_auth.users_sync OWNER TO CURRENT_USER",
                "CREATE TRIGGER t BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "UPDATE users_sync_internal.event_log SET decision = 'applied'",
                "UPDATE users_sync_internal.delivery SET at = now()",
                "DELETE FROM users_sync_internal.tombstone",
                "DELETE FROM users_sync_internal.poll_state",
                "UPDATE users_sync_internal.flyway_schema_history SET success = false",
                "CREATE OR REPLACE FUNCTION users_sync_internal.first_time(provider TEXT, id TEXT) RETURNS BOOLEAN LANGUAGE sql AS 'SELECT true'",
                "SELECT * FROM private",
                "SELECT neon_auth.ensure_user('u9')",
                "CREATE ROLE more",
                "ALTER ROLE CURRENT_USER SUPERUSER",
                "COPY neon_auth.users_sync TO PROGRAM 'cat'",
                "COPY neon_auth.users_sync TO '/tmp/users'",
                "SELECT pg_read_file('postgresql.conf')"
            })
    void theRoleMayNot(String statement) throws SQLException {
        try (Connection connection = DriverManager.getConnection(url, role, null)) {
            SQLException refused = assertThrows(
                    SQLException.class, () -> connection.createStatement().execute(statement));
            assertEquals("42501", refused.getSQLState(), refused.getMessage());
        }
    }
}
