package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.observe.Metrics;
import dev.userssync.settings.Providers;
import dev.userssync.testing.PrivateKeys;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Predicate;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.Tag;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;

/**
 * Input that nobody foresaw: every provider's fixtures with random values in any place, cut, flipped and repeated
 * bytes, and headers of all kinds. The provider's own scheme signs most of it, so that it gets as far as possible.
 * Every answer must be one that the README lists. An acknowledged event is in the table, ignored or parked. Memory use
 * stays flat.
 */
@Tag("app")
class HostileInputProperties {

    private static final int AT_ONCE = 50;
    private static final Path FIXTURES = Path.of("src/test/resources");
    /** Providers whose delivery may hold no event, or several. */
    private static final Set<String> SEVERAL =
            Set.of("okta", "fusionauth", "clerk", "kinde", "logto", "stytch", "zitadel");

    private static final Set<Integer> REPLIES = Set.of(200, 204, 400, 401, 413, 415, 422, 431, 503);
    private static final TestDatabase DATABASE = new TestDatabase();
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(10))
            .build();
    private static final ObjectMapper JSON = JsonBody.MAPPER;

    private static final Map<String, List<byte[]>> documents = new TreeMap<>();
    private static PrivateKeys privateKeys;
    private static StartedApp app;

    @BeforeContainer
    static void everyProviderIsOn() throws IOException {
        privateKeys = new PrivateKeys();
        Properties settings = TestSettings.with(DATABASE, "clerk", "stack-auth", "generic");
        privateKeys.addTo(settings);
        try (Stream<Path> folders = Files.list(FIXTURES)) {
            for (Path folder : folders.filter(Files::isDirectory).toList()) {
                if (Files.exists(folder.resolve("settings.properties"))) {
                    settings.load(Files.newBufferedReader(folder.resolve("settings.properties")));
                }
            }
        }
        app = new StartedApp(settings);
        for (String provider : new Providers(app.main.getCamelContext()).on()) {
            if (Files.isDirectory(FIXTURES.resolve(provider)) && !provider.equals("scim")) {
                try (Stream<Path> files = Files.list(FIXTURES.resolve(provider))) {
                    for (Path file : files.filter(name -> name.toString().endsWith(".json")
                                    && !name.toString().endsWith(".expected.json"))
                            .sorted()
                            .toList()) {
                        documents
                                .computeIfAbsent(provider, name -> new ArrayList<>())
                                .add(Files.readAllBytes(file));
                    }
                }
            }
        }
        assertTrue(documents.size() > 12, "providers: " + documents.keySet());
    }

    @AfterContainer
    static void stop() {
        app.close();
        privateKeys.close();
    }

    @Property(tries = 40, shrinking = ShrinkingMode.OFF)
    void noDeliveryBreaksAnything(@ForAll long seed) {
        deliver(new Random(seed));
    }

    /** Runs 100,000 inputs. */
    @Property(tries = 2_000, shrinking = ShrinkingMode.OFF)
    @Tag("long")
    void noneOfAHundredThousandDeliveriesBreaksAnything(@ForAll long seed) {
        deliver(new Random(seed));
        long used = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        if (used > 600L * 1024 * 1024) {
            System.gc();
            used = Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
        }
        assertTrue(used < 600L * 1024 * 1024, used + " bytes are held");
    }

    /**
     * Passes bytes and headers straight to the schemes, without HTTP, which forbids some. Every scheme refuses them.
     */
    @Property(tries = 2_000, shrinking = ShrinkingMode.OFF)
    void noBytesGetPastAVerification(@ForAll long seed) throws Exception {
        verify(new Random(seed));
    }

    @Property(tries = 100_000, shrinking = ShrinkingMode.OFF)
    @Tag("long")
    void noneOfAHundredThousandSignaturesIsTaken(@ForAll long seed) throws Exception {
        verify(new Random(seed));
    }

    /**
     * GENUINE: signed. ODD: signed, under a content type that may be read as JSON or not. SPOILT: changed after it was
     * signed.
     */
    private enum Kind {
        GENUINE,
        ODD,
        SPOILT
    }

    private record Sent(String provider, byte[] document, Kind kind, CompletableFuture<HttpResponse<byte[]>> reply) {}

    private static void deliver(Random random) {
        long decided = decided(key -> !SEVERAL.contains(key.provider()));
        long parked = decided(key -> key.decision().equals("parked"));
        long attempts = attempts();
        List<Sent> all = new ArrayList<>();
        for (int i = 0; i < AT_ONCE; i++) {
            all.add(send(random));
        }
        for (Sent sent : all) {
            HttpResponse<byte[]> reply = sent.reply.join();
            String what = sent.provider + " " + reply.statusCode() + " to "
                    + new String(sent.document, StandardCharsets.UTF_8);
            assertTrue(REPLIES.contains(reply.statusCode()), what);
            assertTrue(
                    reply.body().length == 0 || reply.statusCode() == 200 || sent.provider.equals("neon-auth"),
                    what + ", and tells " + new String(reply.body()));
            // Names a membership that has not arrived.
            boolean waits = sent.provider.equals("workos")
                    && reply.statusCode() == 503
                    && new String(sent.document, StandardCharsets.UTF_8).contains("group.member_");
            switch (sent.kind) {
                case GENUINE -> assertTrue(waits || Set.of(200, 204, 422).contains(reply.statusCode()), what);
                case ODD -> assertTrue(waits || Set.of(200, 204, 415, 422).contains(reply.statusCode()), what);
                default -> assertTrue(Set.of(400, 401, 415, 503).contains(reply.statusCode()), what);
            }
        }
        // Each acknowledged delivery holds one event (except for SEVERAL), and each event has one decision that can be
        // found.
        long taken = all.stream()
                .filter(sent -> !SEVERAL.contains(sent.provider)
                        && Set.of(200, 204, 422).contains(sent.reply.join().statusCode()))
                .count();
        assertEquals(taken, decided(key -> !SEVERAL.contains(key.provider())) - decided, "one decision for each");
        assertEquals(
                decided(key -> key.decision().equals("parked")) - parked,
                attempts() - attempts,
                "what is parked is in the table of dead letters");
        // Neon Auth's one-time codes are the exception: users-sync refuses to deliver them, and keeps none.
        long refused = all.stream()
                .filter(sent -> sent.reply.join().statusCode() == 422 && !sent.provider.equals("neon-auth"))
                .count();
        assertTrue(attempts() - attempts >= refused, refused + " answered 422, " + (attempts() - attempts) + " parked");
    }

    private static long decided(Predicate<Metrics.Event> which) {
        return Metrics.of(app.main.getCamelContext()).decided().entrySet().stream()
                .filter(count -> which.test(count.getKey()))
                .mapToLong(count -> count.getValue().longValue())
                .sum();
    }

    private static long attempts() {
        return Long.parseLong(DATABASE.value("SELECT coalesce(sum(attempts), 0) FROM users_sync_internal.dead_letter"));
    }

    private static Sent send(Random random) {
        List<String> providers = List.copyOf(documents.keySet());
        String provider = providers.get(random.nextInt(providers.size()));
        byte[] document = document(random, provider);
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        headers.put("Content-Type", "application/json");
        byte[] body = document;
        Kind kind = Kind.GENUINE;
        try {
            VerificationScheme.Signed signed = privateKeys.has(provider)
                    ? privateKeys.sign(provider, document)
                    : app.main
                            .getCamelContext()
                            .getComponent("verify", VerifyComponent.class)
                            .scheme(provider)
                            .sign(document);
            headers.putAll(signed.headers());
            body = signed.body();
        } catch (Exception e) {
            kind = Kind.SPOILT; // no claims, no token
        }
        int spoil = random.nextInt(8);
        if (spoil == 0) {
            List<String> names = headers.keySet().stream()
                    .filter(name -> !name.equalsIgnoreCase("Content-Type"))
                    .toList();
            if (names.isEmpty()) {
                // Spares the end of a token: the last character of a signature has bits without a meaning.
                int end = Math.max(0, body.length - 8);
                body = concat(
                        flipped(random, java.util.Arrays.copyOf(body, end)),
                        java.util.Arrays.copyOfRange(body, end, body.length));
            } else {
                headers.put(names.get(random.nextInt(names.size())), ascii(random, 1 + random.nextInt(80)));
            }
            kind = Kind.SPOILT;
        } else if (spoil == 1 && kind == Kind.GENUINE) {
            headers.put(
                    "Content-Type",
                    List.of("text/plain", "application/xml", "*/*", "multipart/form-data", "a", ascii(random, 20))
                            .get(random.nextInt(6)));
            kind = Kind.ODD;
        }
        for (int i = random.nextInt(4); i > 0; i--) { // besides the signed headers, which these must not change
            headers.putIfAbsent(
                    List.of(
                                    "X-Forwarded-For",
                                    "CamelHttpUri",
                                    "CamelJdbcParameters",
                                    "provider",
                                    "Content-Encoding",
                                    "Accept-Encoding",
                                    "Cookie",
                                    "Range",
                                    "If-Match",
                                    "X-HTTP-Method-Override",
                                    "traceparent",
                                    "kafka.KEY",
                                    "CamelHttpResponseCode",
                                    "delivery-id")
                            .get(random.nextInt(14)),
                    ascii(random, random.nextInt(200)));
        }
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(app.webhooks(provider)))
                .timeout(Duration.ofSeconds(60))
                .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(request::setHeader);
        return new Sent(
                provider, document, kind, HTTP.sendAsync(request.build(), HttpResponse.BodyHandlers.ofByteArray()));
    }

    private static void verify(Random random) {
        List<String> providers = documents.keySet().stream()
                .filter(provider -> !privateKeys.has(provider))
                .toList();
        String provider = providers.get(random.nextInt(providers.size()));
        VerificationScheme scheme = app.main
                .getCamelContext()
                .getComponent("verify", VerifyComponent.class)
                .scheme(provider);
        byte[] document = document(random, provider);
        Map<String, String> genuine = new HashMap<>();
        try {
            genuine.putAll(scheme.sign(document).headers());
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        MultiMap headers = MultiMap.caseInsensitiveMultiMap();
        boolean changed = random.nextBoolean();
        boolean headerAlone = !changed || document.length == 0 || isFixedValue(provider);
        genuine.forEach((name, value) -> headers.add(
                name,
                headerAlone
                        ? new String(
                                flipped(random, value.getBytes(StandardCharsets.ISO_8859_1)),
                                StandardCharsets.ISO_8859_1)
                        : value));
        byte[] body = headerAlone ? document : flipped(random, document);
        try {
            scheme.verify(headers, body);
        } catch (Exception e) {
            assertTrue(e instanceof SecurityException, provider + " " + e);
            return;
        }
        // Base64 and hex have several spellings of one signature, and the name of an authentication scheme ignores
        // case. Such a change is no forgery.
        assertTrue(
                headerAlone && body == document,
                provider + " took " + headers + " for " + new String(body, StandardCharsets.UTF_8));
    }

    /** Providers that send the secret as it is and do not sign the body. */
    private static boolean isFixedValue(String provider) {
        return Set.of("auth0", "okta", "supabase").contains(provider);
    }

    private static byte[] document(Random random, String provider) {
        List<byte[]> fixtures = documents.get(provider);
        byte[] document = fixtures.get(random.nextInt(fixtures.size()));
        int kind = random.nextInt(10);
        if (kind == 0) {
            byte[] bytes = new byte[random.nextInt(300)];
            random.nextBytes(bytes);
            return bytes;
        }
        if (kind == 1) {
            return flipped(random, document);
        }
        try {
            JsonNode json = JSON.readTree(document);
            for (int i = 1 + random.nextInt(3); i > 0; i--) {
                json = mutated(random, json);
            }
            byte[] bytes = JSON.writeValueAsBytes(json);
            return kind == 2 ? flipped(random, bytes) : bytes;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Replaces one place with something else. */
    private static JsonNode mutated(Random random, JsonNode json) {
        if (json.isEmpty() || random.nextInt(12) == 0) {
            return value(random, 3);
        }
        JsonNode changed = json.deepCopy();
        JsonNode place = changed;
        while (true) {
            List<String> names = new ArrayList<>();
            place.fieldNames().forEachRemaining(names::add);
            int index = random.nextInt(place.size());
            JsonNode child = place.isObject() ? place.get(names.get(index)) : place.get(index);
            if (child.isContainerNode() && !child.isEmpty() && random.nextInt(3) > 0) {
                place = child;
            } else if (place instanceof ObjectNode object) {
                switch (random.nextInt(4)) {
                    case 0 -> object.remove(names.get(index));
                    case 1 -> object.set(text(random), value(random, 3));
                    default -> object.set(names.get(index), value(random, 3));
                }
                return changed;
            } else {
                ((ArrayNode) place).set(index, value(random, 3));
                return changed;
            }
        }
    }

    private static JsonNode value(Random random, int depth) {
        JsonNodeFactory json = JsonNodeFactory.instance;
        switch (random.nextInt(depth > 0 ? 12 : 8)) {
            case 0:
                return json.nullNode();
            case 1:
                return json.booleanNode(random.nextBoolean());
            case 2:
                return json.numberNode(
                        List.of(0L, -1L, 1740681360000L, 1740681360L, Long.MAX_VALUE, Long.MIN_VALUE, 99_999_999_999L)
                                .get(random.nextInt(7)));
            case 3:
                return json.numberNode(
                        new BigDecimal(List.of("1e400", "-1e-400", "0.1", "1e15", "17406813600001234567890", "1.5e12")
                                .get(random.nextInt(6))));
            case 8, 9: {
                ObjectNode object = json.objectNode();
                for (int i = random.nextInt(5); i > 0; i--) {
                    object.set(text(random), value(random, depth - 1));
                }
                return object;
            }
            case 10: {
                ArrayNode array = json.arrayNode();
                for (int i = random.nextInt(5); i > 0; i--) {
                    array.add(value(random, depth - 1));
                }
                return array;
            }
            case 11: {
                JsonNode deep = json.textNode("deep");
                for (int i = random.nextInt(200); i > 0; i--) {
                    deep = random.nextBoolean()
                            ? json.arrayNode().add(deep)
                            : json.objectNode().set("a", deep);
                }
                return deep;
            }
            default:
                return json.textNode(text(random));
        }
    }

    private static String text(Random random) {
        List<String> known = List.of(
                "",
                " ",
                "id",
                "user.created",
                "user.deleted",
                "updated",
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:00:00",
                "0001-01-01T00:00:00Z",
                "{}",
                "{\"password\": \"x\"}",
                "eyJhIjoxfQ==",
                "'; DROP TABLE x; --",
                "${env:HOME}",
                "{{clerk.webhook.secret}}",
                "\\(env)",
                "<script>",
                "\u0000",
                "\ud83d",
                "\udc00\ud83d",
                "🦊",
                "\u202e",
                "null",
                "NaN",
                "../..",
                "__proto__",
                "%s%n",
                "a\r\nb",
                "password",
                "access_token",
                "raw",
                "x".repeat(300));
        if (random.nextInt(3) > 0) {
            return known.get(random.nextInt(known.size()));
        }
        int length = random.nextInt(20) == 0 ? random.nextInt(100_000) : random.nextInt(40);
        StringBuilder text = new StringBuilder(length);
        for (int i = 0; i < length; i++) {
            text.appendCodePoint(random.nextInt(4) > 0 ? 32 + random.nextInt(95) : random.nextInt(0xD7FF));
        }
        return text.toString();
    }

    private static String ascii(Random random, int length) {
        StringBuilder text = new StringBuilder("a");
        for (int i = 1; i < length; i++) {
            text.append((char) (33 + random.nextInt(94)));
        }
        return text.toString();
    }

    /**
     * Flips a bit, cuts out a part, doubles a part or cuts off the end, one to three times. The result always differs.
     */
    private static byte[] flipped(Random random, byte[] bytes) {
        byte[] changed = bytes.clone();
        for (int i = 1 + random.nextInt(3); i > 0 || java.util.Arrays.equals(changed, bytes); i--) {
            int from = changed.length == 0 ? 0 : random.nextInt(changed.length);
            int to = Math.min(changed.length, from + 1 + random.nextInt(20));
            switch (changed.length == 0 ? 9 : random.nextInt(4)) {
                case 0, 1 -> changed[from] ^= (byte) (1 << random.nextInt(7));
                case 2 ->
                    changed = concat(
                            java.util.Arrays.copyOf(changed, from),
                            java.util.Arrays.copyOfRange(changed, to, changed.length));
                case 3 ->
                    changed = concat(
                            java.util.Arrays.copyOf(changed, to),
                            java.util.Arrays.copyOfRange(changed, from, changed.length));
                default -> changed = new byte[] {(byte) (33 + random.nextInt(94))};
            }
        }
        return changed;
    }

    private static byte[] concat(byte[] one, byte[] other) {
        byte[] both = java.util.Arrays.copyOf(one, one.length + other.length);
        System.arraycopy(other, 0, both, one.length, other.length);
        return both;
    }
}
