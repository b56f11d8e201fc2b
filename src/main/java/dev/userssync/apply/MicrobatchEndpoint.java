package dev.userssync.apply;

import org.apache.camel.Category;
import org.apache.camel.Consumer;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriPath;
import org.apache.camel.support.DefaultEndpoint;

/** {@code microbatch:name}; all options are for the consumer. */
@UriEndpoint(
        scheme = "microbatch",
        firstVersion = "0.1.0",
        title = "Microbatch",
        syntax = "microbatch:name",
        category = Category.CORE)
public final class MicrobatchEndpoint extends DefaultEndpoint {

    @UriPath(description = "Joins producers and consumer.")
    private final String name;

    @UriParam(
            defaultValue = "2",
            description = "Writers, each with a queue of its own; a user's events all go to one of them.")
    private int shards = 2;

    @UriParam(defaultValue = "500", description = "Users in a batch, at most.")
    private int maxSize = 500;

    @UriParam(defaultValue = "10000", description = "Waiting events of all shards, at most; the next one is refused.")
    private int capacity = 10_000;

    @UriParam(
            defaultValue = "64",
            description =
                    "Threads, at most, that continue the routes of callers after the commit; they exist only while steps there are slow.")
    private int callers = 64;

    @UriParam(
            defaultValue = "10000",
            description = "Milliseconds for which a failed batch is halved; after them its other events fail, too.")
    private int halvingTimeout = 10_000;

    @UriParam(
            defaultValue = "10",
            description =
                    "Seconds after which readiness reports a writer that does not get on; two waits for a lock take six.")
    private int stuckAfter = 10;

    MicrobatchEndpoint(String uri, MicrobatchComponent component, String name) {
        super(uri, component);
        this.name = name;
    }

    @Override
    public Producer createProducer() {
        return new MicrobatchProducer(this);
    }

    @Override
    public Consumer createConsumer(Processor processor) throws Exception {
        MicrobatchConsumer consumer = new MicrobatchConsumer(this, processor);
        configureConsumer(consumer);
        return consumer;
    }

    MicrobatchComponent component() {
        return (MicrobatchComponent) getComponent();
    }

    public String getName() {
        return name;
    }

    public int getShards() {
        return shards;
    }

    public void setShards(int shards) {
        this.shards = shards;
    }

    public int getMaxSize() {
        return maxSize;
    }

    public void setMaxSize(int maxSize) {
        this.maxSize = maxSize;
    }

    public int getCallers() {
        return callers;
    }

    public void setCallers(int callers) {
        this.callers = callers;
    }

    public int getStuckAfter() {
        return stuckAfter;
    }

    public void setStuckAfter(int stuckAfter) {
        this.stuckAfter = stuckAfter;
    }

    public int getHalvingTimeout() {
        return halvingTimeout;
    }

    public void setHalvingTimeout(int halvingTimeout) {
        this.halvingTimeout = halvingTimeout;
    }

    public int getCapacity() {
        return capacity;
    }

    public void setCapacity(int capacity) {
        this.capacity = capacity;
    }
}
