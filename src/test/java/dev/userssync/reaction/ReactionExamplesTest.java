package dev.userssync.reaction;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** The examples of docs/reactions.md that need nothing but the application. */
class ReactionExamplesTest extends RunningApp {

    private static final Path EXAMPLES = Path.of("docs/reactions");

    private final ConcurrentLinkedQueue<String> posted = new ConcurrentLinkedQueue<>();
    private final HttpServer slack = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);

    ReactionExamplesTest() throws IOException {
        slack.createContext("/services/T1", exchange -> {
            posted.add(exchange.getRequestHeaders().getFirst("Content-Type") + " "
                    + new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            exchange.sendResponseHeaders(200, -1);
            exchange.close();
        });
        slack.start();
        settings.setProperty(
                "slack.url", "http://localhost:" + slack.getAddress().getPort() + "/services/T1");
    }

    @AfterAll
    void stopSlack() {
        slack.stop(0);
    }

    private void post(String type, String id, String name) {
        assertEquals(
                204,
                new Delivery("{\"type\": \"user." + type + "\", \"data\": {\"id\": \"" + id + "\", \"name\": \"" + name
                                + "\"}}")
                        .post(webhooks("generic"))
                        .statusCode());
    }

    @Test
    void slackIsToldAboutANewUser() throws Exception {
        PluginHelper.getRoutesLoader(context)
                .loadRoutes(ResourceHelper.fromString(
                        "slack.camel.yaml", Files.readString(EXAMPLES.resolve("slack.camel.yaml"))));
        await().until(() -> database.value("SELECT count(*) FROM users_sync_internal.reaction")
                .equals("1"));
        post("created", "u1", "Sam");
        post("updated", "u1", "Sam Patel");
        post("created", "u2", "Ana");
        await().until(() -> posted.size() == 2);
        assertTrue(posted.stream().allMatch(one -> one.startsWith("application/json {")), posted.toString());
        List<String> texts = posted.stream()
                .map(one -> {
                    try {
                        return new ObjectMapper()
                                .readTree(one.substring(one.indexOf('{')))
                                .path("text")
                                .asText();
                    } catch (IOException e) {
                        throw new AssertionError(e);
                    }
                })
                .sorted()
                .toList();
        assertEquals("New user: Ana", texts.get(0));
        assertTrue(texts.get(1).startsWith("New user: Sam"), texts.get(1)); // the name as it is when the change is read
    }

    @Test
    void aTriggerWritesARowForEachNewUser() throws Exception {
        database.execute(Files.readString(EXAMPLES.resolve("welcome.sql")));
        try {
            post("created", "w1", "Sam");
            post("updated", "w1", "Sam Patel");
            post("deleted", "w2", "gone before it came");
            assertEquals(List.of("w1"), database.column("SELECT user_id FROM welcomes"));
        } finally {
            database.execute(
                    "DROP TRIGGER welcome ON neon_auth.users_sync; DROP FUNCTION welcome; DROP TABLE welcomes");
        }
    }
}
