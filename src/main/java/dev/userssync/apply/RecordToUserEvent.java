package dev.userssync.apply;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import dev.userssync.event.Entity;
import dev.userssync.event.EntityEvent;
import dev.userssync.event.InvalidUserEvent;
import dev.userssync.event.JsonBody;
import dev.userssync.event.UserEvent;
import dev.userssync.event.UserId;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Reads a record of {@link UserEventToRecord}, from the topic or from a dead letter. It checks what the next steps rely
 * on, because others may be able to write to a topic; the database checks the rest. The profile stays text, because
 * nothing reads it before Postgres. Out: the user event, and the variables that it had when it was published; a dead
 * letter stores {@code delivery} and {@code holds}. A body that is already a user event passes. Thread-safe.
 */
@BindToRegistry("record-to-user-event")
public final class RecordToUserEvent implements Processor {

    private static final JsonFactory JSON = new JsonFactory();
    private static final List<String> TIMES = List.of("created_at", "updated_at", "deleted_at");

    /** @throws InvalidUserEvent if the record is not a user event of ours; the message quotes nothing of it */
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
        ObjectNode event = event(record);
        boolean partial = event.path("partial").asBoolean();
        event.remove("partial");
        check(event);
        String type = event.get("type").textValue();
        exchange.setVariable("provider", event.path("provider").asText("unknown"));
        exchange.setVariable("delivery-id", event.path("delivery").textValue());
        exchange.setVariable(
                "change",
                Entity.of(event) != Entity.USER
                        ? EntityEvent.change(event)
                        : partial && !type.equals("deleted") ? "merged" : type);
        exchange.getMessage().setBody(event);
    }

    private static ObjectNode event(byte[] record) {
        ObjectNode event = JsonNodeFactory.instance.objectNode();
        try (JsonParser parser = JSON.createParser(record)) {
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new InvalidUserEvent("the record of the topic is not a JSON object");
            }
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                switch (parser.nextToken()) {
                    case VALUE_STRING -> event.put(name, parser.getText());
                    case VALUE_TRUE -> event.put(name, true);
                    case VALUE_FALSE -> event.put(name, false);
                    case START_ARRAY -> event.set(name, JsonBody.MAPPER.readTree(parser));
                    case START_OBJECT -> {
                        int start = (int) parser.currentTokenLocation().getByteOffset();
                        parser.skipChildren();
                        int end = (int) parser.currentLocation().getByteOffset();
                        event.putRawValue(
                                name, new RawValue(new String(record, start, end - start, StandardCharsets.UTF_8)));
                    }
                    default -> parser.skipChildren();
                }
            }
            if (parser.currentToken() != JsonToken.END_OBJECT || parser.nextToken() != null) {
                throw new InvalidUserEvent("the record of the topic is not one JSON object");
            }
        } catch (IOException e) {
            throw new InvalidUserEvent("the record of the topic is not JSON");
        }
        return event;
    }

    private static void check(ObjectNode event) {
        String type = event.path("type").textValue();
        String id = event.path("id").textValue();
        boolean list = event.has("members");
        if (type == null || !UserEvent.TYPES.contains(type) && !list) {
            throw new InvalidUserEvent("the record of the topic is of another type than created, updated and deleted");
        }
        String fault = id == null ? "is missing" : UserId.fault(id);
        if (fault != null) {
            throw new InvalidUserEvent("the record of the topic cannot be used, its id " + fault);
        }
        if (!type.equals("deleted")
                && !list
                && !EntityEvent.isRole(event)
                && !event.path("raw").isPojo()) { // the profile as text, see above
            throw new InvalidUserEvent("the record of the topic has no profile (raw)");
        }
        for (String name : TIMES) {
            String time = event.path(name).textValue();
            if (time != null && (time.length() < 20 || time.length() > 30 || !time.endsWith("Z"))) {
                throw new InvalidUserEvent("the record of the topic has a " + name + " that is not a time in UTC");
            }
        }
    }
}
