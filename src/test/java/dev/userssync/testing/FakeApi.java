package dev.userssync.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Function;

/**
 * A provider's API on this machine. It holds the true state of its users and speaks the provider's language (a
 * {@link Speech}). Tests can spoil any answer, and run code between any two answers. Thread-safe.
 */
public final class FakeApi implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** A user as the provider knows it. The speech turns it into the provider's JSON. */
    public record User(String id, String name, String email, Instant created, Instant updated, boolean hidden) {}

    /** An event of a user. */
    public record Event(int number, String kind, User user, Instant time) {

        /** A unique id that sorts by time. */
        public String id() {
            return String.format("event_%08d", number);
        }
    }

    /** A request without its host. */
    public record Request(
            String method, String path, Map<String, String> query, Map<String, String> headers, String body) {

        public int number(String name, int otherwise) {
            return query.containsKey(name) ? Integer.parseInt(query.get(name)) : otherwise;
        }

        public JsonNode json() {
            try {
                return JSON.readTree(body);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    public record Answer(int status, JsonNode body, Map<String, String> headers) {

        public static Answer ok(JsonNode body) {
            return new Answer(200, body, Map.of());
        }

        public static Answer ofUser(ObjectNode user) {
            return user == null ? null : ok(user);
        }

        public static Answer status(int status) {
            return new Answer(status, JsonNodeFactory.instance.objectNode().put("error", "status " + status), Map.of());
        }

        public Answer header(String name, String value) {
            Map<String, String> more = new HashMap<>(headers);
            more.put(name, value);
            return new Answer(status, body, more);
        }
    }

    /** Answers a request as the provider's API does; null stands for 404. */
    public interface Speech {

        Answer answer(Request request, FakeApi api);
    }

    /** In order of creation. */
    private final Map<String, User> users = new LinkedHashMap<>();

    private final List<Event> events = new ArrayList<>();
    private final List<Request> requests = new CopyOnWriteArrayList<>();
    private final List<Function<Request, Answer>> faults = new CopyOnWriteArrayList<>();
    private final Speech speech;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    /** Fields that the provider adds to a user, by id. */
    public final Map<String, JsonNode> marks = new ConcurrentHashMap<>();
    /** Users that exist but appear in no listing. */
    public final Set<String> unlisted = ConcurrentHashMap.newKeySet();
    /** The largest page, whatever the caller requests. */
    public volatile int largestPage = Integer.MAX_VALUE;
    /** The next creation or change happens one second later. */
    private Instant now = Instant.parse("2026-01-01T00:00:00Z");

    public FakeApi(Speech speech) {
        this.speech = speech;
        try {
            server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        server.setExecutor(threads);
        server.createContext("/", this::serve);
        server.start();
    }

    public String url() {
        return "http://localhost:" + server.getAddress().getPort();
    }

    private void serve(HttpExchange exchange) throws IOException {
        try (exchange) {
            Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
            exchange.getRequestHeaders().forEach((name, values) -> headers.put(name, values.get(0)));
            Request request = new Request(
                    exchange.getRequestMethod(),
                    exchange.getRequestURI().getRawPath(),
                    query(exchange.getRequestURI().getRawQuery()),
                    headers,
                    new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8));
            requests.add(request);
            Answer answer = null;
            for (Function<Request, Answer> fault : faults) {
                answer = answer == null ? fault.apply(request) : answer;
            }
            if (answer == null) {
                synchronized (this) {
                    answer = speech.answer(request, this);
                }
            }
            if (answer == null) {
                answer = Answer.status(404);
            }
            if (answer.status == 0) {
                return; // the connection breaks
            }
            mark(answer.body);
            byte[] body = JSON.writeValueAsBytes(answer.body);
            exchange.getResponseHeaders().set("Content-Type", "application/json");
            answer.headers.forEach(exchange.getResponseHeaders()::set);
            exchange.sendResponseHeaders(answer.status, body.length);
            exchange.getResponseBody().write(body);
        } catch (RuntimeException e) {
            e.printStackTrace(); // otherwise the server would swallow the exception
            throw e;
        }
    }

    private void mark(JsonNode json) {
        if (json instanceof ObjectNode user) {
            for (String field : List.of("id", "user_id", "userId")) {
                if (user.path(field).isTextual() && marks.get(user.get(field).textValue()) instanceof ObjectNode more) {
                    user.setAll(more);
                }
            }
        }
        json.forEach(this::mark);
    }

    private static Map<String, String> query(String raw) {
        Map<String, String> query = new LinkedHashMap<>();
        for (String part : raw == null ? new String[0] : raw.split("&")) {
            String[] pair = part.split("=", 2);
            query.merge(
                    decode(pair[0]), pair.length > 1 ? decode(pair[1]) : "", (first, second) -> first + "," + second);
        }
        return query;
    }

    public static String decode(String text) {
        return URLDecoder.decode(text, StandardCharsets.UTF_8);
    }

    // The provider's data

    public synchronized void create(String... ids) {
        for (String id : ids) {
            put(new User(id, "Name of " + id, id.replaceAll("\\W", ".") + "@example.com", tick(), now, false));
            happened("created", users.get(id));
        }
    }

    /** Creates users from id0000000 on. */
    public synchronized List<String> createMany(String prefix, int count) {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            ids.add(String.format("%s%07d", prefix, i));
        }
        create(ids.toArray(String[]::new));
        return ids;
    }

    public synchronized void put(User user) {
        users.put(user.id, user);
    }

    public synchronized void rename(String id, String name) {
        User user = users.get(id);
        users.put(id, new User(id, name, user.email, user.created, tick(), user.hidden));
        happened("updated", users.get(id));
    }

    private void happened(String kind, User user) {
        events.add(new Event(events.size(), kind, user, now));
    }

    public synchronized void delete(String id) {
        User user = users.remove(id);
        tick();
        happened("deleted", user);
    }

    public synchronized User user(String id) {
        return users.get(id);
    }

    public synchronized List<User> users() {
        return new ArrayList<>(users.values());
    }

    /** The users that a listing shows. */
    public synchronized List<User> listed() {
        return new ArrayList<>(users.values().stream()
                .filter(user -> !unlisted.contains(user.id))
                .toList());
    }

    /** The final content of the table: id and name of every user. */
    public synchronized List<String> truth() {
        return users.values().stream()
                .map(user -> user.id + " " + user.name)
                .sorted()
                .toList();
    }

    /** The provider's clock; every change takes a second. */
    public synchronized Instant tick() {
        now = now.plusSeconds(1);
        return now;
    }

    public synchronized void clock(Instant time) {
        now = time;
    }

    /** All events, oldest first. */
    public synchronized List<Event> events() {
        return new ArrayList<>(events);
    }

    // Faults

    /**
     * Adds a fault. The caller gets the answer of the first fault that returns one. A fault may return null and only
     * run code.
     */
    public void fault(Function<Request, Answer> fault) {
        faults.add(fault);
    }

    public void mend() {
        faults.clear();
    }

    /** Forgets users, faults and requests. */
    public synchronized void reset() {
        faults.clear();
        users.clear();
        events.clear();
        requests.clear();
        unlisted.clear();
        marks.clear();
        now = Instant.parse("2026-01-01T00:00:00Z");
    }

    public List<Request> requests() {
        return requests;
    }

    public static ArrayNode array(Collection<? extends JsonNode> nodes) {
        return JSON.createArrayNode().addAll(nodes);
    }

    public static ObjectNode object() {
        return JSON.createObjectNode();
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
