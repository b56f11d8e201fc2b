package dev.userssync.testing;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;

/** A provider's JWKS endpoint on a free port. Tests can make it misbehave; it counts its requests. */
public final class JwksServer implements AutoCloseable {

    /** Answers one request. */
    public interface Answer {
        void to(HttpExchange request) throws IOException, InterruptedException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final AtomicInteger requests = new AtomicInteger();
    private volatile Answer answer;

    public JwksServer(JsonWebKey... keys) {
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        publish(keys);
        server.setExecutor(threads);
        server.createContext("/jwks.json", request -> {
            requests.incrementAndGet();
            try (request) {
                answer.to(request);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        server.start();
    }

    public URI url() {
        return URI.create("http://localhost:" + server.getAddress().getPort() + "/jwks.json");
    }

    public int requests() {
        return requests.get();
    }

    public void answer(Answer answer) {
        this.answer = answer;
    }

    public void answer(int status, String body, Map<String, String> headers) {
        answer(request -> {
            headers.forEach(request.getResponseHeaders()::set);
            byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
            request.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            request.getResponseBody().write(bytes);
        });
    }

    /** Answers with the public keys. */
    public void publish(JsonWebKey... keys) {
        answer(
                200,
                new JsonWebKeySet(keys).toJson(JsonWebKey.OutputControlLevel.PUBLIC_ONLY),
                Map.of("Content-Type", "application/json"));
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
