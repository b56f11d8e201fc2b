package dev.userssync;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.Set;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Reads what {@link UserEventToRecord} wrote, from the topic or from a dead letter, and checks it again: others may be able to write to a
 * topic. Out: the user event, and the variables that it had at the door; {@code delivery} and {@code holds} are what a dead letter keeps. A
 * body that is a user event already passes. Thread-safe.
 */
@BindToRegistry("record-to-user-event")
public final class RecordToUserEvent implements Processor {

    private static final ObjectReader READER = new JsonMapper().readerFor(JsonNode.class);
    private static final Set<String> TYPES = Set.of("created", "updated", "deleted");

    private final UserEvent rules = new UserEvent();

    /** @throws InvalidUserEvent if the record is no user event of ours; the message holds nothing of it */
    @Override
    public void process(Exchange exchange) {
        if (exchange.getMessage().getBody() instanceof JsonNode) {
            return;
        }
        byte[] given = exchange.getMessage().getBody(byte[].class);
        byte[] record = given == null ? new byte[0] : given;
        exchange.setVariable("delivery", record);
        exchange.setVariable("holds", "user event");
        if (exchange.getVariable("provider") == null) {
            exchange.setVariable("provider", "unknown");
        }
        JsonNode json = json(record);
        ObjectNode event = rules.checked(json);
        String type = event.path("type").textValue();
        if (!TYPES.contains(type)) {
            throw new InvalidUserEvent("the record of the topic is of another type than created, updated and deleted");
        }
        event.set("provider", json.path("provider").isTextual() ? json.get("provider") : null);
        event.set("delivery", json.path("delivery").isTextual() ? json.get("delivery") : null);
        exchange.setVariable("provider", event.path("provider").asText("unknown"));
        exchange.setVariable("delivery-id", event.path("delivery").textValue());
        exchange.setVariable("change", json.path("partial").asBoolean() && !type.equals("deleted") ? "merged" : type);
        exchange.getMessage().setBody(event);
    }

    private static JsonNode json(byte[] record) {
        try {
            return READER.readValue(record);
        } catch (IOException e) {
            throw new InvalidUserEvent("the record of the topic is not JSON");
        }
    }
}
