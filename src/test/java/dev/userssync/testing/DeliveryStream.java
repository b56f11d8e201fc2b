package dev.userssync.testing;

import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntUnaryOperator;
import org.awaitility.Awaitility;

/**
 * Concurrent senders post ever newer versions of some users to the generic provider. The stream remembers each
 * acknowledged version and compares it with the table. Every fault test checks its result with it.
 */
public final class DeliveryStream {

    /** The columns that {@link #lost} and {@link #wrong} compare. */
    public static final String ROWS =
            "SELECT concat_ws('|', id, raw_json ->> 'version', name, email, extract(epoch FROM created_at)::numeric,"
                    + " extract(epoch FROM updated_at)::numeric, deleted_at) FROM neon_auth.users_sync";
    /** Many providers wait this long for a reply. */
    private static final Duration PATIENCE = Duration.ofSeconds(15);

    private final int senders;
    private final IntUnaryOperator user;
    private final Instant firstVersion =
            Instant.now().truncatedTo(ChronoUnit.MILLIS).minus(Duration.ofHours(1));
    private final AtomicInteger version = new AtomicInteger();
    /** The newest acknowledged version of each user. */
    private final Map<String, Integer> acknowledged = new ConcurrentHashMap<>();

    /** @param user maps a version to its user */
    public DeliveryStream(int senders, IntUnaryOperator user) {
        this.senders = senders;
        this.user = user;
    }

    /** Users whose row is missing or older than an acknowledged version, with that version. */
    public Map<String, Integer> lost(List<String> rows) {
        Map<String, Integer> stored = new TreeMap<>();
        for (String row : rows) {
            String[] columns = row.split("\\|");
            stored.put(columns[0], Integer.valueOf(columns[1]));
        }
        Map<String, Integer> lost = new TreeMap<>(acknowledged);
        lost.entrySet().removeIf(user -> stored.getOrDefault(user.getKey(), 0) >= user.getValue());
        return lost;
    }

    /** Rows that do not match, in all columns, one version that was sent. */
    public List<String> wrong(List<String> rows) {
        List<String> wrong = new ArrayList<>();
        int newest = version.get();
        for (String row : rows) {
            int stored = Integer.parseInt(row.split("\\|")[1]);
            if (stored < 1 || stored > newest || !row.equals(row(stored))) {
                wrong.add(row);
            }
        }
        return wrong;
    }

    private String id(int version) {
        return "user" + user.applyAsInt(version);
    }

    private Instant time(int version) {
        return firstVersion.plusMillis(version);
    }

    private String row(int version) {
        return String.join(
                "|",
                id(version),
                Integer.toString(version),
                "Jane " + version,
                "jane" + version + "@example.com",
                epoch(firstVersion),
                epoch(time(version)));
    }

    private static String epoch(Instant time) {
        return "%d.%06d".formatted(time.getEpochSecond(), time.getNano() / 1000);
    }

    private Delivery delivery(int version) {
        return new Delivery(
                """
                {"type": "user.updated", "timestamp": "%s", "data": {"id": "%s", "name": "Jane %d", "email": "jane%d@example.com",
                 "created_at": "%s", "updated_at": "%s", "version": %d}}
                """.formatted(time(version), id(version), version, version, firstVersion, time(version), version));
    }

    /** A part of the stream, from its creation to its close. */
    public final class Deliveries implements AutoCloseable {

        /** Counts each reply; a broken connection is no reply. */
        public final Map<String, Integer> replies = new ConcurrentHashMap<>();
        /** How many deliveries got no reply. */
        public final AtomicInteger unanswered = new AtomicInteger();

        private final List<String> urls;
        private final ExecutorService threads = Executors.newFixedThreadPool(DeliveryStream.this.senders);
        private final List<Future<?>> senders = new ArrayList<>();
        private volatile boolean closed;

        /** @param urls of one or several instances, in turn */
        public Deliveries(String... urls) {
            this.urls = List.of(urls);
            for (int i = 0; i < DeliveryStream.this.senders; i++) {
                senders.add(threads.submit(() -> {
                    while (!closed) {
                        deliver();
                    }
                }));
            }
        }

        /** Sends one delivery, and returns whether it was acknowledged. */
        private boolean deliver() {
            int next = version.incrementAndGet();
            try {
                HttpResponse<String> reply = delivery(next).post(urls.get(next % urls.size()), PATIENCE);
                if (reply.statusCode() == 204) {
                    acknowledged.merge(id(next), next, Math::max);
                }
                replies.merge(
                        reply.statusCode()
                                + reply.headers()
                                        .firstValue("Retry-After")
                                        .map(", Retry-After "::concat)
                                        .orElse(""),
                        1,
                        Integer::sum);
                return reply.statusCode() == 204;
            } catch (UncheckedIOException e) {
                unanswered.incrementAndGet(); // not acknowledged: the table may hold it or not
                return false;
            }
        }

        public void await(String reply, int count) {
            Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> replies.getOrDefault(reply, 0) >= count);
        }

        /** The number of deliveries that a provider would retry: any other reply, or none. */
        public int notAcknowledged() {
            return replies.values().stream().mapToInt(Integer::intValue).sum()
                    - replies.getOrDefault("204", 0)
                    + unanswered.get();
        }

        /**
         * Measures the time until a new delivery is acknowledged, beside the deliveries that still wait for an answer.
         */
        public Duration untilAcknowledged() {
            long start = System.nanoTime();
            AtomicLong first = new AtomicLong();
            ExecutorService probes = Executors.newCachedThreadPool();
            Awaitility.await()
                    .atMost(Duration.ofMinutes(3))
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(100))
                    .until(() -> {
                        probes.execute(() -> {
                            if (deliver()) {
                                first.compareAndSet(0, System.nanoTime() - start);
                            }
                        });
                        return first.get() != 0;
                    });
            probes.shutdown();
            return Duration.ofNanos(first.get());
        }

        @Override
        public void close() throws ExecutionException, InterruptedException {
            closed = true;
            threads.shutdown();
            for (Future<?> sender : senders) {
                sender.get();
            }
        }
    }
}
