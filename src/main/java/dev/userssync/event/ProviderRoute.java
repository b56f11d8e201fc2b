package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.settings.Providers;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Route;

/**
 * Sends a delivery that was verified before (a dead letter), or a fetched user in the form of a delivery, to the route
 * of its provider. The route maps and applies it like a new delivery, without secrets. In: the body as JSON and the
 * variable {@code provider}. Thread-safe.
 */
@BindToRegistry("provider-route")
public final class ProviderRoute implements Processor {

    /** @throws InvalidUserEvent if the provider is not on */
    @Override
    public void process(Exchange exchange) throws Exception {
        String provider = exchange.getVariable("provider", String.class);
        Route route = exchange.getContext().getRoute(provider);
        if (route == null) {
            throw new InvalidUserEvent("the provider is off: set " + new Providers(exchange.getContext()).turnedOnBy(provider)
                    + " to replay its dead letters");
        }
        if (exchange.getVariable("delivery") == null) { // a fetched user, not a webhook: the body for a dead letter
            exchange.setVariable("delivery", JsonBody.MAPPER.writeValueAsBytes(exchange.getMessage().getBody(JsonNode.class)));
            exchange.setVariable("polled", exchange.getVariable("userId"));
        }
        exchange.getContext().getRegistry().lookupByNameAndType("payload-drop", PayloadDrop.class).process(exchange);
        route.getProcessor().process(exchange);
    }
}
