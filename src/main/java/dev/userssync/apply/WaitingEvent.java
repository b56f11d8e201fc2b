package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One event that waits for its commit, with its caller. The writer answers the caller once. */
final class WaitingEvent {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    final JsonNode event;
    private final Exchange exchange;
    private final AsyncCallback callback;
    private boolean answered;

    WaitingEvent(Exchange exchange, JsonNode event, AsyncCallback callback) {
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

    /** Continues the caller's route in this thread. Its exceptions do not affect the other callers of the batch. */
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
