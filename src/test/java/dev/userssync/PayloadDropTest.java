package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.Base64;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Secrets that providers put into their payloads end nowhere: not in the table, not with the dead letters, not in the log. */
class PayloadDropTest extends RunningApp {

    private static final String SECRET = "hunter2-do-not-keep";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final CapturedLog log = new CapturedLog();

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
        log.clear();
    }

    /** Shapes of Supabase, Okta (SCIM and API), FusionAuth, Keycloak, Auth0, Better Auth and Firebase; every %s is a secret. */
    @ParameterizedTest
    @ValueSource(strings = {
        "{'encrypted_password': '%s', 'confirmation_token': '%s', 'email_change_token_new': '%s', 'phone_change_token': '%s', 'reauthentication_token': '%s'}",
        "{'password': '%s', 'profile': {'email': 'a@example.com'}, 'credentials': {'password': {'value': '%s'}, 'recovery_question': {'answer': '%s'}}}",
        "{'password': '%s', 'salt': '%s', 'factor': 24000, 'encryptionScheme': 'salted-pbkdf2', 'twoFactor': {'methods': [{'secret': '%s'}], 'recoveryCodes': ['%s']}}",
        "{'username': 'ada', 'credentials': [{'type': 'password', 'value': '%s', 'secretData': '%s'}]}",
        "{'identities': [{'provider': 'google', 'access_token': '%s', 'refresh_token': '%s'}]}",
        "{'account': {'accessToken': '%s', 'refreshToken': '%s', 'idToken': '%s'}, 'backup_codes': '%s', 'secret': '%s'}",
        "{'passwordHash': '%s', 'password-digest': '%s', 'Otp_Code': '%s', 'PASSWORD': '%s'}"})
    void isDroppedAtAnyDepth(String profile) {
        String data = profile.replace('\'', '"').replace("%s", SECRET);
        assertEquals(204, created(data).post(webhooks("generic")).statusCode());
        assertFalse(database.value("SELECT raw_json FROM neon_auth.users_sync").contains(SECRET));
        assertEquals(422, parked(data).post(webhooks("generic")).statusCode());
        assertFalse(database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter").contains(SECRET));
        log.lines().forEach(line -> assertFalse(line.contains(SECRET), line));
    }

    private static Delivery created(String profile) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"nested\": [[" + profile + "]]}}");
    }

    private static Delivery parked(String profile) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"no_id\": true, \"nested\": [[" + profile + "]]}}");
    }

    @Test
    void jsonInsideTextAndInsideBase64IsLookedThrough() throws Exception {
        String text = "{\"username\":\"ada\",\"credentials\":[{\"value\":\"" + SECRET + "\"}],\"n\":1.5}";
        String base64 = Base64.getEncoder().encodeToString(text.getBytes());
        assertEquals(204, created("{\"representation\": " + JSON.writeValueAsString(text) + ", \"event_payload\": \"" + base64 + "\", \"list\": ["
                + JSON.writeValueAsString(text) + "]}").post(webhooks("generic")).statusCode());
        String at = "SELECT raw_json #>> '{nested,0,0,%s}' FROM neon_auth.users_sync";
        assertEquals("{\"username\":\"ada\",\"n\":1.5}", database.value(at.formatted("representation")));
        assertEquals("{\"username\":\"ada\",\"n\":1.5}", database.value(at.formatted("list,0")));
        assertEquals("{\"username\":\"ada\",\"n\":1.5}", new String(Base64.getDecoder().decode(database.value(at.formatted("event_payload")))));
        for (String other : new String[] {"\n{\"password\": \"" + SECRET + "\"}", "{\n \"password\": \"" + SECRET + "\"}", "[ {\"password\": \"" + SECRET + "\"}]"}) {
            assertEquals(204, created("{\"text\": " + JSON.writeValueAsString(other) + ", \"base64\": \""
                    + Base64.getEncoder().encodeToString(other.strip().getBytes()) + "\"}").post(webhooks("generic")).statusCode());
            assertFalse(database.value("SELECT raw_json #>> '{nested,0,0,text}' FROM neon_auth.users_sync").contains(SECRET), other);
            assertFalse(new String(Base64.getDecoder().decode(database.value("SELECT raw_json #>> '{nested,0,0,base64}' FROM neon_auth.users_sync"))).contains(SECRET), other);
        }
    }

    @Test
    void whatHoldsNoJsonStays() {
        assertEquals(204, created("{\"text\": \"{password\", \"base64\": \"eyJwYXNzd29yZCI6\", \"word\": \"Wyoming\"}").post(webhooks("generic")).statusCode());
        assertEquals("{\"text\": \"{password\", \"word\": \"Wyoming\", \"base64\": \"eyJwYXNzd29yZCI6\"}",
                database.value("SELECT raw_json #> '{nested,0,0}' FROM neon_auth.users_sync"));
    }

    @Test
    void whatOnlyLooksLikeASecretStays() {
        String profile = "{\"has_password\": true, \"password_enabled\": true, \"passwordLastUpdateInstant\": 1471786483322, \"about\": \"{not JSON\","
                + " \"picture\": \"eyJub3QganNvbg==\", \"two_factor_enabled\": false, \"totp_enabled\": true, \"secretary\": \"Bea\"}";
        assertEquals(204, created(profile).post(webhooks("generic")).statusCode());
        assertEquals("t", database.value("SELECT raw_json #> '{nested,0,0}' = '" + profile + "'::jsonb FROM neon_auth.users_sync"));
    }

    @Test
    void aLoneSurrogateBesideASecretChangesNothing() {
        assertEquals(422, parked("{\"password\": \"" + SECRET + "\", \"name\": \"Jane \\ud83d\"}").post(webhooks("generic")).statusCode());
        assertEquals("{\"type\":\"user.created\",\"data\":{\"no_id\":true,\"nested\":[[{\"name\":\"Jane \\uD83D\"}]]}}",
                database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter"));
    }

    @Test
    void aDeadLetterWithoutSecretsKeepsItsBytes() {
        String odd = "{ \"type\" : \"user.created\",\n\t\"data\": {\"a\": 1.0} }";
        assertEquals(422, new Delivery(odd).post(webhooks("generic")).statusCode());
        assertEquals(odd, database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter"));
    }

    @Test
    void aReplayedDeadLetterIsMappedLikeAnyOther() {
        database.execute("ALTER TABLE neon_auth.users_sync ADD CONSTRAINT no_users CHECK (id <> 'u1')");
        try {
            assertEquals(204, created("{\"password\": \"" + SECRET + "\", \"kept\": 1}").post(webhooks("generic")).statusCode());
        } finally {
            database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_users");
        }
        assertEquals("{\"tried\": 1, \"still_parked\": 0}\n", new Delivery("").post(management("/dead-letters/replay")).body());
        assertEquals("[[{\"kept\": 1}]]", database.value("SELECT raw_json -> 'nested' FROM neon_auth.users_sync"));
    }

    @Test
    void theListIsASetting() throws Exception {
        PayloadDrop drop = new PayloadDrop();
        drop.drop("ssn, *card*");
        var document = JSON.readTree("{\"SSN\": 1, \"credit_card_no\": 2, \"password\": \"kept\", \"a.b\": 3}");
        assertTrue(drop.dropFrom(document));
        assertEquals("{\"password\":\"kept\",\"a.b\":3}", document.toString());
        drop.drop("");
        assertFalse(drop.dropFrom(JSON.readTree("{\"password\": \"kept\", \"\": 1}")));
        drop.drop("a.b");
        assertFalse(drop.dropFrom(JSON.readTree("{\"axb\": 1}")), "a dot is a dot");
    }
}
