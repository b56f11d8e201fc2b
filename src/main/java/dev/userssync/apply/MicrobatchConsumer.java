package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.StringJoiner;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.ShutdownRunningTask;
import org.apache.camel.spi.ShutdownAware;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.DefaultConsumer;

/**
 * Writes the producers' user events in batches. The route gets a {@code List<JsonNode>} with one user event per user,
 * and must commit them before it ends. The merge rule merges events of one user in a batch. Events that cannot be
 * merged wait for the next batch, in order of arrival. If the route fails, the batch is halved and retried until the
 * guilty event is alone, and only its caller gets the error. A transient failure, such as a lost connection, goes to
 * all callers of the batch; the route itself retries.
 * <p>
 * The caller's variable {@code decision} holds the outcome of its event. The route returns rows {@code {id, decision}}
 * for events that were not {@code applied}. An event that was merged into a winning event of its user is
 * {@code merged}.
 */
public final class MicrobatchConsumer extends DefaultConsumer implements ShutdownAware {

    final MicrobatchEndpoint endpoint;
    final AtomicInteger waiting = new AtomicInteger();
    BatchObserver observer;
    private Shard[] shards;
    ExecutorService writers;
    Callers callers;
    volatile boolean stopping;

    MicrobatchConsumer(MicrobatchEndpoint endpoint, Processor route) {
        super(endpoint, route);
        this.endpoint = endpoint;
    }

    @Override
    protected void doStart() throws Exception {
        super.doStart();
        stopping = false;
        observer = CamelContextHelper.findSingleByType(endpoint.getCamelContext(), BatchObserver.class);
        shards = new Shard[endpoint.getShards()];
        writers = endpoint.getCamelContext()
                .getExecutorServiceManager()
                .newFixedThreadPool(this, "microbatch:" + endpoint.getName(), shards.length);
        callers = new Callers(
                endpoint.getCamelContext().getExecutorServiceManager(),
                "microbatch:" + endpoint.getName() + "-callers",
                endpoint.getCallers());
        for (int i = 0; i < shards.length; i++) {
            shards[i] = new Shard(this, i + 1);
            writers.execute(shards[i]);
        }
        endpoint.component().started(endpoint.getName(), this);
    }

    /** Refuses the waiting events. Camel stops this consumer when nothing is pending, or at the shutdown timeout. */
    @Override
    protected void doStop() throws Exception {
        if (shards == null) {
            super.doStop();
            return; // it never started: another route failed first
        }
        endpoint.component().stopped(endpoint.getName(), this);
        stopping = true;
        for (Shard shard : shards) {
            shard.wake();
        }
        endpoint.getCamelContext().getExecutorServiceManager().shutdownGraceful(writers, 5_000);
        for (Shard shard : shards) {
            shard.refuseAll();
        }
        callers.close();
        super.doStop();
    }

    @Override
    public boolean deferShutdown(ShutdownRunningTask task) {
        return true; // the producing routes stop first
    }

    @Override
    public int getPendingExchangesSize() {
        return waiting.get() + callers.waiting();
    }

    @Override
    public void prepareShutdown(boolean suspendOnly, boolean forced) {
        // waiting events are written as usual
    }

    /** Whether at least a tenth of the queue is free. The rest gives a load balancer time to send elsewhere. */
    public boolean hasRoom() {
        return getPendingExchangesSize() <= endpoint.getCapacity() - endpoint.getCapacity() / 10;
    }

    /**
     * What stands still for longer than a lock, a slow network and retries explain, for people; null if all moves: a
     * writer that has work, or the callers of events that are written.
     */
    public String stuck() {
        StringJoiner stuck = new StringJoiner("; ");
        for (Shard shard : shards) {
            long seconds = shard.stuckSeconds();
            if (seconds >= endpoint.getStuckAfter()) {
                stuck.add("writer " + shard.number + " of " + shards.length + " of " + endpoint.getName()
                        + " has not finished a batch " + since(seconds)
                        + ": see pg_stat_activity for the lock or query it waits for");
            }
        }
        long seconds = callers.stuckSeconds();
        if (seconds >= endpoint.getStuckAfter()) {
            stuck.add("steps after " + endpoint.getName() + " keep all threads " + since(seconds) + ", and "
                    + callers.waiting() + " written events wait for their reply: make these steps quicker");
        }
        return stuck.length() == 0 ? null : stuck.toString();
    }

    private static String since(long seconds) {
        return "for " + seconds + " s, since "
                + Instant.now().minusSeconds(seconds).truncatedTo(ChronoUnit.SECONDS);
    }

    public int capacity() {
        return endpoint.getCapacity();
    }

    /** @throws RejectedExecutionException if there is no room */
    public void add(Exchange exchange, JsonNode event, AsyncCallback callback) {
        int hash = event.path("id").textValue().hashCode(); // first, because it fails without an id
        if (waiting.incrementAndGet() + callers.waiting() > endpoint.getCapacity()) {
            waiting.decrementAndGet();
            throw new RejectedExecutionException("the queue of microbatch:" + endpoint.getName() + " is full");
        }
        shards[Math.floorMod(hash ^ hash >>> 16, shards.length)].add(
                new WaitingEvent(exchange, event, callback, callers));
    }
}
