package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** A sender of Standard Webhooks with other field names needs settings only. */
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

        post("{\"event\": \"account.updated\", \"sent_at\": 1767229200, \"account\": {\"number\": 7, \"given\": \"Ada\", \"family\": \"L\"}}");
        assertEquals("7|Ada L||2026-01-01 01:00:00|t|t", row());

        post("{\"event\": \"account.deleted\", \"sent_at\": 1767230000, \"account\": {\"number\": 7, \"left\": 1767232800}}");
        assertEquals("2026-01-01 02:00:00", database.value("SELECT deleted_at AT TIME ZONE 'UTC' FROM neon_auth.users_sync"));
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
