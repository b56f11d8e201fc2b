package dev.userssync.observe;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.apply.BatchObserver;
import dev.userssync.event.ReplacementObserver;
import dev.userssync.settings.ContextBean;
import dev.userssync.verify.Refused;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Steps by which routes count the outcome of a delivery, see {@link Metrics}. As a step of its own, it counts a user
 * event by the variable {@code decision} and logs one line per event at debug. Thread-safe.
 */
@BindToRegistry("count")
public final class Counts extends ContextBean implements Processor, BatchObserver, ReplacementObserver {

    /** LOG_LEVEL=debug turns it on. */
    private static final Logger EVENTS = LoggerFactory.getLogger("users-sync.events");

    private Metrics metrics;

    @Override
    public void process(Exchange exchange) {
        String decision = exchange.getVariable("decision", String.class);
        if (decision != null) {
            exchange.removeVariable("decision");
            count(exchange, decision);
        }
    }

    /** Counts the events about memberships that one statement wrote. In: the variable {@code members}, a list. */
    public void members(Exchange exchange) {
        Map<String, Integer> types = new TreeMap<>();
        for (Object event : exchange.getVariable("members", List.class)) {
            types.merge(Metrics.type((JsonNode) event), 1, Integer::sum);
        }
        types.forEach((type, number) -> metrics.decided(DeliveryLog.provider(exchange), type, "applied", number));
    }

    /** Counts an event that changes no user. */
    public void ignored(Exchange exchange) {
        count(exchange, "ignored");
    }

    /** Counts a delivery that became a dead letter. */
    public void parked(Exchange exchange) {
        count(exchange, "parked");
    }

    @Override
    public void replaced(String provider) {
        metrics.replaced(provider);
    }

    /** Counts a delivery that did not prove its provider. */
    public void refused(Exchange exchange) {
        metrics.refused(
                DeliveryLog.provider(exchange),
                Refused.reason(exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class)));
    }

    @Override
    public void committed(int users, long nanoseconds) {
        metrics.committed(users, nanoseconds);
    }

    private void count(Exchange exchange, String decision) {
        JsonNode event = exchange.getMessage().getBody() instanceof JsonNode json ? json : null;
        String type = Metrics.type(event);
        metrics.decided(DeliveryLog.provider(exchange), type, decision, 1);
        if (EVENTS.isDebugEnabled()) {
            DeliveryLog.field(DeliveryLog.fields(EVENTS.atDebug(), exchange, event), "decision", decision)
                    .log("{}: {} event {}", DeliveryLog.provider(exchange), type, decision);
        }
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.metrics = Metrics.of(context);
    }
}
