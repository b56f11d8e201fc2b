package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.OwnSteps;
import java.util.concurrent.RejectedExecutionException;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultAsyncProducer;

/**
 * Queues a checked user event (body, {@link JsonNode}), and completes when it is committed or has failed. Thread-safe.
 */
final class MicrobatchProducer extends DefaultAsyncProducer {

    private static final OwnSteps OWN_STEPS = new OwnSteps();

    private final MicrobatchEndpoint endpoint;

    MicrobatchProducer(MicrobatchEndpoint endpoint) {
        super(endpoint);
        this.endpoint = endpoint;
    }

    /**
     * Fails with {@link RejectedExecutionException} if the queue is full or there is no consumer; a later retry may
     * succeed.
     */
    @Override
    public boolean process(Exchange exchange, AsyncCallback callback) {
        MicrobatchConsumer consumer = endpoint.component().consumer(endpoint.getName());
        try {
            if (consumer == null) {
                throw new RejectedExecutionException("not running");
            }
            OWN_STEPS.process(exchange);
            consumer.add(exchange, exchange.getMessage().getBody(JsonNode.class), callback);
            return false;
        } catch (RuntimeException e) {
            exchange.setException(e);
            callback.done(true);
            return true;
        }
    }
}
