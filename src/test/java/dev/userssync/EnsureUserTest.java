package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.sql.SQLException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** neon_auth.ensure_user: an application refers to a user before the webhook arrives, and whatever arrives then fills the bare row. */
class EnsureUserTest extends RunningApp {

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync CASCADE; CREATE TABLE IF NOT EXISTS todos"
                + " (task TEXT NOT NULL, user_id TEXT NOT NULL REFERENCES neon_auth.users_sync (id))");
    }

    @Test
    void aForeignKeyHoldsBeforeTheWebhookArrives() {
        database.execute("INSERT INTO todos VALUES ('write tests', neon_auth.ensure_user('u1'))");
        assertEquals("{\"id\": \"u1\", \"name\": null, \"email\": null, \"raw_json\": {\"id\": \"u1\"}, \"created_at\": null, \"deleted_at\": null,"
                + " \"updated_at\": null}", database.value("SELECT to_jsonb(u) FROM neon_auth.users_sync u"));
        database.execute("INSERT INTO todos VALUES ('write more', neon_auth.ensure_user('u1'))");
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @CsvSource({"'\"created_at\": \"2026-01-01T00:00:00Z\"'", "'\"updated_at\": \"2001-01-01T00:00:00Z\"'", "'\"nothing\": null'"})
    void anyVersionFillsTheBareRow(String version) {
        database.execute("SELECT neon_auth.ensure_user('u1')");
        String body = "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"name\": \"Ada\", " + version + "}}";
        assertEquals(204, new Delivery(body).post(webhooks("generic")).statusCode());
        assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_sync WHERE raw_json ->> 'name' = 'Ada'"));
    }

    @Test
    void aKnownUserStaysAsItIs() {
        database.execute("INSERT INTO neon_auth.users_sync (id, name, deleted_at) VALUES ('u1', 'Ada', now())");
        database.execute("SELECT neon_auth.ensure_user('u1')");
        assertEquals("Ada true", database.value("SELECT name || ' ' || (deleted_at IS NOT NULL) FROM neon_auth.users_sync"));
    }

    @Test
    void whatIsNoIdIsRefused() throws SQLException {
        for (String id : new String[] {"", "  ", "x".repeat(256), null}) {
            try (var connection = database.connect(); var call = connection.prepareStatement("SELECT neon_auth.ensure_user(?)")) {
                call.setString(1, id);
                assertEquals("22023", assertThrows(SQLException.class, call::execute).getSQLState(), id);
            }
        }
    }

    @Test
    void anApplicationRoleNeedsNothingButTheRightToCallIt() throws SQLException {
        database.execute("DROP ROLE IF EXISTS app_of_ensure_user; CREATE ROLE app_of_ensure_user; GRANT USAGE ON SCHEMA neon_auth TO app_of_ensure_user");
        try (var connection = database.connect(); var statement = connection.createStatement()) {
            statement.execute("SET ROLE app_of_ensure_user");
            assertEquals("42501", assertThrows(SQLException.class, () -> statement.execute("SELECT neon_auth.ensure_user('u1')")).getSQLState());
            statement.execute("RESET ROLE; GRANT EXECUTE ON FUNCTION neon_auth.ensure_user(TEXT) TO app_of_ensure_user; SET ROLE app_of_ensure_user");
            statement.execute("SELECT neon_auth.ensure_user('u1')");
        }
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        database.execute("DROP OWNED BY app_of_ensure_user; DROP ROLE app_of_ensure_user");
    }
}
