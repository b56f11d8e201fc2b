package dev.userssync.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.standardwebhooks.Webhook;
import com.standardwebhooks.exceptions.WebhookVerificationException;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.userssync.bench.Ports;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.http.HttpHeaders;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.Consumer;
import org.awaitility.Awaitility;

/**
 * An endpoint for reactions in a JVM of its own, which tests can kill. It answers 204 after the message is on the disk.
 * {@code /webhooks} takes signed webhooks, every other path changes as a route receives them.
 */
public final class ReceivingEndpoint implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String WEBHOOKS = "/webhooks";

    private final int port = Ports.free();
    private final Path file;
    private Process process;

    /**
     * What the endpoint acknowledged, or was about to acknowledge when it was killed.
     *
     * @param path without the slash
     * @param refused why the endpoint answered 401; null: it did not
     * @param row the user's row without the profile; JSON null without a row
     */
    public record Message(
            String path,
            String refused,
            String webhookId,
            long seq,
            String entity,
            String id,
            String kind,
            JsonNode row) {}

    private record Waiting(byte[] line, CompletableFuture<Void> durable) {}

    /** @param file of the messages; it outlives the process */
    public ReceivingEndpoint(Path file) {
        this.file = file;
        Runtime.getRuntime().addShutdownHook(new Thread(this::close)); // for interrupted tests
    }

    /** Starts the process, also after a kill, and waits until it listens. */
    public void start() throws IOException {
        process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "-Dsun.net.httpserver.nodelay=true",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ReceivingEndpoint.class.getName(),
                        Integer.toString(port),
                        file.toString())
                .inheritIO()
                .start();
        Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> {
            if (!process.isAlive()) {
                throw new AssertionError("the endpoint did not start, exit code " + process.exitValue());
            }
            try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
                return true;
            } catch (IOException e) {
                return false;
            }
        });
    }

    public String url(String path) {
        return "http://localhost:" + port + "/" + path;
    }

    /** Sends SIGKILL, and waits for the end. */
    public void kill() {
        process.destroyForcibly().onExit().join();
    }

    @Override
    public void close() {
        if (process != null) {
            kill();
        }
    }

    /** Reads every message, in the order in which they arrived. */
    public void read(Consumer<Message> messages) {
        try (var lines = Files.lines(file)) {
            lines.forEach(line -> {
                try {
                    messages.accept(JSON.readValue(line, Message.class));
                } catch (IOException e) {
                    throw new UncheckedIOException(line, e);
                }
            });
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The process. */
    public static void main(String[] arguments) throws IOException {
        FileChannel file = openAfterACrash(Path.of(arguments[1]));
        BlockingQueue<Waiting> queue = new LinkedBlockingQueue<>();
        new Thread(() -> write(queue, file)).start();
        HttpServer server = HttpServer.create(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0])), 0);
        server.setExecutor(Executors.newFixedThreadPool(32));
        server.createContext("/", exchange -> answer(exchange, queue));
        server.start();
    }

    /** Opens the file behind its last whole line. */
    private static FileChannel openAfterACrash(Path file) throws IOException {
        try (RandomAccessFile old = new RandomAccessFile(file.toFile(), "rw")) {
            long end = old.length();
            do {
                old.seek(Math.max(0, end - 1));
            } while (end > 0 && old.read() != '\n' && --end >= 0);
            old.setLength(end);
        }
        return FileChannel.open(file, StandardOpenOption.APPEND);
    }

    /** Writes whatever waits with one fsync. */
    private static void write(BlockingQueue<Waiting> queue, FileChannel file) {
        try {
            while (true) {
                List<Waiting> batch = new ArrayList<>(List.of(queue.take()));
                queue.drainTo(batch);
                for (Waiting one : batch) {
                    ByteBuffer line = ByteBuffer.wrap(one.line);
                    while (line.hasRemaining()) {
                        file.write(line);
                    }
                }
                file.force(false);
                batch.forEach(one -> one.durable.complete(null));
            }
        } catch (IOException | InterruptedException e) {
            e.printStackTrace();
            Runtime.getRuntime().halt(1);
        }
    }

    private static void answer(HttpExchange exchange, BlockingQueue<Waiting> queue) throws IOException {
        String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        Message message = exchange.getRequestURI().getPath().equals(WEBHOOKS)
                ? webhook(HttpHeaders.of(exchange.getRequestHeaders(), (name, value) -> true), body)
                : change(exchange.getRequestURI().getPath().substring(1), body);
        Waiting waiting = new Waiting(
                (JSON.writeValueAsString(message) + "\n").getBytes(StandardCharsets.UTF_8), new CompletableFuture<>());
        queue.add(waiting);
        waiting.durable.join();
        exchange.sendResponseHeaders(message.refused == null ? 204 : 401, -1);
        exchange.close();
    }

    private static Message webhook(HttpHeaders headers, String body) throws IOException {
        String refused = null;
        try {
            new Webhook(TestSettings.SECRET).verify(body, headers);
        } catch (WebhookVerificationException e) {
            refused = e.getMessage();
        }
        JsonNode json = JSON.readTree(body);
        String type = json.path("type").asText();
        JsonNode row = json.path("data");
        return new Message(
                WEBHOOKS.substring(1),
                refused,
                headers.firstValue("webhook-id").orElse(null),
                json.at("/change/seq").asLong(),
                type.substring(0, type.indexOf('.')),
                row.path("id").asText(),
                json.at("/change/kind").asText(),
                ((ObjectNode) row).without("profile"));
    }

    private static Message change(String path, String body) throws IOException {
        JsonNode json = JSON.readTree(body);
        JsonNode row = json.path("row");
        return new Message(
                path,
                null,
                null,
                json.path("seq").asLong(),
                json.path("entity").asText(),
                json.path("id").asText(),
                json.path("kind").asText(),
                row instanceof ObjectNode object ? object.without("raw_json") : row);
    }
}
