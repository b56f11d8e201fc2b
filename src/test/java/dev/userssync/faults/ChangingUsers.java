package dev.userssync.faults;

import dev.userssync.testing.Delivery;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntFunction;

/**
 * A provider whose users are created, updated, deleted and created again, and who sends each delivery until it is
 * acknowledged. Instances take turns, so that events of one user reach two of them at once.
 */
final class ChangingUsers implements AutoCloseable {

    private static final int SENDERS = 16;
    private static final int HOT_USERS = 50;
    private static final Instant FIRST_VERSION = Instant.parse("2026-01-01T00:00:00Z");
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final long PAUSE = Duration.ofMillis(200).toNanos();

    /** The newest version of each user. */
    final Map<String, Integer> newest = new ConcurrentHashMap<>();

    private final IntFunction<String> url;
    private final AtomicInteger version = new AtomicInteger();
    private final ExecutorService threads = Executors.newFixedThreadPool(SENDERS);
    private final List<Future<?>> senders = new ArrayList<>();
    private volatile boolean closed;

    /** @param url of an instance, by a number that counts up */
    ChangingUsers(IntFunction<String> url) {
        this.url = url;
        for (int i = 0; i < SENDERS; i++) {
            senders.add(threads.submit(() -> {
                while (!closed) {
                    deliver(version.incrementAndGet());
                }
            }));
        }
    }

    /** The time of a version, which is the latest time in its row. */
    static Instant time(int version) {
        return FIRST_VERSION.plusMillis(version);
    }

    /** One delivery in five is of a hot user; of the others, four in a row are of one user. */
    private static String user(int version) {
        return version % 5 == 0 ? "hot" + version / 5 % HOT_USERS : "user" + version / 20 + "-" + version % 5;
    }

    private static boolean deletes(int version) {
        return version % 5 == 0 ? version / 5 % 7 == 3 : version / 5 % 4 == 2 && version / 20 % 3 > 0;
    }

    private void deliver(int version) {
        String id = user(version);
        newest.merge(id, version, Math::max);
        String time = time(version).toString();
        Delivery delivery = new Delivery(
                deletes(version) ? """
                        {"type": "user.deleted", "timestamp": "%s", "data": {"id": "%s"}}
                        """.formatted(time, id) : """
                        {"type": "user.updated", "timestamp": "%s", "data": {"id": "%s", "name": "Jane %d", "email": "jane%d@example.com",
                         "updated_at": "%s"}}
                        """.formatted(time, id, version, version, time));
        for (int attempt = version; !isAcknowledged(delivery, url.apply(attempt)); attempt++) {
            LockSupport.parkNanos(PAUSE); // a provider pauses, too
        }
    }

    private static boolean isAcknowledged(Delivery delivery, String url) {
        try {
            return delivery.post(url, PATIENCE).statusCode() == 204;
        } catch (UncheckedIOException e) {
            return false;
        }
    }

    /** Waits until everything that was sent is acknowledged. */
    @Override
    public void close() throws Exception {
        closed = true;
        threads.shutdown();
        for (Future<?> sender : senders) {
            sender.get();
        }
    }
}
