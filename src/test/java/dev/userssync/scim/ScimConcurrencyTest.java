package dev.userssync.scim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.ScimApp.Reply;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;

/**
 * Two instances on one database, and clients that write at the same moment: no change is lost, and no userName is
 * assigned twice.
 */
@Tag("app")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ScimConcurrencyTest {

    private static final List<String> ATTRIBUTES = List.of(
            "title",
            "nickName",
            "locale",
            "timezone",
            "userType",
            "preferredLanguage",
            "displayName",
            "name.givenName",
            "name.familyName",
            "name.middleName",
            "emails[type eq \\\"work\\\"].value",
            "emails[type eq \\\"home\\\"].value");

    private final TestDatabase database = new TestDatabase();
    private final Properties[] settings = {settings(), settings()};
    private final StartedApp[] apps = {new StartedApp(settings[0]), new StartedApp(settings[1])};
    private final ExecutorService clients = Executors.newFixedThreadPool(ATTRIBUTES.size());

    private Properties settings() {
        Properties one = TestSettings.with(database);
        one.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        return one;
    }

    @AfterAll
    void stop() {
        clients.shutdownNow();
        for (StartedApp app : apps) {
            app.close();
        }
    }

    @BeforeEach
    void empty() {
        database.execute("DELETE FROM neon_auth.users_sync; DELETE FROM users_sync_internal.dead_letter");
    }

    /** The base URL of one of the instances. */
    private String instance(int number) {
        return "http://localhost:" + settings[number % settings.length].getProperty("camel.server.port") + "/scim/v2";
    }

    private List<Reply> atTheSameMoment(IntFunction<Callable<Reply>> request) throws Exception {
        CountDownLatch start = new CountDownLatch(1);
        List<Future<Reply>> replies = new ArrayList<>();
        for (int i = 0; i < ATTRIBUTES.size(); i++) {
            Callable<Reply> call = request.apply(i);
            replies.add(clients.submit(() -> {
                start.await();
                return call.call();
            }));
        }
        start.countDown();
        List<Reply> all = new ArrayList<>();
        for (Future<Reply> reply : replies) {
            all.add(reply.get());
        }
        return all;
    }

    private Callable<Reply> post(int number, String user) {
        return () -> ScimApp.send(ScimApp.request(instance(number), "POST", "/Users", user));
    }

    @RepeatedTest(5)
    void noPatchOfOneAttributeUndoesThatOfAnother() throws Exception {
        assertEquals(
                201,
                post(0, ScimApp.user("jane", "\"externalId\": \"jane\"")).call().status());
        List<Reply> replies = atTheSameMoment(i -> () -> ScimApp.send(ScimApp.request(
                instance(i),
                "PATCH",
                "/Users/jane",
                "{\"Operations\": [{\"op\": \"add\", \"path\": \"" + ATTRIBUTES.get(i) + "\", \"value\": \"new " + i
                        + "\"}]}")));
        replies.forEach(reply -> assertEquals(200, reply.status(), reply.http().body()));

        JsonNode row = new ObjectMapper().readTree(database.value("SELECT raw_json FROM neon_auth.users_sync"));
        for (int i = 0; i < ATTRIBUTES.size(); i++) {
            assertTrue(row.toString().contains("\"new " + i + "\""), ATTRIBUTES.get(i) + " is lost in " + row);
        }
        assertEquals("new 6", database.value("SELECT name FROM neon_auth.users_sync"));
        List<String> versions = replies.stream()
                .map(reply -> reply.json().at("/meta/version").textValue())
                .collect(Collectors.toList());
        assertEquals(ATTRIBUTES.size(), versions.stream().distinct().count(), "every write has a version of its own");
        Collections.sort(versions);
        assertEquals(
                versions.get(versions.size() - 1),
                ScimApp.send(ScimApp.request(instance(1), "GET", "/Users/jane", null))
                        .json()
                        .at("/meta/version")
                        .textValue());
    }

    @RepeatedTest(3)
    void aUserNameIsGivenOnce() throws Exception {
        List<Reply> replies = atTheSameMoment(i -> post(i, ScimApp.user(i % 2 == 0 ? "Jane" : "jane")));
        assertEquals(1, replies.stream().filter(reply -> reply.status() == 201).count());
        replies.stream().filter(reply -> reply.status() != 201).forEach(reply -> reply.assertError(409, "uniqueness"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @RepeatedTest(3)
    void anExternalIdIsOneUser() throws Exception {
        List<Reply> replies = atTheSameMoment(i -> post(i, ScimApp.user("user" + i, "\"externalId\": \"the-same\"")));
        assertOneCreated(replies, "the-same");
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    @RepeatedTest(3)
    void aUserIsRehiredOnce() throws Exception {
        String id = post(0, ScimApp.user("jane", "\"active\": false")).call().id();
        assertEquals(
                201,
                post(1, ScimApp.user("joe", "\"externalId\": \"joe\"", "\"active\": false"))
                        .call()
                        .status());
        // By the userName, by the externalId that some requests carry, and by one patch of the user itself.
        List<Reply> replies = atTheSameMoment(i -> i == 5
                ? () -> ScimApp.send(ScimApp.request(
                        instance(i),
                        "PATCH",
                        "/Users/" + id,
                        "{\"Operations\": [{\"op\": \"replace\", \"path\": \"active\", \"value\": true}]}"))
                : post(i, ScimApp.user("Jane", i % 3 == 0 ? "\"externalId\": \"jane\"" : "\"active\": true")));
        List<Reply> posts =
                replies.stream().filter(reply -> reply != replies.get(5)).toList();
        assertEquals(200, replies.get(5).status(), replies.get(5).http().body());
        posts.stream().filter(reply -> reply.status() != 201).forEach(reply -> reply.assertError(409, "uniqueness"));
        assertTrue(posts.stream()
                .filter(reply -> reply.status() == 201)
                .allMatch(reply -> reply.id().equals(id)));
        assertTrue(posts.stream().filter(reply -> reply.status() == 201).count() <= 1);
        assertEquals("2", database.value("SELECT count(*) FROM neon_auth.users_sync"));
        assertEquals("1", database.value("SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NULL"));
    }

    private static void assertOneCreated(List<Reply> replies, String id) {
        assertEquals(
                List.of(id),
                replies.stream()
                        .filter(reply -> reply.status() == 201)
                        .map(Reply::id)
                        .toList());
        replies.stream().filter(reply -> reply.status() != 201).forEach(reply -> reply.assertError(409, "uniqueness"));
    }

    @RepeatedTest(3)
    void userNamesThatAreSwappedLeaveNobodyWaiting() throws Exception {
        for (int i = 0; i < 2; i++) {
            assertEquals(
                    201,
                    post(i, ScimApp.user("user" + i, "\"externalId\": \"id" + i + "\""))
                            .call()
                            .status());
        }
        List<Reply> replies = atTheSameMoment(i -> () -> ScimApp.send(
                ScimApp.request(instance(i / 2), "PUT", "/Users/id" + i % 2, ScimApp.user("user" + (i + 1) % 2))));
        replies.forEach(reply -> reply.assertError(409, "uniqueness"));
    }
}
