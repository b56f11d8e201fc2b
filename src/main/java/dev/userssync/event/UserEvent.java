package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import java.time.Clock;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Checks the result of a mapping and converts it into the form that the SQL takes. In and out: a JSON object
 * {@code {type, id, raw, name, email, created_at, updated_at, deleted_at}}, or an array with one. Also out: the
 * variable {@code change}, the kind of the change, which selects the next route. An array of several events passes
 * unchecked ({@code change} = several).
 * <ul>
 * <li>{@code type}: text. Any type but created, updated and deleted passes unchecked and is ignored.</li>
 * <li>{@code id}: text of 1 to 2,600 bytes in UTF-8, see {@link UserId}.</li>
 * <li>times, in: epoch milliseconds, epoch seconds (below 10^11) or ISO 8601 with offset, from the year 2000 to a day
 * ahead; out: ISO 8601 in UTC, cut to Postgres' microseconds.</li>
 * <li>{@code name}, {@code email}: text or null; blank becomes null.</li>
 * <li>{@code raw}: an object. For a deleted user it is not read: the row keeps its profile.</li>
 * <li>{@code partial}, in only: true when an upsert holds only the changed fields, to be merged ({@code change} =
 * merged).</li>
 * <li>{@code fetch}, in only: true when the payload only says that the user changed. With {@code <provider>.api.key}
 * users-sync fetches the user ({@code change} = fetched, variables {@code userId}: the provider's own id; {@code told},
 * {@code toldAs}, {@code toldAt}: the event for the case that the API does not know the user yet). Without the key the
 * event is merged, or applied when {@code partial} is false.</li>
 * <li>{@code ask}, in only: true when a deletion is announced, not done. With the API key users-sync asks for the user
 * within seconds ({@code change} = asked). Without it the event is ignored ({@code change} = announced).</li>
 * <li>{@code inactive}, in only: whether an upsert's user is inactive at the provider, or until when; null when a
 * partial event does not contain it. With {@code <provider>.inactive} = deleted such an event has {@code deleted_at},
 * too ({@code change} = deleted, or merged).</li>
 * <li>{@code <provider>.id.prefix} is put before the id; a mapping never sees it.</li>
 * </ul>
 * Thread-safe.
 */
@BindToRegistry("user-event")
public final class UserEvent extends ContextBean implements Processor {

    /** The types that change a row. */
    public static final Set<String> TYPES = Set.of("created", "updated", "deleted");

    private static final Set<String> UPSERTS = Set.of("created", "updated");

    /**
     * The variable with the event that was checked last, which passes unchecked: the poller checks first, and applies
     * later only the events that would change a row.
     */
    static final String CHECKED = "checked";
    /**
     * The variable that is true when the provider's data must replace the row, because it disproves a deletion or a
     * version in the row.
     */
    public static final String PROVED = "proved";

    private final Clock clock;
    private final Map<String, Settings> settings = new ConcurrentHashMap<>();

    public UserEvent() {
        this(Clock.systemUTC());
    }

    UserEvent(Clock clock) {
        this.clock = clock;
    }

    /** The settings of one provider. */
    private record Settings(
            String idPrefix, boolean apiKey, boolean once, boolean inactiveIsDeleted, boolean organizations) {}

    /**
     * @throws InvalidUserEvent if a field breaks the rules above; the message names the field and never quotes a text
     */
    @Override
    public void process(Exchange exchange) {
        JsonNode given = exchange.getMessage().getBody(JsonNode.class);
        if (given != null && given == exchange.getVariable(CHECKED)) {
            return;
        }
        if (given instanceof ArrayNode events) {
            if (events.size() != 1) {
                exchange.setVariable("change", "several");
                return;
            }
            given = events.get(0);
        }
        Settings own = settings.computeIfAbsent(
                exchange.getVariable("provider", "", String.class),
                provider -> new Settings(
                        Setting.of(context, provider + Providers.ID_PREFIX),
                        !Setting.of(context, provider + Providers.API_KEY).isEmpty(),
                        new Providers(context).isReplayProtected(provider),
                        Setting.of(context, provider + Providers.INACTIVE).equals("deleted"),
                        !Setting.of(context, provider + Providers.ORGANIZATIONS).equals("off")));
        String idPrefix = exchange.getVariable(UserId.PREFIX, own.idPrefix, String.class);
        Entity entity = given == null ? Entity.USER : Entity.of(given);
        if (entity != Entity.USER) {
            if (!own.organizations) { // not even checked, so that nothing is parked
                exchange.setVariable("change", "off");
                exchange.getMessage().setBody(given);
                return;
            }
            ObjectNode event = EntityEvent.checked(given, entity, idPrefix, clock);
            sent(exchange, event, own);
            exchange.setVariable("change", EntityEvent.change(event));
            return;
        }
        ObjectNode event = checked(given, idPrefix);
        String change = event.path("type").textValue();
        boolean fetch = UPSERTS.contains(change) && given.path("fetch").asBoolean();
        if (UPSERTS.contains(change) && given.path("partial").asBoolean(fetch)) {
            change = "merged";
        } else if (change.equals("deleted") && given.path("ask").asBoolean()) {
            exchange.setVariable("userId", given.path("id").textValue());
            change = own.apiKey ? "asked" : "announced";
        }
        if (Boolean.TRUE.equals(exchange.getVariable(PROVED))) {
            prove(event, exchange.getVariable("stamp", String.class));
        }
        if (own.inactiveIsDeleted && event.has("raw")) {
            change = switchedOff(exchange, given.path("inactive"), event, change);
        }
        if (fetch && own.apiKey) {
            exchange.setVariable("userId", given.path("id").textValue());
            exchange.setVariable("told", event);
            exchange.setVariable("toldAs", change);
            exchange.setVariable("toldAt", MergeRule.profileVersion(event));
            change = "fetched";
        }
        sent(exchange, event, own);
        exchange.setVariable("change", change);
    }

    /** Adds the sender, for the log of decisions. It does not come from the mapping. */
    private static void sent(Exchange exchange, ObjectNode event, Settings own) {
        event.put("provider", exchange.getVariable("provider", String.class));
        String delivery = exchange.getVariable("delivery-id", String.class);
        event.put("delivery", delivery);
        if (own.once && delivery != null) {
            // Each event of a delivery is remembered when it is applied.
            event.put("once", delivery + " " + exchange.getVariable(DeliveredEvents.PLACE, 0, Integer.class));
        }
        for (JsonNode member : event.path("members")) {
            ((ObjectNode) member).set("provider", event.get("provider"));
            ((ObjectNode) member).put("delivery", delivery);
        }
        exchange.setVariable(CHECKED, event);
        exchange.getMessage().setBody(event);
    }

    /** Makes the event replace the row: an upsert gets the stamp as its version, unless its own version is later. */
    public static void prove(ObjectNode event, String stamp) {
        if (event.has("raw")) {
            event.put("updated_at", later(stamp, event.path("updated_at").textValue()));
        }
    }

    /**
     * Gives an inactive user a profile and a deletion in one event. The deletion has the profile's version. From an API
     * it has the time of the request, because an old profile would otherwise be purged at once.
     */
    private String switchedOff(Exchange exchange, JsonNode inactive, ObjectNode event, String change) {
        boolean partial = change.equals("merged");
        if (isInactive(inactive)) {
            String version = MergeRule.profileVersion(event);
            event.put(
                    "deleted_at",
                    MergeRule.latest(version, version == null ? null : exchange.getVariable("stamp", String.class)));
            if (version == null) {
                event.put("type", "deleted"); // the database sets the time
            }
            return partial && version != null ? change : "deleted";
        }
        if (partial
                && (inactive.isMissingNode() || inactive.isNull())
                && event.path("type").textValue().equals("updated")) {
            event.put("keeps_deletion", true); // a partial event without the flag activates nobody
        }
        return change;
    }

    /**
     * Whether the user is inactive now. A ban may end without an event, so its time decides; "infinity" is Postgres'
     * word for no end.
     */
    private boolean isInactive(JsonNode inactive) {
        return inactive.isBoolean()
                ? inactive.booleanValue()
                : inactive.isTextual()
                        && (inactive.textValue().equals("infinity")
                                || EventTime.instant(inactive, "inactive").isAfter(clock.instant()));
    }

    ObjectNode checked(JsonNode event) {
        return checked(event, "");
    }

    private ObjectNode checked(JsonNode event, String idPrefix) {
        if (event == null || !event.isObject()) {
            throw new InvalidUserEvent("the mapping did not return an object");
        }
        JsonNode type = event.path("type");
        if (!type.isTextual()) {
            throw new InvalidUserEvent("type is missing or not text");
        }
        ObjectNode checked = JsonNodeFactory.instance.objectNode();
        checked.set("type", type);
        if (UPSERTS.contains(type.textValue())) {
            checked.put("id", UserId.of(event, "id", idPrefix));
            JsonNode raw = event.path("raw");
            if (!raw.isObject()) {
                throw new InvalidUserEvent("the profile (raw) is missing or not an object");
            }
            checked.set("raw", raw);
            checked.put("name", text(event, "name"));
            checked.put("email", text(event, "email"));
            checked.put("created_at", EventTime.of(event, "created_at", clock));
            checked.put("updated_at", EventTime.of(event, "updated_at", clock));
        } else if (type.textValue().equals("deleted")) {
            checked.put("id", UserId.of(event, "id", idPrefix));
            checked.put("deleted_at", EventTime.of(event, "deleted_at", clock));
        }
        return checked;
    }

    static String text(JsonNode event, String field) {
        JsonNode text = event.path(field);
        if (text.isMissingNode() || text.isNull()) {
            return null;
        }
        if (!text.isTextual()) {
            throw new InvalidUserEvent(field + " is not text");
        }
        return text.textValue().isBlank() ? null : text.textValue().strip();
    }

    /** The later of two times of ISO 8601 in UTC; the second may be null. */
    private static String later(String stamp, String time) {
        return time == null || Instant.parse(time).isBefore(Instant.parse(stamp)) ? stamp : time;
    }
}
