package dev.userssync.observe;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import org.apache.camel.spi.CamelTracingService;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** With tracing on, an OTLP collector gets traces without personal data. With tracing off, there is no tracer. */
@Tag("app")
class TracingTest {

    private static final String BODY = """
            {"type": "user.created", "data": {"id": "u1", "name": "Ada Traced", "email": "ada.traced@example.com", "created_at": "2026-01-01T00:00:00Z"}}
            """;

    @Test
    void onSpansOfTheRoutesArrive() throws Exception {
        List<String> received = new CopyOnWriteArrayList<>();
        HttpServer collector = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        collector.createContext("/v1/traces", request -> {
            received.add(new String(request.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
            request.sendResponseHeaders(200, -1);
            request.close();
        });
        collector.start();
        System.setProperty(
                "otel.exporter.otlp.endpoint",
                "http://localhost:" + collector.getAddress().getPort());
        Properties settings = TestSettings.with(new TestDatabase(), "generic");
        settings.setProperty("tracing.enabled", "true");
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(204, new Delivery(BODY).post(app.webhooks("generic")).statusCode());
        } finally {
            System.clearProperty("otel.exporter.otlp.endpoint");
        }
        await().atMost(Duration.ofSeconds(10))
                .until(() -> String.join("", received).contains("user-created"));
        collector.stop(0);
        String spans = String.join("", received);
        assertTrue(spans.contains("users-sync"), "the name of the service");
        assertFalse(spans.contains("ada.traced"), "an address in a span");
        assertFalse(spans.contains("Ada Traced"), "a name in a span");
    }

    @Test
    void offThereIsNoTracer() {
        try (StartedApp app = new StartedApp(TestSettings.with(new TestDatabase(), "generic"))) {
            assertNull(app.main.getCamelContext().hasService(CamelTracingService.class));
            assertNull(app.main.getCamelContext().getRegistry().lookupByName("tracer"));
        }
    }
}
