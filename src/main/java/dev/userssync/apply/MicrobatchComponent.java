package dev.userssync.apply;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Endpoint;
import org.apache.camel.support.DefaultComponent;

/**
 * {@code microbatch:name}: each producer's exchange completes when the batch with its event is committed. A batch is
 * what queued up while the batch before was written. There is no timer, so a lone event does not wait. Own code,
 * because no Camel EIP answers every caller after the commit of a shared batch: aggregate answers before it, with a
 * timer. A bean, so that the Camel CLI also finds it.
 *
 * @see MicrobatchConsumer for the input of the consuming route, and for errors
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
