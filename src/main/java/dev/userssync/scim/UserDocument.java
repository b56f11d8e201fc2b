package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Mutability;
import com.unboundid.scim2.common.types.AttributeDefinition.Returned;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import com.unboundid.scim2.common.types.UserResource;
import com.unboundid.scim2.common.utils.SchemaUtils;
import java.beans.IntrospectionException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What a User (RFC 7643 §4.1) is here, by the schema that the SDK ships: which attributes there are, how a document must look to be
 * kept, and what of it becomes name and email. Attributes that the schema does not know are kept as they are. Thread-safe.
 */
final class UserDocument {

    /** Every document that is kept names it, and so the rows of SCIM are told from those of other providers. */
    static final String SCHEMA = "urn:ietf:params:scim:schemas:core:2.0:User";
    static final String ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    private static final Pattern ADDRESS = Pattern.compile("[^\\s@]+@[^\\s@]+");
    private static final Map<String, AttributeDefinition> ATTRIBUTES = attributes();

    private UserDocument() {
    }

    private static Map<String, AttributeDefinition> attributes() {
        Collection<AttributeDefinition> all = new ArrayList<>(SchemaUtils.COMMON_ATTRIBUTE_DEFINITIONS);
        try {
            all.addAll(SchemaUtils.getAttributes(UserResource.class));
        } catch (IntrospectionException e) {
            throw new IllegalStateException(e);
        }
        Map<String, AttributeDefinition> byName = new LinkedHashMap<>();
        all.forEach(attribute -> byName.put(lower(attribute.getName()), attribute));
        return byName;
    }

    /** The definition of an attribute or, for a path of two names, of a sub-attribute; null if the schema does not know it. */
    static AttributeDefinition attribute(Path path) {
        if (path.size() == 0 || path.getSchemaUrn() != null && !path.getSchemaUrn().equalsIgnoreCase(SCHEMA)) {
            return null;
        }
        Iterator<Path.Element> names = path.iterator();
        AttributeDefinition found = ATTRIBUTES.get(lower(names.next().getAttribute()));
        while (names.hasNext() && found != null) {
            String name = names.next().getAttribute();
            found = found.getSubAttributes() == null ? null : found.getSubAttributes().stream()
                    .filter(sub -> sub.getName().equalsIgnoreCase(name)).findFirst().orElse(null);
        }
        return found;
    }

    /**
     * The form in which a document is kept: attributes of the schema under the schema's own spelling and of its types ("True" is
     * true), nothing unassigned (null and [] are no values, RFC 7643 §2.5), no more than one primary value, nothing that the client
     * may not set, and nothing that must never be returned: the password. Other secrets are the setting payload.drop's.
     *
     * @throws BadRequestException invalidValue if an attribute has another type or userName is missing
     */
    static ObjectNode checked(ObjectNode sent) throws BadRequestException {
        ObjectNode rest = sent.deepCopy();
        ObjectNode kept = Json.object();
        kept.set("schemas", schemas(sent));
        rest.remove(List.of("schemas", "id", "meta")); // ours to say
        for (AttributeDefinition attribute : ATTRIBUTES.values()) {
            JsonNode value = rest.remove(attribute.getName());
            if (isAssigned(value) && isKept(attribute)) {
                kept.set(attribute.getName(), checked(value, attribute, attribute.getName()));
            }
        }
        for (Map.Entry<String, JsonNode> other : rest.properties()) {
            if (isAssigned(other.getValue())) {
                kept.set(other.getKey(), other.getValue());
            }
        }
        if (text(kept, "userName") == null) {
            throw BadRequestException.invalidValue("userName is missing");
        }
        kept.put("userName", text(kept, "userName")); // a space more makes no other user
        return kept;
    }

    private static boolean isAssigned(JsonNode value) {
        return value != null && !value.isNull() && !(value.isArray() && value.isEmpty());
    }

    private static boolean isKept(AttributeDefinition attribute) {
        return attribute.getMutability() != Mutability.READ_ONLY && attribute.getReturned() != Returned.NEVER;
    }

    private static ArrayNode schemas(ObjectNode sent) {
        ArrayNode schemas = sent.arrayNode().add(SCHEMA);
        List<String> extensions = new ArrayList<>();
        sent.properties().forEach(attribute -> {
            if (SchemaUtils.isUrn(attribute.getKey()) && isAssigned(attribute.getValue())) {
                extensions.add(attribute.getKey());
            }
        });
        extensions.forEach(schemas::add);
        return schemas;
    }

    private static JsonNode checked(JsonNode value, AttributeDefinition attribute, String name) throws BadRequestException {
        if (!attribute.isMultiValued()) {
            return single(value, attribute, name);
        }
        ArrayNode values = ((ObjectNode) Json.object()).arrayNode();
        boolean primary = false;
        for (JsonNode one : value.isArray() ? value : List.of(value)) {
            JsonNode checked = single(one, attribute, name);
            if (isPrimary(checked)) {
                if (primary) {
                    ((ObjectNode) checked).put("primary", false);
                }
                primary = true;
            }
            values.add(checked);
        }
        return values;
    }

    static boolean isPrimary(JsonNode value) {
        return value.path("primary").asBoolean();
    }

    private static JsonNode single(JsonNode value, AttributeDefinition attribute, String name) throws BadRequestException {
        if (attribute.getType() == Type.COMPLEX) {
            if (!(value instanceof ObjectNode complex)) {
                throw BadRequestException.invalidValue(name + " must be " + (attribute.isMultiValued() ? "a list of objects" : "an object"));
            }
            ObjectNode rest = complex.deepCopy();
            ObjectNode kept = Json.object();
            for (AttributeDefinition sub : attribute.getSubAttributes()) {
                JsonNode subValue = rest.remove(sub.getName());
                if (isAssigned(subValue)) {
                    kept.set(sub.getName(), checked(subValue, sub, name + "." + sub.getName()));
                }
            }
            rest.properties().forEach(other -> {
                if (isAssigned(other.getValue())) {
                    kept.set(other.getKey(), other.getValue());
                }
            });
            return kept;
        }
        if (!value.isValueNode()) {
            throw BadRequestException.invalidValue(name + " must be a single value");
        }
        return switch (attribute.getType()) {
            case BOOLEAN -> bool(value, name);
            case INTEGER, DECIMAL -> value;
            default -> TextNode.valueOf(value.asText());
        };
    }

    /** Entra ID writes booleans as text: "True", "False". */
    private static BooleanNode bool(JsonNode value, String name) throws BadRequestException {
        return switch (lower(value.asText())) {
            case "true" -> BooleanNode.TRUE;
            case "false" -> BooleanNode.FALSE;
            default -> throw BadRequestException.invalidValue(name + " must be true or false");
        };
    }

    /** A user is active unless the client says otherwise. */
    static boolean isActive(ObjectNode user) {
        return user.path("active").asBoolean(true);
    }

    /** displayName, else name.formatted, else given and family name; null if there is none. */
    static String name(ObjectNode user) {
        ObjectNode name = user.path("name") instanceof ObjectNode object ? object : Json.object();
        String display = text(user, "displayName");
        String formatted = text(name, "formatted");
        if (display != null || formatted != null) {
            return display != null ? display : formatted;
        }
        String given = text(name, "givenName");
        String family = text(name, "familyName");
        return given == null ? family : family == null ? given : given + " " + family;
    }

    /** The primary address, else the first, else the userName if it looks like one; null if there is none. */
    static String email(ObjectNode user) {
        String first = null;
        for (JsonNode email : user.path("emails")) {
            String address = text(email, "value");
            if (address != null && isPrimary(email)) {
                return address;
            }
            first = first == null ? address : first;
        }
        String userName = text(user, "userName");
        return first != null ? first : userName != null && ADDRESS.matcher(userName).matches() ? userName : null;
    }

    /** An attribute's text without space around it; null if it is not there or blank. */
    static String text(JsonNode document, String attribute) {
        String text = document.path(attribute).textValue();
        return text == null || text.isBlank() ? null : text.strip();
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }
}
