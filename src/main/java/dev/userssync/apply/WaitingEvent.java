package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.camel.AsyncCallback;
import org.apache.camel.Exchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One event that waits for its commit, with its caller. The writer decides once how the caller's route continues. */
final class WaitingEvent {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    final JsonNode event;
    private final Exchange exchange;
    private final AsyncCallback callback;
    private final Callers callers;
    /** Whether a step after another commit sent it, and may be waiting. */
    final boolean inside = Callers.isInside();

    private boolean decided;

    WaitingEvent(Exchange exchange, JsonNode event, AsyncCallback callback, Callers callers) {
        this.exchange = exchange;
        this.event = event;
        this.callback = callback;
        this.callers = callers;
    }

    void done(Exception failure) {
        if (!decided) {
            decided = true;
            exchange.setException(failure);
            callers.proceed(this);
        }
    }

    void done(String decision) {
        if (!decided) {
            decided = true;
            exchange.setVariable("decision", decision);
            callers.proceed(this);
        }
    }

    /** Continues the caller's route in this thread. Its exceptions do not affect other callers. */
    void proceed() {
        try {
            callback.done(false);
        } catch (RuntimeException | LinkageError | AssertionError e) {
            LOG.error("a route failed after its user event was written: {}", e.toString());
            LOG.debug("a route failed after its user event was written", e);
        }
    }
}
