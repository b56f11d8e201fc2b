package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
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
 * Writes what the producers hand over, in batches. The route gets a {@code List<JsonNode>}: user events, one a user, and must have
 * committed them when it ends. Events of one user that meet are merged by the merge rule; those that cannot be merged wait for the
 * next batch, in order of arrival. When the route fails, the batch is halved and tried again until the guilty event is alone: only its
 * caller gets the error. A failure that passes by itself, such as a lost connection, goes to all callers of the batch; retries are the route's.
 * <p>
 * What became of an event stands in its caller's variable {@code decision}: the route leaves rows {@code {id, decision}} for events that
 * were not {@code applied}; an event that was merged into another one of its user, which stands, is {@code merged}.
 */
public final class MicrobatchConsumer extends DefaultConsumer implements ShutdownAware {

    final MicrobatchEndpoint endpoint;
    final AtomicInteger waiting = new AtomicInteger();
    BatchObserver observer;
    private Shard[] shards;
    ExecutorService writers;
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
        writers = endpoint.getCamelContext().getExecutorServiceManager()
                .newFixedThreadPool(this, "microbatch:" + endpoint.getName(), shards.length);
        for (int i = 0; i < shards.length; i++) {
            shards[i] = new Shard(this, i + 1);
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
    public boolean hasRoom() {
        return waiting.get() <= endpoint.getCapacity() - endpoint.getCapacity() / 10;
    }

    /** The writers that have not finished for longer than a lock, a slow network and retries explain, for people; null: none. */
    public String stuck() {
        StringJoiner stuck = new StringJoiner("; ");
        for (Shard shard : shards) {
            long seconds = shard.busySeconds();
            if (seconds >= endpoint.getStuckAfter()) {
                stuck.add("writer " + shard.number + " of " + shards.length + " has not finished a batch for " + seconds + " s");
            }
        }
        return stuck.length() == 0 ? null : stuck.toString();
    }

    public int capacity() {
        return endpoint.getCapacity();
    }

    /** @throws RejectedExecutionException if there is no room */
    public void add(Exchange exchange, JsonNode event, AsyncCallback callback) {
        int hash = event.path("id").textValue().hashCode(); // first: it fails where there is no id
        if (waiting.incrementAndGet() > endpoint.getCapacity()) {
            waiting.decrementAndGet();
            throw new RejectedExecutionException("the queue of microbatch:" + endpoint.getName() + " is full");
        }
        shards[Math.floorMod(hash ^ hash >>> 16, shards.length)].add(new WaitingEvent(exchange, event, callback));
    }
}
