package dev.userssync;

import java.io.UncheckedIOException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
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
import java.util.function.IntUnaryOperator;
import org.awaitility.Awaitility;

/** Ever newer versions of some users, sent to the generic provider by concurrent senders; remembers what was acknowledged. */
final class DeliveryStream {

    private final int senders;
    private final IntUnaryOperator user;
    private final Instant firstVersion = Instant.now().minus(Duration.ofHours(1));
    private final AtomicInteger version = new AtomicInteger();
    /** The newest acknowledged version of each user. */
    private final Map<String, Integer> acknowledged = new ConcurrentHashMap<>();

    /** @param user the user of a version */
    DeliveryStream(int senders, IntUnaryOperator user) {
        this.senders = senders;
        this.user = user;
    }

    /** @param rows id and version of every row, separated by a space */
    Map<String, Integer> lost(List<String> rows) {
        Map<String, Integer> stored = new TreeMap<>();
        for (String row : rows) {
            stored.put(row.split(" ")[0], Integer.valueOf(row.split(" ")[1]));
        }
        Map<String, Integer> lost = new TreeMap<>(acknowledged);
        lost.entrySet().removeIf(user -> stored.getOrDefault(user.getKey(), 0) >= user.getValue());
        return lost;
    }

    /** A part of the stream, until it is closed. */
    final class Deliveries implements AutoCloseable {

        /** How often each reply was given; a connection that breaks is none. */
        final Map<String, Integer> replies = new ConcurrentHashMap<>();
        private final List<String> urls;
        private final ExecutorService threads = Executors.newFixedThreadPool(DeliveryStream.this.senders);
        private final List<Future<?>> senders = new ArrayList<>();
        private volatile boolean closed;

        /** @param urls of one or several instances, which take turns */
        Deliveries(String... urls) {
            this.urls = List.of(urls);
            for (int i = 0; i < DeliveryStream.this.senders; i++) {
                senders.add(threads.submit(this::send));
            }
        }

        private void send() {
            while (!closed) {
                int next = version.incrementAndGet();
                String id = "user" + user.applyAsInt(next);
                Instant time = firstVersion.plusMillis(next);
                Delivery delivery = new Delivery("""
                        {"type": "user.updated", "timestamp": "%s", "data": {"id": "%s", "name": "Jane", "email": "jane@example.com",
                         "created_at": "%s", "updated_at": "%s", "version": %d}}
                        """.formatted(time, id, firstVersion, time, next));
                try {
                    HttpResponse<String> reply = delivery.post(urls.get(next % urls.size()));
                    if (reply.statusCode() == 204) {
                        acknowledged.merge(id, next, Math::max);
                    }
                    replies.merge(reply.statusCode() + reply.headers().firstValue("Retry-After").map(", Retry-After "::concat).orElse(""),
                            1, Integer::sum);
                } catch (UncheckedIOException e) {
                    // not acknowledged: it may be in the table or not
                }
            }
        }

        void await(String reply, int count) {
            Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> replies.getOrDefault(reply, 0) >= count);
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
