package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Groups the user events of one delivery, a JSON array from the mapping, by user. The events of one user must be
 * applied in their order; different users may be applied in parallel. An event without an id, which will be refused, is
 * a group of its own. Own code, because jq's {@code group_by} sorts and copies every profile. Thread-safe.
 */
@BindToRegistry("delivered-events")
public final class DeliveredEvents {

    /** The variable with the body for a dead letter: bytes, or JSON that is written only when it is parked. */
    public static final String DELIVERY = "delivery";
    /**
     * The variable with the current event, as the mapping made it. A dead letter holds it instead of the whole
     * delivery.
     */
    public static final String PART = "part";
    /** The variable with the event's place in the delivery, from 0. */
    static final String PLACE = "place";

    /** In: the events; out: the body, a list of places for each user, and the variable {@code events}. */
    public void byUser(Exchange exchange) {
        JsonNode events = exchange.getMessage().getBody(JsonNode.class);
        Map<Object, List<Integer>> users = new LinkedHashMap<>();
        for (int place = 0; place < events.size(); place++) {
            String id = events.get(place).path("id").textValue();
            users.computeIfAbsent(id == null ? place : id, user -> new ArrayList<>(1))
                    .add(place);
        }
        exchange.setVariable("events", events);
        exchange.getMessage().setBody(new ArrayList<>(users.values()));
    }

    /** In: the body, a place; out: the body, the event there. */
    public void take(Exchange exchange) {
        int place = exchange.getMessage().getBody(Integer.class);
        JsonNode event = exchange.getVariable("events", JsonNode.class).get(place);
        exchange.setVariable(PART, event);
        exchange.setVariable(PLACE, place);
        exchange.getMessage().setBody(event);
    }

    /**
     * Call it before parking. If one of several events failed, it sets the variables {@code delivery} and {@code holds}
     * to those of the event. JSON becomes bytes.
     */
    public void park(Exchange exchange) throws Exception {
        if (exchange.getVariable(PART) instanceof JsonNode event) {
            exchange.setVariable(DELIVERY, event);
            exchange.setVariable("holds", "mapped event");
        }
        if (exchange.getVariable(DELIVERY) instanceof JsonNode document) {
            exchange.setVariable(DELIVERY, JsonBody.MAPPER.writeValueAsBytes(document));
        }
    }
}
