package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Writes a JSON document as text on one line. In: {@link JsonNode}, out: String, in which U+FFFD replaces characters
 * that Postgres cannot store. Thread-safe.
 */
@BindToRegistry("json-text")
public final class JsonText implements Processor {

    @Override
    public void process(Exchange exchange) throws Exception {
        String written =
                JsonBody.MAPPER.writeValueAsString(exchange.getMessage().getBody(JsonNode.class));
        String text = StorableText.ofJson(written);
        if (text != written) {
            StorableText.replaced(exchange.getContext(), exchange.getVariable("provider", "unknown", String.class));
        }
        exchange.getMessage().setBody(text);
    }
}
