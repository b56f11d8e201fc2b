package dev.userssync;

import com.fasterxml.jackson.databind.JsonNode;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Writes a JSON document as text on one line. In: {@link JsonNode}, out: String. A lone surrogate stays an escape, which Postgres refuses;
 * unescaped, the driver would write it as "?" and nobody would know. Thread-safe.
 */
@BindToRegistry("json-text")
public final class JsonText implements Processor {

    @Override
    public void process(Exchange exchange) throws Exception {
        exchange.getMessage().setBody(JsonBody.MAPPER.writeValueAsString(exchange.getMessage().getBody(JsonNode.class)));
    }
}
