package dev.userssync.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The console over HTTP: who may see it, what the pages show, what the forms do. BrowserTest covers the view in a
 * browser.
 */
class ConsoleTest extends RunningApp {

    private static final String PASSWORD = "correct horse battery staple";

    private String cookie;

    ConsoleTest() {
        settings.setProperty("console.password", PASSWORD);
    }

    @BeforeEach
    void logIn() {
        awaitConsoleIndexes();
        database.execute(
                "TRUNCATE neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync, users_sync_internal.dead_letter, users_sync_internal.event_log, users_sync_internal.tombstone");
        if (cookie == null) {
            HttpResponse<String> reply = form("/console/login", "password=" + url(PASSWORD));
            assertEquals(303, reply.statusCode());
            cookie = reply.headers().firstValue("Set-Cookie").orElseThrow().replaceFirst(";.*", "");
        }
    }

    private HttpResponse<String> page(String path) {
        return Http.get(management(path), "Cookie", cookie);
    }

    private HttpResponse<String> form(String path, String body, String... headers) {
        String[] all = new String[headers.length + 2];
        System.arraycopy(headers, 0, all, 0, headers.length);
        all[headers.length] = "Content-Type";
        all[headers.length + 1] = "application/x-www-form-urlencoded";
        return Http.post(management(path), body, all);
    }

    /** Sends a form with the token of its page. */
    private HttpResponse<String> submit(String page, String path, String body) {
        return form(path, body + "&csrf=" + csrf(page), "Cookie", cookie);
    }

    private String csrf(String page) {
        Matcher token = Pattern.compile("name=\"csrf\" value=\"([^\"]+)\"")
                .matcher(page(page).body());
        assertTrue(token.find(), "no form on " + page);
        return token.group(1);
    }

    private static String url(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    private void user(String id, String name, String email) {
        database.column(
                "INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at) VALUES (?, jsonb_build_object('id', ?::text), ?, ?, now()) RETURNING id",
                id,
                id,
                name,
                email);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "/console/users",
                "/console/user?id=u1",
                "/console/sync",
                "/console/dead-letters",
                "/console/dead-letter?id=1",
                "/console/reactions",
                "/console/reaction?name=welcome"
            })
    void withoutASessionThereIsOnlyTheLogin(String path) {
        user("u1", "Ada Hidden", null);
        for (String wrong : new String[] {
            "", "users-sync-console=99999999999.abc.def", cookie.replaceFirst("=\\d", "=9"), cookie + "x"
        }) {
            HttpResponse<String> reply = Http.get(management(path), "Cookie", wrong);
            assertEquals(303, reply.statusCode(), wrong);
            assertFalse(reply.body().contains("Ada Hidden"));
        }
    }

    @Test
    void aWrongPasswordOpensNothing() {
        HttpResponse<String> reply = form("/console/login", "password=wrong");
        assertEquals(401, reply.statusCode());
        assertTrue(reply.headers().firstValue("Set-Cookie").isEmpty());
    }

    @Test
    void itIsNotOnTheWebhookPort() {
        assertEquals(
                404,
                Http.get(webhooks("generic").replace("/webhooks/generic", "/console/login"))
                        .statusCode());
    }

    @Test
    void everyPageIsSentWithItsDefences() {
        for (String path : new String[] {"/console/users", "/console/login", "/console/static/htmx.js"}) {
            HttpResponse<String> reply = page(path);
            assertEquals(200, reply.statusCode(), path);
            String policy =
                    reply.headers().firstValue("Content-Security-Policy").orElseThrow();
            assertTrue(policy.startsWith("default-src 'none'"), policy);
            assertFalse(policy.contains("unsafe"), policy);
            assertEquals(
                    "nosniff",
                    reply.headers().firstValue("X-Content-Type-Options").orElseThrow());
            assertEquals("DENY", reply.headers().firstValue("X-Frame-Options").orElseThrow());
        }
        String set = form("/console/login", "password=" + url(PASSWORD))
                .headers()
                .firstValue("Set-Cookie")
                .orElseThrow();
        assertTrue(
                set.toLowerCase().contains("httponly")
                        && set.contains("SameSite=Strict")
                        && set.contains("Path=/console"),
                set);
    }

    @Test
    void noPageLoadsAnythingFromElsewhere() {
        user("u1", "Ada", "ada@example.com");
        for (String path :
                new String[] {"/console/users", "/console/user?id=u1", "/console/sync", "/console/dead-letters"}) {
            Matcher link = Pattern.compile("(?:href|src|action)=\"([^\"]*)\"")
                    .matcher(page(path).body());
            while (link.find()) {
                assertTrue(
                        link.group(1).startsWith("/console/")
                                || link.group(1).startsWith("#")
                                || link.group(1).startsWith("data:,"),
                        link.group(1));
            }
        }
    }

    @Test
    void aBrakeThatHoldsShowsTheIdsOfTheMissingUsers() {
        database.execute(
                "INSERT INTO users_sync_internal.poll_state (provider, phase, job, missing, newer, held_because, held_since)"
                        + " VALUES ('acme', 'held', 'reconcile', 101, 60, '101 users are missing, more than 100', now());"
                        + " INSERT INTO users_sync_internal.sweep_seen (provider, id, fate) VALUES ('acme', 'gone_2', 'missing'), ('acme', '<b>1', 'missing'), ('acme', 'u3', NULL)");
        try {
            String sync = page("/console/sync").body();
            assertTrue(sync.contains("The first 100 of 101: <code>&lt;b&gt;1, gone_2</code>"), sync);
            assertTrue(sync.contains("60 rows differ and are newer than the provider's data"), sync);
        } finally {
            database.execute(
                    "DELETE FROM users_sync_internal.poll_state WHERE provider = 'acme'; DELETE FROM users_sync_internal.sweep_seen WHERE provider = 'acme'");
        }
    }

    @Test
    void aFormFromElsewhereIsRefused() {
        user("u1", "Ada", null);
        String token = csrf("/console/user?id=u1");
        String wrong = (token.startsWith("A") ? "B" : "A") + token.substring(1);
        String body = "id=u1&confirm=u1&csrf=";
        assertEquals(403, form("/console/user/erase", body + token).statusCode(), "without the session");
        assertEquals(403, form("/console/user/erase", body, "Cookie", cookie).statusCode(), "without the token");
        assertEquals(
                403, form("/console/user/erase", body + wrong, "Cookie", cookie).statusCode(), "with a wrong token");
        assertEquals(
                403,
                form("/console/user/erase", body + token, "Cookie", cookie, "Origin", "https://evil.example")
                        .statusCode(),
                "from another site");
        assertEquals(
                403,
                form("/console/user/erase", body + token, "Cookie", cookie, "Sec-Fetch-Site", "cross-site")
                        .statusCode(),
                "from another site");
        String otherSession = form("/console/login", "password=" + url(PASSWORD))
                .headers()
                .firstValue("Set-Cookie")
                .orElseThrow()
                .replaceFirst(";.*", "");
        assertEquals(
                403,
                form("/console/user/erase", body + token, "Cookie", otherSession)
                        .statusCode(),
                "with the token of another session");
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @ParameterizedTest
    @CsvSource({
        "jane, user_2 user_3",
        "JANE D, user_2",
        "doe, user_2",
        "jane@example.com, user_3",
        "user_2, user_2",
        "user%, ''",
        "nobody, ''",
        "Müller, user_4",
        "o'n, user_5",
        "'@example.com', user_3",
        "'@@', ''",
    })
    void aSearchFindsBeginnings(String q, String ids) {
        user("user_2", "Jane Doe", "jd@corp.example");
        user("user_3", "Sam", "jane@example.com");
        user("user_4", "Zoë Müller", null);
        user("user_5", "Pat O'Neill", null);
        String body = page("/console/users?q=" + url(q)).body();
        for (int i = 2; i <= 5; i++) {
            assertEquals(ids.contains("user_" + i), body.contains("<code>user_" + i + "</code>"), "user_" + i);
        }
    }

    @Test
    void pagesFollowOneAnotherWithoutGapsWhileUsersComeIn() {
        IntStream.range(0, 120).forEach(i -> user(String.format("user_%03d", i), "Same Name", null));
        database.execute("UPDATE neon_auth.users_sync SET created_at = NULL WHERE id < 'user_030'");
        for (String q : new String[] {"", "same"}) {
            String path = "/console/users?q=" + q;
            int seen = 0;
            for (int pages = 0; path != null; pages++) {
                assertTrue(pages < 4);
                String body = page(path).body();
                Matcher row = Pattern.compile("<code>user_\\d+</code>").matcher(body);
                while (row.find()) {
                    seen++;
                }
                user("new_" + q + pages, "Same Name", null); // does not shift the next pages
                Matcher next = Pattern.compile("rel=\"next\" href=\"([^\"]+)\"").matcher(body);
                path = next.find() ? next.group(1).replace("&amp;", "&") : null;
            }
            assertEquals(120, seen, q);
            database.execute("DELETE FROM neon_auth.users_sync WHERE id LIKE 'new%'");
        }
    }

    @Test
    void theListCanBeOfLiveOrDeletedUsers() {
        user("u1", "Live", null);
        user("u2", "Gone", null);
        database.execute("UPDATE neon_auth.users_sync SET deleted_at = now() WHERE id = 'u2'");
        assertTrue(page("/console/users?state=live").body().contains("Live"));
        assertFalse(page("/console/users?state=live").body().contains(">Gone<"));
        assertFalse(page("/console/users?state=deleted").body().contains(">Live<"));
        assertTrue(page("/console/users?q=gone&state=deleted").body().contains(">Gone<"));
        assertFalse(page("/console/users?q=gone&state=live").body().contains(">Gone<"));
    }

    @Test
    void aNameIsTextAndNeverMarkup() {
        user("<i>id</i>", "<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>");
        for (String path : new String[] {
            "/console/users", "/console/users?q=" + url("\"><script>"), "/console/user?id=" + url("<i>id</i>")
        }) {
            String body = page(path).body();
            assertFalse(
                    body.contains("<script>alert")
                            || body.contains("<img")
                            || body.contains("<i>id")
                            || body.contains("\"><script>"),
                    body);
        }
    }

    @Test
    void aUsersPageTellsWhyTheRowIsAsItIs() {
        event("created", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        event("updated", "2026-01-01T00:00:00Z", "2026-01-01T12:00:00Z");
        String body = page("/console/user?id=u1").body();
        assertTrue(body.contains("&quot;id&quot;"), "the profile");
        assertTrue(body.contains("applied"));
        assertTrue(body.contains("stale, ignored: older than the row, which is of 2026-01-02 00:00:00"), body);
    }

    private void event(String type, String created, String updated) {
        assertEquals(
                204,
                new Delivery("""
                {"type": "user.%s", "data": {"id": "u1", "name": "Ada", "email": "ada@example.com", "created_at": "%s", "updated_at": "%s"}}
                """.formatted(type, created, updated))
                        .post(webhooks("generic"))
                        .statusCode());
    }

    @Test
    void erasingNeedsTheIdTypedAndLeavesNothing() {
        event("created", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
        new Delivery("{\"type\": \"user.updated\", \"data\": {\"id\": \"u1\", \"name\": 7}}").post(webhooks("generic"));
        assertEquals("1", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertTrue(submit("/console/user?id=u1", "/console/user/erase", "id=u1&confirm=u2")
                .body()
                .contains("Nothing was erased"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));

        String body = submit("/console/user?id=u1", "/console/user/erase", "id=u1&confirm=u1")
                .body();
        assertTrue(body.contains("rows_removed"), body);
        assertFalse(body.contains("ada@example.com"), body);
        for (String table : new String[] {"neon_auth.users_sync", "users_sync_internal.dead_letter"}) {
            assertEquals("0", database.value("SELECT count(*) FROM " + table), table);
        }
        assertEquals(
                "erased",
                database.value("SELECT string_agg(kind, ' ') FROM users_sync_internal.event_log"),
                "the change feed says so, and no more");
        event("updated", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z");
        assertEquals(
                "0",
                database.value("SELECT count(*) FROM neon_auth.users_sync"),
                "what is not newer than the erasure brings nobody back");
    }

    @Test
    void aDeadLetterIsShownReplayedAndDiscarded() {
        new Delivery(
                        "{\"type\": \"user.updated\", \"data\": {\"id\": \"u1\", \"name\": 7, \"password_hash\": \"$2b$10$secret\", \"api\": {\"apiKey\": \"k\", \"session\": \"s\"}}}")
                .post(webhooks("generic"));
        String id = database.value("SELECT id FROM users_sync_internal.dead_letter");
        assertTrue(
                page("/console/dead-letters").body().contains("The mapping did not make a valid user event"),
                "the reason in plain words");
        String body = page("/console/dead-letter?id=" + id).body();
        assertFalse(body.contains("$2b$10$"), "a secret");
        assertTrue(body.contains("•••"));
        String here = "/console/dead-letter?id=" + id;
        assertTrue(
                submit(here, "/console/dead-letter/replay", "id=" + id).body().contains("failed again"));
        database.execute(
                "UPDATE users_sync_internal.dead_letter SET body = convert_to(replace(convert_from(body, 'UTF8'), '7', '\"Ada\"'), 'UTF8')");
        assertTrue(
                submit(here, "/console/dead-letter/replay", "id=" + id).body().contains("replayed and applied"));
        assertEquals("Ada", database.value("SELECT name FROM neon_auth.users_sync"));

        new Delivery("no JSON").post(webhooks("generic"));
        String other = database.value("SELECT id FROM users_sync_internal.dead_letter WHERE state = 'parked'");
        here = "/console/dead-letter?id=" + other;
        assertTrue(submit(here, "/console/dead-letter/discard", "id=" + other)
                .body()
                .contains("discarded"));
        assertEquals(
                "discarded 0",
                database.value(
                        "SELECT state || ' ' || length(body) FROM users_sync_internal.dead_letter WHERE id = ?::bigint",
                        other));
    }

    @Test
    void allOfAKindCanBeReplayed() {
        new Delivery("no JSON").post(webhooks("generic"));
        new Delivery("no JSON").post(webhooks("clerk"));
        String body = submit("/console/dead-letters", "/console/dead-letters/replay", "provider=clerk")
                .body();
        assertTrue(body.contains("&quot;tried&quot;: 1"), body);
        assertEquals(
                "2", database.value("SELECT attempts FROM users_sync_internal.dead_letter WHERE provider = 'clerk'"));
        assertEquals(
                "1", database.value("SELECT attempts FROM users_sync_internal.dead_letter WHERE provider = 'generic'"));
    }

    @Test
    void aReactionIsShownAndSteered() {
        assertTrue(page("/console/reactions").body().contains("No reaction has run yet"));
        database.execute("""
                INSERT INTO users_sync_internal.event_log (seq, at, user_id, kind, type, decision) VALUES (60, now() - interval '20 minutes', 'u<1>', 'created', 'created', 'applied');
                INSERT INTO users_sync_internal.reaction (name, seq, stopped, error, failed_at) SELECT 'to <crm>', seq, 'answered 410', 'ConnectException', now()
                  FROM users_sync_internal.change_horizon;
                INSERT INTO users_sync_internal.reaction_retry (name, seq, entity, id, attempts, next_at, failed_at, dead, error)
                SELECT 'to <crm>', i, 'user', 'u<1>', 7, now() + interval '1 hour', now(), i < 60, 'ConnectException' FROM generate_series(1, 61) AS i""");
        String list = page("/console/reactions").body();
        assertTrue(list.contains("to &lt;crm&gt;") && list.contains("20 min") && list.contains("<td>59</td>"), list);
        String here = "/console/reaction?name=" + url("to <crm>");
        String body = page(here).body();
        assertTrue(body.contains("answered 410: no change is delivered until you resume it"), body);
        assertFalse(body.contains("created"), "a later page");
        String last = page(here + "&after=50").body();
        assertTrue(last.contains("u&lt;1&gt;") && last.contains("<td>created</td>") && last.contains("after 60"), last);
        String name = "name=" + url("to <crm>");
        assertEquals(
                403, form("/console/reaction/resume", name, "Cookie", cookie).statusCode());
        assertTrue(submit(here, "/console/reaction/discard", name)
                .body()
                .contains("Dead changes that were discarded: 59."));
        assertTrue(submit(here, "/console/reaction/resume", name).body().contains("Waiting changes are due now: 2."));
        assertFalse(page(here).body().contains("answered 410"));
        database.execute("UPDATE users_sync_internal.reaction_retry SET dead = true");
        assertTrue(submit(here, "/console/reaction/replay", name).body().contains("Changes to be delivered again: 2."));
        assertTrue(
                submit(here, "/console/reaction/retry", name).body().contains("The waiting changes are due now: 2."));
        assertTrue(submit(here, "/console/reaction/remove", name).body().contains("No reaction has run yet"));
        assertEquals(400, page(here).statusCode());
    }

    @Test
    void itsIndexesAreMade() {
        awaitConsoleIndexes();
    }

    @Test
    void theCommandsNeedThePasswordToo() {
        assertEquals(403, Http.get(management("/admin/users")).statusCode());
        assertEquals(403, Http.post(management("/dead-letters/replay"), "").statusCode());
        String basic = "Basic "
                + java.util.Base64.getEncoder().encodeToString(("ops:" + PASSWORD).getBytes(StandardCharsets.UTF_8));
        assertEquals(
                200,
                Http.get(management("/admin/users"), "Authorization", basic).statusCode());
        assertEquals(
                200,
                Http.get(management("/admin/status"), "Authorization", basic).statusCode());
    }

    @Test
    void organizationsAreFoundWithTheirMembersAndTheirHistory() {
        user("user_ada", "Ada <b>", "ada@example.com");
        database.execute("""
                INSERT INTO neon_auth.organizations_sync (id, raw_json, name, slug, parent_id, created_at) VALUES ('org_1', '{"plan": "team"}', 'Orchard & Co', 'orchard', 'org_2', now()),
                  ('org_2', '{}', 'Holding', NULL, NULL, now());
                INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, role, roles) VALUES ('m1', 'org_1', 'user_ada', 'admin', '{admin,editor}');
                INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, active) SELECT 'x' || i, 'org_2', 'user_' || i, i < 60 FROM generate_series(10, 70) AS i;
                INSERT INTO users_sync_internal.event_log (user_id, entity, provider, type, decision) VALUES ('m1', 'membership', 'clerk', 'created', 'applied'),
                  ('org_1', NULL, 'clerk', 'deleted', 'applied')""");
        String list = page("/console/organizations").body();
        assertTrue(list.contains("Orchard &amp; Co") && list.contains("Holding"), list);
        assertFalse(page("/console/organizations?q=ORCH").body().contains("Holding"));
        String one = page("/console/organization?id=org_1").body();
        assertTrue(one.contains("Ada &lt;b&gt;") && one.contains("admin, editor") && one.contains("plan"), one);
        assertTrue(one.contains("/console/organization?id=org_2") && one.contains("created from clerk"), one);
        assertFalse(one.contains("deleted from clerk"), "the event of a user with the same id");
        String members = page("/console/organization?id=org_2").body();
        assertTrue(members.contains("50 live members") && members.contains("after=user_59"), members);
        assertTrue(page("/console/organization?id=org_2&after=user_59").body().contains("not active"));
        String user = page("/console/user?id=user_ada").body();
        assertTrue(user.contains("/console/organization?id=org_1") && user.contains("Orchard &amp; Co"), user);
        assertTrue(page("/console/organization?id=nobody").body().contains("There is no row with this id"));
    }
}
