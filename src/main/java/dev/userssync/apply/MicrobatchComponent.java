package dev.userssync.apply;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Endpoint;
import org.apache.camel.support.DefaultComponent;

/**
 * {@code microbatch:name}: each producer's exchange completes when the batch that holds its event is committed. A batch is whatever
 * has queued up while the one before was being written: no timer, so one lone event does not wait. Own code, because no Camel EIP
 * answers every caller after the commit of a shared batch: aggregate answers before it, with a timer. A bean, so that the Camel CLI
 * finds it, too.
 *
 * @see MicrobatchConsumer what the consuming route gets, and what happens to errors
 */
@BindToRegistry("microbatch")
public final class MicrobatchComponent extends DefaultComponent {

    private final Map<String, MicrobatchConsumer> consumers = new ConcurrentHashMap<>();

    @Override
    protected Endpoint createEndpoint(String uri, String name, Map<String, Object> parameters) throws Exception {
        MicrobatchEndpoint endpoint = new MicrobatchEndpoint(uri, this, name);
        setProperties(endpoint, parameters);
        return endpoint;
    }

    /** The started consumer of a name, or null. */
    public MicrobatchConsumer consumer(String name) {
        return consumers.get(name);
    }

    void started(String name, MicrobatchConsumer consumer) {
        if (consumers.putIfAbsent(name, consumer) != null) {
            throw new IllegalStateException("two routes consume from microbatch:" + name + ": only one can");
        }
    }

    void stopped(String name, MicrobatchConsumer consumer) {
        consumers.remove(name, consumer);
    }
}
