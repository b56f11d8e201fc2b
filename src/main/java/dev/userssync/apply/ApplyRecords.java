package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.Failure;
import dev.userssync.event.InvalidUserEvent;
import dev.userssync.event.TryLater;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import org.apache.camel.AsyncProducer;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.support.DefaultExchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Applies a batch of records. In: the {@code List<Exchange>} of camel-kafka, in the order of the topic. Out: for each
 * partition the position after its last record, an object with a method {@code commit()}. Own code, because the records
 * must meet in the batches of {@code microbatch:} in their order. After a failure it repeats the failed event and all
 * later ones of its user: repeating only failed events could reverse a user's unversioned events. Thread-safe.
 */
@BindToRegistry("apply-records")
public final class ApplyRecords implements Processor, CamelContextAware {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    // The names of camel-kafka's headers in KafkaConstants: the component is missing without the profile.
    private static final String POSITION = "CamelKafkaManualCommit";
    private static final String PARTITION = "kafka.PARTITION";
    private static final String TIME = "kafka.TIMESTAMP";

    private static final String USER = "user-of-record";

    private static final long PAUSE_MILLIS = 1_000;
    private static final Duration BETWEEN_WARNINGS = Duration.ofSeconds(30);
    /**
     * The time after which the batch is returned. It is well below max.poll.interval.ms, after which the brokers would
     * reassign the partitions.
     */
    private static final Duration PATIENCE = Duration.ofMinutes(2);

    /** The time of the oldest record of each current batch, in epoch milliseconds. */
    private final Map<Exchange, Long> inHand = new ConcurrentHashMap<>();

    private CamelContext context;
    private AsyncProducer event;
    private ExecutorService submitters;

    /** @throws Exception if the batch could not be applied and must be read again */
    @Override
    public void process(Exchange exchange) throws Exception {
        List<Exchange> records = exchange.getMessage().getBody(List.class);
        inHand.put(
                exchange, records.stream().mapToLong(ApplyRecords::time).min().orElseGet(System::currentTimeMillis));
        try {
            applyAll(records);
        } finally {
            inHand.remove(exchange);
        }
        Map<Object, Object> positions = new LinkedHashMap<>();
        records.forEach(record -> positions.put(
                record.getMessage().getHeader(PARTITION), record.getMessage().getHeader(POSITION)));
        exchange.getMessage().setBody(new ArrayList<>(positions.values()));
    }

    /** The age of the oldest user event that was read and is not yet in the table, in seconds; 0 if there is none. */
    public double delaySeconds() {
        long now = System.currentTimeMillis();
        return inHand.values().stream()
                .mapToDouble(time -> Math.max(0, now - time) / 1000.0)
                .max()
                .orElse(0);
    }

    private static long time(Exchange record) {
        return record.getMessage().getHeader(TIME, System.currentTimeMillis(), long.class);
    }

    private void applyAll(List<Exchange> records) throws Exception {
        long start = System.nanoTime();
        long warned = 0;
        // Otherwise each attempt would park the same guilty events and never reach the others.
        List<Exchange> open = new ArrayList<>(records);
        String reason;
        while ((reason = applyOnce(open)) != null) {
            long now = System.nanoTime();
            if (warned == 0 || now - warned > BETWEEN_WARNINGS.toNanos()) {
                warned = now;
                LOG.warn("{} user events wait in the topic, retrying every second: {}", open.size(), reason);
            }
            if (now - start > PATIENCE.toNanos() || context.isStopping() || context.isStopped()) {
                throw new TryLater("user events of the topic could not be applied: " + reason);
            }
            Thread.sleep(PAUSE_MILLIS);
        }
        if (warned != 0) {
            LOG.info(
                    "{} user events of the topic are applied, after {} s",
                    records.size(),
                    Duration.ofNanos(System.nanoTime() - start).toSeconds());
        }
    }

    /**
     * @param open the open records; applied or parked ones are removed, unless an earlier one of the same user is open
     * @return why an event was neither applied nor parked; null if all were
     */
    private String applyOnce(List<Exchange> open) throws Exception {
        List<Exchange> events = new ArrayList<>(open.size());
        for (Exchange record : open) {
            Exchange one = new DefaultExchange(context);
            one.getMessage().setBody(record.getMessage().getBody());
            events.add(one);
        }
        // Another thread, because this one waits, and Camel queues steps for the thread of the route.
        try {
            submitters().submit(() -> submit(events)).get();
        } catch (ExecutionException e) {
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
        String reason = null;
        Set<String> users = new HashSet<>();
        List<Exchange> failed = new ArrayList<>();
        for (int i = 0; i < events.size(); i++) {
            Exchange one = events.get(i);
            String user = one.getProperty(USER, String.class);
            boolean refused = one.getException() != null
                    || "503".equals(one.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, String.class));
            if (refused && reason == null) {
                if (one.getException() != null) {
                    new Failure().process(one);
                }
                reason = String.valueOf(one.getVariable("safeReason"));
            }
            if (refused && user != null) {
                users.add(user);
            }
            if (refused || users.contains(user)) {
                failed.add(open.get(i));
            }
        }
        open.clear();
        open.addAll(failed);
        return reason;
    }

    /** Submits the events in order, and returns when all are done. */
    private void submit(List<Exchange> events) {
        List<CompletableFuture<Void>> waiting = new ArrayList<>(events.size());
        RecordToUserEvent reader = new RecordToUserEvent();
        for (Exchange one : events) {
            try {
                reader.process(one);
                one.setProperty(
                        USER, ((JsonNode) one.getMessage().getBody()).path("id").textValue());
            } catch (InvalidUserEvent e) {
                LOG.debug("The route reports the failure again and parks the event");
            }
            // A partial event is merged at once, past the queue in which an earlier event of the same user may wait.
            if ("merged".equals(one.getVariable("change"))) {
                waiting.forEach(CompletableFuture::join);
                waiting.clear();
            }
            CompletableFuture<Void> done = new CompletableFuture<>();
            waiting.add(done);
            event.process(one, doneSync -> done.complete(null));
        }
        waiting.forEach(CompletableFuture::join);
    }

    private synchronized ExecutorService submitters() throws Exception {
        if (submitters == null) {
            event = context.getEndpoint("direct:apply-one").createAsyncProducer();
            event.start();
            submitters = context.getExecutorServiceManager().newCachedThreadPool(this, "apply-records");
        }
        return submitters;
    }

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
    }
}
