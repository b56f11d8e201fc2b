package dev.userssync.database;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.TestSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A trigger of the application on users_sync refuses one user: the others pass, by every way into the table. */
class TriggerTest extends PolledApp {

    private static final int USERS = 60;

    TriggerTest() {
        super("clerk", FakeApis::clerk);
        settings.setProperty("generic.webhook.secret", TestSettings.SECRET);
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
    }

    /**
     * @param kind such as AFTER
     * @param body what the trigger does with the user that meets the condition
     */
    private void trigger(String kind, String condition, String body) {
        database.execute("""
                CREATE OR REPLACE FUNCTION public.no_d7() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF %s THEN %s END IF;
                  RETURN NEW;
                END $$;
                CREATE %s INSERT OR UPDATE ON neon_auth.users_sync %s FOR EACH ROW EXECUTE FUNCTION public.no_d7()""".formatted(
                        condition,
                        body,
                        kind.equals("DEFERRED") ? "CONSTRAINT TRIGGER refuses AFTER" : "TRIGGER refuses " + kind,
                        kind.equals("DEFERRED") ? "INITIALLY DEFERRED" : ""));
    }

    @AfterEach
    void mend() {
        database.execute(
                "DROP TRIGGER IF EXISTS refuses ON neon_auth.users_sync; DROP FUNCTION IF EXISTS public.no_d7() CASCADE");
    }

    private static String created(String id) {
        return "{\"type\": \"user.created\", \"data\": {\"id\": \"" + id
                + "\", \"name\": \"Ada\", \"created_at\": \"2026-11-20T08:00:00Z\"}}";
    }

    /**
     * Eight senders send each user once.
     *
     * @return how often each status came, and which users did not get 204
     */
    private Map<String, String> deliverAll() throws Exception {
        ExecutorService senders = Executors.newFixedThreadPool(8);
        try {
            List<Future<Integer>> replies = new ArrayList<>();
            for (int i = 0; i < USERS; i++) {
                String body = created("d" + i);
                replies.add(senders.submit(
                        () -> new Delivery(body).post(webhooks("generic")).statusCode()));
            }
            Map<String, String> others = new TreeMap<>();
            for (int i = 0; i < USERS; i++) {
                if (replies.get(i).get() != 204) {
                    others.put("d" + i, replies.get(i).get().toString());
                }
            }
            return others;
        } finally {
            senders.shutdown();
        }
    }

    private String rows() {
        return database.value("SELECT count(*) FROM neon_auth.users_live");
    }

    private String letters() {
        return String.join(
                "\n",
                database.column(
                        "SELECT concat(sql_state, ' ', reason) FROM users_sync_internal.dead_letter WHERE state = 'parked'"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"BEFORE", "AFTER", "DEFERRED"})
    void whomItRefusesIsParkedAndTheOthersPass(String kind) throws Exception {
        trigger(kind, "NEW.id = 'd7'", "RAISE EXCEPTION 'no d7';");
        for (int round = 0; round < 5; round++) {
            assertEquals(Map.of(), deliverAll());
        }
        assertEquals("59", rows());
        assertEquals("P0001 SQLState P0001: ERROR: no d7, PL/pgSQL function no_d7() line 3 at RAISE", letters());
        assertTrue(
                log.lines().stream()
                        .anyMatch(line -> line.contains(
                                "parked as a dead letter: SQLState P0001, PL/pgSQL function no_d7() line 3 at RAISE")),
                log.lines()::toString);
        mend();
        assertEquals(200, post("/dead-letters/replay").statusCode());
        assertEquals("60", rows());
    }

    @Test
    void whatIsRaisedForEverybodyIsParkedAndComesBackByReplay() throws Exception {
        // On a line of its own, because the log limits the lines per reason.
        trigger("AFTER", "true", "\nRAISE EXCEPTION 'nobody';");
        assertEquals(Map.of(), deliverAll());
        assertEquals("0", rows());
        assertEquals(
                "60",
                database.value(
                        "SELECT count(*) FROM users_sync_internal.dead_letter WHERE state = 'parked' AND sql_state = 'P0001'"));
        assertTrue(letters().contains("nobody"));
        mend();
        post("/dead-letters/replay");
        assertEquals("60", rows());
    }

    @Test
    void aTableThatItMissesIsNamedAndStopsNobodyElse() throws Exception {
        trigger("AFTER", "NEW.id = 'd7'", "PERFORM FROM public.missing;");
        assertEquals(Map.of("d7", "503"), deliverAll());
        assertEquals("59", rows());
        assertEquals("", letters());
        assertTrue(
                log.lines().stream()
                        .anyMatch(line -> line.contains("SQLState 42P01: relation \"public.missing\" does not exist")
                                && line.contains("PL/pgSQL function no_d7() line 3 at PERFORM")),
                log.lines()::toString);
    }

    @Test
    void aRightThatItLacksIsNamedAndStopsNobodyElse() throws Exception {
        database.execute("DROP ROLE IF EXISTS no_rights; CREATE ROLE no_rights; CREATE TABLE public.secrets (id TEXT)");
        try {
            trigger("AFTER", "NEW.id = 'd7'", "PERFORM FROM public.secrets;");
            database.execute(
                    "ALTER FUNCTION public.no_d7() OWNER TO no_rights; ALTER FUNCTION public.no_d7() SECURITY DEFINER");
            assertEquals(Map.of("d7", "503"), deliverAll());
            assertEquals("59", rows());
            assertTrue(
                    log.lines().stream()
                            .anyMatch(line -> line.contains("SQLState 42501: permission denied for table secrets")
                                    && line.contains("function no_d7()")),
                    log.lines()::toString);
        } finally {
            mend();
            database.execute("DROP TABLE public.secrets; DROP ROLE no_rights");
        }
    }

    @Test
    void aBackfillComesToItsEnd() {
        api.createMany("user_", USERS);
        trigger("AFTER", "NEW.id = 'user_0000007'", "RAISE EXCEPTION 'no user 7';");
        backfill();
        assertEquals("59", rows());
        assertTrue(letters().matches("P0001 .*no user 7.*function no_d7.*"), letters());
        mend();
        post("/dead-letters/replay");
        assertTableIsTrue();
    }

    /** SCIM clients wait for the reply, so users-sync parks nothing. */
    @Test
    void aScimClientIsToldThatTheUserIsRefused() {
        trigger("AFTER", "NEW.name = 'Bad'", "RAISE EXCEPTION 'no Bad';");
        String base = "http://localhost:" + settings.getProperty("camel.server.port") + "/scim/v2";
        ScimApp.Reply reply = ScimApp.send(
                ScimApp.request(
                        base,
                        "POST",
                        "/Users",
                        "{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"], \"userName\": \"bad\", \"displayName\": \"Bad\"}"));
        assertEquals(400, reply.status(), reply::toString);
        assertEquals("", letters());
        assertTrue(
                log.lines().stream()
                        .anyMatch(line -> line.contains("scim: answered 400, because the database refuses a user")
                                && line.contains("function no_d7()")),
                log.lines()::toString);
    }
}
