package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.verify.VerifyComponent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** users-sync merges an event that holds only parts of a user into the row. Zitadel's events hold nothing else. */
class PartialEventsTest extends RunningApp {

    private static final String ROW =
            "SELECT concat_ws('|', name, email, created_at AT TIME ZONE 'UTC', updated_at AT TIME ZONE 'UTC',"
                    + " deleted_at AT TIME ZONE 'UTC', raw_json - 'id') FROM neon_auth.users_sync WHERE id = '1'";

    PartialEventsTest() {
        settings.setProperty("zitadel.webhook.secret", "zitadel-secret");
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    @AfterEach
    void mend() {
        database.execute("DROP TRIGGER IF EXISTS fails ON neon_auth.users_sync");
    }

    private int post(String type, int day, int sequence, String payload) {
        String body = """
                {"aggregateID": "1", "aggregateType": "user", "sequence": %d, "event_type": "%s", "created_at": "2026-01-%02dT00:00:00Z", "event_payload": %s}
                """.formatted(sequence, type, day, payload);
        try {
            return new Delivery(context.getComponent("verify", VerifyComponent.class)
                            .scheme("zitadel")
                            .sign(body.getBytes()))
                    .post(webhooks("zitadel"))
                    .statusCode();
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private void added(int day, int sequence) {
        assertEquals(
                204,
                post(
                        "user.human.added",
                        day,
                        sequence,
                        "{\"userName\": \"ada\", \"displayName\": \"Ada\", \"email\": \"a@example.com\"}"));
    }

    private void changed(int day, int sequence, String payload) {
        assertEquals(204, post("user.human.profile.changed", day, sequence, payload));
    }

    private void removed(int day) {
        assertEquals(204, post("user.removed", day, 99, "null"));
    }

    private String row() {
        return database.value(ROW);
    }

    @Test
    void onlyTheKeysThatAreThereChange() {
        added(1, 1);
        changed(2, 2, "{\"nickName\": \"Countess\", \"list\": [1]}");
        assertEquals(
                "Ada|a@example.com|2026-01-01 00:00:00|2026-01-02 00:00:00|{\"list\": [1], \"email\": \"a@example.com\", \"nickName\": \"Countess\","
                        + " \"sequence\": 2, \"userName\": \"ada\", \"displayName\": \"Ada\"}",
                row());
        changed(3, 3, "{\"displayName\": \"Ada L\", \"list\": []}");
        assertEquals(
                "Ada L|a@example.com|2026-01-01 00:00:00|2026-01-03 00:00:00|{\"list\": [], \"email\": \"a@example.com\", \"nickName\": \"Countess\","
                        + " \"sequence\": 3, \"userName\": \"ada\", \"displayName\": \"Ada L\"}",
                row());
    }

    @Test
    void whatIsOlderOnlyFillsWhatIsMissing() {
        changed(3, 3, "{\"displayName\": \"Newest\"}");
        changed(2, 2, "{\"displayName\": \"Older\", \"nickName\": \"Kept\"}");
        added(1, 1);
        String row =
                "Newest|a@example.com|2026-01-01 00:00:00|2026-01-03 00:00:00|{\"email\": \"a@example.com\", \"nickName\": \"Kept\","
                        + " \"sequence\": 3, \"userName\": \"ada\", \"displayName\": \"Newest\"}";
        assertEquals(row, row());
        // The order without late events gives the same row.
        database.execute("TRUNCATE neon_auth.users_sync");
        added(1, 1);
        changed(2, 2, "{\"displayName\": \"Older\", \"nickName\": \"Kept\"}");
        changed(3, 3, "{\"displayName\": \"Newest\"}");
        assertEquals(row, row());
    }

    @ParameterizedTest
    @CsvSource({"1, 2", "2, 1", "1, 1"})
    void atOneTimeTheSequenceDecides(int first, int second) {
        changed(2, first, "{\"displayName\": \"" + first + "a\"}");
        changed(2, second, "{\"displayName\": \"" + second + "b\"}");
        assertEquals(
                second >= first ? second + "b" : first + "a", database.value("SELECT name FROM neon_auth.users_sync"));
    }

    @Test
    void aDeletionSticksUntilSomethingNewer() {
        added(1, 1);
        removed(3);
        changed(2, 2, "{\"displayName\": \"Late\"}");
        assertEquals(
                "2026-01-03 00:00:00",
                database.value("SELECT deleted_at AT TIME ZONE 'UTC' FROM neon_auth.users_sync"));
        assertEquals(
                "Late", database.value("SELECT name FROM neon_auth.users_sync"), "the profile arrives all the same");
        changed(4, 4, "{\"displayName\": \"Back\"}");
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL"));
    }

    @Test
    void aTombstoneThatCameFirstIsFilled() {
        removed(3);
        added(1, 1);
        assertEquals(
                "Ada|a@example.com|2026-01-01 00:00:00|2026-01-03 00:00:00|{\"email\": \"a@example.com\", \"sequence\": 1, \"userName\": \"ada\","
                        + " \"displayName\": \"Ada\"}",
                row());
    }

    @Test
    void nothingIsWrittenWhenNothingChanges() {
        added(1, 1);
        changed(3, 3, "{\"displayName\": \"Ada L\"}");
        String written = database.value("SELECT xmin FROM neon_auth.users_sync");
        changed(3, 3, "{\"displayName\": \"Ada L\"}");
        changed(2, 2, "{\"displayName\": \"Older\"}");
        added(1, 1);
        assertEquals(written, database.value("SELECT xmin FROM neon_auth.users_sync"));
    }

    @Test
    void aRowWithoutAProfileIsMergedToo() {
        database.execute("INSERT INTO neon_auth.users_sync (id) VALUES ('1')"); // an adopted table may hold such a row
        changed(2, 2, "{\"displayName\": \"Ada\"}");
        assertEquals("Ada|2026-01-02 00:00:00|{\"sequence\": 2, \"displayName\": \"Ada\"}", row());
    }

    @ParameterizedTest
    @ValueSource(strings = {"40001", "57P01", "53300"})
    void aTransientErrorIsRetriedTwiceAndThenByTheProvider(String sqlState) {
        failWrites(2, sqlState);
        added(1, 1);
        failWrites(3, sqlState);
        assertEquals(503, post("user.locked", 2, 2, "null"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertEquals(204, post("user.locked", 2, 2, "null"));
        assertEquals("locked", database.value("SELECT raw_json ->> 'state' FROM neon_auth.users_sync"));
    }

    @Test
    void aRowErrorIsParked() {
        assertEquals(204, post("user.human.profile.changed", 2, 2, "{\"displayName\": \"Aa\", \"n\": 1e999999}"));
        assertEquals("22003", database.value("SELECT sql_state FROM users_sync_internal.dead_letter"));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @Test
    void charactersThatPostgresRefusesAreReplaced() {
        assertEquals(204, post("user.human.profile.changed", 2, 2, "{\"displayName\": \"A\\u0000a \\ud83d\"}"));
        assertEquals("A\ufffda \ufffd", database.value("SELECT name FROM neon_auth.users_sync"));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    private void failWrites(int times, String sqlState) {
        database.failNextWrites(times, sqlState, "TRUE", "made to fail");
    }
}
