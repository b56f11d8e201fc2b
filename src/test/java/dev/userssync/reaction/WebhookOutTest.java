package dev.userssync.reaction;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.standardwebhooks.Webhook;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpHeaders;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What WEBHOOK_OUT_URL receives: signed messages of one shape; retries, no redirect, and an end at 410. */
class WebhookOutTest extends RunningApp {

    private static final String OLD = "whsec_b2xkIG9sZCBvbGQgb2xkIG9sZCBvbGQgb2xkIG9sZCE=";
    private static final String NEW = "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

    private record Received(HttpHeaders headers, String body) {

        String header(String name) {
            return headers.firstValue(name).orElse("");
        }

        JsonNode json() {
            try {
                return new ObjectMapper().readTree(body);
            } catch (IOException e) {
                throw new AssertionError(e);
            }
        }

        String told() {
            return json().path("type").asText() + " " + json().at("/data/id").asText();
        }
    }

    private final ConcurrentLinkedQueue<Received> received = new ConcurrentLinkedQueue<>();
    private final AtomicInteger elsewhere = new AtomicInteger();
    private final ConcurrentLinkedQueue<Integer> answers = new ConcurrentLinkedQueue<>();
    private final HttpServer endpoint;

    WebhookOutTest() throws IOException {
        endpoint = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        endpoint.createContext("/hook", this::answer);
        endpoint.createContext("/elsewhere", exchange -> {
            elsewhere.incrementAndGet();
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        endpoint.start();
        settings.setProperty(
                "webhook-out.url", "http://localhost:" + endpoint.getAddress().getPort() + "/hook?for=acme");
        settings.setProperty("webhook-out.secret", NEW + " " + OLD);
        settings.setProperty("clerk.organizations", "off");
    }

    private void answer(HttpExchange exchange) throws IOException {
        Integer status = answers.poll();
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        if (status == null && "for=acme".equals(exchange.getRequestURI().getQuery())) {
            received.add(new Received(HttpHeaders.of(exchange.getRequestHeaders(), (name, value) -> true), body));
        }
        exchange.getResponseHeaders().add("Location", "/elsewhere");
        exchange.sendResponseHeaders(status == null ? 204 : status, -1);
        exchange.close();
    }

    @AfterAll
    void stopEndpoint() {
        endpoint.stop(0);
    }

    @BeforeEach
    void empty() {
        await().until(() -> database.value("SELECT count(*) FROM users_sync_internal.reaction")
                .equals("1"));
        database.execute("TRUNCATE neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync,"
                + " users_sync_internal.event_log, users_sync_internal.reaction_retry, users_sync_internal.tombstone;"
                + " UPDATE users_sync_internal.reaction SET stopped = NULL");
        received.clear();
        answers.clear();
    }

    private void post(String type, String data, int version) {
        assertEquals(
                204,
                new Delivery("{\"type\": \"" + type + "\", \"timestamp\": \"2026-01-01T00:00:" + (10 + version)
                                + "Z\", \"data\": " + data + "}")
                        .post(webhooks("generic"))
                        .statusCode());
    }

    @Test
    void theReferenceLibraryVerifiesEveryMessage() throws Exception {
        post("user.created", "{\"id\": \"u1\", \"name\": \"Sam\", \"plan\": \"gold\"}", 1);
        await().until(() -> received.size() == 1); // the message holds the row as it is when it is sent
        post("organization.created", "{\"id\": \"o1\", \"name\": \"Acme\"}", 2);
        post("membership.created", "{\"organization_id\": \"o1\", \"user_id\": \"u1\", \"role\": \"admin\"}", 3);
        post("user.deleted", "{\"id\": \"u1\"}", 4);
        post("user.updated", "{\"id\": \"u1\", \"name\": \"Sam Patel\"}", 5);
        await().until(() -> received.size() == 5);
        for (Received message : received) {
            for (String secret : List.of(OLD, NEW)) {
                new Webhook(secret).verify(message.body(), message.headers());
            }
            assertEquals("application/json", message.header("content-type"));
        }
        assertEquals(
                List.of("user.created u1", "user.deleted u1", "user.updated u1"),
                received.stream()
                        .map(Received::told)
                        .filter(told -> told.startsWith("user"))
                        .toList());
        assertTrue(received.stream()
                .map(Received::told)
                .toList()
                .containsAll(List.of("organization.created o1", "membership.created o1:u1")));
        Received first = received.stream()
                .filter(one -> one.told().equals("user.created u1"))
                .findFirst()
                .orElseThrow();
        assertEquals("gold", first.json().at("/data/profile/plan").asText());
        assertEquals(
                "created generic false",
                first.json().at("/change/kind").asText() + " "
                        + first.json().at("/change/provider").asText() + " "
                        + first.json().at("/change/initial").asText());
        assertEquals("change_" + first.json().at("/change/seq").asText(), first.header("webhook-id"));
    }

    @Test
    void aMessageIsSentAgainUnderItsId() {
        answers.addAll(List.of(500, 302));
        post("user.created", "{\"id\": \"u2\", \"name\": \"Sam\"}", 1);
        await().until(() -> answers.isEmpty());
        await().until(() -> received.size() == 1);
        assertEquals("user.created u2", received.peek().told());
        assertEquals(0, elsewhere.get(), "a redirect is not followed");
        assertEquals("answered 302", database.value("SELECT error FROM users_sync_internal.reaction"));
    }

    @Test
    void noMessageFollowsAn410UntilAnOperatorResumes() {
        answers.add(410);
        post("user.created", "{\"id\": \"u3\", \"name\": \"Sam\"}", 1);
        await().until(() ->
                "the endpoint answered 410".equals(database.value("SELECT stopped FROM users_sync_internal.reaction")));
        post("user.updated", "{\"id\": \"u3\", \"name\": \"Sam Patel\"}", 2);
        await().during(Duration.ofSeconds(2)).until(received::isEmpty);
        database.execute("UPDATE users_sync_internal.reaction SET stopped = NULL");
        await().until(() ->
                received.stream().map(Received::told).toList().equals(List.of("user.created u3", "user.updated u3")));
    }
}
