package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.time.Clock;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Checks an event about an organization or a membership, and converts it into the form that the SQL takes. A mapping
 * returns one of:
 * <ul>
 * <li>an organization: {@code {entity: "organization", type, id, kind, name, slug, parent_id, created_at, updated_at,
 * deleted_at, raw}}; {@code kind} is organization (if it is missing), team or group; {@code unstated} lists those of
 * name, slug and parent_id that the event does not hold, and that the row keeps;</li>
 * <li>a membership: {@code {entity: "membership", type, id, organization_id, user_id, role, roles, active, created_at,
 * updated_at, deleted_at, raw}}. Without an {@code id} of the provider's own, it is {@code
 * <organization_id>:<user_id>}, with %3A for a colon in the organization's own id. {@code roles} is a list of text; null
 * states nothing, and an empty list states that there are none. {@code role} is the primary one, else the first. {@code
 * active} is false for whoever is invited or suspended;</li>
 * <li>with {@code roles_apart: true}, the same for a provider that reports roles apart from memberships; {@code active}
 * null then states nothing. Without {@code raw} it states only {@code roles} or {@code active}, and makes no row;</li>
 * <li>one role: a membership of type updated with {@code role_given} or {@code role_taken};</li>
 * <li>a complete list: {@code {entity: "membership", type: "listed", organization_id or user_id, updated_at, members:
 * [membership ...]}}; {@code members} null states nothing.</li>
 * </ul>
 * Times, names and the id prefix follow the rules of {@link UserEvent}. Stateless.
 */
public final class EntityEvent {

    private static final Set<String> KINDS = Set.of("organization", "team", "group");
    private static final Set<String> MAY_BE_UNSTATED = Set.of("name", "slug", "parent_id");

    private final JsonNode given;
    private final String prefix;
    private final Clock clock;
    private final ObjectNode event = JsonNodeFactory.instance.objectNode();

    private EntityEvent(JsonNode given, String prefix, Clock clock) {
        this.given = given;
        this.prefix = prefix;
        this.clock = clock;
    }

    /** @throws InvalidUserEvent if a field breaks the rules above; the message names the field and quotes nothing */
    static ObjectNode checked(JsonNode given, Entity entity, String prefix, Clock clock) {
        EntityEvent one = new EntityEvent(given, prefix, clock);
        one.event.put("entity", entity.word());
        String type = given.path("type").asText();
        one.event.put("type", type);
        if (UserEvent.TYPES.contains(type)) {
            one.check(entity);
        } else if (isList(given)) {
            one.list();
        }
        return one.event;
    }

    static boolean isList(JsonNode given) {
        return given.path("type").asText().equals("listed")
                && given.path("members").isArray();
    }

    /** The variable {@code change}, which selects the next route. */
    public static String change(JsonNode event) {
        if (event.has("members")) {
            return "listed";
        }
        return !event.has("id")
                ? "ignored"
                : isRole(event) ? "role" : event.path("entity").textValue();
    }

    public static boolean isRole(JsonNode event) {
        return isOneRole(event) || isApart(event);
    }

    private static boolean isOneRole(JsonNode event) {
        return event.has("role_given") || event.has("role_taken");
    }

    /** Whether an event states only roles, or whether the membership is active. */
    private static boolean isApart(JsonNode event) {
        return event.path("roles_apart").asBoolean()
                && !event.hasNonNull("raw")
                && !event.path("type").asText().equals("deleted");
    }

    private void check(Entity entity) {
        boolean deleted = event.path("type").textValue().equals("deleted");
        if (entity == Entity.ORGANIZATION) {
            event.put("id", UserId.of(given, "id", prefix));
        } else {
            membership();
        }
        if (deleted) {
            event.put("deleted_at", EventTime.of(given, "deleted_at", clock));
            return;
        }
        event.put("created_at", EventTime.of(given, "created_at", clock));
        event.put("updated_at", EventTime.of(given, "updated_at", clock));
        if (isOneRole(event) || isApart(event) && !given.hasNonNull("raw")) {
            return;
        }
        if (!given.path("raw").isObject()) {
            throw new InvalidUserEvent("the profile (raw) is missing or not an object");
        }
        event.set("raw", given.get("raw"));
        if (entity == Entity.ORGANIZATION) {
            organization();
        }
    }

    private void organization() {
        String kind = UserEvent.text(given, "kind");
        if (kind != null && !KINDS.contains(kind)) {
            throw new InvalidUserEvent("kind is none of organization, team and group");
        }
        event.put("kind", kind);
        event.put("name", UserEvent.text(given, "name"));
        event.put("slug", UserEvent.text(given, "slug"));
        event.put("parent_id", id("parent_id"));
        event.put("older_fields", unstated());
    }

    /** The fields that the event does not hold, as the column older_fields keeps them; null if it holds all. */
    private String unstated() {
        ObjectNode fields = JsonNodeFactory.instance.objectNode();
        for (JsonNode field : given.path("unstated")) {
            if (!MAY_BE_UNSTATED.contains(field.asText())) {
                throw new InvalidUserEvent("unstated names something else than name, slug and parent_id");
            }
            fields.putNull(field.asText());
        }
        return fields.isEmpty() ? null : fields.toString();
    }

    private void membership() {
        String organization = id("organization_id");
        String user = id("user_id");
        String own = id("id");
        if (own == null && (organization == null || user == null)) {
            throw new InvalidUserEvent("a membership has neither an id, nor both organization_id and user_id");
        }
        // An index holds both.
        String pair = pair(organization, user);
        String fault = UserId.fault(pair);
        if (fault != null) {
            throw new InvalidUserEvent("organization_id:user_id " + fault);
        }
        event.put("id", own != null ? own : pair);
        event.put("organization_id", organization);
        event.put("user_id", user);
        for (String change : new String[] {"role_given", "role_taken"}) {
            String role = UserEvent.text(given, change);
            if (role != null) {
                event.put(change, role);
            }
        }
        ArrayNode roles = roles();
        String role = UserEvent.text(given, "role");
        if (roles == null && role != null) {
            roles = JsonNodeFactory.instance.arrayNode().add(role);
        }
        event.put(
                "role",
                role != null || roles == null || roles.isEmpty()
                        ? role
                        : roles.get(0).textValue());
        event.set("roles", roles);
        JsonNode active = given.path("active");
        if (!active.isMissingNode() && !active.isNull() && !active.isBoolean()) {
            throw new InvalidUserEvent("active is neither true nor false");
        }
        boolean apart = given.path("roles_apart").asBoolean();
        event.put(
                "active",
                active.isBoolean() ? (Boolean) active.booleanValue() : apart || isOneRole(event) ? null : true);
        if (apart) {
            event.put("roles_apart", true);
        }
    }

    /** The first colon after the prefix ends the organization: two pairs never have one id. */
    private String pair(String organization, String user) {
        String own = organization == null ? "" : organization.substring(prefix.length());
        return prefix + own.replace("%", "%25").replace(":", "%3A") + ":" + user;
    }

    private ArrayNode roles() {
        JsonNode roles = given.path("roles");
        if (roles.isMissingNode() || roles.isNull()) {
            return null;
        }
        if (!roles.isArray()) {
            throw new InvalidUserEvent("roles is not a list");
        }
        Set<String> names = new LinkedHashSet<>();
        for (JsonNode role : roles) {
            if (!role.isTextual()) {
                throw new InvalidUserEvent("roles holds something that is not text");
            }
            if (!role.textValue().isBlank()) {
                names.add(role.textValue().strip());
            }
        }
        ArrayNode distinct = JsonNodeFactory.instance.arrayNode();
        names.forEach(distinct::add);
        return distinct;
    }

    /** A list of all memberships of one organization or user; each becomes an event of its own. */
    private void list() {
        String organization = id("organization_id");
        String user = id("user_id");
        if ((organization == null) == (user == null)) {
            throw new InvalidUserEvent("a list of memberships names either its organization or its user");
        }
        String time = EventTime.of(given, "updated_at", clock);
        if (time == null) {
            throw new InvalidUserEvent("a list of memberships has no updated_at");
        }
        event.put("owner", organization != null ? "organization" : "user");
        event.put("id", organization != null ? organization : user);
        event.put("updated_at", time);
        ArrayNode members = event.putArray("members");
        for (JsonNode member : given.get("members")) {
            if (!member.isObject()) {
                throw new InvalidUserEvent("members holds something that is not an object");
            }
            ObjectNode whole = JsonNodeFactory.instance.objectNode();
            whole.put("type", "updated");
            whole.set("updated_at", given.get("updated_at"));
            whole.setAll((ObjectNode) member);
            String owner = organization != null ? "organization_id" : "user_id";
            whole.set(owner, given.get(owner));
            members.add(checked(whole, Entity.MEMBERSHIP, prefix, clock));
        }
    }

    /** An id with the provider's prefix; null if it is missing or null. */
    private String id(String field) {
        return given.hasNonNull(field) ? UserId.of(given, field, prefix) : null;
    }
}
