package dev.userssync;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.ShutdownRunningTask;
import org.apache.camel.spi.ShutdownAware;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.DefaultConsumer;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes what the producers hand over, in batches. The route gets a {@code List<JsonNode>}: user events, one a user, and must have
 * committed them when it ends. Events of one user that meet are merged by the merge rule; those that cannot be merged wait for the
 * next batch, in order of arrival. When the route fails, the batch is halved and tried again until the guilty event is alone: only its
 * caller gets the error. A failure that passes by itself, such as a lost connection, goes to all callers of the batch; retries are the route's.
 * <p>
 * What became of an event stands in its caller's variable {@code decision}: the route leaves rows {@code {id, decision}} for events that
 * were not {@code applied}; an event that was merged into another one of its user, which stands, is {@code merged}.
 */
final class MicrobatchConsumer extends DefaultConsumer implements ShutdownAware {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    private final MicrobatchComponent.MicrobatchEndpoint endpoint;
    private final AtomicInteger waiting = new AtomicInteger();
    private BatchObserver observer;
    private Shard[] shards;
    private ExecutorService writers;
    private volatile boolean stopping;

    MicrobatchConsumer(MicrobatchComponent.MicrobatchEndpoint endpoint, Processor route) {
        super(endpoint, route);
        this.endpoint = endpoint;
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        stopping = false;
        observer = CamelContextHelper.findSingleByType(endpoint.getCamelContext(), BatchObserver.class);
        shards = new Shard[endpoint.getShards()];
        writers = endpoint.getCamelContext().getExecutorServiceManager()
                .newFixedThreadPool(this, "microbatch:" + endpoint.getName(), shards.length);
        for (int i = 0; i < shards.length; i++) {
            shards[i] = new Shard(i + 1);
            writers.execute(shards[i]);
        }
        endpoint.component().started(endpoint.getName(), this);
    }

    /** Camel stops this consumer when nothing is pending any more, or when its patience has ended: what still waits is refused. */
    @Override
    protected void doStop() throws Exception {
        endpoint.component().stopped(endpoint.getName(), this);
        stopping = true;
        for (Shard shard : shards) {
            shard.wake();
        }
        endpoint.getCamelContext().getExecutorServiceManager().shutdownGraceful(writers, 5_000);
        for (Shard shard : shards) {
            shard.refuseAll();
        }
        super.doStop();
    }

    @Override
    public boolean deferShutdown(ShutdownRunningTask task) {
        return true; // the routes that produce stop first
    }

    @Override
    public int getPendingExchangesSize() {
        return waiting.get();
    }

    @Override
    public void prepareShutdown(boolean suspendOnly, boolean forced) {
        // what waits is written as always
    }

    /** Whether at least a tenth of the queue is free: then somebody who asks has time to send elsewhere. */
    boolean hasRoom() {
        return waiting.get() <= endpoint.getCapacity() - endpoint.getCapacity() / 10;
    }

    /** The writers that have not finished for longer than a lock, a slow network and retries explain, for people; null: none. */
    String stuck() {
        StringJoiner stuck = new StringJoiner("; ");
        for (Shard shard : shards) {
            long seconds = shard.busySeconds();
            if (seconds >= endpoint.getStuckAfter()) {
                stuck.add("writer " + shard.number + " of " + shards.length + " has not finished a batch for " + seconds + " s");
            }
        }
        return stuck.length() == 0 ? null : stuck.toString();
    }

    int capacity() {
        return endpoint.getCapacity();
    }

    /** @throws RejectedExecutionException if there is no room */
    void add(Exchange exchange, JsonNode event, AsyncCallback callback) {
        int hash = event.path("id").textValue().hashCode(); // first: it fails where there is no id
        if (waiting.incrementAndGet() > endpoint.getCapacity()) {
            waiting.decrementAndGet();
            throw new RejectedExecutionException("the queue of microbatch:" + endpoint.getName() + " is full");
        }
        shards[Math.floorMod(hash ^ hash >>> 16, shards.length)].add(new Waiting(exchange, event, callback));
    }

    /** One caller; it is answered once, by its writer. */
    private static final class Waiting {

        final JsonNode event;
        private final Exchange exchange;
        private final AsyncCallback callback;
        private boolean answered;

        Waiting(Exchange exchange, JsonNode event, AsyncCallback callback) {
            this.exchange = exchange;
            this.event = event;
            this.callback = callback;
        }

        void done(Exception failure) {
            if (!answered) {
                exchange.setException(failure);
                answer();
            }
        }

        void done(String decision) {
            if (!answered) {
                exchange.setVariable("decision", decision);
                answer();
            }
        }

        /** The caller's route goes on in this thread; what it throws concerns nobody else of the batch. */
        private void answer() {
            answered = true;
            try {
                callback.done(false);
            } catch (RuntimeException | LinkageError | AssertionError e) {
                LOG.error("a route failed after its user event was written: {}", e.toString());
                LOG.debug("a route failed after its user event was written", e);
            }
        }
    }

    /** What the route made of a batch: its failure, or the decision on each user whose event was not applied. */
    private record Outcome(Exception failure, Map<String, String> notApplied) {
    }

    /** From the rows {@code {id, decision}} that the route may leave. */
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

    /** One event of a batch and all who wait for it: more than one where events of a user were merged. */
    private static final class Entry {

        JsonNode event;
        final List<Waiting> callers = new ArrayList<>(1);

        Entry(Waiting first) {
            event = first.event;
            callers.add(first);
        }

        boolean merges(Waiting later) {
            JsonNode merged;
            try {
                merged = MergeRule.merge(event, later.event);
            } catch (RuntimeException e) {
                return false; // one of them cannot be read: each alone, so that only that one fails
            }
            if (merged == null) {
                return false;
            }
            event = merged;
            callers.add(later);
            return true;
        }

        /** The event for the route; where several were merged, the one that stands gives its delivery, and {@code joined} names the others. */
        JsonNode forRoute() {
            if (callers.size() == 1) {
                return event;
            }
            int stands = stands();
            ArrayNode joined = JsonNodeFactory.instance.arrayNode();
            for (int i = 0; i < callers.size(); i++) {
                JsonNode one = callers.get(i).event;
                if (i != stands) {
                    joined.addObject().put("type", one.path("type").textValue()).put("version", MergeRule.version(one))
                            .put("provider", one.path("provider").textValue()).put("delivery", one.path("delivery").textValue());
                }
            }
            ObjectNode whole = JsonNodeFactory.instance.objectNode().setAll((ObjectNode) event);
            whole.set("delivery", callers.get(stands).event.get("delivery"));
            return whole.put("joined", joined.toString());
        }

        /** The place of the caller whose event decides what the row becomes, the last of several: its deletion, else its profile. */
        private int stands() {
            if (callers.size() == 1) {
                return 0;
            }
            String deleted = event.path("deleted_at").textValue();
            String version = deleted != null ? deleted : MergeRule.version(event);
            for (int i = callers.size() - 1; i >= 0; i--) {
                JsonNode one = callers.get(i).event;
                if (MergeRule.isDeletion(one) == (deleted != null) && Objects.equals(MergeRule.version(one), version)) {
                    return i;
                }
            }
            return callers.size() - 1;
        }

        void done(Map<String, String> notApplied) {
            String decision = notApplied.getOrDefault(event.path("id").textValue(), "applied");
            int stands = stands();
            for (int i = 0; i < callers.size(); i++) {
                callers.get(i).done(i == stands ? decision : "merged");
            }
        }
    }

    /**
     * How long a batch is halved. One guilty event of 500 takes some 20 statements. If nearly all are guilty, the senders of the rest are told to send
     * again before most stop waiting. If an operator's mistake makes all fail, such as a missing table, more statements would find nobody innocent.
     */
    private final class Patience {

        private static final int MOST_SERVER_FAILURES = 32; // enough to find one guilty event of 500, or two

        private long firstFailure;
        private int serverFailures;
        private Exception over;

        void failed(Exception failure) {
            if (firstFailure == 0) {
                firstFailure = System.nanoTime();
            }
            if (!Failure.mayBeOneEvents(failure)) {
                over = failure; // the rest would wait for the same, one after the other
            } else if (Failure.causedByServer(failure) && ++serverFailures > MOST_SERVER_FAILURES) {
                over = failure;
            } else if (System.nanoTime() - firstFailure > TimeUnit.MILLISECONDS.toNanos(endpoint.getHalvingTimeout())) {
                over = new TryLater("the database refuses so many events of a batch that the others were not reached in time");
            }
        }

        boolean isOver() {
            return over != null;
        }

        Exception failure() {
            return over;
        }
    }

    /** One writer and its queue. */
    private final class Shard implements Runnable {

        private final Queue<Waiting> queue = new ArrayDeque<>();
        private final int number;
        /** What was taken from the queue last; its callers are answered whatever happens. */
        private List<Entry> inHand = List.of();
        private volatile long busySince; // nanoTime at which the route began; 0: idle
        private boolean closed;

        Shard(int number) {
            this.number = number;
        }

        synchronized void add(Waiting event) {
            if (closed) {
                waiting.decrementAndGet();
                throw new RejectedExecutionException("stopped");
            }
            queue.add(event);
            if (queue.size() == 1) {
                notifyAll();
            }
        }

        synchronized void wake() {
            notifyAll();
        }

        /** Until the consumer stops. A writer that throws has answered its callers before another one takes its place. */
        @Override
        public void run() {
            try {
                List<Entry> batch;
                while (!(batch = next()).isEmpty()) {
                    write(batch);
                }
            } catch (RuntimeException | Error e) {
                LOG.error("writer {} of {} failed and is replaced; the senders of its batch are told to send again: {}", number, shards.length, e.toString());
                LOG.debug("writer {} failed", number, e);
                answer(inHand, new TryLater("the writer failed: " + e.getClass().getSimpleName()));
            } finally {
                busySince = 0;
                if (!stopping) {
                    writers.execute(this);
                }
            }
        }

        /** Seconds for which the batch, or a part of it, has been in the route; 0: idle. */
        long busySeconds() {
            long since = busySince;
            return since == 0 ? 0 : TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - since);
        }

        /** Waits for events; none when the consumer stops. */
        private synchronized List<Entry> next() {
            while (queue.isEmpty()) {
                if (stopping) {
                    return List.of();
                }
                try {
                    wait();
                } catch (InterruptedException e) {
                    return List.of();
                }
            }
            Map<String, Entry> batch = new HashMap<>();
            List<Entry> inOrder = new ArrayList<>();
            inHand = inOrder;
            Set<String> later = new HashSet<>();
            for (var waitingOnes = queue.iterator(); waitingOnes.hasNext() && batch.size() < endpoint.getMaxSize();) {
                Waiting event = waitingOnes.next();
                String id = event.event.path("id").textValue();
                Entry entry = batch.get(id);
                if (entry == null) {
                    entry = new Entry(event);
                    batch.put(id, entry);
                    inOrder.add(entry);
                } else if (later.contains(id) || !entry.merges(event)) {
                    later.add(id); // and all that follow, or their order would be lost
                    continue;
                }
                waitingOnes.remove();
                waiting.decrementAndGet();
            }
            return inOrder;
        }

        private void write(List<Entry> batch) {
            write(batch, new Patience());
        }

        private void write(List<Entry> batch, Patience patience) {
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
                // Merged events: each alone, in order of arrival.
                batch.get(0).callers.forEach(caller -> write(List.of(new Entry(caller)), patience));
            } else {
                write(batch.subList(0, batch.size() / 2), patience);
                write(batch.subList(batch.size() / 2, batch.size()), patience);
            }
        }

        private void answer(List<Entry> batch, Exception failure) {
            batch.forEach(entry -> entry.callers.forEach(caller -> caller.done(failure)));
        }

        private Outcome apply(List<Entry> batch) {
            List<JsonNode> events = new ArrayList<>(batch.size());
            batch.forEach(entry -> events.add(entry.forRoute()));
            Exchange exchange = createExchange(false);
            exchange.getMessage().setBody(events);
            long start = System.nanoTime();
            busySince = start;
            try {
                createUoW(exchange);
                getProcessor().process(exchange);
            } catch (Exception | Error e) {
                exchange.setException(e);
            } finally {
                doneUoW(exchange);
                busySince = 0;
            }
            Outcome outcome = new Outcome(failure(exchange), decisions(exchange.getMessage().getBody()));
            releaseExchange(exchange, false);
            if (outcome.failure == null && observer != null) {
                observer.committed(events.size(), System.nanoTime() - start);
            }
            return outcome;
        }

        /** An Error says nothing of the events, except where they are nested too deeply. */
        private Exception failure(Exchange exchange) {
            Error error = ObjectHelper.getException(Error.class, exchange.getException());
            return error == null || error instanceof StackOverflowError ? exchange.getException() : new TryLater("the writer failed: " + error.getClass().getSimpleName());
        }

        synchronized void refuseAll() {
            closed = true;
            for (Waiting event : queue) {
                waiting.decrementAndGet();
                event.done(new RejectedExecutionException("stopped"));
            }
            queue.clear();
        }
    }
}
