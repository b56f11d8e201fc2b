package dev.userssync.command;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.bench.Ports;
import dev.userssync.event.JsonBody;
import dev.userssync.testing.CommandRun;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.ByteArrayInputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/** The commands against a running instance in the profile dev: without a password, from this machine. */
class CommandsTest extends RunningApp {

    private String out;
    private String err;

    CommandsTest() {
        settings.setProperty("camel.main.profile", "dev");
        settings.setProperty("camel.main.routesReloadEnabled", "false");
    }

    @BeforeEach
    void clean() {
        database.execute(
                "TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter, users_sync_internal.event_log, users_sync_internal.tombstone");
    }

    /** @return the exit code */
    private int run(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        if (!all.contains("print-sql") && !all.contains("--help")) {
            all.add("--url=" + management(""));
        }
        CommandRun run = CommandRun.of(all);
        out = run.out();
        err = run.err();
        return run.code();
    }

    private JsonNode json() throws Exception {
        return JsonBody.MAPPER.readTree(out);
    }

    @Test
    void everyVerbExplainsItself() {
        for (String verb : Commands.line(() -> 0).getSubcommands().keySet()) {
            if (!verb.equals("help")) {
                assertEquals(0, run(verb, "--help"), verb);
                assertTrue(out.startsWith("Usage: users-sync " + verb), out);
                CommandLine.Model.CommandSpec spec =
                        Commands.line(() -> 0).getSubcommands().get(verb).getCommandSpec();
                assertFalse(spec.usageMessage().description().length == 0, verb + " has no description");
                spec.options()
                        .forEach(option ->
                                assertFalse(option.description().length == 0, verb + " " + option.longestName()));
                spec.positionalParameters()
                        .forEach(parameter ->
                                assertFalse(parameter.description().length == 0, verb + " " + parameter.paramLabel()));
            }
        }
    }

    @Test
    void sampleShowsWhatBecameOfAnInventedUser() throws Exception {
        assertEquals(0, run("sample", "clerk"), () -> err);
        assertTrue(out.contains("user.deleted -> 204"), out);
        assertEquals(0, run("sample", "clerk", "--json"));
        assertEquals("clerk", json().path("provider").asText());
        assertEquals(1, run("sample", "nobody"));
        assertTrue(err.contains("provider nobody is not on"), err);
    }

    @Test
    void statusSaysWhetherTheTableIsTrue() throws Exception {
        new Delivery("no JSON").post(webhooks("generic"));
        assertEquals(0, run("status"), () -> err);
        assertTrue(out.contains("users        0"), out);
        assertTrue(out.contains("dead letters 1 of generic that are no user events"), out);
        assertEquals(0, run("status", "--json"));
        assertEquals(0, json().at("/users/total").asInt(-1));
        assertTrue(json().at("/providers/generic/on").asBoolean());
        assertTrue(json().at("/providers/generic/last_webhook_at").isTextual());
    }

    @Test
    void reactionsAreListedAndSteered() throws Exception {
        assertEquals(0, run("reactions"), () -> err);
        assertTrue(out.contains("no reaction has run yet"), out);
        database.execute("""
                INSERT INTO users_sync_internal.reaction (name, seq, stopped, failed_at, error) SELECT 'a b&c', seq, 'answered 410', '2026-11-28Z', 'ConnectException'
                  FROM users_sync_internal.change_horizon;
                INSERT INTO users_sync_internal.event_log (seq, at, user_id, kind, type, decision) VALUES (0, now(), 'u1', 'created', 'created', 'applied');
                INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, dead, next_at) VALUES ('a b&c', 0, 'user', 'u1', true, now() + interval '1 hour')""");
        assertEquals(0, run("reactions"), () -> err);
        assertTrue(
                out.matches(
                        "(?s)a b&c +lag 0 s, 0 not read, 0 waiting, 1 dead, last done not yet; last error 2026-11-28T00:00:00Z: ConnectException; stopped: answered 410\\s+"),
                out);
        assertEquals(0, run("status"), () -> err);
        assertTrue(out.contains("reaction a b&c"), out);
        assertEquals(0, run("status", "--json"));
        assertEquals(1, json().at("/reactions/0/dead").asInt());
        assertEquals(0, run("reactions", "replay", "a b&c"), () -> err);
        assertTrue(out.contains("changes: 1"), out);
        assertEquals(0, run("reactions", "--json"), () -> err);
        assertEquals("1 0", json().at("/0/waiting") + " " + json().at("/0/dead"));
        for (String command : List.of("retry", "resume", "replay --seq 0", "replay --from 0")) {
            List<String> arguments = new ArrayList<>(List.of(("reactions " + command).split(" ")));
            arguments.add("a b&c");
            arguments.add("--json");
            assertEquals(0, run(arguments.toArray(String[]::new)), () -> err);
            assertEquals(1, json().path("changes").asInt(), command);
        }
        assertEquals(
                "0", database.value("SELECT count(*) FROM users_sync_internal.reaction_retry"), "from 0: read again");
        database.execute(
                "INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, dead) VALUES ('a b&c', 0, 'user', 'u1', true)");
        assertEquals(0, run("reactions", "discard", "a b&c"), () -> err);
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.reaction_retry"));
        assertEquals(0, run("reactions", "remove", "a b&c"), () -> err);
        assertEquals(1, run("reactions", "remove", "a b&c"));
        assertTrue(err.contains("there is no reaction a b&c"), err);
    }

    @Test
    void replaySaysHowManyWentThrough() throws Exception {
        new Delivery("no JSON").post(webhooks("generic"));
        assertEquals(1, run("replay", "--json"), "exit code 1 while a delivery is parked");
        assertEquals(1, json().path("tried").asInt());
        assertEquals(1, run("replay", "--provider", "clerk", "--kind", "23505", "--json"));
        assertEquals(0, json().path("tried").asInt(-1));
        database.execute("INSERT INTO users_sync_internal.dead_letter (provider, body, reason) VALUES ('generic',"
                + " convert_to('{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}', 'UTF8'), 'was refused')");
        assertEquals(1, run("replay", "--json"));
        assertEquals(
                "2 1 1",
                json().path("tried").asInt() + " " + json().path("went_through").asInt() + " "
                        + json().path("still_parked").asInt());
        database.execute("DELETE FROM users_sync_internal.dead_letter WHERE state = 'parked'");
        assertEquals(0, run("replay"), () -> err);
        assertTrue(out.contains("went through: 0"), out);
    }

    @Test
    void withoutTheDatabaseEachVerbFailsWithASentence() {
        String name = database.value("SELECT current_database()");
        TestDatabase other = new TestDatabase();
        other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS false");
        try {
            other.column("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'");
            for (String verb : List.of(
                    "replay", "status", "erase u1 --confirm u1", "purge", "purge --dry-run", "sample generic")) {
                assertEquals(1, run(verb.split(" ")), verb);
                assertTrue(err.contains("the database does not answer"), verb + ": " + out + err);
            }
        } finally {
            other.execute("ALTER DATABASE " + name + " ALLOW_CONNECTIONS true");
        }
        await().until(() -> run("status") == 0);
    }

    @Test
    void whatIsNotUsersSyncIsSaid() throws Exception {
        HttpServer somebodyElse = HttpServer.create(new InetSocketAddress("localhost", Ports.free()), 0);
        somebodyElse.createContext("/", exchange -> {
            byte[] page = exchange.getRequestURI().getPath().contains("replay")
                    ? new byte[0]
                    : "<html>".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, page.length == 0 ? -1 : page.length);
            exchange.getResponseBody().write(page);
            exchange.close();
        });
        somebodyElse.start();
        try {
            String url = "--url=http://localhost:" + somebodyElse.getAddress().getPort();
            for (String verb : List.of("replay", "status")) {
                StringWriter complained = new StringWriter();
                assertEquals(
                        1,
                        Commands.line(() -> 0)
                                .setErr(new PrintWriter(complained))
                                .execute(verb, url));
                assertTrue(
                        complained
                                .toString()
                                .matches(
                                        "users-sync: (the server that answered is not users-sync|users-sync at .* answered 200 without a reason).*\\R"),
                        complained::toString);
            }
        } finally {
            somebodyElse.stop(0);
        }
    }

    @Test
    void purgeBelowTheHoldbackWantsAConfirmation() throws Exception {
        database.execute("""
                INSERT INTO neon_auth.users_sync (id, deleted_at) VALUES ('u1', now() - interval '2 days'), ('u2', now() - interval '2 days');
                CREATE TABLE todos (user_id TEXT REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE);
                INSERT INTO todos VALUES ('u1'), ('u1')""");
        try {
            assertEquals(1, run("purge", "--days", "0"));
            assertTrue(err.contains("nothing was purged: 0 days are fewer than the holdback of 30 days"), err);
            assertEquals(1, run("purge", "--days=-5"));
            assertTrue(err.contains("days must be 0 or more"), err);
            assertEquals(0, run("purge", "--days", "0", "--dry-run", "--json"), () -> err);
            assertEquals(
                    "{\"would_purge\":2,\"rows_that_cascade\":[\"todos: 2\"],\"rows_that_keep_a_user\":[]}",
                    json().toString());
            assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
            assertEquals(0, run("purge", "--days", "0", "--confirm"), () -> err);
            assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        } finally {
            database.execute("DROP TABLE todos");
        }
    }

    @Test
    void eraseNeedsTheIdTwiceAndPrintsTheProof() throws Exception {
        new Delivery(
                        "{\"type\": \"user.created\", \"data\": {\"id\": \"u 1/2\", \"created_at\": \"2026-01-01T00:00:00Z\"}}")
                .post(webhooks("generic"));
        assertEquals(1, run("erase", "u 1/2", "--confirm", "u1"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals(0, run("erase", "u 1/2", "--confirm", "u 1/2", "--json"), () -> err);
        assertEquals(1, json().path("rows_removed").asInt());
        assertEquals(0, json().path("rows_left").asInt(-1));
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals("u 1/2", database.value("SELECT id FROM users_sync_internal.tombstone"));
    }

    @Test
    void purgeRemovesWhoWasDeletedLongAgo() throws Exception {
        database.execute("""
                INSERT INTO neon_auth.users_sync (id, raw_json, deleted_at)
                SELECT 'user_' || i, '{}', now() - CASE WHEN i <= 250 THEN interval '40 days' ELSE interval '20 days' END FROM generate_series(1, 260) i;
                INSERT INTO neon_auth.users_sync (id, raw_json) VALUES ('live', '{}');
                CREATE TABLE todos (user_id TEXT REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE);
                CREATE TABLE invoices (user_id TEXT REFERENCES neon_auth.users_sync (id));
                INSERT INTO todos VALUES ('user_1'), ('user_255');
                INSERT INTO invoices VALUES ('user_2')""");
        try {
            assertEquals(0, run("purge", "--json"), () -> err);
            assertEquals(249, json().path("purged").asInt());
            assertEquals(1, json().path("kept_by_a_foreign_key").asInt());
            assertEquals("12", database.value("SELECT count(*) FROM neon_auth.users_sync"));
            assertEquals("user_255", database.value("SELECT user_id FROM todos"), "the application's ON DELETE runs");
            assertEquals(0, run("purge", "--days", "10", "--confirm"));
            assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        } finally {
            database.execute("DROP TABLE todos, invoices");
        }
    }

    /** A database gets the same from print-sql as from users-sync itself. */
    @Test
    void printSqlPrintsWhatItWouldRun() {
        assertEquals(0, run("print-sql", "--console"), () -> err);
        TestDatabase other = new TestDatabase();
        other.execute(out.substring(0, out.indexOf("-- While the console is on")));
        String tables =
                "SELECT string_agg(format('%s.%s %s', table_schema, table_name, column_name), ' ' ORDER BY table_schema, table_name, column_name)"
                        + " FROM information_schema.columns WHERE table_schema IN ('neon_auth', 'users_sync_internal') AND table_name <> 'flyway_schema_history'";
        assertEquals(database.value(tables), other.value(tables));
        assertTrue(out.contains("users_sync_words_idx"));
    }

    private void explains(String expected, Delivery delivery, String body) throws Exception {
        StringBuilder recorded = new StringBuilder("POST /webhooks/generic HTTP/1.1\r\n");
        delivery.headers()
                .forEach((name, value) ->
                        recorded.append(name).append(": ").append(value).append("\r\n"));
        Commands.input = new ByteArrayInputStream((recorded + "\r\n" + body).getBytes(StandardCharsets.UTF_8));
        assertEquals(
                expected.startsWith("The signature is right.") ? 0 : 1, run("verify-signature", "generic"), () -> err);
        assertTrue(out.contains(expected), out);
        assertFalse(out.contains(TestSettings.SECRET));
    }

    @Test
    void verifySignatureExplainsWhyItFails() throws Exception {
        String body = "{\"type\":\"user.created\",\"data\":{\"id\":\"u1\",\"name\":\"Zoë\"}}";
        long now = Instant.now().getEpochSecond();
        explains("The signature is right.", new Delivery(body), body);
        explains("the timestamp is 41", new Delivery(body).signed(TestSettings.SECRET, now - 412), body);
        explains("The signature is right, but", new Delivery(body).signed(TestSettings.SECRET, now - 412), body);
        explains("ahead of this machine's clock", new Delivery(body).signed(TestSettings.SECRET, now + 900), body);
        explains(
                "for the body as JSON without spaces.",
                new Delivery(body),
                "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"name\": \"Zoë\"}}");
        explains("without the line break at its end", new Delivery(body), body + "\n");
        explains(
                "GENERIC_WEBHOOK_SECRET is not the secret",
                new Delivery(body).signed("whsec_b3RoZXIgc2VjcmV0IHRoYW4gb3Vycw==", now),
                body);
        explains("header webhook-signature is missing", new Delivery(body).header("webhook-signature", null), body);
        explains(
                "The body was changed on its way",
                new Delivery(body).signed(TestSettings.SECRET, now - 90_000),
                body + "\n");
    }

    @Test
    void nobodyThereIsSaidInOneLine() {
        StringWriter complained = new StringWriter();
        assertEquals(
                1,
                Commands.line(() -> 0)
                        .setErr(new PrintWriter(complained))
                        .execute("status", "--url=http://localhost:" + Ports.free()));
        assertTrue(complained.toString().contains("no users-sync answers at"), complained.toString());
        assertEquals(1, complained.toString().lines().count());
    }
}
