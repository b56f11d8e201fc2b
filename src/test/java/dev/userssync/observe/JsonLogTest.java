package dev.userssync.observe;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.testing.AppProcess;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.TestSettings;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * LOG_FORMAT=json LOG_LEVEL=debug: every line is JSON, and an event's line holds provider, delivery and user as fields.
 */
@Tag("app")
class JsonLogTest {

    @Test
    void everyLineIsJsonAndAnEventHasItsFields(@TempDir Path directory) throws Exception {
        try (AppProcess app = new AppProcess(
                directory.resolve("data"),
                "GENERIC_WEBHOOK_SECRET",
                TestSettings.SECRET,
                "LOG_FORMAT",
                "json",
                "LOG_LEVEL",
                "debug",
                "LOG4J_CONFIGURATION_FILE",
                "log4j2.properties")) {
            app.awaitRunning();
            Delivery delivery = new Delivery("""
                    {"type": "user.created", "data": {"id": "u1", "email": "ada.logged@example.com", "created_at": "2026-01-01T00:00:00Z"}}
                    """);
            assertEquals(204, delivery.post(app.webhooks("generic")).statusCode());
            new Delivery("no JSON").post(app.webhooks("generic"));
            await().until(() -> app.output().contains("parked"));
            List<JsonNode> lines = new ArrayList<>();
            for (String line : app.output().lines().toList()) {
                lines.add(new ObjectMapper().readTree(line));
            }
            JsonNode event = lines.stream()
                    .filter(line -> line.path("decision").asText().equals("applied"))
                    .findFirst()
                    .orElseThrow();
            assertEquals("DEBUG", event.path("level").asText());
            assertEquals("generic", event.path("provider").asText());
            assertEquals(delivery.header("webhook-id"), event.path("delivery").asText());
            assertEquals("u1", event.path("user").asText());
            JsonNode parked = lines.stream()
                    .filter(line -> line.path("message").asText().contains("dead letter"))
                    .findFirst()
                    .orElseThrow();
            assertEquals("WARN", parked.path("level").asText());
            assertTrue(parked.path("delivery").asText().startsWith("msg_"));
            assertFalse(app.output().contains("ada.logged"), "an address in the log");
        }
    }
}
