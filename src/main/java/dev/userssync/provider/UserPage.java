package dev.userssync.provider;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.Failure;
import dev.userssync.event.JsonBody;
import dev.userssync.event.StorableText;
import dev.userssync.event.UserEvent;
import dev.userssync.payload.Mapping;
import dev.userssync.settings.ContextBean;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
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
public final class UserPage extends ContextBean {

    /** Writes lone surrogates as escapes. Without them the driver would silently write "?". */
    private static final ObjectMapper JSON = JsonBody.MAPPER;

    private final Mapping mapping = new Mapping();
    private ProducerTemplate template;

    /**
     * Maps and checks the users without applying them. Out: the variables {@code mapped} (for each user its events),
     * {@code events} (JSON text: those events, each with the place {@code n} of its user), {@code ids} and those of the
     * page's bookkeeping.
     *
     * @throws ApiFailure if the body is not a page
     */
    public void map(Exchange exchange) throws Exception {
        JsonNode page = exchange.getMessage().getBody(JsonNode.class);
        if (page == null || !page.path("users").isArray() && !page.path("fetch").isArray()) {
            throw new ApiFailure(0, null, "its API answered without a list of users");
        }
        List<List<Exchange>> mapped = new ArrayList<>();
        ArrayNode events = JSON.createArrayNode();
        ArrayNode ids = JSON.createArrayNode();
        for (JsonNode user : page.path("users")) {
            List<Exchange> checked = checked(exchange, user);
            for (Exchange one : checked) {
                ObjectNode event = one.getMessage().getBody(ObjectNode.class);
                if (UserEvent.TYPES.contains(event.path("type").asText())) {
                    events.addObject().put("n", mapped.size()).setAll(event);
                    ids.add(event.path("id"));
                }
            }
            mapped.add(checked);
        }
        List<String> fetch = new ArrayList<>();
        page.path("fetch").forEach(id -> fetch.add(id.asText()));
        exchange.setVariable("mapped", mapped);
        exchange.setVariable("fetch", fetch.stream().distinct().toList());
        exchange.setVariable("differences", "[]");
        exchange.setVariable("events", StorableText.ofJson(JSON.writeValueAsString(events)));
        exchange.setVariable("ids", JSON.writeValueAsString(ids));
        exchange.setVariable("firstId", ids.isEmpty() ? null : ids.get(0).asText());
        exchange.setVariable("next", page.hasNonNull("cursor") ? JSON.writeValueAsString(page.get("cursor")) : null);
        exchange.setVariable(
                "retreat", page.hasNonNull("retreat") ? JSON.writeValueAsString(page.get("retreat")) : null);
        exchange.setVariable("more", page.path("more").asBoolean(false));
        exchange.setVariable("restart", page.path("restart").asBoolean(false));
        exchange.setVariable(
                "total",
                page.path("total").isIntegralNumber() ? page.get("total").asText() : null);
    }

    /**
     * The checked user events of one user, each in an exchange of its own. A user that cannot be mapped, or an invalid
     * event, was parked.
     */
    private List<Exchange> checked(Exchange exchange, JsonNode user) throws Exception {
        Exchange delivery = PolledUser.delivery(exchange, user);
        mapping.process(delivery);
        if (delivery.getException() != null) {
            throw delivery.getException();
        }
        List<Exchange> checked = new ArrayList<>(1);
        for (Exchange one : isAnswered(delivery) ? List.<Exchange>of() : parts(delivery)) {
            template.send("direct:poll-check", one);
            if (one.getException() != null) {
                throw one.getException();
            }
            if (!isAnswered(one)) {
                checked.add(one);
            }
        }
        return checked;
    }

    private List<Exchange> parts(Exchange delivery) {
        if (!(delivery.getMessage().getBody() instanceof ArrayNode events) || events.size() == 1) {
            return List.of(delivery);
        }
        List<Exchange> parts = new ArrayList<>();
        for (JsonNode event : events) {
            Exchange part = new DefaultExchange(context);
            delivery.getVariables().forEach(part::setVariable);
            part.setVariable(DeliveredEvents.PART, event);
            part.getMessage().setBody(event);
            parts.add(part);
        }
        return parts;
    }

    /** Whether the error handler has answered, as it does for a webhook. */
    private static boolean isAnswered(Exchange one) {
        return one.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE) != null;
    }

    /**
     * Applies all user events, because the database cannot read one of them. So only that one is parked.
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
        for (JsonNode event : JSON.readTree(exchange.getVariable("events", String.class))) {
            differences
                    .addObject()
                    .put("n", event.path("n").intValue())
                    .put("id", event.path("id").asText())
                    .put("kind", "stale")
                    .put("wrong", false)
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
        for (JsonNode difference : differences(exchange)) {
            if (isUndead(difference)) {
                users.put(difference.path("user").asText(), true);
            }
        }
        exchange.getMessage()
                .setBody(users.entrySet().stream()
                        .map(user -> Map.of("user", user.getKey(), "proved", user.getValue()))
                        .toList());
    }

    private static JsonNode differences(Exchange exchange) throws Exception {
        return JSON.readTree(exchange.getVariable("differences", String.class));
    }

    private static boolean isUndead(JsonNode difference) {
        return difference.path("kind").asText().equals("undead");
    }

    /**
     * Applies one user, as if a webhook had reported it. In: the body, of {@link #changed}. A user that cannot be
     * applied is parked and does not stop the others.
     *
     * @throws IllegalStateException if it was not committed
     */
    public void apply(Exchange exchange) throws Exception {
        List<List<Exchange>> mapped = exchange.getVariable("mapped", List.class);
        for (Object each : exchange.getMessage().getBody(List.class)) {
            JsonNode difference = (JsonNode) each;
            for (Exchange one : mapped.get(difference.path("n").intValue())) {
                if (difference.path("stamp").isTextual()) {
                    UserEvent.prove(
                            one.getMessage().getBody(ObjectNode.class),
                            difference.path("stamp").textValue());
                }
                template.send("direct:user-changed", one);
                if (one.getException() != null) {
                    throw one.getException();
                }
                if (one.getMessage()
                        .getHeader(Exchange.HTTP_RESPONSE_CODE, "", String.class)
                        .equals("503")) {
                    throw new IllegalStateException("the database did not take a page of users: "
                            + one.getVariable("safeReason", "see the log", String.class));
                }
            }
        }
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.template = context.createProducerTemplate();
    }
}
