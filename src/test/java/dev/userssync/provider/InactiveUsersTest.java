package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.PrivateKeys;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Users who are blocked, banned, suspended or disabled at the provider, with the setting that counts them as deleted.
 * By webhook, without an API.
 */
class InactiveUsersTest extends RunningApp {

    private static final List<String> PROVIDERS = List.of(
            "auth0", "better-auth", "clerk", "keycloak", "kinde", "logto", "okta", "stack-auth", "supabase", "zitadel");
    private static final String DELETED_AT =
            "SELECT coalesce(to_char(deleted_at AT TIME ZONE 'UTC', 'HH24:MI'), 'live') FROM neon_auth.users_sync";

    private final PrivateKeys privateKeys = new PrivateKeys();

    InactiveUsersTest() throws IOException {
        settings.setProperty("auth0.webhook.secret", "a bearer token");
        settings.setProperty("better-auth.webhook.secret", TestSettings.SECRET);
        for (String provider : List.of("keycloak", "logto", "okta", "supabase", "zitadel")) {
            settings.setProperty(provider + ".webhook.secret", "a-secret-of-tests");
        }
        privateKeys.addTo(settings);
        PROVIDERS.forEach(provider -> settings.setProperty(provider + ".inactive", "deleted"));
    }

    @AfterAll
    void close() {
        privateKeys.close();
    }

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    /** In the template, ISO and MS stand for the time of the event, and WHAT for its content. */
    private void send(String provider, String template, int hour, String what) throws Exception {
        Instant time = Instant.parse("2026-11-20T0" + hour + ":00:00Z");
        byte[] body = template.replace("WHAT", what)
                .replace("ISO", time.toString())
                .replace("MS", Long.toString(time.toEpochMilli()))
                .getBytes();
        VerificationScheme.Signed signed = privateKeys.has(provider)
                ? privateKeys.sign(provider, body)
                : context.getComponent("verify", VerifyComponent.class)
                        .scheme(provider)
                        .sign(body);
        assertEquals(204, new Delivery(signed).post(webhooks(provider)).statusCode());
        assertEquals(List.of(), database.column("SELECT reason FROM users_sync_internal.dead_letter"));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "auth0 | {'type': 'user.updated', 'time': 'ISO', 'data': {'object': {'user_id': '1', 'updated_at': 'ISO', 'created_at': '2026-01-01T00:00:00Z', WHAT}}}"
                        + " ; 'blocked': true ; 'blocked': false",
                "better-auth | {'type': 'user.updated', 'timestamp': 'ISO', 'data': {'id': '1', 'createdAt': '2026-01-01T00:00:00Z', 'updatedAt': 'ISO', WHAT}}"
                        + " ; 'banned': true, 'banExpires': null ; 'banned': false",
                "better-auth | {'type': 'user.updated', 'timestamp': 'ISO', 'data': {'id': '1', 'updatedAt': 'ISO', WHAT}}"
                        + " ; 'banned': true, 'banExpires': '2999-01-01T00:00:00.000Z' ; 'banned': true, 'banExpires': '2026-01-02T00:00:00.000Z'",
                "clerk | {'type': 'user.updated', 'timestamp': MS, 'data': {'id': '1', 'created_at': 1767225600000, 'updated_at': MS, WHAT}} ; 'banned': true ; 'banned': false",
                "clerk | {'type': 'user.updated', 'timestamp': MS, 'data': {'id': '1', 'updated_at': MS, WHAT}} ; 'deprovisioned': true ; 'banned': false, 'locked': true",
                "keycloak | {'type': 'admin.USER-UPDATE', 'resourcePath': 'users/1', 'time': MS, 'representation': '{WHAT}'} ; \\\"enabled\\\":false ; \\\"enabled\\\":true",
                "kinde | {'type': 'user.updated', 'event_timestamp': 'ISO', 'data': {'user': {'id': '1', WHAT}}} ; 'is_suspended': true ; 'is_suspended': false",
                "logto | {'event': 'User.SuspensionStatus.Updated', 'createdAt': 'ISO', 'params': {'userId': '1'}, 'data': {'id': '1', 'updatedAt': MS, WHAT}}"
                        + " ; 'isSuspended': true ; 'isSuspended': false",
                "okta | {'data': {'events': [{'eventType': 'user.lifecycle.WHAT', 'published': 'ISO', 'outcome': {'result': 'SUCCESS'}, 'target': [{'type': 'User', 'id': '1'}]}]}}"
                        + " ; suspend ; unsuspend",
                "okta | {'data': {'events': [{'eventType': 'user.lifecycle.WHAT', 'published': 'ISO', 'outcome': {'result': 'SUCCESS'}, 'target': [{'type': 'User', 'id': '1'}]}]}}"
                        + " ; deactivate ; activate",
                "supabase | {'type': 'UPDATE', 'schema': 'auth', 'table': 'users', 'record': {'id': '1', 'updated_at': 'ISO', WHAT}}"
                        + " ; 'banned_until': '2999-01-01T00:00:00+02:00' ; 'banned_until': '2026-01-01T00:00:00+00:00'",
                "supabase | {'type': 'UPDATE', 'schema': 'auth', 'table': 'users', 'record': {'id': '1', 'updated_at': 'ISO', WHAT}}"
                        + " ; 'banned_until': 'infinity' ; 'banned_until': null",
                "zitadel | {'aggregateID': '1', 'sequence': 1, 'event_type': 'user.WHAT', 'created_at': 'ISO'} ; deactivated ; reactivated",
                "zitadel | {'aggregateID': '1', 'sequence': 1, 'event_type': 'user.WHAT', 'created_at': 'ISO'} ; locked ; unlocked",
            })
    void whoIsSwitchedOffIsDeletedAndWhoIsSwitchedOnIsBackInTheSameRow(String provider, String sentence)
            throws Exception {
        String[] parts = sentence.split(" ; ");
        String template = parts[0].strip().replace("'", "\"");
        String off = parts[1].replace("'", "\"");
        String on = parts[2].replace("'", "\"");
        send(provider, template, 1, on);
        assertEquals("live", database.value(DELETED_AT));
        send(provider, template, 2, off);
        assertEquals("02:00", database.value(DELETED_AT));
        send(provider, template, 2, off);
        assertEquals("02:00", database.value(DELETED_AT), "again");
        send(provider, template, 1, on);
        assertEquals("02:00", database.value(DELETED_AT), "an older event switches nobody on");
        send(provider, template, 3, on);
        assertEquals("live", database.value(DELETED_AT));
        send(provider, template, 2, off);
        assertEquals("live", database.value(DELETED_AT), "an older event switches nobody off");

        database.execute("TRUNCATE neon_auth.users_sync");
        send(provider, template, 2, off);
        assertEquals("02:00", database.value(DELETED_AT), "never seen before");
    }

    @Test
    void theProfileIsKeptWithTheDeletion() throws Exception {
        send(
                "clerk",
                "{\"type\": \"user.updated\", \"data\": {\"id\": \"1\", \"first_name\": \"Ada\", \"updated_at\": MS, \"banned\": true}}",
                2,
                "");
        assertEquals(
                "Ada|true|2",
                database.value(
                        "SELECT concat_ws('|', name, raw_json ->> 'banned', extract(hour FROM updated_at AT TIME ZONE 'UTC')) FROM neon_auth.users_sync"));
    }

    /** Events with a part of the user do not mention the state: they neither switch the user on nor off. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "keycloak | {'type': 'admin.USER-UPDATE', 'resourcePath': 'users/1', 'time': MS, 'representation': '{WHAT}'} ; \\\"enabled\\\":false ; \\\"email\\\":\\\"a@example.org\\\"",
                "okta | {'data': {'events': [{'eventType': 'user.WHAT', 'published': 'ISO', 'outcome': {'result': 'SUCCESS'}, 'target': [{'type': 'User', 'id': '1'}]}]}}"
                        + " ; lifecycle.suspend ; account.update_profile",
                "zitadel | {'aggregateID': '1', 'sequence': 1, 'event_type': 'user.WHAT', 'created_at': 'ISO'} ; locked ; human.profile.changed",
            })
    void aPartThatSaysNothingOfItChangesNothingOfIt(String provider, String sentence) throws Exception {
        String[] parts = sentence.split(" ; ");
        String template = parts[0].strip().replace("'", "\"");
        send(provider, template, 1, parts[2]);
        assertEquals("live", database.value(DELETED_AT));
        send(provider, template, 2, parts[1]);
        send(provider, template, 3, parts[2]);
        assertEquals("02:00", database.value(DELETED_AT));
        send(provider, template, 5, parts[2]);
        send(provider, template, 4, parts[1]); // late: an event that says "switched off" revives nobody
        assertEquals("04:00", database.value(DELETED_AT));
    }

    /** Stack Auth's events carry no time: the database dates the deletion, and only the API brings the user back. */
    @Test
    void withoutAVersionTheDeletionIsNow() throws Exception {
        send("stack-auth", "{\"type\": \"user.updated\", \"data\": {\"id\": \"1\", \"display_name\": \"Ada\"}}", 1, "");
        send(
                "stack-auth",
                "{\"type\": \"user.updated\", \"data\": {\"id\": \"1\", \"display_name\": \"Ada\", \"restricted_by_admin\": true}}",
                1,
                "");
        assertEquals("t", database.value("SELECT deleted_at > now() - interval '1 minute' FROM neon_auth.users_sync"));
    }

    @Test
    void anyOtherValueEndsTheStart() {
        Properties wrong = TestSettings.with(database, "clerk");
        wrong.setProperty("okta.inactive", "gone");
        assertEquals(
                "OKTA_INACTIVE must be deleted (an inactive user gets deleted_at) or kept (only raw_json says it)",
                assertThrows(StartupFailure.class, () -> new StartedApp(wrong)).getMessage());
    }
}
