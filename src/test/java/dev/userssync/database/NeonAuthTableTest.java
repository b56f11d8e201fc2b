package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.command.Commands;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Rows;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An existing table: users-sync adopts the table of Neon Auth in place, and refuses any other. */
@Tag("app")
class NeonAuthTableTest {

    private static final String EVERY_VALUE =
            "SELECT concat_ws('|', id, raw_json, name, email, created_at, %s, deleted_at)"
                    + " FROM neon_auth.users_sync ORDER BY id";
    private static final String EVERY_TODO = "SELECT row_to_json(t) FROM todos t ORDER BY id";
    private static final String FOREIGN_KEYS =
            "SELECT concat_ws(' ', conname, confdeltype, convalidated, pg_get_constraintdef(oid))"
                    + " FROM pg_constraint WHERE contype = 'f' AND confrelid = 'neon_auth.users_sync'::regclass";
    private static final String COLUMNS_AND_ROWS = """
            SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), attnotnull, attgenerated)
              FROM pg_attribute WHERE attrelid = 'neon_auth.users_sync'::regclass AND attnum > 0
            UNION ALL SELECT concat_ws(' ', u.xmin, u.ctid, row_to_json(u)) FROM neon_auth.users_sync u""";
    /** Columns, indexes and constraints with their identities, and the physical version of each row. */
    private static final String EVERYTHING = """
            SELECT concat_ws(' ', attrelid::regclass, attnum, attname, format_type(atttypid, NULL), attnotnull, attgenerated)
              FROM pg_attribute WHERE attrelid IN ('neon_auth.users_sync'::regclass, 'neon_auth.users_live'::regclass)
            UNION ALL SELECT indexrelid || ' ' || pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'neon_auth.users_sync'::regclass
            UNION ALL SELECT oid || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
                       WHERE 'neon_auth.users_sync'::regclass IN (conrelid, confrelid)
            UNION ALL SELECT concat_ws(' ', relname, oid, relfilenode) FROM pg_class WHERE oid = 'neon_auth.users_sync'::regclass
            UNION ALL SELECT concat_ws(' ', id, xmin, ctid) FROM neon_auth.users_sync
            UNION ALL SELECT concat_ws(' ', version, checksum, installed_on) FROM users_sync_internal.flyway_schema_history
            ORDER BY 1""";

    /** The table as dumps of Neon databases show it. Early dumps lack updated_at. */
    @Nested
    @ParameterizedClass(name = "with updated_at: {0}")
    @ValueSource(booleans = {true, false})
    @TestInstance(TestInstance.Lifecycle.PER_CLASS)
    class Adopted {

        private final TestDatabase database = new TestDatabase();

        @Parameter
        boolean withUpdatedAt;

        private List<String> valuesBefore;
        private List<String> valuesAfter;
        private List<String> adopted;
        private List<String> todosBefore;
        private List<String> foreignKeysBefore;
        private StartedApp app;

        @BeforeAll
        void adopt() {
            database.execute("""
                    CREATE SCHEMA neon_auth;
                    CREATE TABLE neon_auth.users_sync (
                        raw_json jsonb NOT NULL,
                        id text GENERATED ALWAYS AS ((raw_json ->> 'id'::text)) STORED NOT NULL,
                        name text GENERATED ALWAYS AS ((raw_json ->> 'display_name'::text)) STORED,
                        email text GENERATED ALWAYS AS ((raw_json ->> 'primary_email'::text)) STORED,
                        created_at timestamp with time zone GENERATED ALWAYS AS (to_timestamp((trunc((((raw_json ->> 'signed_up_at_millis'::text))::bigint)::double precision) / (1000)::double precision))) STORED,
                        updated_at timestamp with time zone,
                        deleted_at timestamp with time zone
                    );
                    ALTER TABLE ONLY neon_auth.users_sync ADD CONSTRAINT users_sync_pkey PRIMARY KEY (id);
                    CREATE INDEX users_sync_deleted_at_idx ON neon_auth.users_sync USING btree (deleted_at);
                    INSERT INTO neon_auth.users_sync (raw_json, updated_at, deleted_at) VALUES
                        ('{"id": "kept", "display_name": "Ada", "primary_email": "ada@example.com", "signed_up_at_millis": 1740681360123}', '2025-03-01Z', NULL),
                        ('{"id": "nameless", "display_name": null}', NULL, NULL),
                        ('{"id": "gone", "display_name": "Bea", "signed_up_at_millis": 1740681360000}', '2025-03-01Z', '2025-03-02Z'),
                        ('{"id": "renamed", "display_name": "Cy", "signed_up_at_millis": 1740681360000}', '2025-03-01Z', NULL),
                        ('{"id": "leaving", "display_name": "Di", "signed_up_at_millis": 1740681360000}', '2025-03-01Z', NULL);
                    CREATE TABLE todos (id SERIAL PRIMARY KEY, task TEXT NOT NULL,
                                        user_id TEXT NOT NULL REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE);
                    INSERT INTO todos (task, user_id) SELECT 'task of ' || id, id FROM neon_auth.users_sync;
                    """);
            if (!withUpdatedAt) {
                database.execute("ALTER TABLE neon_auth.users_sync DROP COLUMN updated_at");
            }
            valuesBefore = database.column(EVERY_VALUE.formatted(withUpdatedAt ? "updated_at" : "NULL"));
            todosBefore = database.column(EVERY_TODO);
            foreignKeysBefore = database.column(FOREIGN_KEYS);
            CapturedLog log = new CapturedLog();
            app = start(database);
            adopted = log.lines().stream()
                    .filter(line -> line.contains("adopted"))
                    .toList();
            valuesAfter = database.column(EVERY_VALUE.formatted("updated_at"));
        }

        @AfterAll
        void stop() {
            app.close();
        }

        @Test
        void theLogSaysWhatWasAdopted() {
            assertEquals(1, adopted.size(), adopted.toString());
            assertTrue(
                    adopted.get(0)
                            .contains(
                                    "adopted the table neon_auth.users_sync of Neon Auth with 5 rows; generated columns that became plain ones:"
                                            + " id, name, email, created_at"),
                    adopted.get(0));
        }

        @Test
        void everyValueIsKept() {
            assertEquals(5, valuesBefore.size());
            assertEquals(valuesBefore, valuesAfter);
        }

        @Test
        void tablesThatReferToItAreKept() {
            assertEquals(5, todosBefore.size());
            assertEquals(todosBefore, database.column(EVERY_TODO));
            assertEquals(1, foreignKeysBefore.size());
            assertEquals(foreignKeysBefore, database.column(FOREIGN_KEYS));
        }

        @Test
        void itHasExactlyTheSevenColumnsAndAllAreWritable() {
            assertEquals(
                    List.of(
                            "created_at timestamp with time zone NEVER",
                            "deleted_at timestamp with time zone NEVER",
                            "email text NEVER",
                            "id text NEVER",
                            "name text NEVER",
                            "raw_json jsonb NEVER",
                            "updated_at timestamp with time zone NEVER"),
                    database.column(
                            "SELECT concat_ws(' ', column_name, data_type, is_generated) FROM information_schema.columns"
                                    + " WHERE table_schema = 'neon_auth' AND table_name = 'users_sync' ORDER BY column_name"));
        }

        @Test
        void itHasOnePrimaryKeyAndOneIndexOfDeletedAt() {
            assertEquals(
                    List.of("users_sync_deleted_at_idx", "users_sync_pkey"),
                    database.column(
                            "SELECT indexname FROM pg_indexes WHERE schemaname = 'neon_auth' AND tablename = 'users_sync' ORDER BY indexname"));
        }

        @Test
        void anAdoptedUserIsUpdated() {
            deliver("generic", """
                    {"type": "user.updated", "timestamp": "2026-01-01T00:00:00Z",
                     "data": {"id": "renamed", "name": "Cyd", "email": "cyd@example.com"}}""");
            assertEquals(
                    "Cyd cyd@example.com Cyd t",
                    database.value(
                            "SELECT concat_ws(' ', name, email, raw_json ->> 'name',"
                                    + " created_at = to_timestamp(1740681360)) FROM neon_auth.users_sync WHERE id = 'renamed'"));
        }

        @Test
        void anAdoptedUserIsDeletedAndKeepsTheTodos() {
            deliver("generic", """
                    {"type": "user.deleted", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "leaving"}}""");
            assertEquals(
                    "Di t task of leaving",
                    database.value("SELECT concat_ws(' ', name, deleted_at = '2026-01-01Z', task)"
                            + " FROM neon_auth.users_sync u JOIN todos t ON t.user_id = u.id WHERE u.id = 'leaving'"));
        }

        @Test
        void aUserOfAnotherProviderIsAdded() {
            String id = "user_29w83sxmDNGwOuEthce5gg56FcC";
            deliver("clerk", """
                    {"type": "user.created", "timestamp": 1767225600000, "object": "event",
                     "data": {"id": "%s", "first_name": "Eva", "last_name": "Stone", "primary_email_address_id": "idn_1",
                              "email_addresses": [{"id": "idn_1", "email_address": "eva@example.com"}],
                              "created_at": 1767225600123, "updated_at": 1767225600123}}""".formatted(id));
            assertEquals(
                    "Eva Stone eva@example.com Eva t",
                    database.value(
                            "SELECT concat_ws(' ', name, email, raw_json ->> 'first_name',"
                                    + " created_at = '2026-01-01T00:00:00.123Z') FROM neon_auth.users_sync WHERE id = ?",
                            id));
        }

        @Test
        void aSecondStartChangesNothing() {
            List<String> before = database.column(EVERYTHING);
            start(database).close();
            assertEquals(before, database.column(EVERYTHING));
        }

        private void deliver(String provider, String body) {
            assertEquals(204, new Delivery(body).post(app.webhooks(provider)).statusCode());
        }
    }

    @Test
    void aTableWithOtherColumnTypesIsRefusedAndLeftAlone() {
        TestDatabase database = new TestDatabase();
        database.execute("""
                CREATE SCHEMA neon_auth;
                CREATE TABLE neon_auth.users_sync (id UUID NOT NULL, email VARCHAR(100), raw_json JSONB NOT NULL, note TEXT);
                INSERT INTO neon_auth.users_sync VALUES ('3f1e0000-0000-4000-8000-000000000001', 'ada@example.com', '{}', 'mine')""");
        List<String> before = database.column(COLUMNS_AND_ROWS);

        Exception failure = assertThrows(Exception.class, () -> start(database).close());

        StartupFailure told = ObjectHelper.getException(StartupFailure.class, failure);
        assertNotNull(told, () -> "not told in one line: " + failure);
        for (String part : List.of(
                "neon_auth.users_sync",
                "id uuid (expected text)",
                "email character varying (expected text)",
                "Rename that table")) {
            assertTrue(told.getMessage().contains(part), () -> part + " is missing in: " + told.getMessage());
        }
        assertEquals(before, database.column(COLUMNS_AND_ROWS));
        assertEquals(
                List.of("users_sync"),
                database.column("SELECT relname FROM pg_class WHERE relnamespace = 'neon_auth'::regnamespace"));
    }

    @Test
    void afterTheOtherTableIsRenamedTheStartSucceeds() {
        TestDatabase database = new TestDatabase();
        database.execute("CREATE SCHEMA neon_auth; CREATE TABLE neon_auth.users_sync (id BIGINT PRIMARY KEY)");
        assertThrows(Exception.class, () -> start(database).close());
        database.execute("ALTER TABLE neon_auth.users_sync RENAME TO my_users");
        start(database).close();
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    /** Readers of the table do not wait behind the adoption. */
    @Test
    void aLockIsWaitedForBrieflyAndItsHolderIsNamed() throws Exception {
        TestDatabase database = new TestDatabase();
        database.execute("CREATE SCHEMA neon_auth; CREATE TABLE neon_auth.users_sync (id TEXT PRIMARY KEY)");
        CapturedLog log = new CapturedLog();
        try (Connection webapp = DriverManager.getConnection(database.url() + "&ApplicationName=webapp")) {
            webapp.setAutoCommit(false);
            String pid = Rows.column(
                            webapp, "SELECT pg_backend_pid() FROM (SELECT count(*) FROM neon_auth.users_sync) AS read")
                    .get(0);
            CompletableFuture<StartedApp> starting = CompletableFuture.supplyAsync(() -> start(database));
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> log.lines().stream()
                            .anyMatch(line -> line.contains("waiting for pid " + pid
                                    + " (application webapp, role postgres, idle in transaction since ")));
            assertTrue(!starting.isDone());
            try (Connection reader = database.connect()) {
                reader.createStatement()
                        .execute("SET statement_timeout = '5s'; SELECT count(*) FROM neon_auth.users_sync");
            }
            webapp.commit();
            starting.get(60, TimeUnit.SECONDS).close();
        }
        assertTrue(log.lines().stream()
                .anyMatch(line -> line.contains("adopted the table neon_auth.users_sync that was there with 0 rows")));
    }

    /** The tables exist; only SCIM's indexes are missing. */
    @Test
    void aLockIsWaitedForWhenScimIsTurnedOn() throws Exception {
        TestDatabase database = new TestDatabase();
        start(database).close();
        CapturedLog log = new CapturedLog();
        try (Connection webapp = DriverManager.getConnection(database.url() + "&ApplicationName=webapp")) {
            webapp.setAutoCommit(false);
            webapp.createStatement().execute("LOCK TABLE neon_auth.users_sync IN ROW EXCLUSIVE MODE");
            CompletableFuture<StartedApp> starting =
                    CompletableFuture.supplyAsync(() -> new StartedApp(TestSettings.with(database, "generic", "scim")));
            await().atMost(Duration.ofSeconds(60))
                    .until(() -> starting.isDone()
                            || log.lines().stream()
                                    .anyMatch(line -> line.contains(
                                            "(application webapp, role postgres, idle in transaction since ")));
            assertTrue(!starting.isDone());
            webapp.commit();
            starting.get(60, TimeUnit.SECONDS).close();
        }
        assertEquals(
                "6",
                database.value(
                        "SELECT count(*) FROM pg_indexes WHERE schemaname = 'neon_auth' AND indexname LIKE '%scim%'"));
    }

    @Test
    void aRoleWithoutTheRightsWritesNothingAndIsToldWhatItNeeds() {
        TestDatabase database = new TestDatabase();
        String name = database.value("SELECT current_database()");
        database.execute(
                "CREATE ROLE owner_" + name + " LOGIN; CREATE ROLE wrong_" + name + " LOGIN; GRANT CREATE ON DATABASE "
                        + name + " TO owner_" + name + ", wrong_" + name + "; SET ROLE owner_" + name
                        + "; CREATE SCHEMA neon_auth; CREATE TABLE neon_auth.users_sync (id TEXT PRIMARY KEY)");
        Properties settings = TestSettings.with(database, "generic");
        settings.setProperty("database.url", database.url().replaceFirst("\\?.*", ""));
        settings.setProperty("database.user", "wrong_" + name);
        StartupFailure told = ObjectHelper.getException(
                StartupFailure.class, assertThrows(Exception.class, () -> new StartedApp(settings)));
        assertEquals(
                "the role wrong_" + name
                        + " may not create or upgrade the tables of users-sync; nothing was changed. Let their owner run:"
                        + " GRANT USAGE, CREATE ON SCHEMA neon_auth TO wrong_" + name + "; GRANT owner_" + name
                        + " TO wrong_" + name,
                told.getMessage());
        assertEquals(
                List.of(), database.column("SELECT nspname FROM pg_namespace WHERE nspname = 'users_sync_internal'"));
        settings.setProperty("database.user", "owner_" + name);
        new StartedApp(settings).close();
        assertEquals(
                "owner_" + name,
                database.value(
                        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname IN ('users_sync', 'dead_letter')"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"true", "false"})
    void whatPrintSqlHasMadeIsAccepted(String migrate) {
        TestDatabase database = new TestDatabase();
        StringWriter printed = new StringWriter();
        assertEquals(0, Commands.line(() -> 0).setOut(new PrintWriter(printed)).execute("print-sql"));
        database.execute(printed.toString());
        Properties settings = TestSettings.with(database, "generic");
        settings.setProperty("database.migrate", migrate);
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(
                    204,
                    new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}")
                            .post(app.webhooks("generic"))
                            .statusCode());
        }
    }

    @Test
    void columnsAndIndexesThatWouldParkUsersAreNamed() {
        TestDatabase database = new TestDatabase();
        database.execute(
                "CREATE SCHEMA neon_auth; CREATE TABLE neon_auth.users_sync (id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL,"
                        + " note TEXT NOT NULL DEFAULT '', UNIQUE (id, tenant))");
        CapturedLog log = new CapturedLog();
        start(database).close();
        List<String> warnings = log.lines().stream()
                .filter(line -> line.startsWith("WARN users-sync : "))
                .sorted()
                .toList();
        assertEquals(3, warnings.size(), warnings.toString());
        assertTrue(
                warnings.get(0).contains("neon_auth.users_sync_email_key on neon_auth.users_sync is unique over"),
                warnings.get(0));
        assertTrue(warnings.get(1).contains("the column email of neon_auth.users_sync is NOT NULL"), warnings.get(1));
        assertTrue(warnings.get(2).contains("the column tenant of neon_auth.users_sync is NOT NULL"), warnings.get(2));
    }

    private static StartedApp start(TestDatabase database) {
        return new StartedApp(TestSettings.with(database, "clerk", "generic"));
    }
}
