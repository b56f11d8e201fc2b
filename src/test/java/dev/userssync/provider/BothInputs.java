package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.User;
import dev.userssync.testing.PolledApp;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Webhooks and polling of the same users at once, with faults on both. Deliveries are lost, late, doubled and out of
 * order. Answers of the API fail, break off or ask for a pause. In the end the table matches the provider.
 */
abstract class BothInputs extends PolledApp {

    private static final int SENDERS = 4;
    /** By then hundreds of users are missing, and users-sync asks for each. */
    private static final Duration SWEEP = Duration.ofSeconds(120);

    private final AtomicInteger created = new AtomicInteger();
    private final AtomicInteger applied = new AtomicInteger();
    private final AtomicInteger lost = new AtomicInteger();

    BothInputs(String provider, FakeApi.Speech speech) {
        super(provider, speech);
        settings.setProperty("poll.interval", "1s");
        settings.setProperty("reconcile.interval", "1s");
        settings.setProperty("reconcile.max-share", "100");
        settings.setProperty("reconcile.max-deletes", "10000");
    }

    abstract String body(String type, User user, Instant time);

    @Test
    @Tag("long")
    void theTableIsWhatTheProviderHasAfterAMinute() throws Exception {
        run(Duration.ofSeconds(60));
    }

    void run(Duration time) throws Exception {
        api.createMany("user_", 150);
        long seed = System.nanoTime();
        faultsOfTheApi(new Random(seed));
        wake("changes_due = now(), listing_due = now()");
        ExecutorService threads = Executors.newFixedThreadPool(SENDERS);
        long end = System.nanoTime() + time.toNanos();
        List<? extends Future<?>> senders = java.util.stream.IntStream.range(0, SENDERS)
                .mapToObj(i -> threads.submit(() -> changeUsers(new Random(seed + i), end)))
                .toList();
        for (Future<?> sender : senders) {
            sender.get();
        }
        threads.shutdown();
        api.mend();
        assertTrue(applied.get() > 20 && lost.get() > 5, "applied " + applied + ", lost " + lost + " deliveries");
        // A complete listing that begins after the last change.
        awaitState("phase IS NULL OR phase = 'listing'", SWEEP);
        Instant quiet = Instant.now();
        wake("listing_due = now()");
        awaitState("reconciled_at > '" + quiet + "' AND started_at > '" + quiet + "' AND phase IS NULL", SWEEP);
        assertEquals(api.truth(), database.column(ROWS), () -> "seed " + seed);
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    private void faultsOfTheApi(Random random) {
        api.fault(request -> {
            int fault;
            synchronized (random) {
                fault = random.nextInt(40);
            }
            return switch (fault) {
                case 0 -> Answer.status(500);
                case 1 -> new Answer(0, null, Map.of());
                case 2 -> Answer.status(429).header("Retry-After", "1");
                default -> null;
            };
        });
    }

    /** Changes users. Each change is delivered, lost, doubled or late. */
    private void changeUsers(Random random, long end) {
        ConcurrentLinkedQueue<Supplier<String>> late = new ConcurrentLinkedQueue<>();
        while (System.nanoTime() < end) {
            String body = change(random);
            int fate = random.nextInt(10);
            if (fate < 2) {
                lost.incrementAndGet();
            } else if (fate < 4) {
                late.add(() -> body);
            } else {
                deliver(body);
                if (fate == 4) {
                    deliver(body);
                }
            }
            if (late.size() > 5 || random.nextInt(4) == 0 && !late.isEmpty()) {
                deliver(late.remove().get());
            }
        }
        late.forEach(body -> deliver(body.get()));
    }

    private String change(Random random) {
        // the provider applies one change at a time, and a delivery holds the user as of its change
        synchronized (api) {
            List<User> users = api.users();
            int kind = random.nextInt(10);
            if (kind < 2 || users.isEmpty()) {
                String id = "new_" + created.incrementAndGet();
                api.create(id);
                return body("created", api.user(id), api.tick());
            }
            User user = users.get(random.nextInt(users.size()));
            if (kind < 4) {
                api.delete(user.id());
                return body("deleted", user, api.tick());
            }
            api.rename(user.id(), "Name " + random.nextInt(1_000_000));
            return body("updated", api.user(user.id()), api.tick());
        }
    }

    private void deliver(String body) {
        int status = new Delivery(body).post(webhooks(provider)).statusCode();
        if (status == 204) {
            applied.incrementAndGet();
        } else {
            assertEquals(503, status); // a real provider would retry; this one loses the delivery
            lost.incrementAndGet();
        }
    }
}
