package dev.userssync.provider;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.Failure;
import dev.userssync.event.ProviderRoute;
import dev.userssync.event.StorableText;
import dev.userssync.event.UserEvent;
import dev.userssync.event.UserId;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.support.DefaultExchange;
import org.apache.camel.util.ObjectHelper;

/**
 * One page of a provider's users. In, from the provider's poll route, a JSON object:
 * <ul>
 * <li>{@code users}: the users, each in the envelope of the provider's webhook, so that the same mapping serves
 * both;</li>
 * <li>{@code fetch}: ids of users to fetch one by one, if a feed only reports that they changed;</li>
 * <li>{@code cursor}: the position of the next page (any JSON; {@code after} is an array of ids, and if the provider
 * refuses one, the next is tried);</li>
 * <li>{@code more}: whether there is another page now; {@code restart}: true if the position is lost and the listing
 * must start again;</li>
 * <li>{@code retreat}: for pages by offset, the position to return to if the page does not start with a user seen
 * before;</li>
 * <li>{@code total}: the number of users at the provider, if it reports one.</li>
 * </ul>
 * Thread-safe.
 */
@BindToRegistry("user-page")
public final class UserPage {

    /** Writes lone surrogates as escapes. Without them the driver would silently write "?". */
    private static final ObjectMapper JSON = JsonMapper.builder(new JsonFactoryBuilder().highestNonEscapedChar(0xD7FF).build()).build();
    private static final List<String> IDS = List.of("user_id", "userId", "id");
    private static final Set<String> KINDS = Set.of("created", "updated", "deleted");

    private final ProviderRoute providerRoute = new ProviderRoute();

    /**
     * Maps the users without applying them. Out: the variables {@code users} (the envelopes), {@code events} (JSON
     * text: their user events, each with its place {@code n}), {@code ids} and those of the page's bookkeeping.
     *
     * @throws ApiFailure if the body is not a page
     */
    public void map(Exchange exchange) throws Exception {
        JsonNode page = exchange.getMessage().getBody(JsonNode.class);
        if (page == null || !page.path("users").isArray() && !page.path("fetch").isArray()) {
            throw new ApiFailure(0, null, "its API answered without a list of users");
        }
        List<JsonNode> users = new ArrayList<>();
        page.path("users").forEach(users::add);
        ArrayNode events = JSON.createArrayNode();
        ArrayNode ids = JSON.createArrayNode();
        for (int n = 0; n < users.size(); n++) {
            for (JsonNode event : preview(exchange, users.get(n))) {
                if (KINDS.contains(event.path("type").asText())) {
                    events.add(((ObjectNode) event.deepCopy()).put("n", n));
                    ids.add(event.path("id"));
                }
            }
        }
        List<String> fetch = new ArrayList<>();
        page.path("fetch").forEach(id -> fetch.add(id.asText()));
        exchange.setVariable("users", users);
        exchange.setVariable("fetch", fetch.stream().distinct().toList());
        exchange.setVariable("differences", "[]");
        exchange.setVariable("events", StorableText.ofJson(JSON.writeValueAsString(events)));
        exchange.setVariable("ids", JSON.writeValueAsString(ids));
        exchange.setVariable("firstId", ids.isEmpty() ? null : ids.get(0).asText());
        exchange.setVariable("next", page.hasNonNull("cursor") ? JSON.writeValueAsString(page.get("cursor")) : null);
        exchange.setVariable("retreat", page.hasNonNull("retreat") ? JSON.writeValueAsString(page.get("retreat")) : null);
        exchange.setVariable("more", page.path("more").asBoolean(false));
        exchange.setVariable("restart", page.path("restart").asBoolean(false));
        exchange.setVariable("total", page.path("total").isIntegralNumber() ? page.get("total").asText() : null);
    }

    private List<JsonNode> preview(Exchange exchange, JsonNode user) throws Exception {
        List<JsonNode> events = Collections.synchronizedList(new ArrayList<>()); // a route may split
        Exchange one = delivery(exchange, user);
        one.setVariable(UserEvent.PREVIEW, events);
        providerRoute.process(one);
        if (one.getException() != null) {
            throw one.getException();
        }
        return events;
    }

    /**
     * Applies all user events, because the database cannot read one of them. So only that one is parked.
     *
     * @throws SQLException the caught exception, if it is of another kind
     */
    public void differAll(Exchange exchange) throws Exception {
        SQLException caught = ObjectHelper.getException(SQLException.class, exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class));
        if (!Failure.causedByRow(caught)) {
            throw caught;
        }
        ArrayNode differences = JSON.createArrayNode();
        for (JsonNode event : JSON.readTree(exchange.getVariable("events", String.class))) {
            differences.addObject().put("n", event.path("n").intValue()).put("id", event.path("id").asText()).put("kind", "stale").put("wrong", false)
                    .put("apply", true);
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
        for (JsonNode difference : differences(exchange)) {
            if (difference.path("apply").asBoolean() && taken.add(difference.path("n").intValue())) {
                places.computeIfAbsent(difference.path("id").asText(), user -> new ArrayList<>(1)).add(difference);
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
        for (JsonNode difference : differences(exchange)) {
            if (isUndead(difference)) {
                users.put(difference.path("user").asText(), true);
            }
        }
        exchange.getMessage().setBody(users.entrySet().stream().map(user -> Map.of("user", user.getKey(), "proved", user.getValue())).toList());
    }

    private static JsonNode differences(Exchange exchange) throws Exception {
        return JSON.readTree(exchange.getVariable("differences", String.class));
    }

    private static boolean isUndead(JsonNode difference) {
        return difference.path("kind").asText().equals("undead");
    }

    /**
     * Applies one user through the route of its provider, as if its webhook had just been verified. In: the body, of
     * {@link #changed}. A user that cannot be applied is parked and does not stop the others.
     *
     * @throws IllegalStateException if it was not committed
     */
    public void apply(Exchange exchange) throws Exception {
        List<JsonNode> users = exchange.getVariable("users", List.class);
        for (Object each : exchange.getMessage().getBody(List.class)) {
            JsonNode difference = (JsonNode) each;
            Exchange one = delivery(exchange, users.get(difference.path("n").intValue()));
            if (difference.path("stamp").isTextual()) {
                one.setVariable(UserEvent.PROVED, true);
                one.setVariable("stamp", difference.path("stamp").textValue());
            }
            providerRoute.process(one);
            if (one.getException() != null) {
                throw one.getException();
            }
            if (one.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, "", String.class).equals("503")) {
                throw new IllegalStateException("the database did not take a page of users: " + one.getVariable("safeReason", "see the log", String.class));
            }
        }
    }

    /** A separate exchange, so that the error handler acts on one user only. */
    private static Exchange delivery(Exchange exchange, JsonNode user) throws Exception {
        Exchange one = new DefaultExchange(exchange.getContext());
        one.setVariable("provider", exchange.getVariable("provider"));
        one.setVariable("stamp", exchange.getVariable("stamp"));
        String text = JSON.writeValueAsString(user);
        one.setVariable("delivery", text.getBytes(StandardCharsets.UTF_8)); // the body for a dead letter
        String id = id(user);
        // Without an id, it takes the part that stays equal in each listing: the envelope without the time of the
        // request.
        String stamp = exchange.getVariable("stamp", "", String.class);
        one.setVariable("polled", id != null && UserId.fault(id) == null ? id : UUID.nameUUIDFromBytes((stamp.isEmpty() ? text : text.replace(stamp, "")).getBytes(StandardCharsets.UTF_8)).toString());
        one.getMessage().setBody(user);
        return one;
    }

    /**
     * The provider's id of a user whom the mapping may not understand: the outermost field id, user_id or userId of the
     * envelope; null if there is none.
     */
    private static String id(JsonNode envelope) {
        for (List<JsonNode> level = List.of(envelope); !level.isEmpty(); level = level.stream().flatMap(JsonNode::valueStream).toList()) {
            for (JsonNode node : level) {
                for (String name : IDS) {
                    JsonNode id = node.path(name);
                    if (id.isIntegralNumber() || id.isTextual() && !id.textValue().isBlank()) {
                        return id.asText();
                    }
                }
            }
        }
        return null;
    }
}
