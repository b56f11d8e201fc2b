package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.sun.net.httpserver.HttpServer;
import dev.userssync.event.ApiFailure;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.zip.GZIPOutputStream;
import org.apache.hc.client5.http.classic.methods.HttpGet;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.core5.http.io.entity.EntityUtils;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Answers of an API that would take too much memory or too much time. */
class ApiLimitsTest {

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final CompletableFuture<Void> hungUp = new CompletableFuture<>();
    private Duration patience = Duration.ofSeconds(30);
    private HttpServer server;

    private interface Body {
        void write(OutputStream to) throws IOException;
    }

    @AfterEach
    void stop() {
        server.stop(0);
        threads.shutdownNow();
    }

    /** The length that a client with the limits reads from an answer with this body. */
    private int length(String encoding, Body body) throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", exchange -> {
            if (encoding != null) {
                exchange.getResponseHeaders().set("Content-Encoding", encoding);
            }
            exchange.sendResponseHeaders(200, 0);
            try {
                body.write(exchange.getResponseBody());
                exchange.close();
            } catch (IOException e) {
                hungUp.complete(null);
            }
        });
        server.start();
        HttpClientBuilder builder = HttpClientBuilder.create();
        new ApiLimits(patience).configureHttpClient(builder);
        try (CloseableHttpClient client = builder.build()) {
            return client.execute(
                    new HttpGet("http://localhost:" + server.getAddress().getPort()),
                    answer -> EntityUtils.toByteArray(answer.getEntity(), Integer.MAX_VALUE).length);
        }
    }

    @Test
    void whatIsNotTooLargeIsRead() throws IOException {
        assertEquals(1024, length(null, to -> to.write(new byte[1024])));
    }

    @Test
    void anAnswerWithoutEndIsHungUpOn() throws Exception {
        ApiFailure failure = assertThrows(
                ApiFailure.class,
                () -> length(null, to -> {
                    byte[] part = new byte[1024 * 1024];
                    while (true) {
                        to.write(part);
                    }
                }));
        assertEquals("its API answers with more than 32 MiB", failure.getMessage());
        hungUp.get(20, TimeUnit.SECONDS);
    }

    @Test
    void anAnswerThatUncompressesToMuchMoreIsNotHeld() {
        assertEquals(
                "its API answers with more than 32 MiB",
                assertThrows(
                                ApiFailure.class,
                                () -> length("gzip", to -> {
                                    try (GZIPOutputStream compressed = new GZIPOutputStream(to)) {
                                        for (int megabyte = 0; megabyte < 40; megabyte++) {
                                            compressed.write(new byte[1024 * 1024]);
                                        }
                                    }
                                }))
                        .getMessage());
    }

    @Test
    void anAnswerThatDripsIsHungUpOn() throws Exception {
        patience = Duration.ofMillis(500);
        assertEquals(
                "its API takes longer than 0 s for an answer",
                assertThrows(
                                ApiFailure.class,
                                () -> length(null, to -> {
                                    while (true) {
                                        to.write('[');
                                        to.flush();
                                    }
                                }))
                        .getMessage());
        hungUp.get(20, TimeUnit.SECONDS);
    }
}
