package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.sql.SQLException;
import java.time.LocalDate;
import java.time.ZoneOffset;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * neon_auth.ensure_user: an application refers to a user before the webhook arrives. The first event then fills the
 * bare row.
 */
class EnsureUserTest extends RunningApp {

    @BeforeEach
    void clean() {
        database.execute(
                "TRUNCATE neon_auth.users_sync, users_sync_internal.tombstone CASCADE; CREATE TABLE IF NOT EXISTS todos"
                        + " (task TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES neon_auth.users_sync (id))");
    }

    @Test
    void aForeignKeyHoldsBeforeTheWebhookArrives() {
        database.execute("INSERT INTO todos VALUES ('write tests', neon_auth.ensure_user('u1'))");
        assertEquals(
                "{\"id\": \"u1\", \"name\": null, \"email\": null, \"raw_json\": {\"id\": \"u1\"}, \"created_at\": null, \"deleted_at\": null,"
                        + " \"updated_at\": null}",
                database.value("SELECT to_jsonb(u) FROM neon_auth.users_sync u"));
        database.execute("INSERT INTO todos VALUES ('write more', neon_auth.ensure_user('u1'))");
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @CsvSource({
        "'\"created_at\": \"2026-01-01T00:00:00Z\"'",
        "'\"updated_at\": \"2001-01-01T00:00:00Z\"'",
        "'\"nothing\": null'"
    })
    void anyVersionFillsTheBareRow(String version) {
        database.execute("SELECT neon_auth.ensure_user('u1')");
        String body = "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"name\": \"Ada\", " + version + "}}";
        assertEquals(204, new Delivery(body).post(webhooks("generic")).statusCode());
        assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_sync WHERE raw_json ->> 'name' = 'Ada'"));
    }

    @Test
    void aKnownUserStaysAsItIs() {
        database.execute("INSERT INTO neon_auth.users_sync (id, name) VALUES ('u1', 'Ada')");
        database.execute("SELECT neon_auth.ensure_user('u1')");
        assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_sync"));
    }

    private void assertGone(String id, String day) throws SQLException {
        try (var connection = database.connect();
                var statement = connection.createStatement()) {
            SQLException refusal = assertThrows(
                    SQLException.class, () -> statement.execute("SELECT neon_auth.ensure_user('" + id + "')"));
            assertEquals("US001", refusal.getSQLState());
            assertTrue(refusal.getMessage().contains("user " + id + " was deleted on " + day), refusal.getMessage());
        }
    }

    @Test
    void aDeletedUserIsRefused() throws SQLException {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, name, deleted_at) VALUES ('u1', 'Ada', '2026-11-20 23:30:00Z')");
        assertGone("u1", "2026-11-20");
        assertEquals("u1", database.value("SELECT neon_auth.ensure_user('u1', true)"));
        assertEquals(
                "Ada true",
                database.value("SELECT name || ' ' || (deleted_at IS NOT NULL) FROM neon_auth.users_sync"),
                "the row stays as it is");
    }

    @Test
    void aPurgedOrErasedUserIsRefusedAndLeavesNoRow() throws Exception {
        database.execute("INSERT INTO users_sync_internal.tombstone VALUES ('purged', '2026-11-20T08:00:00Z')");
        database.execute("INSERT INTO neon_auth.users_sync (id, name) VALUES ('erased', 'Ada')");
        context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", "erased")
                .request(String.class);
        assertGone("purged", "2026-11-20");
        assertGone("erased", LocalDate.now(ZoneOffset.UTC).toString());
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        database.execute("INSERT INTO todos VALUES ('an old task', neon_auth.ensure_user('purged', true))");
        assertEquals("t", database.value("SELECT deleted_at IS NULL FROM neon_auth.users_live"));
        assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.tombstone WHERE id = 'purged'"));
        String event =
                "{\"type\": \"user.updated\", \"data\": {\"id\": \"purged\", \"name\": \"Old\", \"updated_at\": \"%s\"}}";
        assertEquals(
                204,
                new Delivery(event.formatted("2026-11-19T08:00:00Z"))
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM neon_auth.users_sync WHERE name IS NOT NULL"),
                "the tombstone still counts");
        assertEquals(
                204,
                new Delivery(event.formatted("2026-11-21T08:00:00Z"))
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE name = 'Old'"));
        assertEquals(
                "purged",
                database.value("SELECT neon_auth.ensure_user('purged')"),
                "ensure_user accepts a user who came back");
    }

    @Test
    void anIdIsAsLongAsThatOfAnEvent() {
        String id = "x".repeat(2598) + "\u00e9";
        assertEquals(id, database.value("SELECT neon_auth.ensure_user('" + id + "')"));
    }

    @Test
    void whatIsNoIdIsRefused() throws SQLException {
        for (String id : new String[] {"", "  ", "x".repeat(2601), "\u00e9".repeat(1301), null}) {
            try (var connection = database.connect();
                    var call = connection.prepareStatement("SELECT neon_auth.ensure_user(?)")) {
                call.setString(1, id);
                assertEquals(
                        "22023", assertThrows(SQLException.class, call::execute).getSQLState(), id);
            }
        }
    }

    @Test
    void anApplicationRoleNeedsNothingButTheRightToCallIt() throws SQLException {
        database.execute(
                "DROP ROLE IF EXISTS app_of_ensure_user; CREATE ROLE app_of_ensure_user; GRANT USAGE ON SCHEMA neon_auth TO app_of_ensure_user");
        try (var connection = database.connect();
                var statement = connection.createStatement()) {
            statement.execute("SET ROLE app_of_ensure_user");
            assertEquals(
                    "42501",
                    assertThrows(SQLException.class, () -> statement.execute("SELECT neon_auth.ensure_user('u1')"))
                            .getSQLState());
            statement.execute(
                    "RESET ROLE; GRANT EXECUTE ON FUNCTION neon_auth.ensure_user(TEXT) TO app_of_ensure_user; SET ROLE app_of_ensure_user");
            statement.execute("SELECT neon_auth.ensure_user('u1')");
        }
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        database.execute("DROP OWNED BY app_of_ensure_user; DROP ROLE app_of_ensure_user");
    }
}
