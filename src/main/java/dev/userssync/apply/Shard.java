package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.TryLater;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.camel.Exchange;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One writer and its queue. */
final class Shard implements Runnable {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    private final Queue<WaitingEvent> queue = new ArrayDeque<>();
    private final MicrobatchConsumer consumer;
    final int number;
    /** The entries last taken from the queue. Their callers are always answered. */
    private List<BatchEntry> inHand = List.of();

    /** nanoTime of the last progress, or when the first event came; 0 without work. */
    private volatile long since;

    private boolean closed;

    Shard(MicrobatchConsumer consumer, int number) {
        this.consumer = consumer;
        this.number = number;
    }

    synchronized void add(WaitingEvent event) {
        if (closed) {
            consumer.waiting.decrementAndGet();
            throw new RejectedExecutionException("stopped");
        }
        queue.add(event);
        if (queue.size() == 1) {
            if (since == 0) {
                since = System.nanoTime();
            }
            notifyAll();
        }
    }

    synchronized void wake() {
        notifyAll();
    }

    /**
     * Runs until the consumer stops. A writer that throws first answers its callers; then another writer replaces it.
     */
    @Override
    public void run() {
        try {
            List<BatchEntry> batch;
            while (!(batch = next()).isEmpty()) {
                write(batch);
                consumer.callers.awaitQuick();
            }
        } catch (RuntimeException | Error e) {
            LOG.error(
                    "writer {} of {} failed and is replaced; asked the senders of its batch to retry: {}",
                    number,
                    consumer.endpoint.getShards(),
                    e.toString());
            LOG.debug("writer {} failed", number, e);
            answer(inHand, new TryLater("the writer failed: " + e.getClass().getSimpleName()));
        } finally {
            if (!consumer.stopping) {
                consumer.writers.execute(this);
            }
        }
    }

    /** Seconds since the last progress, such as a part of a batch; 0 without work. */
    long stuckSeconds() {
        long last = since;
        return last == 0 ? 0 : TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - last);
    }

    /** Waits for events; returns none when the consumer stops. */
    private synchronized List<BatchEntry> next() {
        while (queue.isEmpty()) {
            since = 0;
            if (consumer.stopping) {
                return List.of();
            }
            try {
                wait();
            } catch (InterruptedException e) {
                return List.of();
            }
        }
        Map<String, BatchEntry> batch = new HashMap<>();
        List<BatchEntry> inOrder = new ArrayList<>();
        inHand = inOrder;
        Set<String> later = new HashSet<>();
        for (var waitingOnes = queue.iterator();
                waitingOnes.hasNext() && batch.size() < consumer.endpoint.getMaxSize(); ) {
            WaitingEvent event = waitingOnes.next();
            String id = event.event.path("id").textValue();
            BatchEntry entry = batch.get(id);
            if (entry == null) {
                entry = new BatchEntry(event);
                batch.put(id, entry);
                inOrder.add(entry);
            } else if (later.contains(id) || !entry.merges(event)) {
                later.add(id); // and all later events of the user, to keep their order
                continue;
            }
            waitingOnes.remove();
            consumer.waiting.decrementAndGet();
        }
        return inOrder;
    }

    private void write(List<BatchEntry> batch) {
        write(batch, new HalvingPatience(consumer.endpoint.getHalvingTimeout()));
    }

    private void write(List<BatchEntry> batch, HalvingPatience patience) {
        if (patience.isOver()) {
            answer(batch, patience.failure());
            return;
        }
        Outcome outcome = apply(batch);
        Exception failure = outcome.failure;
        if (failure == null) {
            batch.forEach(entry -> entry.done(outcome.notApplied));
            return;
        }
        patience.failed(failure);
        if (batch.size() == 1 && batch.get(0).callers.size() == 1) {
            answer(batch, failure);
        } else if (patience.isOver()) {
            answer(batch, patience.failure());
        } else if (batch.size() == 1) {
            // Merged events go alone, in order of arrival.
            batch.get(0).callers.forEach(caller -> write(List.of(new BatchEntry(caller)), patience));
        } else {
            write(batch.subList(0, batch.size() / 2), patience);
            write(batch.subList(batch.size() / 2, batch.size()), patience);
        }
    }

    private void answer(List<BatchEntry> batch, Exception failure) {
        batch.forEach(entry -> entry.callers.forEach(caller -> caller.done(failure)));
    }

    private Outcome apply(List<BatchEntry> batch) {
        List<JsonNode> events = new ArrayList<>(batch.size());
        batch.forEach(entry -> events.add(entry.forRoute()));
        Exchange exchange = consumer.createExchange(false);
        exchange.getMessage().setBody(events);
        long start = System.nanoTime();
        since = start;
        try {
            consumer.createUoW(exchange);
            consumer.getProcessor().process(exchange);
        } catch (Exception | Error e) {
            exchange.setException(e);
        } finally {
            consumer.doneUoW(exchange);
            since = System.nanoTime();
        }
        Outcome outcome =
                new Outcome(failure(exchange), decisions(exchange.getMessage().getBody()));
        consumer.releaseExchange(exchange, false);
        if (outcome.failure == null && consumer.observer != null) {
            consumer.observer.committed(events.size(), System.nanoTime() - start);
        }
        return outcome;
    }

    /** The failure of an exchange. An Error is not caused by the events, unless they are nested too deeply. */
    private Exception failure(Exchange exchange) {
        Error error = ObjectHelper.getException(Error.class, exchange.getException());
        return error == null || error instanceof StackOverflowError
                ? exchange.getException()
                : new TryLater("the writer failed: " + error.getClass().getSimpleName());
    }

    synchronized void refuseAll() {
        closed = true;
        for (WaitingEvent event : queue) {
            consumer.waiting.decrementAndGet();
            event.done(new RejectedExecutionException("stopped"));
        }
        queue.clear();
    }

    /** The result of the route for a batch: its failure, or the decision on each user whose event was not applied. */
    private record Outcome(Exception failure, Map<String, String> notApplied) {}

    /** Reads the rows {@code {id, decision}} that the route may return. */
    private static Map<String, String> decisions(Object body) {
        if (!(body instanceof List<?> rows) || rows.isEmpty()) {
            return Map.of();
        }
        Map<String, String> decisions = new HashMap<>();
        for (Object row : rows) {
            if (row instanceof Map<?, ?> columns && columns.get("id") instanceof String id) {
                decisions.put(id, String.valueOf(columns.get("decision")));
            }
        }
        return decisions;
    }
}
