package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * The user events of one delivery, as a mapping made them: a JSON array. Groups them by user, because the events of one user count in their
 * order, while different users may be applied side by side. An event without an id, which is about to be refused, is a group of its own.
 * Own code, because jq's {@code group_by} sorts and copies every profile. Thread-safe.
 */
@BindToRegistry("delivered-events")
public final class DeliveredEvents {

    /** The variable with the event that is being applied, as the mapping made it: a dead letter holds it instead of the whole delivery. */
    public static final String PART = "part";
    /** The variable with its place in the delivery, from 0. */
    static final String PLACE = "place";

    /** In: the events; out: the body, a list of places for each user, and the variable {@code events}. */
    public void byUser(Exchange exchange) {
        JsonNode events = exchange.getMessage().getBody(JsonNode.class);
        Map<Object, List<Integer>> users = new LinkedHashMap<>();
        for (int place = 0; place < events.size(); place++) {
            String id = events.get(place).path("id").textValue();
            users.computeIfAbsent(id == null ? place : id, user -> new ArrayList<>(1)).add(place);
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

    /** Before parking: where one of several events failed, the variables {@code delivery} and {@code holds} become those of the event. */
    public void park(Exchange exchange) throws Exception {
        if (exchange.getVariable(PART) instanceof JsonNode event) {
            exchange.setVariable("delivery", JsonBody.MAPPER.writeValueAsBytes(event));
            exchange.setVariable("holds", "mapped event");
        }
    }
}
