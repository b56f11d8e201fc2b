package dev.userssync.apply;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.JsonBody;
import dev.userssync.event.StorableText;
import java.nio.charset.StandardCharsets;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;

/**
 * Writes a checked user event as a record of the topic. The key is the id, so that all events of a user are in one
 * partition and in order. The value is the event in JSON (UTF-8), with {@code "partial": true} if it must be merged.
 * In: the body and the variable {@code change}. Thread-safe.
 *
 * @see RecordToUserEvent the way back
 */
@BindToRegistry("user-event-to-record")
public final class UserEventToRecord implements Processor {

    /** KafkaConstants.KEY, of a component that is missing without the profile. */
    private static final String KEY = "kafka.KEY";

    @Override
    public void process(Exchange exchange) throws Exception {
        Message message = exchange.getMessage();
        ObjectNode event = message.getBody(ObjectNode.class);
        message.setHeader(KEY, event.path("id").textValue());
        if ("merged".equals(exchange.getVariable("change"))) {
            event = JsonNodeFactory.instance
                    .objectNode()
                    .<ObjectNode>setAll(event)
                    .put("partial", true);
        }
        String written = JsonBody.MAPPER.writeValueAsString(event);
        String text = StorableText.ofJson(written);
        if (text != written) {
            StorableText.replaced(exchange.getContext(), exchange.getVariable("provider", "unknown", String.class));
        }
        message.setBody(text.getBytes(StandardCharsets.UTF_8));
    }
}
