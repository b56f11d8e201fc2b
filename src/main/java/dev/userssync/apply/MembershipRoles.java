package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.Entity;
import dev.userssync.event.MergeRule;
import dev.userssync.event.StorableText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/**
 * Converts events about memberships into the parameters of the statements that take roles and complete lists. In: the
 * body, a checked event. Thread-safe.
 */
@BindToRegistry("membership-roles")
public final class MembershipRoles {

    /** As many as a batch of apply-batch may hold. */
    private static final int PART = 500;

    /** Out: a list with the event, without its roles, which the next statement takes. */
    public void without(Exchange exchange) {
        ObjectNode event = JsonNodeFactory.instance
                .objectNode()
                .<ObjectNode>setAll(exchange.getMessage().getBody(ObjectNode.class));
        exchange.getMessage().setBody(List.of(event.without(List.of("role", "roles", "roles_apart"))));
    }

    /** In: the rows that the merge rule returned for one event. Out: the variable {@code decision}. */
    public void decided(Exchange exchange) {
        List<?> rows = exchange.getMessage().getBody(List.class);
        Object decision = rows == null || rows.isEmpty() ? "applied" : ((Map<?, ?>) rows.get(0)).get("decision");
        exchange.setVariable("decision", String.valueOf(decision));
    }

    /**
     * Out: the headers {@code id}, {@code organization}, {@code user}, {@code roles}, {@code role}, {@code taken}, {@code
     * active} and {@code at}, and those of the history. The end of a membership also ends its roles, and what made it inactive.
     */
    public void parameters(Exchange exchange) {
        JsonNode event = exchange.getMessage().getBody(JsonNode.class);
        boolean taken = event.has("role_taken");
        String role = event.path(taken ? "role_taken" : "role_given").textValue();
        Message message = exchange.getMessage();
        message.removeHeaders("*");
        message.setHeader("id", event.path("id").textValue());
        message.setHeader("organization", event.path("organization_id").textValue());
        message.setHeader("user", event.path("user_id").textValue());
        boolean deleted = MergeRule.isDeletion(event);
        message.setHeader("roles", deleted ? "{}" : role == null ? array(event.path("roles")) : null);
        message.setHeader("role", StorableText.of(role));
        message.setHeader("taken", Boolean.toString(taken));
        message.setHeader(
                "active",
                deleted
                        ? "true"
                        : event.hasNonNull("active") ? event.get("active").asText() : null);
        message.setHeader("at", MergeRule.version(event));
        history(exchange, event, "role".equals(exchange.getVariable("change")));
    }

    /** Sets the headers {@code provider}, {@code delivery} and {@code log} for the history. */
    private static void history(Exchange exchange, JsonNode event, boolean log) {
        Message message = exchange.getMessage();
        message.setHeader("provider", event.path("provider").asText("unknown"));
        message.setHeader("delivery", StorableText.of(event.path("delivery").textValue()));
        String on = exchange.getContext()
                .getPropertiesComponent()
                .resolveProperty("event-log.enabled")
                .orElse("false");
        message.setHeader("log", Boolean.toString(log && on.equals("true")));
    }

    /**
     * Out: the headers {@code owner}, {@code id}, {@code ids} and {@code at} of a complete list, and the variable
     * {@code parts}, its events in lists that the queue has room for.
     */
    public void list(Exchange exchange) {
        JsonNode list = exchange.getMessage().getBody(JsonNode.class);
        Message message = exchange.getMessage();
        message.removeHeaders("*");
        message.setHeader("owner", list.path("owner").textValue());
        message.setHeader("id", list.path("id").textValue());
        message.setHeader("at", list.path("updated_at").textValue());
        Map<String, JsonNode> members = new LinkedHashMap<>(); // each once: of two the last
        list.path("members").forEach(member -> members.put(member.path("id").textValue(), member));
        StringJoiner ids = new StringJoiner(",", "{", "}");
        members.keySet().forEach(id -> ids.add(quoted(id)));
        message.setHeader("ids", ids.toString());
        List<JsonNode> each = new ArrayList<>(members.values());
        List<List<JsonNode>> parts = new ArrayList<>();
        for (int from = 0; from < each.size(); from += PART) {
            parts.add(each.subList(from, Math.min(from + PART, each.size())));
        }
        exchange.setVariable("parts", parts);
        history(exchange, list, true);
    }

    /** Makes one member of a list an event of its own, which alone is parked if it cannot be applied. */
    public void member(Exchange exchange) {
        exchange.setVariable("change", Entity.MEMBERSHIP.word());
        exchange.removeVariable(DeliveredEvents.PART);
        exchange.setVariable(DeliveredEvents.DELIVERY, exchange.getMessage().getBody());
        exchange.setVariable("holds", "user event");
    }

    /** A list of texts as Postgres writes an array; null if it is none. */
    static String array(JsonNode list) {
        if (!list.isArray()) {
            return null;
        }
        StringJoiner array = new StringJoiner(",", "{", "}");
        list.forEach(element -> array.add(quoted(StorableText.of(element.textValue()))));
        return array.toString();
    }

    private static String quoted(String text) {
        return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
}
