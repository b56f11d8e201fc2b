package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;

/**
 * Protects an event from an integrator's steps before the commit. A step may change the event; whatever else it leaves
 * in the body, such as the answer to a request, gives way to the event, and its headers are removed. Stateless.
 */
@BindToRegistry("own-steps")
public final class OwnSteps implements Processor {

    @Override
    public void process(Exchange exchange) {
        Message message = exchange.getMessage();
        if (message.hasHeaders()) {
            message.removeHeaders("*");
        }
        Object body = message.getBody();
        Object checked = exchange.getVariable(UserEvent.CHECKED);
        if (body != checked && checked instanceof JsonNode && !isEvent(body)) {
            message.setBody(checked);
        }
    }

    private static boolean isEvent(Object body) {
        return body instanceof ObjectNode event
                && event.path("id").isTextual()
                && UserEvent.TYPES.contains(event.path("type").asText());
    }
}
