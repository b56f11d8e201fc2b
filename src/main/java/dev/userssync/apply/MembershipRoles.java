package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.Entity;
import dev.userssync.event.MergeRule;
import dev.userssync.event.StorableText;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.function.Function;
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

    /**
     * In: the events of a batch. Out: the same, without the roles of those whose provider reports roles apart, and the
     * variable {@code apart} with those events as they came.
     */
    public void apart(Exchange exchange) {
        List<JsonNode> events = exchange.getMessage().getBody(List.class);
        List<JsonNode> rows = new ArrayList<>(events.size());
        List<JsonNode> apart = new ArrayList<>();
        for (JsonNode event : events) {
            if (event.path("roles_apart").asBoolean()) {
                apart.add(event);
                ObjectNode row = JsonNodeFactory.instance.objectNode().setAll((ObjectNode) event);
                rows.add(row.without(List.of("role", "roles", "roles_apart")));
            } else {
                rows.add(event);
            }
        }
        exchange.getMessage().setBody(rows);
        exchange.setVariable("apart", apart);
    }

    /** In: the variable {@code apart}. Out: the parameters of the statement for its roles, one array per column. */
    public void ofBatch(Exchange exchange) {
        List<JsonNode> events = exchange.getVariable("apart", List.class);
        Map<String, Object> columns = new HashMap<>();
        columns.put("id", column(events, event -> event.path("id").textValue()));
        columns.put(
                "organization_id",
                column(events, event -> event.path("organization_id").textValue()));
        columns.put("user_id", column(events, event -> event.path("user_id").textValue()));
        columns.put("roles", column(events, MembershipRoles::roles));
        columns.put("active", column(events, MembershipRoles::active));
        columns.put("at", column(events, MergeRule::version));
        columns.put("provider", column(events, event -> event.path("provider").textValue()));
        columns.put(
                "delivery",
                column(events, event -> StorableText.of(event.path("delivery").textValue())));
        exchange.getMessage().setHeader(UserEventColumns.PARAMETERS, columns);
    }

    private static String[] column(List<JsonNode> events, Function<JsonNode, String> value) {
        return events.stream().map(value).toArray(String[]::new);
    }

    /** The complete list of roles that an event states, as Postgres writes an array. The end of a membership ends them. */
    private static String roles(JsonNode event) {
        return MergeRule.isDeletion(event) ? "{}" : array(event.path("roles"));
    }

    /** The end of a membership also ends what made it inactive. */
    private static String active(JsonNode event) {
        return MergeRule.isDeletion(event)
                ? "true"
                : event.hasNonNull("active") ? event.get("active").asText() : null;
    }

    /**
     * In: an event that states roles alone, or whether a membership is active. Out: the headers {@code id}, {@code
     * organization}, {@code user}, {@code roles}, {@code role}, {@code taken}, {@code active} and {@code at}, and those
     * of the history.
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
        message.setHeader("roles", role == null || MergeRule.isDeletion(event) ? roles(event) : null);
        message.setHeader("role", StorableText.of(role));
        message.setHeader("taken", Boolean.toString(taken));
        message.setHeader("active", active(event));
        message.setHeader("at", MergeRule.version(event));
        history(exchange, event);
    }

    /** Sets the headers {@code provider}, {@code delivery} and {@code log} for the history. */
    private static void history(Exchange exchange, JsonNode event) {
        Message message = exchange.getMessage();
        message.setHeader("provider", event.path("provider").asText("unknown"));
        message.setHeader("delivery", StorableText.of(event.path("delivery").textValue()));
        message.setHeader(
                "log",
                exchange.getContext()
                        .getPropertiesComponent()
                        .resolveProperty("event-log.enabled")
                        .orElse("false"));
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
        history(exchange, list);
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
