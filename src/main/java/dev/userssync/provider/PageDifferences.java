package dev.userssync.provider;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.Failure;
import dev.userssync.event.JsonBody;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.util.ObjectHelper;

/**
 * What of a page of {@link UserPage} differs from the rows, in the form of routes/sql/polling/poll-page-differs.sql.
 * Stateless and thread-safe.
 */
@BindToRegistry("page-differences")
public final class PageDifferences {

    private static final ObjectMapper JSON = JsonBody.MAPPER;

    /** An event that is applied without a comparison with its row. */
    static ObjectNode toApply(int place, JsonNode event) {
        return JSON.createObjectNode()
                .put("n", place)
                .put("id", event.path("id").asText())
                .put("kind", "stale")
                .put("wrong", false)
                .put("apply", true);
    }

    /**
     * Out: the variable {@code differences} with those in {@code always} and {@code ofUsers} before it.
     *
     * @throws IllegalStateException if the lease was lost, so that the comparison returned nothing
     */
    public void join(Exchange exchange) throws Exception {
        ArrayNode all = exchange.getVariable("always", ArrayNode.class).deepCopy();
        differences(exchange, "ofUsers").forEach(all::add);
        differences(exchange, "differences").forEach(all::add);
        exchange.setVariable("differences", JSON.writeValueAsString(all));
    }

    /**
     * Out: the variable {@code differences}, all events in the variable {@code undecided}, because the database cannot
     * read one of them. So only that one is parked.
     *
     * @throws SQLException the caught exception, if it is of another kind
     */
    public void differAll(Exchange exchange) throws Exception {
        SQLException caught = ObjectHelper.getException(
                SQLException.class, exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class));
        if (!Failure.causedByRow(caught)) {
            throw caught;
        }
        ArrayNode differences = JSON.createArrayNode();
        for (JsonNode event : JSON.readTree(exchange.getVariable("undecided", String.class))) {
            differences.add(toApply(event.path("n").intValue(), event));
        }
        exchange.setVariable("differences", JSON.writeValueAsString(differences));
    }

    /**
     * Out: the body, the differences to apply, one list per user. A page of a feed may hold several events of one user,
     * which must be applied in their order.
     */
    public void changed(Exchange exchange) throws Exception {
        Map<String, List<JsonNode>> places = new LinkedHashMap<>();
        Set<Integer> taken = new HashSet<>();
        for (JsonNode difference : differences(exchange, "differences")) {
            if (difference.path("apply").asBoolean()
                    && taken.add(difference.path("n").intValue())) {
                places.computeIfAbsent(difference.path("id").asText(), user -> new ArrayList<>(1))
                        .add(difference);
            }
        }
        exchange.getMessage().setBody(new ArrayList<>(places.values()));
    }

    /**
     * Out: the body, the users to fetch one by one: maps of {@code user}, the id at the provider, and {@code proved},
     * true if the answer may restore a deleted row.
     */
    public void unproved(Exchange exchange) throws Exception {
        Map<Object, Boolean> users = new LinkedHashMap<>();
        for (Object id : exchange.getVariable("fetch", List.class)) {
            users.put(id, false);
        }
        for (JsonNode difference : differences(exchange, "differences")) {
            if (isUndead(difference)) {
                users.put(difference.path("user").asText(), true);
            }
        }
        exchange.getMessage()
                .setBody(users.entrySet().stream()
                        .map(user -> Map.of("user", user.getKey(), "proved", user.getValue()))
                        .toList());
    }

    private static JsonNode differences(Exchange exchange, String variable) throws Exception {
        return JSON.readTree(exchange.getVariable(variable, String.class));
    }

    private static boolean isUndead(JsonNode difference) {
        return difference.path("kind").asText().equals("undead");
    }
}
