package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.settings.Providers;
import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerifyComponent;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A single 404 proves nothing: read APIs lag behind their webhooks and feeds. */
class AskAgainTest extends RunningApp {

    private static final String ADA = "7d3f1b52-0c6a-4e55-9b7e-4f2a8c1d6e90";

    private final Map<String, FakeApi> apis = new LinkedHashMap<>();
    private final CapturedLog log = new CapturedLog();

    AskAgainTest() {
        settings.keySet().removeIf(name -> name.toString().endsWith(Providers.SECRET));
        settings.setProperty("shared.ids", "false");
        settings.setProperty("poll.tick", "20");
        settings.setProperty("poll.interval", "1h");
        settings.setProperty("reconcile.max-deletes", "2");
        polled("keycloak", FakeApis::keycloak, "client:secret");
        polled("zitadel", FakeApis::zitadel, FakeApis.KEY);
        polled("logto", FakeApis::logto, "client:secret");
        polled("stack-auth", FakeApis::stackAuth, FakeApis.KEY);
        polled("okta", (request, api) -> null, FakeApis.KEY); // a wrong API address: 404 for everything
        settings.setProperty("stack-auth.webhook.secret", TestSettings.SECRET);
        settings.setProperty("stack-auth.project.id", "project");
        settings.setProperty("keycloak.realm", "orchard");
    }

    private void polled(String provider, FakeApi.Speech speech, String key) {
        FakeApi api = new FakeApi(speech);
        apis.put(provider, api);
        settings.setProperty(provider + ".webhook.secret", "secret of " + provider);
        settings.setProperty(provider + ".api.url", api.url());
        settings.setProperty(provider + ".api.key", key);
        settings.setProperty(provider + ".id.prefix", provider + ":");
        settings.setProperty(provider + ".organizations", "off");
    }

    @AfterAll
    void closeApis() {
        apis.values().forEach(FakeApi::close);
    }

    /**
     * Every API has answered except the one with the wrong address, and nothing is due. From here a trigger records
     * every write to the table.
     */
    @BeforeEach
    void nothingIsDue() {
        context().getRegistry().lookupByNameAndType("polls", Polls.class).unlimited = true;
        await().atMost(Duration.ofSeconds(20))
                .until(() -> database.column("SELECT provider FROM users_sync_internal.poll_state"
                                        + " WHERE backfilled_at IS NOT NULL AND phase IS NULL")
                                .size()
                        == 4);
        apis.values().forEach(FakeApi::reset);
        database.execute("""
                CREATE TABLE IF NOT EXISTS public.writes (n serial, id text, name text, email text, deleted boolean);
                CREATE OR REPLACE FUNCTION public.remember() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  INSERT INTO public.writes (id, name, email, deleted) VALUES (NEW.id, NEW.name, NEW.email, NEW.deleted_at IS NOT NULL); RETURN NULL; END $$;
                CREATE OR REPLACE TRIGGER remember AFTER INSERT OR UPDATE ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION public.remember();
                DELETE FROM users_sync_internal.user_to_ask; DELETE FROM neon_auth.users_sync; DELETE FROM users_sync_internal.dead_letter;
                TRUNCATE public.writes""");
        log.clear();
    }

    private int post(String provider, String body) {
        try {
            return new Delivery(context.getComponent("verify", VerifyComponent.class)
                            .scheme(provider)
                            .sign(body.getBytes(StandardCharsets.UTF_8)))
                    .post(webhooks(provider))
                    .statusCode();
        } catch (java.security.GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A delivery that holds a part of a user, and the time of the event. */
    private static String delivery(String provider, String id, Instant time) {
        return switch (provider) {
            case "keycloak" -> """
                    {"id": "0b0b3a3e-8f37-4a63-a1de-1f2d3c4b5a71", "time": %d, "realmId": "f2b0c1de-1111-4a2b-8c3d-5e6f7a8b9c0d",
                     "authDetails": {"realmId": "0ec7", "clientId": "490b", "userId": "00000000-admin", "ipAddress": "192.0.2.1"},
                     "operationType": "CREATE", "resourceType": "USER", "resourcePath": "users/%s",
                     "representation": "{\\"username\\":\\"ada\\",\\"email\\":\\"ada@example.org\\",\\"firstName\\":\\"Ada\\",\\"lastName\\":\\"Byron\\",\\"enabled\\":true}"}""".formatted(time.toEpochMilli(), id);
            case "zitadel" ->
                """
                    {"aggregateID": "%s", "aggregateType": "user", "resourceOwner": "1", "instanceID": "1", "version": "v2", "sequence": 1, "event_type": "user.human.added",
                     "created_at": "%s", "userID": "2", "event_payload": "%s"}""".formatted(
                                id,
                                time,
                                Base64.getEncoder()
                                        .encodeToString(
                                                "{\"userName\": \"ada\", \"firstName\": \"Ada\", \"lastName\": \"Byron\", \"email\": \"ada@example.org\"}"
                                                        .getBytes(StandardCharsets.UTF_8)));
            case "okta" -> """
                    {"data": {"events": [{"eventType": "user.lifecycle.create", "published": "%s", "outcome": {"result": "SUCCESS"},
                     "target": [{"type": "User", "id": "%s", "alternateId": "ada@example.org", "displayName": "Ada Byron"}]}]}}""".formatted(time, id);
            case "logto" -> """
                    {"event": "User.Data.Updated", "createdAt": "%s", "path": "/api/users/%s/custom-data", "matchedRoute": "/users/:userId/custom-data",
                     "params": {"userId": "%2$s"}, "data": {"plan": "gold"}}""".formatted(time, id);
            case "stack-auth" -> """
                    {"type": "user.created", "data": {"id": "%s", "display_name": "Ada Byron", "primary_email": "ada@example.org", "signed_up_at_millis": %d}}""".formatted(id, time.toEpochMilli());
            default -> throw new IllegalArgumentException(provider);
        };
    }

    private static boolean isAbout(FakeApi.Request request, String id) {
        return request.path().endsWith("/" + id);
    }

    private String row(String id, String columns) {
        return String.join(", ", database.column("SELECT " + columns + " FROM neon_auth.users_sync WHERE id = ?", id));
    }

    private List<String> toAsk() {
        return database.column("SELECT id || ' ' || why FROM users_sync_internal.user_to_ask ORDER BY id");
    }

    @Test
    void anEarly404OfKeycloakDeletesNobody() {
        FakeApi api = apis.get("keycloak");
        api.create(ADA);
        AtomicInteger asked = new AtomicInteger();
        api.fault(request -> isAbout(request, ADA) && asked.incrementAndGet() == 1 ? Answer.status(404) : null);
        assertEquals(204, post("keycloak", delivery("keycloak", ADA, Instant.ofEpochMilli(1795161600000L))));
        await().until(() -> toAsk().isEmpty());
        assertEquals("Name of " + ADA, row("keycloak:" + ADA, "name"));
        assertEquals(
                List.of(
                        "Ada Byron ada@example.org f",
                        "Name of " + ADA + " " + api.user(ADA).email() + " f"),
                database.column("SELECT concat_ws(' ', name, email, deleted) FROM public.writes ORDER BY n"));
        assertEquals(2, asked.get());
    }

    @ParameterizedTest
    @ValueSource(strings = {"keycloak", "zitadel", "logto", "stack-auth"})
    void onlyA404ThatRepeatsDeletes(String provider) {
        Instant begin = Instant.now();
        assertEquals(204, post(provider, delivery(provider, "u1", begin.minusSeconds(10))));
        assertEquals(
                "f",
                database.value("SELECT deleted FROM public.writes ORDER BY n LIMIT 1"),
                "what the delivery holds is there at once");
        await().until(() -> toAsk().isEmpty());
        assertEquals(
                List.of("f", "t"), database.column("SELECT deleted FROM public.writes ORDER BY n"), "deleted once");
        assertTrue(Duration.between(begin, Instant.now()).toMillis() >= 300);
        assertEquals(
                "t",
                row(provider + ":u1", "deleted_at BETWEEN '" + begin + "' AND '" + begin.plusMillis(250) + "'"),
                "dated with the first question");

        // A late delivery about a deleted user gets a 404 and writes nothing.
        assertEquals(204, post(provider, delivery(provider, "u1", begin.minusSeconds(10))));
        assertEquals("2", database.value("SELECT count(*) FROM public.writes"));
        assertEquals(List.of(), toAsk());
    }

    @ParameterizedTest
    @ValueSource(strings = {"keycloak", "zitadel", "stack-auth"})
    void a200InBetweenEndsTheQuestion(String provider) {
        FakeApi api = apis.get(provider);
        AtomicInteger asked = new AtomicInteger();
        api.clock(Instant.now().minusSeconds(5));
        api.create("u1");
        api.fault(request -> isAbout(request, "u1") && asked.incrementAndGet() != 2 ? Answer.status(404) : null);
        assertEquals(204, post(provider, delivery(provider, "u1", Instant.now().minusSeconds(10))));
        await().until(() -> toAsk().isEmpty());
        assertEquals(2, asked.get());
        // users-sync forgets the question before it writes the user.
        await().untilAsserted(() ->
                assertEquals("Name of u1 f", row(provider + ":u1", "concat_ws(' ', name, deleted_at IS NOT NULL)")));
    }

    @Test
    void withNothingToMergeTheProviderRepeats() {
        String nudge = "{\"event\": \"User.Data.Updated\", \"createdAt\": \"" + Instant.now()
                + "\", \"params\": {\"userId\": \"u1\"}}";
        apis.get("logto").create("u1");
        AtomicInteger asked = new AtomicInteger();
        apis.get("logto")
                .fault(request -> isAbout(request, "u1") && asked.incrementAndGet() == 1 ? Answer.status(404) : null);
        assertEquals(503, post("logto", nudge));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        await().until(() -> toAsk().isEmpty());
        assertEquals(
                List.of("Name of u1 f"),
                database.column("SELECT concat_ws(' ', name, deleted) FROM public.writes"),
                "nothing but what the API says");
        assertEquals(204, post("logto", nudge));
    }

    /** Zitadel's events are ahead of its users. */
    @ParameterizedTest
    @ValueSource(strings = {"keycloak", "zitadel"})
    void aFeedThatIsAheadOfTheUsersGoesOn(String provider) {
        FakeApi api = apis.get(provider);
        database.execute(
                "UPDATE users_sync_internal.poll_state SET changes_from = '2026-01-01', changes_cursor = NULL");
        api.create("early", "known");
        AtomicInteger asked = new AtomicInteger();
        api.fault(request -> isAbout(request, "early") && asked.incrementAndGet() == 1 ? Answer.status(404) : null);
        database.execute(
                "UPDATE users_sync_internal.poll_state SET changes_due = now(), changes_at = NULL WHERE provider = '"
                        + provider + "'");
        context().getRegistry().lookupByNameAndType("polls", Polls.class).wake(provider);
        await().until(() -> row(provider + ":known", "name").equals("Name of known")
                && row(provider + ":early", "name").equals("Name of early"));
        assertEquals(
                "0 t",
                database.value(
                        "SELECT concat_ws(' ', changes_failures, changes_due > now()) FROM users_sync_internal.poll_state WHERE provider = ?",
                        provider));
        assertEquals("0", database.value("SELECT count(*) FROM public.writes WHERE deleted"));
    }

    /** An announcement such as FusionAuth's user.delete: it comes before the user is gone, and no event follows. */
    @Test
    void anAnnouncedDeletionIsConfirmedWithinSeconds() {
        FakeApi api = apis.get("zitadel");
        api.create("gone", "stays");
        AtomicInteger asked = new AtomicInteger();
        api.fault(request -> isAbout(request, "gone") && asked.incrementAndGet() > 1 ? Answer.status(404) : null);
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, name, updated_at) VALUES ('zitadel:gone', 'Ada', '2026-01-01Z'), ('zitadel:stays', 'Ida', '2026-01-01Z')");
        for (String id : List.of("gone", "stays")) {
            context()
                    .createFluentProducerTemplate()
                    .to("direct:user-changed")
                    .withVariable("provider", "zitadel")
                    .withBody(FakeApi.object()
                            .put("type", "deleted")
                            .put("id", id)
                            .put("ask", true))
                    .request();
        }
        await().untilAsserted(() -> assertEquals("t", row("zitadel:gone", "deleted_at IS NOT NULL")));
        assertTrue(asked.get() >= 3, "one answer 200, then two answers 404");
        await().until(() -> toAsk().isEmpty());
        assertEquals(
                "Name of stays f",
                row("zitadel:stays", "concat_ws(' ', name, deleted_at IS NOT NULL)"),
                "as the API says");
        assertEquals(List.of("zitadel:gone"), database.column("SELECT id FROM public.writes WHERE deleted"));
    }

    @Test
    void anApiThatKnowsNobodyAnyMoreDeletesNoMoreThanAReconcile() {
        // The poller waits until all five are noted: on a slow machine it would delete the first ones before.
        database.execute(
                "INSERT INTO users_sync_internal.poll_state (provider, wait_until) VALUES ('keycloak', now() + interval '1 hour')"
                        + " ON CONFLICT (provider) DO UPDATE SET wait_until = excluded.wait_until");
        for (int i = 0; i < 5; i++) {
            assertEquals(
                    204,
                    post("keycloak", delivery("keycloak", "u" + i, Instant.now().minusSeconds(10))));
        }
        database.execute(
                "UPDATE users_sync_internal.poll_state SET wait_until = '-infinity' WHERE provider = 'keycloak'");
        context().getRegistry().lookupByNameAndType("polls", Polls.class).wake("keycloak");
        await().until(() -> toAsk().isEmpty());
        assertEquals("3", database.value("SELECT count(*) FROM neon_auth.users_live"));
    }

    @Test
    void anAddressThatAnswers404ToEverythingDeletesNobody() {
        database.execute(
                "INSERT INTO neon_auth.users_sync (id, raw_json, name, updated_at) VALUES ('okta:known', '{}', 'Ida', '2026-01-01Z')");
        assertEquals(204, post("okta", delivery("okta", "known", Instant.now())));
        assertEquals(204, post("okta", delivery("okta", "new", Instant.now())));
        await().until(() -> toAsk().isEmpty());
        assertEquals(
                List.of("okta:known", "okta:new"), database.column("SELECT id FROM neon_auth.users_live ORDER BY id"));
        assertEquals("0", database.value("SELECT count(*) FROM public.writes WHERE deleted"));
        log.await("okta: user known could not be confirmed");
        log.await(
                "okta: its API has only answered 404 since the start, so nobody is deleted: check OKTA_API_URL, which is "
                        + apis.get("okta").url());
    }
}
