package dev.userssync;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Writes user events as the one JSON array that the SQL takes. In: one event as {@link JsonNode}; out: the header {@code events}.
 * Thread-safe.
 */
@BindToRegistry("user-events-json")
public final class UserEventsJson implements Processor {

    /**
     * Surrogates are written as escapes, which Postgres reads back as the same character when they are a pair and refuses when
     * one stands alone. Unescaped, the driver would write a lone one as "?" and nobody would know.
     */
    private static final ObjectWriter WRITER = JsonMapper.builder(new JsonFactoryBuilder().highestNonEscapedChar(0xD7FF).build())
            .build().writer();

    @Override
    public void process(Exchange exchange) throws Exception {
        exchange.getMessage().setHeader("events", WRITER.writeValueAsString(List.of(exchange.getMessage().getBody(JsonNode.class))));
    }
}
