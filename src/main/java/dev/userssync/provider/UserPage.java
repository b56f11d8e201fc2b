package dev.userssync.provider;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.event.Entity;
import dev.userssync.event.EntityEvent;
import dev.userssync.event.JsonBody;
import dev.userssync.event.StorableText;
import dev.userssync.event.UserEvent;
import dev.userssync.payload.Mapping;
import dev.userssync.settings.ContextBean;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.support.DefaultExchange;

/**
 * One page of a provider's users, organizations or memberships. In, from the provider's poll route, a JSON object:
 * <ul>
 * <li>{@code users}, {@code organizations} or {@code members}: each in the envelope of the provider's webhook, so that
 * the same mapping serves both;</li>
 * <li>{@code fetch}: ids of users to fetch one by one, if a feed only reports that they changed;</li>
 * <li>{@code cursor}: the position of the next page (any JSON; {@code after} is an array of ids, and if the provider
 * refuses one, the next is tried);</li>
 * <li>{@code more}: whether there is another page now; {@code restart}: true if the position is lost and the listing
 * must start again;</li>
 * <li>{@code retreat}: for pages by offset, the position to return to if the page does not start with a user seen
 * before;</li>
 * <li>{@code inside}: true if the page is of one of many lists inside the listing, any of which may be empty;</li>
 * <li>{@code complete}: in a feed of changed organizations, one of which all members were listed: {@code {organization,
 * users, at}}, with the provider's own ids and the time before the first request;</li>
 * <li>{@code without}: a kind of organization that the API key may not list, so that none of it is missing;</li>
 * <li>{@code total}: the number of users at the provider, if it reports one.</li>
 * </ul>
 * Thread-safe.
 */
@BindToRegistry("user-page")
public final class UserPage extends ContextBean {

    /** Writes lone surrogates as escapes. Without them the driver would silently write "?". */
    private static final ObjectMapper JSON = JsonBody.MAPPER;

    /** The field of a page for the variable {@code lists}: what the poller lists now. */
    private static final Map<String, String> FIELDS =
            Map.of("user", "users", "organization", "organizations", "membership", "members");

    private final Mapping mapping = new Mapping();
    private ProducerTemplate template;

    /**
     * Maps and checks the users without applying them. In: the variable {@code lists} (user, organization or
     * membership). Out: the variables {@code mapped} (for each user its events), {@code events} (JSON text: those events,
     * each with the place {@code n} of its user), {@code entities} (the same of organizations and memberships),
     * {@code always} (those that are applied without a comparison with a row), {@code beside} (whether there are any of
     * these two), {@code ids} of what is listed, and those of the page's bookkeeping.
     *
     * @throws ApiFailure if the body is not a page
     */
    public void map(Exchange exchange) throws Exception {
        JsonNode page = exchange.getMessage().getBody(JsonNode.class);
        String lists = exchange.getVariable("lists", String.class);
        String field = FIELDS.get(lists);
        if (page == null || !page.path(field).isArray() && !page.path("fetch").isArray()) {
            throw new ApiFailure(0, null, "its API answered without a list of " + field);
        }
        List<List<Exchange>> mapped = new ArrayList<>();
        ArrayNode events = JSON.createArrayNode();
        ArrayNode entities = JSON.createArrayNode();
        ArrayNode always = JSON.createArrayNode();
        ArrayNode ids = JSON.createArrayNode();
        for (JsonNode listed : page.path(field)) {
            for (List<Exchange> place : places(lists, checked(exchange, listed))) {
                for (Exchange one : place) {
                    ObjectNode event = one.getMessage().getBody(ObjectNode.class);
                    Entity entity = Entity.of(event);
                    if (UserEvent.TYPES.contains(event.path("type").asText()) && !EntityEvent.isRole(event)) {
                        (entity == Entity.USER ? events : entities)
                                .addObject()
                                .put("n", mapped.size())
                                .setAll(event);
                        if (entity.word().equals(lists)) {
                            ids.add(event.path("id"));
                        }
                    } else if (entity != Entity.USER) {
                        always.add(PageDifferences.toApply(mapped.size(), event));
                    }
                }
                mapped.add(place);
            }
        }
        List<String> fetch = new ArrayList<>();
        page.path("fetch").forEach(id -> fetch.add(id.asText()));
        exchange.setVariable("mapped", mapped);
        exchange.setVariable("fetch", fetch.stream().distinct().toList());
        exchange.setVariable("always", always);
        exchange.setVariable("beside", !entities.isEmpty() || !always.isEmpty());
        exchange.setVariable("events", StorableText.ofJson(JSON.writeValueAsString(events)));
        exchange.setVariable("entities", StorableText.ofJson(JSON.writeValueAsString(entities)));
        exchange.setVariable("ids", JSON.writeValueAsString(ids));
        exchange.setVariable("firstId", ids.isEmpty() ? null : ids.get(0).asText());
        exchange.setVariable("next", page.hasNonNull("cursor") ? JSON.writeValueAsString(page.get("cursor")) : null);
        exchange.setVariable(
                "retreat", page.hasNonNull("retreat") ? JSON.writeValueAsString(page.get("retreat")) : null);
        exchange.setVariable(
                "complete", page.hasNonNull("complete") ? JSON.writeValueAsString(page.get("complete")) : null);
        exchange.setVariable("more", page.path("more").asBoolean(false));
        exchange.setVariable("inside", page.path("inside").asBoolean(false));
        exchange.setVariable("without", page.path("without").textValue());
        exchange.setVariable("restart", page.path("restart").asBoolean(false));
        exchange.setVariable(
                "total",
                page.path("total").isIntegralNumber() ? page.get("total").asText() : null);
    }

    /** The events that are applied together: those of one user; each about an organization or membership alone. */
    private static List<List<Exchange>> places(String lists, List<Exchange> checked) {
        return lists.equals(Entity.USER.word())
                        && checked.stream()
                                .allMatch(one -> Entity.of(one.getMessage().getBody(JsonNode.class)) == Entity.USER)
                ? List.of(checked)
                : checked.stream().map(List::of).toList();
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
     * Applies one user, as if a webhook had reported it; what a backfill finds is marked as {@code initial}. In: the body, of {@link PageDifferences#changed}. A user that cannot be
     * applied is parked and does not stop the others.
     *
     * @throws IllegalStateException if it was not committed
     */
    public void apply(Exchange exchange) throws Exception {
        List<List<Exchange>> mapped = exchange.getVariable("mapped", List.class);
        boolean initial =
                "backfill".equals(exchange.getVariable("job")) && !"changes".equals(exchange.getVariable("unit"));
        for (Object each : exchange.getMessage().getBody(List.class)) {
            JsonNode difference = (JsonNode) each;
            for (Exchange one : mapped.get(difference.path("n").intValue())) {
                if (difference.path("stamp").isTextual()) {
                    UserEvent.prove(
                            one.getMessage().getBody(ObjectNode.class),
                            difference.path("stamp").textValue());
                }
                if (initial) {
                    one.getMessage().getBody(ObjectNode.class).put("initial", true);
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
