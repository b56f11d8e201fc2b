package dev.userssync.payload;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.InvalidUserEvent;
import dev.userssync.settings.Providers;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Route;

/**
 * Calls the mapping of a provider as a function: the steps of its route, without its source. In: the variable
 * {@code provider} and, as JSON, a delivery that was verified before, or a fetched user in the form of one. Out: what
 * the mapping returns, one user event or an array of them. Drops secrets first. Thread-safe.
 */
@BindToRegistry("mapping")
public final class Mapping implements Processor {

    /** @throws InvalidUserEvent if the provider is not on */
    @Override
    public void process(Exchange exchange) throws Exception {
        String provider = exchange.getVariable("provider", String.class);
        Route route = exchange.getContext().getRoute(provider);
        if (route == null) {
            throw new InvalidUserEvent("the provider is off: set "
                    + new Providers(exchange.getContext()).turnedOnBy(provider) + " to replay its dead letters");
        }
        if (exchange.getVariable(DeliveredEvents.DELIVERY) == null) { // a fetched user, not a webhook: the dead letter
            exchange.setVariable(DeliveredEvents.DELIVERY, exchange.getMessage().getBody(JsonNode.class));
            exchange.setVariable("polled", exchange.getVariable("userId"));
        }
        exchange.getContext()
                .getRegistry()
                .lookupByNameAndType("payload-drop", PayloadDrop.class)
                .process(exchange);
        route.getProcessor().process(exchange);
    }
}
