package dev.userssync.provider;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.JsonBody;
import dev.userssync.event.UserId;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.UUID;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;

/** Makes a delivery of one user of a page, with the name under which it would be parked. */
final class PolledUser {

    private static final List<String> IDS = List.of("user_id", "userId", "id");

    private PolledUser() {}

    /** A separate exchange, so that the error handler acts on one user only. */
    static Exchange delivery(Exchange page, JsonNode user) throws Exception {
        Exchange delivery = new DefaultExchange(page.getContext());
        delivery.setVariable("provider", page.getVariable("provider"));
        delivery.setVariable("stamp", page.getVariable("stamp"));
        delivery.setVariable(DeliveredEvents.DELIVERY, user); // the body for a dead letter
        delivery.setVariable("polled", scope(page) + name(user, page.getVariable("stamp", "", String.class)));
        delivery.getMessage().setBody(user);
        return delivery;
    }

    /** Keeps the names of organizations and memberships apart from those of users. */
    private static String scope(Exchange page) {
        String organization = page.getVariable("ownerId", String.class);
        return page.getVariable("lists", String.class).equals("user")
                ? ""
                : "organizations:" + (organization == null ? "" : organization + ":");
    }

    /** The id or, without one, the part that stays equal in each listing: the user without the time of the request. */
    private static String name(JsonNode user, String stamp) throws Exception {
        String id = id(user);
        if (id != null && UserId.fault(id) == null) {
            return id;
        }
        String text = JsonBody.MAPPER.writeValueAsString(user);
        String lasting = stamp.isEmpty() ? text : text.replace(stamp, "");
        return UUID.nameUUIDFromBytes(lasting.getBytes(StandardCharsets.UTF_8)).toString();
    }

    /**
     * The id of a user whom the mapping may not understand: the outermost field id, user_id or userId of the envelope;
     * null if there is none.
     */
    private static String id(JsonNode envelope) {
        for (List<JsonNode> level = List.of(envelope);
                !level.isEmpty();
                level = level.stream().flatMap(JsonNode::valueStream).toList()) {
            for (JsonNode node : level) {
                for (String name : IDS) {
                    JsonNode id = node.path(name);
                    if (id.isIntegralNumber()
                            || id.isTextual() && !id.textValue().isBlank()) {
                        return id.asText();
                    }
                }
            }
        }
        return null;
    }
}
