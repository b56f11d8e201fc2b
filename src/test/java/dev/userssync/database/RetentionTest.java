package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.JsonBody;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestSettings;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.camel.CamelExecutionException;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What users-sync keeps of a deleted user, and for how long. */
class RetentionTest extends RunningApp {

    @BeforeEach
    void anApplicationThatRefersToUsers() {
        database.execute("""
                DROP TABLE IF EXISTS todos, posts, invoices;
                TRUNCATE neon_auth.users_sync, users_sync_internal.tombstone, users_sync_internal.event_log, users_sync_internal.activity,
                  users_sync_internal.dead_letter, users_sync_internal.poll_state;
                CREATE TABLE todos (user_id TEXT REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE);
                CREATE TABLE posts (user_id TEXT REFERENCES neon_auth.users_sync (id) ON DELETE SET NULL);
                CREATE TABLE invoices (user_id TEXT REFERENCES neon_auth.users_sync (id))""");
    }

    private void event(String type, String id, Instant time) {
        assertEquals(
                204,
                new Delivery("""
                {"type": "user.%s", "data": {"id": "%s", "name": "Ada", "email": "ada.king@example.com", "created_at": "%s", "updated_at": "%s", "deleted_at": "%s"}}""".formatted(type, id, time, time, time))
                        .post(webhooks("generic"))
                        .statusCode());
    }

    private static Instant daysAgo(int days) {
        return Instant.now().minus(days, ChronoUnit.DAYS).truncatedTo(ChronoUnit.SECONDS);
    }

    private Map<?, ?> purge(int days) throws Exception {
        return JsonBody.MAPPER.readValue(
                context.createFluentProducerTemplate()
                        .to("direct:purge-users")
                        .withHeader("days", days)
                        .request(String.class),
                Map.class);
    }

    private String users() {
        return database.value("SELECT string_agg(id, ' ' ORDER BY id) FROM neon_auth.users_sync");
    }

    @Test
    void whatIsOlderThanItIsKeptIsForgotten() {
        database.execute("""
                INSERT INTO users_sync_internal.event_log (at, user_id, type, decision)
                VALUES (now() - interval '31 days', 'old', 'updated', 'applied'), (now() - interval '29 days', 'young', 'updated', 'applied');
                INSERT INTO users_sync_internal.activity (provider, minute) VALUES ('generic', now() - interval '31 days'), ('generic', now());
                INSERT INTO users_sync_internal.dead_letter (provider, body, reason, state, last_failed_at)
                VALUES ('generic', 'a', 'old', 'replayed', now() - interval '91 days'), ('generic', 'b', 'parked', 'parked', now() - interval '91 days'),
                       ('generic', 'c', 'young', 'discarded', now() - interval '89 days');
                UPDATE users_sync_internal.event_log SET seq = CASE user_id WHEN 'old' THEN 1 ELSE 2 END;
                INSERT INTO users_sync_internal.reaction (name, seq) VALUES ('r1', 2), ('r2', 2), ('r3', 2);
                INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, dead, failed_at) VALUES ('r1', 1, 'user', 'old', false, now()),
                  ('r1', 2, 'user', 'young', false, now() - interval '91 days'), ('r2', 2, 'user', 'young', true, now() - interval '91 days'),
                  ('r3', 2, 'user', 'young', true, now() - interval '89 days'), ('r3', 3, 'user', 'erased', true, now())""");
        Map<?, ?> forgotten = context.createFluentProducerTemplate()
                .to("direct:forget-history")
                .request(Map.class);
        assertEquals("{decisions=1, minutes=1, letters=1, changes=3}", forgotten.toString());
        assertEquals("young", database.value("SELECT user_id FROM users_sync_internal.event_log"));
        assertEquals(
                "r1 2, r3 2",
                database.value(
                        "SELECT string_agg(concat_ws(' ', name, seq), ', ' ORDER BY name) FROM users_sync_internal.reaction_retry"));
        database.execute("DELETE FROM users_sync_internal.reaction");
        assertEquals(
                "parked young",
                database.value("SELECT string_agg(reason, ' ' ORDER BY reason) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void afterTheHoldbackTheApplicationsOnDeleteRuns() throws Exception {
        for (String id : new String[] {"cascade", "null", "invoiced", "recent"}) {
            event("created", id, daysAgo(60));
            event("deleted", id, id.equals("recent") ? daysAgo(29) : daysAgo(31));
        }
        event("created", "live", daysAgo(60));
        database.execute(
                "INSERT INTO todos VALUES ('cascade'), ('recent'); INSERT INTO posts VALUES ('null'); INSERT INTO invoices VALUES ('invoiced')");
        assertEquals(Map.of("purged", 2, "kept_by_a_foreign_key", 1), purge(30));
        assertEquals("invoiced live recent", users());
        assertEquals("recent", database.value("SELECT string_agg(user_id, ' ') FROM todos"));
        assertEquals("1", database.value("SELECT count(*) FROM posts WHERE user_id IS NULL"));
    }

    @Test
    void aPurgedUserComesBackOnlyWithSomethingNewer() throws Exception {
        Instant deletion = daysAgo(40); // computed once: a second later it would be a newer deletion
        event("created", "u1", daysAgo(60));
        event("deleted", "u1", deletion);
        assertEquals(1, purge(30).get("purged"));
        assertEquals(
                "u1 2",
                database.value(
                        "SELECT concat(id, ' ', (SELECT count(*) FROM information_schema.columns"
                                + " WHERE table_schema = 'users_sync_internal' AND table_name = 'tombstone')) FROM users_sync_internal.tombstone"),
                "an id and a time, no more");
        event("updated", "u1", daysAgo(50));
        event("deleted", "u1", deletion);
        assertEquals(null, users());
        event("created", "u1", daysAgo(10));
        assertEquals("u1", database.value("SELECT string_agg(id, ' ') FROM neon_auth.users_live"));
        assertEquals(0, purge(1).get("purged"));
    }

    @Test
    void nothingIsPurgedWhileABrakeHolds() throws Exception {
        event("deleted", "u1", daysAgo(40));
        database.execute(
                "INSERT INTO users_sync_internal.poll_state (provider, phase, job) VALUES ('clerk', 'held', 'reconcile')");
        CamelExecutionException failure = assertThrows(CamelExecutionException.class, () -> purge(30));
        assertEquals(
                "nothing was purged: the brake holds a reconcile of clerk; confirm or dismiss it first",
                failure.getCause().getMessage());
        assertEquals("u1", users());
        database.execute("UPDATE users_sync_internal.poll_state SET phase = NULL");
        assertEquals(1, purge(30).get("purged"));
    }

    @Test
    void anErasedUserIsNowhere() throws Exception {
        event("created", "u1", daysAgo(60));
        event("updated", "u1", daysAgo(50));
        database.execute(
                "INSERT INTO todos VALUES ('u1'); INSERT INTO users_sync_internal.sweep_seen (provider, id) VALUES ('clerk', 'u1');"
                        + "INSERT INTO users_sync_internal.dead_letter (provider, body, reason) VALUES ('generic', '{\"data\": {\"id\": \"u1\"}}', 'a'),"
                        + " ('generic', '{\"to\": \"ada.king@example.com\"}', 'b'), ('generic', '{\"data\": {\"id\": \"u2\"}}', 'c')");
        String proof = context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", "u1")
                .request(String.class);
        assertEquals(
                "1 2 2 0",
                JsonBody.MAPPER.readTree(proof).at("/rows_removed") + " "
                        + JsonBody.MAPPER.readTree(proof).at("/decisions_removed") + " "
                        + JsonBody.MAPPER.readTree(proof).at("/dead_letters_removed") + " "
                        + JsonBody.MAPPER.readTree(proof).at("/rows_left"));
        for (String table : database.column("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                + " WHERE schemaname IN ('neon_auth', 'users_sync_internal', 'public') AND tablename <> 'tombstone'")) {
            assertEquals(
                    "0",
                    database.value("SELECT count(*) FROM " + table
                            + " AS t WHERE t::text ~ '\\mu1\\M|ada.king|\\\\x.*" // a body is bytea
                            + "6164612e6b696e67' AND to_jsonb(t) ->> 'kind' IS DISTINCT FROM 'erased'"), // a
                    // change, for readers of the feed
                    table);
        }
        event("updated", "u1", daysAgo(1));
        assertEquals(null, users(), "an event older than the erasure changes nothing");
    }

    private String erase(String id) throws Exception {
        return context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", id)
                .request(String.class);
    }

    /** @return the number of the dead letter */
    private String letter(String provider, String holds, String body) {
        return database.value(
                "INSERT INTO users_sync_internal.dead_letter (provider, body, reason, holds) VALUES (?, convert_to(?, 'UTF8'), 'a', ?) RETURNING id",
                provider,
                body,
                holds);
    }

    private static String base64(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void onlyWholeIdsAreTheUsers() throws Exception {
        database.execute("""
                INSERT INTO neon_auth.users_sync (id, raw_json, email) VALUES ('u1',
                  '{"id": "u1", "emails": [{"value": "ada@example.org"}], "manager": {"email": "boss@example.org"}}', 'ada.king@example.org')""");
        List<String> stay = List.of(
                letter("generic", "delivery", "{'data': {'id': 'u10'}}".replace('\'', '"')),
                letter("generic", "delivery", "{'data': {'id': 7}}".replace('\'', '"')),
                letter(
                        "generic",
                        "delivery",
                        "{'data': {'id': 'u2', 'email': 'not.ada@example.org', 'boss': 'boss@example.org'}}"
                                .replace('\'', '"')),
                letter(
                        "generic",
                        "delivery",
                        "{'data': {'id': 'u3', 'email': 'ada@example.org.uk'}}".replace('\'', '"')),
                letter(
                        "generic",
                        "delivery",
                        "{'data': {'id': 'u4', 'path': 'users/u10/files/u1'}}".replace('\'', '"')));
        for (String body : List.of(
                "{'data': {'id': '\\u0075\\u0031'}}",
                "{'data': {'id': 'u1', 'name': 'a\\u0000', 'email': 'former@example.org', 'bio': '\\ud83d'}}",
                "{'to': 'Former\\u0040example.org'}",
                "{'text': 'Dear ada@example.org, ...'}",
                "{'payload': '" + base64("{\"user_id\": \"u1\"}") + "'}",
                base64("{\"alg\": \"RS256\"}") + "." + base64("{\"data\": {\"user\": {\"id\": \"u1\"}}}")
                        + ".c2lnbmF0dXJl",
                "{'resourcePath': 'users/u1'}",
                "{'representation': '{\\\"id\\\": \\\"u1\\\"}'}",
                "{'users': {'u1': true}}",
                "no JSON, of ada.king@example.org")) {
            letter("generic", "delivery", body.replace('\'', '"'));
        }
        letter("clerk", "user event", "{\"type\": \"updated\", \"id\": \"u1\"}");
        String unread = letter("generic", "delivery", "no JSON at all");
        JsonNode proof = JsonBody.MAPPER.readTree(erase("u1"));
        assertEquals(
                Stream.concat(stay.stream(), Stream.of(unread)).toList(),
                database.column("SELECT id FROM users_sync_internal.dead_letter ORDER BY id"));
        assertEquals(11, proof.path("dead_letters_removed").asInt(), proof::toString);
        assertEquals("[" + unread + "]", proof.path("dead_letters_not_read").toString());
    }

    @Test
    void aShortNumberIsAnIdOnlyWhereAnIdStands() throws Exception {
        database.execute("INSERT INTO neon_auth.users_sync (id) VALUES ('7')");
        List<String> stay = List.of(
                letter(
                        "generic",
                        "delivery",
                        "{\"data\": {\"id\": 70, \"logins\": 7, \"age\": \"7\", \"at\": \"2026-07-07\"}}"),
                letter("generic", "delivery", "{\"data\": {\"id\": \"17\", \"n\": [7, 77]}}"),
                letter("generic", "delivery", "{\"data\": {\"id\": 8, \"team_id\": 7}}"),
                letter("generic", "delivery", "{\"data\": {\"id\": 9, \"plan\": {\"id\": 7}}}"),
                letter(
                        "generic",
                        "delivery",
                        "{\"data\": {\"id\": 10, \"userGroups\": [{\"id\": 7}], \"companies\": {\"ids\": [7]}}}"));
        letter("generic", "delivery", "{\"data\": {\"id\": 7}}");
        letter("generic", "delivery", "{\"data\": {\"userIds\": [6, 7]}}");
        letter("generic", "delivery", "{\"resourcePath\": \"/users/7\"}");
        assertEquals(
                3,
                JsonBody.MAPPER
                        .readTree(erase("7"))
                        .path("dead_letters_removed")
                        .asInt());
        assertEquals(stay, database.column("SELECT id FROM users_sync_internal.dead_letter ORDER BY id"));
    }

    @Test
    void theAddressesOfACompanyAreNobodys() throws Exception {
        database.execute("""
                INSERT INTO neon_auth.users_sync (id, raw_json, email) VALUES ('u1', '{"id": "u1", "company": {"support_email": "help@example.org"},
                  "billingEmail": "pay@example.org", "team": {"contact": "team@example.org"}}', 'ada.king@example.org')""");
        letter(
                "generic",
                "delivery",
                "{\"data\": {\"id\": \"u1\", \"employer\": {\"mail\": \"jobs@example.org\"}, \"email\": \"former@example.org\"}}");
        letter("generic", "delivery", "{\"data\": {\"to\": \"former@example.org\"}}");
        List<String> stay = Stream.of("help", "pay", "team", "jobs")
                .map(name -> letter(
                        "generic",
                        "delivery",
                        "{\"data\": {\"id\": \"u2\", \"company\": {\"support_email\": \"" + name + "@example.org\"}}}"))
                .toList();
        assertEquals(
                2,
                JsonBody.MAPPER
                        .readTree(erase("u1"))
                        .path("dead_letters_removed")
                        .asInt());
        assertEquals(stay, database.column("SELECT id FROM users_sync_internal.dead_letter ORDER BY id"));
    }

    /** Events that arrive during the erasure are applied, and then erased too. */
    @Test
    void theLettersAreReadBeforeAnybodyIsLockedOut() throws Exception {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, email, raw_json) VALUES ('u1', 'ada.king@example.org', '{}')");
        database.execute("""
                INSERT INTO users_sync_internal.dead_letter (provider, reason, body)
                SELECT 'generic', 'a', convert_to(jsonb_build_object('type', 'user.updated', 'n', n, 'data', (SELECT jsonb_object_agg('field_' || i, jsonb_build_object('id', 'x' || n || i))
                       || jsonb_build_object('id', CASE WHEN n % 1000 = 0 THEN 'u1' ELSE 'other' || n END) FROM generate_series(1, 50) AS i))::text, 'UTF8') FROM generate_series(1, 3000) AS n;
                INSERT INTO users_sync_internal.dead_letter (provider, reason, body) VALUES ('generic', 'a', '\\xff00fe'),
                  ('generic', 'a', convert_to('{"data": {"payload": "' || encode(convert_to(E'\\n{"sub": "u1"}', 'UTF8'), 'base64') || '"}}', 'UTF8'))""");
        try (Connection reader = database.connect();
                Connection writer = database.connect()) {
            // nobody can read the dead letters until then
            reader.setAutoCommit(false);
            reader.createStatement().execute("LOCK TABLE users_sync_internal.dead_letter");
            CompletableFuture<String> erasing = CompletableFuture.supplyAsync(
                    () -> database.value("SELECT users_sync_internal.erase_user('u1', 'u1', NULL, false)"));
            await().until(() -> database.value(
                            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users_sync_internal.dead_letter'::regclass")
                    .equals("1"));
            writer.createStatement()
                    .execute(
                            "SET lock_timeout = '2s'; UPDATE neon_auth.users_sync SET updated_at = '2126-01-01Z' WHERE id = 'u1'");
            reader.rollback();
            JsonNode proof = JsonBody.MAPPER.readTree(erasing.get(20, TimeUnit.SECONDS));
            assertEquals(
                    "4 1 2126-01-01",
                    proof.path("dead_letters_removed") + " "
                            + proof.path("dead_letters_not_read").size() + " "
                            + proof.path("not_accepted_until").asText().substring(0, 10),
                    proof::toString);
        }
        assertEquals(null, users());
    }

    @Test
    void theForeignKeyThatStopsItIsNamed() {
        database.execute("INSERT INTO neon_auth.users_sync (id) VALUES ('u1'); INSERT INTO invoices VALUES ('u1')");
        CamelExecutionException failure = assertThrows(CamelExecutionException.class, () -> erase("u1"));
        assertTrue(
                failure.getCause()
                        .getMessage()
                        .contains(
                                "user u1 was not erased: rows of public.invoices still refer to it by the foreign key invoices_user_id_fkey"),
                failure.getCause().getMessage());
        assertEquals("u1", users());
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.tombstone"), "all or nothing");
    }

    @Test
    void whomNobodyKnowsIsNotErased() {
        CamelExecutionException failure = assertThrows(CamelExecutionException.class, () -> erase("nobody"));
        assertTrue(
                failure.getCause().getMessage().contains("user nobody is not known"),
                failure.getCause().getMessage());
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.tombstone"));
        context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", "nobody")
                .withHeader("force", "true")
                .request(String.class);
        assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.tombstone"));
    }

    /** The whole path, with its clock. */
    @Test
    void housekeepingPurgesWhereAHoldbackIsSet() {
        event("created", "u1", daysAgo(60));
        event("deleted", "u1", daysAgo(31));
        event("deleted", "u2", daysAgo(29));
        Properties other = TestSettings.with(database, "generic");
        other.setProperty("purge.days", "30");
        other.setProperty("housekeeping.delay", "10");
        try (StartedApp app = new StartedApp(other)) {
            await().until(() -> "u2".equals(users()));
        }
    }

    /** A failed job is due again. A successful one is not due until it has work. */
    @Test
    void housekeepingThatFailedIsTriedAgain() {
        Properties other = TestSettings.with(database, "generic");
        other.setProperty("housekeeping.delay", "10");
        database.execute("ALTER TABLE users_sync_internal.delivery RENAME TO away");
        CapturedLog log = new CapturedLog();
        try (StartedApp app = new StartedApp(other)) {
            await().until(() ->
                    log.lines().stream().anyMatch(line -> line.contains("housekeeping failed, retrying in an hour")));
            await().during(Duration.ofSeconds(1))
                    .until(() -> Database.of(app.main.getCamelContext()).quiet.isTimeToTidy());
        } finally {
            database.execute("ALTER TABLE users_sync_internal.away RENAME TO delivery");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "purge.days | 0 | PURGE_DAYS must be a number of days from 1 to 99999, or empty: deleted users are kept for ever; it is 0",
                "event-log.days | a month | EVENT_LOG_DAYS must be a number of days from 1 to 99999; it is a month",
                "dead-letter.days | '' | DEAD_LETTER_DAYS must be a number of days from 1 to 99999; it is "
            })
    void whatIsNoNumberOfDaysStopsTheStart(String setting, String value, String message) {
        Properties wrong = TestSettings.with(database, "generic");
        wrong.setProperty(setting, value);
        Throwable failure = assertThrows(RuntimeException.class, () -> new StartedApp(wrong));
        while (failure.getCause() != null) {
            failure = failure.getCause();
        }
        assertTrue(failure.getMessage().contains(message.strip()), failure.getMessage());
    }
}
