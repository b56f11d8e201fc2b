package dev.userssync.database;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.Rows;
import dev.userssync.testing.RunningApp;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What an application finds in a fresh database: the public table, and a key that its own tables can reference. */
class UsersTableTest extends RunningApp {

    @BeforeEach // the application that creates users_sync starts after @BeforeAll
    void anApplicationWithATableOfItsOwn() {
        database.execute("CREATE TABLE IF NOT EXISTS todos (id SERIAL PRIMARY KEY, task TEXT NOT NULL,"
                + " user_id TEXT NOT NULL REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE)");
    }

    @Test
    void exactlySevenColumnsInTheirOrder() {
        assertEquals(
                List.of(
                        "id text NO",
                        "raw_json jsonb YES",
                        "name text YES",
                        "email text YES",
                        "created_at timestamp with time zone YES",
                        "deleted_at timestamp with time zone YES",
                        "updated_at timestamp with time zone YES"),
                database.column(
                        "SELECT concat_ws(' ', column_name, data_type, is_nullable) FROM information_schema.columns"
                                + " WHERE table_schema = 'neon_auth' AND table_name = 'users_sync' ORDER BY ordinal_position"));
    }

    @Test
    void noColumnButTwoHasADefaultOrAnExpression() {
        assertEquals(
                List.of("organizations_sync.kind", "memberships_sync.active"), // by design
                database.column(
                        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'neon_auth'"
                                + " AND (column_default IS NOT NULL OR is_generated <> 'NEVER' OR is_identity <> 'NO') ORDER BY table_name DESC"));
    }

    @Test
    void theSchemaHoldsTheTablesTheirIndexesAndTheirViewsOnly() {
        assertEquals(
                List.of(
                        "r users_sync",
                        "r organizations_sync",
                        "r memberships_sync",
                        "i users_sync_pkey",
                        "i users_sync_deleted_at_idx",
                        "i organizations_sync_pkey",
                        "i organizations_sync_parent_id_idx",
                        "i organizations_sync_deleted_at_idx",
                        "i memberships_sync_user_id_idx",
                        "i memberships_sync_pkey",
                        "i memberships_sync_organization_id_idx",
                        "i memberships_sync_deleted_at_idx",
                        "v users_live",
                        "v user_changes",
                        "v organizations_live",
                        "v memberships_live"),
                database.column(
                        "SELECT concat_ws(' ', relkind, relname) FROM pg_class WHERE relnamespace = 'neon_auth'::regnamespace"
                                + " ORDER BY position(relkind::text IN 'riv'), relname DESC"));
        assertEquals(
                List.of("ensure_user(text)", "ensure_user(text,boolean)"),
                database.column("SELECT regexp_replace(oid::regprocedure::text, '.*\\.', '') FROM pg_proc"
                        + " WHERE pronamespace = 'neon_auth'::regnamespace ORDER BY pronargs"));
        assertEquals(
                List.of("users_sync_inserted", "users_sync_removed", "users_sync_updated"), // the change feed
                database.column(
                        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'neon_auth.users_sync'::regclass AND NOT tgisinternal ORDER BY tgname"));
    }

    @Test
    void theIdIsThePrimaryKeyAndDeletedAtIsIndexed() {
        assertEquals(
                "PRIMARY KEY (id)",
                database.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint"
                        + " WHERE conrelid = 'neon_auth.users_sync'::regclass AND contype IN ('p', 'u', 'c', 'f')"));
        assertEquals(
                "CREATE INDEX users_sync_deleted_at_idx ON neon_auth.users_sync USING btree (deleted_at)",
                database.value("SELECT indexdef FROM pg_indexes WHERE indexname = 'users_sync_deleted_at_idx'"));
    }

    @Test
    void rowLevelSecurityHoldsInTheViewToo() throws SQLException {
        created("mine", "Ada");
        created("other", "Bea");
        database.execute("CREATE ROLE webapp_" + database.value("SELECT current_database()"));
        String role = "webapp_" + database.value("SELECT current_database()");
        database.execute(
                "ALTER TABLE neon_auth.users_sync ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON neon_auth.users_sync USING (id = current_setting('app.user'));"
                        + " GRANT USAGE ON SCHEMA neon_auth TO " + role
                        + "; GRANT SELECT ON neon_auth.users_sync, neon_auth.users_live TO " + role);
        try (Connection webapp = database.connect()) {
            webapp.createStatement().execute("SET ROLE " + role + "; SELECT set_config('app.user', 'mine', false)");
            assertEquals(List.of("mine"), Rows.column(webapp, "SELECT id FROM neon_auth.users_sync"));
            assertEquals(List.of("mine"), Rows.column(webapp, "SELECT id FROM neon_auth.users_live"));
        } finally {
            database.execute(
                    "DROP POLICY own ON neon_auth.users_sync; ALTER TABLE neon_auth.users_sync DISABLE ROW LEVEL SECURITY");
        }
    }

    @Test
    void theViewShowsTheUsersThatAreNotDeleted() {
        created("live", "Ada");
        created("gone", "Bea");
        deleted("gone");
        assertEquals(
                List.of("live"), database.column("SELECT id FROM neon_auth.users_live WHERE id IN ('live', 'gone')"));
        assertEquals(
                database.column("SELECT row_to_json(u) FROM neon_auth.users_sync u WHERE id = 'live'"),
                database.column("SELECT row_to_json(u) FROM neon_auth.users_live u WHERE id = 'live'"));
    }

    @Test
    void twoUsersMayHaveOneAddress() {
        created("first", "Same");
        created("second", "Same");
        assertEquals(
                "1",
                database.value(
                        "SELECT count(DISTINCT email) FROM neon_auth.users_sync WHERE id IN ('first', 'second')"));
    }

    @Test
    void aTodoOfASyncedUserJoinsItsName() {
        created("joined", "Ada");
        insertTodo("joined");
        assertEquals(
                "write tests: Ada",
                database.value(
                        "SELECT t.task || ': ' || u.name"
                                + " FROM todos t LEFT JOIN neon_auth.users_sync u ON u.id = t.user_id WHERE t.user_id = 'joined'"));
    }

    @Test
    void aTodoOfAnUnknownUserIsRefused() throws SQLException {
        try (Connection connection = database.connect()) {
            SQLException refused = assertThrows(
                    SQLException.class,
                    () -> connection
                            .createStatement()
                            .execute("INSERT INTO todos (task, user_id) VALUES ('write tests', 'nobody')"));
            assertEquals("23503", refused.getSQLState());
        }
    }

    @Test
    void aUserDeletedAtTheProviderKeepsTheTodos() {
        created("deleted", "Ada");
        insertTodo("deleted");
        deleted("deleted");
        assertEquals(
                "Ada true",
                database.value(
                        "SELECT u.name || ' ' || (u.deleted_at IS NOT NULL)"
                                + " FROM todos t LEFT JOIN neon_auth.users_sync u ON u.id = t.user_id WHERE t.user_id = 'deleted'"));
    }

    @Test
    void aRowReallyDeletedTakesItsTodosAlong() {
        created("purged", "Ada");
        insertTodo("purged");
        database.execute("DELETE FROM neon_auth.users_sync WHERE id = 'purged'");
        assertEquals("0", database.value("SELECT count(*) FROM todos WHERE user_id = 'purged'"));
    }

    private void created(String id, String name) {
        deliver("""
                {"type": "user.created", "timestamp": "2026-01-01T00:00:00Z",
                 "data": {"id": "%s", "name": "%s", "email": "%2$s@example.com", "created_at": "2026-01-01T00:00:00Z"}}
                """.formatted(id, name));
    }

    private void deleted(String id) {
        deliver("""
                {"type": "user.deleted", "timestamp": "2026-01-02T00:00:00Z", "data": {"id": "%s"}}
                """.formatted(id));
    }

    private void deliver(String body) {
        assertEquals(204, new Delivery(body).post(webhooks("generic")).statusCode());
    }

    private void insertTodo(String user) {
        database.execute("INSERT INTO todos (task, user_id) VALUES ('write tests', '" + user + "')");
    }

    @Test
    void profilesAreCompressedWithLz4WhereTheServerHasIt() {
        String lz4 = database.value(
                "SELECT enumvals::text[] @> '{lz4}' FROM pg_settings WHERE name = 'default_toast_compression'");
        assertEquals(
                lz4.equals("t") ? "l" : "",
                database.value(
                        "SELECT attcompression FROM pg_attribute WHERE attrelid = 'neon_auth.users_sync'::regclass AND attname = 'raw_json'"));
    }
}
