package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

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
import org.apache.camel.Exchange;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** An integrator's steps before the commit: they may change an event or refuse it, and cannot lose it. */
class OwnStepsTest extends RunningApp {

    private final HttpServer other = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);

    OwnStepsTest() throws IOException {
        other.createContext("/", exchange -> {
            byte[] answer = "{\"ok\": true}".getBytes(StandardCharsets.UTF_8);
            exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        other.start();
    }

    @AfterAll
    void stopOther() {
        other.stop(0);
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE neon_auth.users_sync, users_sync_internal.dead_letter");
    }

    private void before(String route, String steps) throws Exception {
        String file = "routes/" + route + ".camel.yaml";
        String shipped = Files.readString(Path.of(file));
        String own = shipped.replace("      steps:\n", "      steps:\n" + steps.indent(8));
        PluginHelper.getRoutesLoader(context).updateRoutes(ResourceHelper.fromString(file, own));
    }

    private String post(String data) {
        return Integer.toString(new Delivery("{\"type\": \"user.created\", \"data\": " + data + "}")
                .post(webhooks("generic"))
                .statusCode());
    }

    private List<String> rows() {
        return database.column("SELECT concat_ws(' ', id, name) FROM neon_auth.users_sync ORDER BY id");
    }

    private void askBefore(String route) throws Exception {
        before(route, """
                - to: http://localhost:%d/hello?httpMethod=POST
                """.formatted(other.getAddress().getPort()));
    }

    @Test
    void aRequestDoesNotReplaceTheEvent() throws Exception {
        askBefore("user-created");
        assertEquals("204", post("{\"id\": \"u1\", \"name\": \"Sam\"}"));
        assertEquals(List.of("u1 Sam"), rows());
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void aRequestForOneOfSeveralEventsAnswersNoneOfThem() throws Exception {
        askBefore("user-created");
        askBefore("user-merged");
        Exchange delivery = context.createFluentProducerTemplate()
                .to("direct:user-changed")
                .withVariable("provider", "generic")
                .withBody(new ObjectMapper().readTree("""
                        [{"type": "created", "id": "u1", "name": "Sam", "raw": {}},
                         {"type": "created", "id": "u2", "name": "Sam", "raw": {}},
                         {"type": "updated", "id": "u2", "name": "Sam Patel", "raw": {}, "partial": true}]"""))
                .send();
        assertNull(delivery.getException());
        assertNull(delivery.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE));
        assertEquals(List.of("u1 Sam", "u2 Sam Patel"), rows());
    }

    @Test
    void aStepMayChangeTheEvent() throws Exception {
        before("user-created", """
                - setBody: {jq: '.name |= ascii_upcase'}
                """);
        assertEquals("204", post("{\"id\": \"u1\", \"name\": \"Sam\"}"));
        assertEquals(List.of("u1 SAM"), rows());
    }

    /** As docs/routes.md shows it. */
    @Test
    void aRouteMayRefuseAnEvent() throws Exception {
        String guide = Files.readString(Path.of("docs/routes.md"));
        String refusing = guide.substring(guide.indexOf("```yaml\n- route:\n    id: user-created") + 8);
        PluginHelper.getRoutesLoader(context)
                .updateRoutes(ResourceHelper.fromString(
                        "routes/user-created.camel.yaml", refusing.substring(0, refusing.indexOf("```"))));
        assertEquals("204", post("{\"id\": \"u1\", \"name\": \"Sam\", \"email\": \"test@startup.example\"}"));
        assertEquals("204", post("{\"id\": \"u2\", \"name\": \"Sam\", \"email\": \"sam@startup.example\"}"));
        assertEquals(List.of("u2 Sam"), rows());
    }
}
