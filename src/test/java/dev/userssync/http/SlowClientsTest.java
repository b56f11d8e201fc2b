package dev.userssync.http;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RawHttp;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** Senders that hold connections without ever finishing a request. Here a request may take one second. */
class SlowClientsTest extends RunningApp {

    private static final Duration LONGEST = Duration.ofSeconds(10);

    private final CapturedLog log = new CapturedLog();

    SlowClientsTest() {
        settings.setProperty("request.timeout", "1");
    }

    private Socket connect(String port) throws IOException {
        Socket socket = new Socket("localhost", Integer.parseInt(settings.getProperty(port)));
        socket.setSoTimeout(20);
        return socket;
    }

    /** Whether the server has closed the connection. Reads the bytes that come before. */
    private static boolean isClosed(Socket socket) {
        try {
            return socket.getInputStream().read() < 0;
        } catch (SocketTimeoutException e) {
            return false;
        } catch (IOException e) {
            return true; // reset
        }
    }

    private static void send(Socket socket, String text) {
        try {
            socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().flush();
        } catch (IOException e) {
            // closed, as the test expects
        }
    }

    /** Three senders on each port: one sends nothing, one drips its head, and one drips its body. */
    @Test
    void whoNeverComesToAnEndIsHungUpOn() throws IOException {
        String head = "POST /webhooks/generic HTTP/1.1\r\nHost: localhost\r\n";
        Map<Socket, String> slow = new LinkedHashMap<>();
        for (String port : List.of("camel.server.port", "camel.management.port")) {
            slow.put(connect(port), "");
            Socket drips = connect(port);
            send(drips, head);
            slow.put(drips, "X-a: b\r\n");
            Socket body = connect(port);
            send(
                    body,
                    head.replace(
                                    "/webhooks/generic",
                                    port.equals("camel.server.port")
                                            ? "/webhooks/generic"
                                            : "/admin/verify-signature/generic")
                            + "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n");
            slow.put(body, " ");
        }
        await().atMost(LONGEST).pollInterval(Duration.ofMillis(50)).until(() -> {
            slow.forEach(SlowClientsTest::send);
            return slow.keySet().stream().allMatch(SlowClientsTest::isClosed);
        });
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
        assertEquals(
                List.of(),
                log.lines().stream().filter(line -> line.startsWith("ERROR")).toList());
    }

    @Test
    void manyOfThemDoNotKeepOthersOut() throws IOException {
        List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 300; i++) {
                slow.add(connect("camel.server.port"));
                send(
                        slow.get(i),
                        i % 2 == 0
                                ? "POST /webhooks/gen"
                                : "POST /webhooks/generic HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                                        + "Content-Length: 1000\r\n\r\n{");
            }
            assertEquals(
                    204,
                    new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}")
                            .post(webhooks("generic"))
                            .statusCode());
            await().atMost(LONGEST).until(() -> slow.stream().allMatch(SlowClientsTest::isClosed));
        } finally {
            for (Socket socket : slow) {
                socket.close();
            }
        }
    }

    /** Anybody may send half a request and hang up, as often as they like. */
    @Test
    void whoHangsUpIsNotWorthALine() throws IOException {
        log.clear();
        for (String port : List.of("camel.server.port", "camel.management.port")) {
            for (int i = 0; i < 20; i++) {
                try (Socket socket = connect(port)) {
                    send(
                            socket,
                            "POST "
                                    + (port.equals("camel.server.port")
                                            ? "/webhooks/generic"
                                            : "/admin/verify-signature/generic")
                                    + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{");
                }
            }
        }
        assertEquals(
                204,
                new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u3\"}}")
                        .post(webhooks("generic"))
                        .statusCode());
        await().during(Duration.ofMillis(300))
                .until(() ->
                        log.lines().stream().noneMatch(line -> line.startsWith("ERROR") || line.startsWith("WARN")));
    }

    /** A proxy keeps its connections open for a while, and so does users-sync. */
    @Test
    void betweenTwoRequestsMoreTimeMayPass() throws IOException {
        try (Socket socket = connect("camel.server.port")) {
            String request = "GET /webhooks/generic HTTP/1.1\r\nHost: localhost\r\n\r\n";
            send(socket, request);
            long begin = System.nanoTime();
            await().atMost(LONGEST).until(() -> isClosed(socket));
            assertTrue(
                    System.nanoTime() - begin > Duration.ofMillis(2900).toNanos(),
                    "closed after " + (System.nanoTime() - begin) / 1_000_000 + " ms");
        }
    }

    @Test
    void whatTakesUsLongIsAnswered() throws Exception {
        try (Connection lock = database.connect()) {
            lock.setAutoCommit(false);
            lock.createStatement().execute("LOCK TABLE neon_auth.users_sync IN EXCLUSIVE MODE");
            CompletableFuture<Integer> reply = CompletableFuture.supplyAsync(
                    () -> new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u2\"}}")
                            .post(webhooks("generic"))
                            .statusCode());
            long begin = System.nanoTime();
            await().atMost(LONGEST)
                    .until(() ->
                            System.nanoTime() - begin > Duration.ofSeconds(3).toNanos());
            lock.rollback();
            assertEquals(204, reply.get());
        }
    }

    @Test
    void aHeadThatIsTooLongIsRefused() throws IOException {
        String reply = RawHttp.post(webhooks("generic"), "{}", Map.of("x-long", "x".repeat(9_000)));
        assertTrue(reply.startsWith("HTTP/1.1 431"), reply);
        String longLine = RawHttp.post(webhooks("x".repeat(5_000)), "{}", Map.of());
        assertTrue(longLine.substring(9, 12).equals("414"), longLine);
    }
}
