package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Replies of both ports while the application starts and stops. Auth0 never resends a delivery that was answered 404.
 */
@Tag("app")
public class HttpDoorTest {

    public static final Set<String> SIGNED_WITH_KEYS = Set.of("hanko", "kinde", "neon-auth");
    public static final List<String> WITH_SECRETS = List.of(
            "auth0",
            "better-auth",
            "clerk",
            "fusionauth",
            "generic",
            "keycloak",
            "logto",
            "okta",
            "scim",
            "stack-auth",
            "stytch",
            "supabase",
            "supabase-hook",
            "workos",
            "zitadel");

    private static Properties everyProvider(TestDatabase database) {
        Properties settings = TestSettings.with(database, WITH_SECRETS.toArray(String[]::new));
        SIGNED_WITH_KEYS.forEach(provider -> settings.setProperty(provider + ".jwks.url", "http://localhost:1/jwks"));
        return settings;
    }

    /** Senders without a pause, each to one path. Records the statuses of each; 0 means that the port was closed. */
    public static final class Senders implements AutoCloseable {

        final Map<String, Set<Integer>> replies = new ConcurrentHashMap<>();
        private final List<Thread> threads = new ArrayList<>();
        private volatile boolean done;

        public Senders(Properties settings) {
            String port = "http://localhost:" + settings.getProperty("camel.server.port");
            Map<String, Supplier<Integer>> requests = new java.util.TreeMap<>();
            for (String provider : settings.stringPropertyNames().stream()
                    .filter(name -> name.endsWith(".webhook.secret") || name.endsWith(".jwks.url"))
                    .map(name -> name.split("\\.")[0])
                    .filter(name -> !name.equals("scim"))
                    .toList()) {
                requests.put(
                        provider,
                        () -> Http.post(
                                        port + "/webhooks/" + provider,
                                        "{}",
                                        "Content-Type",
                                        provider.equals("kinde") ? "application/jwt" : "application/json")
                                .statusCode());
            }
            requests.put("scim", () -> Http.get(port + "/scim/v2/Users").statusCode());
            requests.put(
                    "signed",
                    () -> new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}")
                            .post(port + "/webhooks/generic")
                            .statusCode());
            String management = "http://localhost:" + settings.getProperty("camel.management.port");
            requests.put(
                    "ready",
                    () -> Http.get(management + "/observe/health/ready").statusCode());
            requests.put(
                    "replay",
                    () -> Http.post(management + "/dead-letters/replay", "").statusCode());
            requests.forEach((name, request) -> threads.add(new Thread(() -> {
                while (!done) {
                    replies.computeIfAbsent(name, one -> new ConcurrentSkipListSet<>())
                            .add(status(request));
                }
            })));
            threads.forEach(Thread::start);
        }

        private static int status(Supplier<Integer> request) {
            try {
                return request.get();
            } catch (RuntimeException e) {
                return 0; // closed before or during the request
            }
        }

        /** Every status except those of a closed port and of an application that says when to retry. */
        public Set<Integer> of(String name) {
            Set<Integer> last = new TreeSet<>(replies.getOrDefault(name, Set.of()));
            last.removeAll(Set.of(0, 503));
            return last;
        }

        @Override
        public void close() {
            done = true;
            threads.forEach(thread -> {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            });
        }
    }

    @Test
    void whileItStartsAndStopsSendersAreToldToComeAgain() {
        Properties settings = everyProvider(new TestDatabase());
        Senders senders = new Senders(settings);
        try (senders;
                StartedApp app = new StartedApp(settings)) {
            await().until(() -> senders.replies.size() == WITH_SECRETS.size() + SIGNED_WITH_KEYS.size() + 3
                    && senders.replies.keySet().stream()
                            .allMatch(name -> !senders.of(name).isEmpty()
                                    || SIGNED_WITH_KEYS.contains(name)
                                            && senders.replies.get(name).contains(503)));
        }
        for (String name : senders.replies.keySet()) {
            Set<Integer> expected = switch (name) {
                case "signed" -> Set.of(204);
                case "ready", "replay" -> Set.of(200);
                default -> Set.of(401);
            };
            Set<Integer> unexpected = senders.of(name);
            unexpected.removeAll(expected);
            assertEquals(Set.of(), unexpected, name + ": " + senders.replies.get(name));
        }
    }
}
