package dev.userssync.observe;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.apply.BatchObserver;
import dev.userssync.event.ReplacementObserver;
import dev.userssync.verify.Refused;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The steps by which routes count what they did with a delivery, see {@link Metrics}. As a step of its own: counts a user event by the
 * variable {@code decision}, and logs it at debug, a line an event. Thread-safe.
 */
@BindToRegistry("count")
public final class Counts implements Processor, BatchObserver, ReplacementObserver, CamelContextAware {

    /** Turned on with LOG_LEVEL=debug. */
    private static final Logger EVENTS = LoggerFactory.getLogger("users-sync.events");

    private CamelContext context;
    private Metrics metrics;

    @Override
    public void process(Exchange exchange) {
        String decision = exchange.getVariable("decision", String.class);
        if (decision != null) {
            exchange.removeVariable("decision");
            count(exchange, decision);
        }
    }

    /** An event that is no change of a user. */
    public void ignored(Exchange exchange) {
        count(exchange, "ignored");
    }

    /** A delivery that became a dead letter. */
    public void parked(Exchange exchange) {
        count(exchange, "parked");
    }

    @Override
    public void replaced(String provider) {
        metrics.replaced(provider);
    }

    /** A delivery that was not proved to come from its provider. */
    public void refused(Exchange exchange) {
        metrics.refused(DeliveryLog.provider(exchange), Refused.reason(exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class)));
    }

    @Override
    public void committed(int users, long nanoseconds) {
        metrics.committed(users, nanoseconds);
    }

    private void count(Exchange exchange, String decision) {
        JsonNode event = exchange.getMessage().getBody() instanceof JsonNode json ? json : null;
        String type = event == null ? null : event.path("type").textValue();
        metrics.decided(DeliveryLog.provider(exchange), type, decision, 1);
        if (EVENTS.isDebugEnabled()) {
            DeliveryLog.field(DeliveryLog.fields(EVENTS.atDebug(), exchange, event), "decision", decision).log("{}: {} event {}", DeliveryLog.provider(exchange), Metrics.type(type), decision);
        }
    }

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
        this.metrics = Metrics.of(context);
    }
}
