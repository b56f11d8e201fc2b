package dev.userssync.testing;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.support.ResourceHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The application with reactions of a test, whose routes end with it. */
public abstract class ReactingApp extends RunningApp {

    private static final AtomicInteger NUMBER = new AtomicInteger();

    @BeforeEach
    public void empty() {
        database.execute(
                "TRUNCATE neon_auth.users_sync, users_sync_internal.event_log, users_sync_internal.dead_letter");
    }

    @AfterEach
    public void removeReactions() throws Exception {
        for (String route : context.getRoutes().stream()
                .map(route -> route.getRouteId())
                .filter(id -> id.startsWith("test-") || id.startsWith("user-changes-source-"))
                .toList()) {
            context.getRouteController().stopRoute(route);
            context.removeRoute(route);
        }
    }

    /**
     * Starts a reaction and waits for its first look.
     *
     * @return its name
     */
    public String react(String suffix, Processor step) throws Exception {
        String reaction = "reaction" + NUMBER.incrementAndGet() + suffix;
        context.getRegistry().bind("step-" + reaction, step);
        PluginHelper.getRoutesLoader(context)
                .loadRoutes(ResourceHelper.fromString("test-" + reaction + ".camel.yaml", """
                - route:
                    id: test-%1$s
                    from:
                      uri: kamelet:user-changes-source?retryHours=1&name=%1$s
                      steps:
                        - process: {ref: step-%1$s}
                """.formatted(reaction)));
        await().until(() ->
                database.column("SELECT name FROM users_sync_internal.reaction").contains(reaction));
        return reaction;
    }

    public void post(String type, String id, int version) {
        assertEquals(
                204,
                new Delivery("{\"type\": \"user." + type + "\", \"timestamp\": \"2026-01-01T00:00:" + (10 + version)
                                + "Z\", \"data\": {\"id\": \"" + id + "\", \"name\": \"v" + version + "\"}}")
                        .post(webhooks("generic"))
                        .statusCode());
    }

    public static String told(Exchange exchange) {
        JsonNode change = exchange.getMessage().getBody(JsonNode.class);
        return change.path("id").asText() + " " + change.path("kind").asText();
    }
}
