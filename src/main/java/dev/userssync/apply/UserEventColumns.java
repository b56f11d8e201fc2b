package dev.userssync.apply;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.databind.util.RawValue;
import dev.userssync.event.Entity;
import dev.userssync.event.JsonBody;
import dev.userssync.event.StorableText;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Converts user events into the parameters of the SQL: one array per column, which the driver sends in binary.
 * (Measured against one JSON document: a third less time in Postgres.) In: a {@code List<JsonNode>} of checked events,
 * of one {@link Entity} and one per
 * row. Out: the parameters of the statement. Thread-safe.
 */
@BindToRegistry("user-event-columns")
public final class UserEventColumns implements Processor, CamelContextAware {

    static final String PARAMETERS =
            "CamelJdbcParameters"; // JdbcConstants, which the Camel CLI has not yet loaded when it compiles this class
    /** The texts that every event may have, beside the columns of its table. */
    private static final List<String> TEXTS = List.of(
            "type",
            "id",
            "created_at",
            "updated_at",
            "deleted_at",
            "provider",
            "delivery",
            "once",
            "joined",
            "initial");

    /** The texts that were checked before, or that users-sync wrote itself. */
    private static final Set<String> STORABLE = Set.of("type", "id", "joined", "initial");

    private static final Map<Entity, List<String>> NAMES = Arrays.stream(Entity.values())
            .collect(Collectors.toMap(
                    Function.identity(),
                    entity -> Stream.concat(TEXTS.stream(), MergeStatement.names(entity).stream())
                            .toList()));

    private static final Map<Entity, List<String>> MAY_HOLD_ANYTHING = Arrays.stream(Entity.values())
            .collect(Collectors.toMap(
                    Function.identity(),
                    entity -> NAMES.get(entity).stream()
                            .filter(name -> !STORABLE.contains(name))
                            .toList()));

    private CamelContext context;
    private String log;

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
        this.log = context.getPropertiesComponent()
                .resolveProperty("event-log.enabled")
                .orElse("false");
    }

    /**
     * Replaces text that Postgres cannot store in the event itself, so that a second attempt does not count it again.
     */
    @Override
    public void process(Exchange exchange) throws Exception {
        List<JsonNode> events = exchange.getMessage().getBody(List.class);
        Entity entity = Entity.of(events.get(0));
        Map<String, Object> columns = new HashMap<>();
        String[] raw = new String[events.size()];
        for (int i = 0; i < raw.length; i++) {
            raw[i] = storable((ObjectNode) events.get(i), MAY_HOLD_ANYTHING.get(entity));
        }
        columns.put("raw", raw);
        for (String name : NAMES.get(entity)) {
            String[] column = new String[events.size()];
            for (int i = 0; i < column.length; i++) {
                column[i] = text(events.get(i).path(name));
            }
            columns.put(name, column);
        }
        columns.put("log", log);
        exchange.getMessage().setHeader(PARAMETERS, columns);
    }

    /** The text of a value: a list as Postgres writes an array, a truth value as true or false. */
    private static String text(JsonNode value) {
        return value.isArray() ? MembershipRoles.array(value) : value.isBoolean() ? value.asText() : value.textValue();
    }

    /** @return the profile as text; null for a deletion */
    private String storable(ObjectNode event, List<String> names) throws JsonProcessingException {
        boolean replaced = false;
        for (String name : names) {
            JsonNode value = event.path(name);
            for (int i = 0; i < value.size(); i++) { // the elements of a list
                String text = StorableText.of(value.get(i).textValue());
                if (text != value.get(i).textValue()) {
                    ((ArrayNode) value).set(i, TextNode.valueOf(text));
                    replaced = true;
                }
            }
            String given = value.textValue();
            String text = StorableText.of(given);
            if (text != given) {
                event.put(name, text);
                replaced = true;
            }
        }
        JsonNode profile = event.get("raw");
        String written = profile == null ? null : JsonBody.MAPPER.writeValueAsString(profile);
        String json = written == null ? null : StorableText.ofJson(written);
        if (json != written) {
            event.putRawValue("raw", new RawValue(json));
            replaced = true;
        }
        if (replaced) {
            StorableText.replaced(context, event.path("provider").asText("unknown"));
        }
        return json;
    }
}
