package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.settings.JqPaths;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A sender of Standard Webhooks with other field names needs only settings. */
class GenericPathsTest extends RunningApp {

    GenericPathsTest() {
        settings.setProperty("generic.type.path", ".event | sub(\"^account\\\\.\"; \"user.\")");
        settings.setProperty("generic.time.path", ".sent_at");
        settings.setProperty("generic.id.path", ".account.number | tostring");
        settings.setProperty("generic.name.path", "[.account.given, .account.family] | join(\" \")");
        settings.setProperty("generic.email.path", ".account.contact.mail");
        settings.setProperty("generic.created-at.path", ".account.since");
        settings.setProperty("generic.updated-at.path", ".account.changed");
        settings.setProperty("generic.deleted-at.path", ".account.left");
        settings.setProperty("generic.profile.path", ".account");
    }

    @Test
    void theFieldsAreFoundWhereTheSettingsSay() {
        post("""
                {"event": "account.created", "sent_at": 1767225700, "account": {"number": 7, "given": "Ada", "family": "King",
                 "contact": {"mail": "ada@example.com"}, "since": 1767225600}}""");
        assertEquals("7|Ada King|ada@example.com|2026-01-01 00:00:00|t|t", row());

        post(
                "{\"event\": \"account.updated\", \"sent_at\": 1767229200, \"account\": {\"number\": 7, \"given\": \"Ada\", \"family\": \"L\"}}");
        assertEquals("7|Ada L||2026-01-01 01:00:00|t|t", row());

        post(
                "{\"event\": \"account.deleted\", \"sent_at\": 1767230000, \"account\": {\"number\": 7, \"left\": 1767232800}}");
        assertEquals(
                "2026-01-01 02:00:00",
                database.value("SELECT deleted_at AT TIME ZONE 'UTC' FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "generic.time.path; now | todate; GENERIC_TIME_PATH uses todate/0",
                "generic.name.path; if .data.nick then .data.nick | shout else null end; GENERIC_NAME_PATH uses shout/0",
                "generic.id.path; \"\\(.data.id | number_of(1, 2))\"; GENERIC_ID_PATH uses number_of/1",
                "generic.email.path; [.emails[]? | select(.main) | {a: lower(.x)}][0]; GENERIC_EMAIL_PATH uses lower/1",
                "supabase.name.path; .full_name,, .name; SUPABASE_NAME_PATH is not valid jq",
                "generic.profile.path; .data) | (.user; GENERIC_PROFILE_PATH is not valid jq",
                "generic.type.path; ''; GENERIC_TYPE_PATH is empty",
            })
    void aPathThatCannotWorkIsRefusedByName(String setting, String path, String message) throws Exception {
        try (DefaultCamelContext other = new DefaultCamelContext()) {
            other.getPropertiesComponent().addInitialProperty(setting, path);
            String refusal = assertThrows(StartupFailure.class, () -> JqPaths.check(other))
                    .getMessage();
            assertTrue(refusal.startsWith(message), refusal);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                ".timestamp",
                "def first_of(f): [f][0]; first_of(.a, .b)",
                "header(\"x\")",
                "variable(\"stamp\") // now",
                "null",
                "$type",
                ".data.at | fromdateiso8601? // (.data.ms | tonumber / 1000)",
                "reduce .a[] as $x (0; . + $x)",
                "{a, \"b\": .c, (.d): 1} | .a as {$b} | $b"
            })
    void aPathThatMayWorkIsNot(String path) throws Exception {
        try (DefaultCamelContext other = new DefaultCamelContext()) {
            other.getPropertiesComponent().addInitialProperty("generic.time.path", path);
            JqPaths.check(other);
        }
    }

    /** The error names the cause, and quotes nothing from the document. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "{\"event\": [\"ada@example.org\"]}; the mapping failed: .* is not applicable to ARRAY",
                "{\"event\": \"account.created\", \"account\": \"ada@example.org\"}; the mapping failed: Cannot index string",
                "{\"event\": \"account.created\", \"account\": {\"number\": 1, \"given\": {\"ada@example.org\": 1}}}; the mapping failed: .*cannot be added",
            })
    void theLogNamesTheCauseOfAMappingThatFails(String body, String cause) {
        CapturedLog log = new CapturedLog();
        assertEquals(422, new Delivery(body).post(webhooks("generic")).statusCode());
        assertTrue(
                log.lines().stream()
                        .anyMatch(line -> line.matches("(?s).*parked as a dead letter: .*(" + cause + ").*")),
                log.lines()::toString);
        assertTrue(
                log.lines().stream().noneMatch(line -> line.contains("ada@") || line.contains("RuntimeCamelException")),
                log.lines()::toString);
    }

    private void post(String body) {
        assertEquals(204, new Delivery(body).post(webhooks("generic")).statusCode());
    }

    private String row() {
        return database.value("""
                SELECT concat_ws('|', id, name, coalesce(email, ''), coalesce(updated_at, created_at) AT TIME ZONE 'UTC', deleted_at IS NULL,
                                 raw_json @> '{"number": 7}' AND NOT raw_json ?? 'event') FROM neon_auth.users_sync""");
    }
}
