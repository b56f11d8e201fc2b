package dev.userssync.payload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.InvalidUserEvent;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.util.Base64;
import java.util.Iterator;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Secrets in a provider's payload reach neither the table, nor the dead letters, nor the log. */
class PayloadDropTest extends RunningApp {

    private static final String SECRET = "hunter2-do-not-keep";
    private static final ObjectMapper JSON = new ObjectMapper();

    private final CapturedLog log = new CapturedLog();

    @BeforeEach
    void clean() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
        log.clear();
    }

    /**
     * Shapes of Supabase, Okta (SCIM and API), FusionAuth, Keycloak, Auth0, Better Auth and Firebase. Every %s is a
     * secret.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'encrypted_password': '%s', 'confirmation_token': '%s', 'email_change_token_new': '%s', 'phone_change_token': '%s', 'reauthentication_token': '%s'}",
                "{'password': '%s', 'profile': {'email': 'a@example.com'}, 'credentials': {'password': {'value': '%s'}, 'recovery_question': {'answer': '%s'}}}",
                "{'password': '%s', 'salt': '%s', 'factor': 24000, 'encryptionScheme': 'salted-pbkdf2', 'twoFactor': {'methods': [{'secret': '%s'}], 'recoveryCodes': ['%s']}}",
                "{'username': 'ada', 'credentials': [{'type': 'password', 'value': '%s', 'secretData': '%s'}]}",
                "{'identities': [{'provider': 'google', 'access_token': '%s', 'refresh_token': '%s'}]}",
                "{'account': {'accessToken': '%s', 'refreshToken': '%s', 'idToken': '%s'}, 'backup_codes': '%s', 'secret': '%s'}",
                "{'passwordHash': '%s', 'password-digest': '%s', 'Otp_Code': '%s', 'PASSWORD': '%s'}"
            })
    void isDroppedAtAnyDepth(String profile) {
        String data = profile.replace('\'', '"').replace("%s", SECRET);
        assertEquals(204, created(data).post(webhooks("generic")).statusCode());
        assertFalse(database.value("SELECT raw_json FROM neon_auth.users_sync").contains(SECRET));
        assertEquals(422, parked(data).post(webhooks("generic")).statusCode());
        assertFalse(database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter")
                .contains(SECRET));
        log.lines().forEach(line -> assertFalse(line.contains(SECRET), line));
    }

    private static PayloadDrop builtIn() {
        PayloadDrop drop = new PayloadDrop();
        drop.drop("built-in");
        return drop;
    }

    private static boolean goes(String name, String value) throws Exception {
        JsonNode document = JSON.readTree("{\"" + name + "\": " + value + ", \"kept\": 1}");
        boolean dropped = builtIn().dropFrom(document);
        assertEquals(dropped, !document.has(name), name);
        assertTrue(document.has("kept"));
        return dropped;
    }

    /**
     * The second half comes from users of Auth0, Clerk, FusionAuth, Hanko, Keycloak, Logto, Okta, Supabase, Stytch,
     * Firebase and WorkOS.
     */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "numAvailableTokens | 120",
                "tokens_used_this_month | 7",
                "max_tokens | 4096",
                "token_type | \"bearer\"",
                "tokenQuota | 1000",
                "stripe_token_count | 3",
                "id_token_signed_response_alg | \"RS256\"",
                "access_token_lifespan | 300",
                "token_expires_at | \"2026-12-01T00:00:00Z\"",
                "last_password_change | \"2026-11-20\"",
                "passwordChanged | \"2026-11-20T08:00:00Z\"",
                "password_updated_at | 1795161600000",
                "passwordless | \"email\"",
                "secretary | \"Bob\"",
                "secretQuestionLanguage | \"en\"",
                "mfa_factors_count | 2",
                "otp_enabled_at | \"2026-11-20\"",
                "tokenizer | \"bpe\"",
                "secret_santa_group | \"blue\"",
                "max_tokens | \"4096\"",
                "tokens | 7",
                "has_secret | true",
                "password | false",
                "passwordChangeReason | \"Administrative\"",
                "breachedPasswordStatus | \"None\"",
                "passwordEncryptionMethod | \"Argon2i\"",
                "password_hasher | \"bcrypt\"",
                "webauthn_credentials | [{\"id\": \"c1\"}]",
                "passkeys | [{\"name\": \"phone\"}]",
                "disableableCredentialTypes | [\"password\"]",
                "totps | [{\"totp_id\": \"t1\"}]",
                "password_id | \"password-1\"",
                "accessTokenExpiresAt | \"2026-11-20\"",
                "tokensValidAfterTime | \"2026-11-20\"",
                "last_password_reset | \"2026-11-20\"",
                "emailVerificationState | \"sent\"",
                "publicKey | \"MFkw\"",
                "stripe_publishable_key | \"pk_1\"",
                "primary_key | \"id\"",
                "zipCode | \"10115\"",
                "country_code | \"DE\"",
                "promo_code | \"SPRING\"",
                "monkey | \"x\"",
                "email_hash | \"0bc83c\"",
                "avatar_link | \"https://x.example\"",
                "boarding_pass | \"A1\"",
                "metadata | \"x\"",
                "spin | \"x\"",
                "timecode | \"00:01\"",
                "role_key | \"admin\"",
                "session_id | \"s1\"",
                "security_level | \"high\"",
                "digest | \"weekly\"",
                "cookie_consent | \"all\"",
                "pinned | \"x\""
            })
    void whatIsNoSecretByItsWordsStays(String name, String value) throws Exception {
        assertFalse(goes(name, value));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "password",
                "passwordHash",
                "password_digest",
                "encrypted_password",
                "tempPassword",
                "pw_hash",
                "pwd",
                "passwd",
                "passphrase",
                "pin",
                "secret",
                "clientSecret",
                "secretKey",
                "aws_secret_access_key",
                "api_key",
                "apiKey",
                "private_key",
                "privateKey",
                "signing_key",
                "encryptionKey",
                "recoveryKey",
                "recovery_codes",
                "backupCodes",
                "otp_code",
                "totpSecret",
                "mfa_secret",
                "access_token",
                "refreshToken",
                "idToken",
                "session_token",
                "csrf_token",
                "token",
                "tokens",
                "tokenHash",
                "magic_link",
                "action_link",
                "security_answer",
                "verificationCode",
                "credentialData",
                "secretData",
                "cookie",
                "authorization",
                // names of providers and their libraries
                "hashedPassword",
                "encodedHash",
                "custom_password_hash",
                "access_token_secret",
                "oauth_token",
                "email_change_token_new",
                "email_change_token_current",
                "phone_change_token",
                "reauthentication_token",
                "recovery_token",
                "passwordSalt",
                "salt",
                "recoveryCodes",
                "session_jwt",
                "passwordEncrypted",
                "hotp",
                "otp",
                "recovery_question",
                "invitation_url",
                "password_reset_url",
                "oauth2Token",
                "one_time_code",
                "two_factor_code",
                "service_role_key",
                "OAuthToken",
                "credentials",
                "newPassword",
                "password_confirmation",
                "seed_phrase",
                "code_verifier",
                "client_assertion",
                "smtp_pass",
                "device_code",
                // in any spelling
                "PASSWORD",
                "API_KEY",
                "APIKey",
                "apikey",
                "Api-Key",
                "x.api.key",
                "accesstoken",
                "privatekey",
                "passwordhash",
                "clientsecret",
                "backupcodes",
                "PassWord",
                "pass_word",
                "password2",
                "jwt",
                "Refresh Token",
                // in any form or version
                "auth_token_v2",
                "tokenV2",
                "token_sha256",
                "refresh_token_enc",
                "password_sha256",
                "passwordMd5",
                "passwordHistory",
                "totp_secret_enc",
                // a count of tokens is no secret; remaining codes are
                "remaining_backup_codes",
                "availableRecoveryCodes",
                "used_password",
                "total_password_hash"
            })
    void whatIsASecretByItsWordsGoes(String name) throws Exception {
        assertTrue(goes(name, "\"4711-abc\""));
        assertTrue(goes(name, "[\"abc\"]"));
        assertFalse(goes(name, "true"));
        assertFalse(goes(name, "4711"), "a number is no secret");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "-----BEGIN PRIVATE KEY-----\nMIIE",
                "my key: -----BEGIN RSA PRIVATE KEY-----\nMIIE",
                "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl",
                "-----BEGIN PGP PRIVATE KEY BLOCK-----\n",
                "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
                "$2a$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
                "{bcrypt}$2y$10$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
                "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b4dWRWJTmaaJObG",
                "$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
                "$6$rounds=5000$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjlO/O817G3uBnIFNjnQJuesI68OTLiBFdcfYEdFCoEOfaS35inz1",
                "$7$C6..../....SodiumChloride$kBGj9fHznVYFQMEn/qDCfrDevf9YDtcDdKvEqHJLV8D",
                "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7",
                "pbkdf2_sha256$260000$salt$aGFzaA==",
                "otpauth://totp/Orchard:ada?secret=JBSWY3DPEHPK3PXP"
            })
    void aSecretByItsFormGoesUnderAnyKey(String secret) throws Exception {
        assertTrue(goes("about", JSON.writeValueAsString(secret)));
        JsonNode list = JSON.readTree("{\"list\": [1, " + JSON.writeValueAsString(secret) + ", \"x\"]}");
        assertTrue(builtIn().dropFrom(list));
        assertEquals("{\"list\":[1,\"x\"]}", list.toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "$2.50",
                "costs $2b$ or $5$ and $6$",
                "-----BEGIN PUBLIC KEY-----\nMIIE",
                "-----BEGIN CERTIFICATE-----",
                "R9h/cIPz0gi.URNNX3kh2OPST9",
                "$argon2",
                "US$12$"
            })
    void whatOnlyResemblesTheFormOfASecretStays(String text) throws Exception {
        assertFalse(goes("about", JSON.writeValueAsString(text)));
    }

    @Test
    void keysThatAreToStayStay() throws Exception {
        PayloadDrop drop = builtIn();
        drop.keep("theme-tokens, pin_code credentials *_legacy_secret");
        String given =
                "{\"theme_tokens\":{\"bg\":\"#fff\"},\"credentials\":[\"MD\",\"PhD\"],\"pin_code\":\"SW1A 1AA\",\"my_legacy_secret\":\"x\"}";
        JsonNode document = JSON.readTree(given);
        assertFalse(drop.dropFrom(document));
        assertEquals(given, document.toString());
        assertTrue(builtIn().dropFrom(document), "without PAYLOAD_KEEP users-sync drops them");
        assertEquals("{}", document.toString());
        JsonNode inside = JSON.readTree("{\"credentials\":[{\"password\":\"x\",\"type\":\"y\"}]}");
        assertTrue(drop.dropFrom(inside));
        assertEquals(
                "{\"credentials\":[{\"type\":\"y\"}]}", inside.toString(), "nested keys are judged by their own names");
    }

    @Test
    void namesOfOnesOwnStandBesideTheRule() throws Exception {
        PayloadDrop drop = new PayloadDrop();
        drop.drop("built-in, ssn *card*");
        JsonNode document = JSON.readTree("{\"SSN\": 1, \"credit_card_no\": 2, \"password\": \"gone\", \"token\": 3}");
        assertTrue(drop.dropFrom(document));
        assertEquals("{\"token\":3}", document.toString());
    }

    private static String nested(String inner) {
        return "{\"a\":" + "[".repeat(990) + "\"" + Base64.getEncoder().encodeToString(inner.getBytes()) + "\""
                + "]".repeat(990) + ",\"password\":\"" + SECRET + "\"}";
    }

    /** Four documents, each in the base64 of the one around it. */
    @Test
    void embeddedJsonIsLookedThroughTwoLevelsDeepAndWhatIsDeeperGoes() throws Exception {
        String bomb = nested(nested(nested(nested("{\"password\":\"" + SECRET + "\"}"))));
        assertEquals(
                204,
                created("{\"bomb\": " + bomb + "}").post(webhooks("generic")).statusCode());
        String kept = database.value("SELECT raw_json FROM neon_auth.users_sync");
        assertEquals(422, parked(bomb).post(webhooks("generic")).statusCode());
        for (String text : new String[] {
            kept, database.value("SELECT convert_from(body, 'UTF8') FROM users_sync_internal.dead_letter")
        }) {
            int levels = 0;
            while (true) {
                assertFalse(text.contains(SECRET), text);
                Matcher base64 = Pattern.compile("\"(ey[A-Za-z0-9+/=]+)\"").matcher(text);
                if (!base64.find()) {
                    break;
                }
                text = new String(Base64.getDecoder().decode(base64.group(1)));
                levels++;
            }
            assertEquals(2, levels);
        }
    }

    @Test
    void embeddedJsonThatCannotBeReadGoes() throws Exception {
        String tooDeep = "[".repeat(2000) + "{\"password\":\"" + SECRET + "\"}" + "]".repeat(2000);
        assertTrue(goes("text", JSON.writeValueAsString(tooDeep)));
        JsonNode twice = JSON.readTree("{\"twice\": "
                + JSON.writeValueAsString(JSON.writeValueAsString("{\"password\":\"" + SECRET + "\",\"n\":1}")) + "}");
        assertTrue(builtIn().dropFrom(twice));
        assertEquals("{\"n\":1}", JSON.readTree(twice.path("twice").textValue()).textValue());
    }

    /** A document that throws at every access stands for a bug in users-sync. */
    @Test
    void whenTheDropFailsNothingIsKept() {
        Exchange exchange = new DefaultExchange(context);
        exchange.setVariable("delivery", ("{\"password\":\"" + SECRET + "\"}").getBytes());
        exchange.getMessage().setBody(new ObjectNode(JsonNodeFactory.instance) {
            @Override
            public Iterator<Map.Entry<String, JsonNode>> fields() {
                throw new StackOverflowError();
            }
        });
        assertThrows(InvalidUserEvent.class, () -> builtIn().process(exchange));
        String kept = new String(exchange.getVariable("delivery", byte[].class));
        assertTrue(kept.startsWith("{\"not_kept\":{\"bytes\":34,\"sha256\":\""), kept);
        assertNull(exchange.getMessage().getBody());
    }

    private static Delivery created(String profile) {
        return new Delivery(
                "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"nested\": [[" + profile + "]]}}");
    }

    private static Delivery parked(String profile) {
        return new Delivery(
                "{\"type\": \"user.created\", \"data\": {\"no_id\": true, \"nested\": [[" + profile + "]]}}");
    }

    @Test
    void jsonInsideTextAndInsideBase64IsLookedThrough() throws Exception {
        String text = "{\"username\":\"ada\",\"credentials\":[{\"value\":\"" + SECRET + "\"}],\"n\":1.5}";
        String base64 = Base64.getEncoder().encodeToString(text.getBytes());
        assertEquals(
                204,
                created("{\"representation\": " + JSON.writeValueAsString(text) + ", \"event_payload\": \"" + base64
                                + "\", \"list\": [" + JSON.writeValueAsString(text) + "]}")
                        .post(webhooks("generic"))
                        .statusCode());
        String at = "SELECT raw_json #>> '{nested,0,0,%s}' FROM neon_auth.users_sync";
        assertEquals("{\"username\":\"ada\",\"n\":1.5}", database.value(at.formatted("representation")));
        assertEquals("{\"username\":\"ada\",\"n\":1.5}", database.value(at.formatted("list,0")));
        assertEquals(
                "{\"username\":\"ada\",\"n\":1.5}",
                new String(Base64.getDecoder().decode(database.value(at.formatted("event_payload")))));
        for (String other : new String[] {
            "\n{\"password\": \"" + SECRET + "\"}",
            "{\n \"password\": \"" + SECRET + "\"}",
            "[ {\"password\": \"" + SECRET + "\"}]"
        }) {
            assertEquals(
                    204,
                    created("{\"text\": " + JSON.writeValueAsString(other) + ", \"base64\": \""
                                    + Base64.getEncoder()
                                            .encodeToString(other.strip().getBytes()) + "\"}")
                            .post(webhooks("generic"))
                            .statusCode());
            assertFalse(
                    database.value("SELECT raw_json #>> '{nested,0,0,text}' FROM neon_auth.users_sync")
                            .contains(SECRET),
                    other);
            assertFalse(
                    new String(Base64.getDecoder()
                                    .decode(database.value(
                                            "SELECT raw_json #>> '{nested,0,0,base64}' FROM neon_auth.users_sync")))
                            .contains(SECRET),
                    other);
        }
    }

    @Test
    void whatHoldsNoJsonStays() {
        assertEquals(
                204,
                created("{\"text\": \"{password\", \"base64\": \"eyJwYXNzd29yZCI6\", \"word\": \"Wyoming\"}")
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(
                "{\"text\": \"{password\", \"word\": \"Wyoming\", \"base64\": \"eyJwYXNzd29yZCI6\"}",
                database.value("SELECT raw_json #> '{nested,0,0}' FROM neon_auth.users_sync"));
    }

    @Test
    void whatOnlyLooksLikeASecretStays() {
        String profile =
                "{\"has_password\": true, \"password_enabled\": true, \"passwordLastUpdateInstant\": 1471786483322, \"about\": \"{not JSON\","
                        + " \"picture\": \"eyJub3QganNvbg==\", \"two_factor_enabled\": false, \"totp_enabled\": true, \"secretary\": \"Bea\"}";
        assertEquals(204, created(profile).post(webhooks("generic")).statusCode());
        assertEquals(
                "t",
                database.value(
                        "SELECT raw_json #> '{nested,0,0}' = '" + profile + "'::jsonb FROM neon_auth.users_sync"));
    }

    @Test
    void aLoneSurrogateBesideASecretChangesNothing() {
        assertEquals(
                422,
                parked("{\"password\": \"" + SECRET + "\", \"name\": \"Jane \\ud83d\"}")
                        .post(webhooks("generic"))
                        .statusCode());
        assertEquals(
                "{\"type\":\"user.created\",\"data\":{\"no_id\":true,\"nested\":[[{\"name\":\"Jane \\uD83D\"}]]}}",
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
            assertEquals(
                    204,
                    created("{\"password\": \"" + SECRET + "\", \"kept\": 1}")
                            .post(webhooks("generic"))
                            .statusCode());
        } finally {
            database.execute("ALTER TABLE neon_auth.users_sync DROP CONSTRAINT no_users");
        }
        assertEquals(
                "{\"tried\": 1, \"went_through\": 1, \"still_parked\": 0}\n",
                new Delivery("").post(management("/dead-letters/replay")).body());
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
