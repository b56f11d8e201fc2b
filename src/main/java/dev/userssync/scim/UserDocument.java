package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Mutability;
import com.unboundid.scim2.common.types.AttributeDefinition.Returned;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import com.unboundid.scim2.common.utils.SchemaUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Reads the document of a User (RFC 7643 §4.1) by the schema of the SDK: its attributes, the form in which it is
 * stored, and its name and email. Unknown attributes stay unchanged. Thread-safe.
 */
final class UserDocument {

    private static final Pattern ADDRESS = Pattern.compile("[^\\s@]+@[^\\s@]+");

    private UserDocument() {}

    /**
     * Converts a document into its stored form. Attributes of the schema have the schema's spelling and types ("True"
     * is true). Unassigned attributes are removed (null and [] are no values, RFC 7643 §2.5), and so are attributes
     * that the client may not set and the password, which must never be returned. At most one value is primary. The
     * setting payload.drop removes other secrets. Unambiguous values in another form are converted, see {@link #form}.
     *
     * @throws BadRequestException invalidValue if an attribute has another type or userName is missing
     */
    static ObjectNode checked(ObjectNode sent) throws BadRequestException {
        ObjectNode rest = sent.deepCopy();
        ObjectNode kept = Json.object();
        kept.set("schemas", schemas(sent));
        rest.remove(List.of("schemas", "id", "meta")); // users-sync sets them
        for (AttributeDefinition attribute : UserSchema.ATTRIBUTES.values()) {
            JsonNode sentValue = rest.remove(attribute.getName());
            JsonNode value = sentValue == null ? null : AttributeForm.form(sentValue, attribute);
            if (isAssigned(value) && isKept(attribute)) {
                kept.set(attribute.getName(), checked(value, attribute, attribute.getName()));
            }
        }
        for (Map.Entry<String, JsonNode> other : rest.properties()) {
            if (isAssigned(other.getValue())) {
                kept.set(
                        other.getKey(),
                        other.getValue() instanceof ObjectNode extension
                                        && other.getKey().equalsIgnoreCase(UserSchema.ENTERPRISE)
                                ? enterprise(extension)
                                : onePrimary(other.getValue()));
            }
        }
        if (text(kept, "userName") == null) {
            throw BadRequestException.invalidValue(
                    "userName is missing: POST and PUT carry the whole user; to change some attributes, send PATCH with Operations");
        }
        for (String key : List.of("userName", "externalId")) { // a further space makes no other user
            if (text(kept, key) == null) {
                kept.remove(key);
            } else {
                kept.put(key, text(kept, key));
            }
        }
        return kept;
    }

    private static ObjectNode enterprise(ObjectNode extension) {
        UserSchema.ENTERPRISE_ATTRIBUTES.values().stream()
                .filter(attribute -> extension.has(attribute.getName()))
                .forEach(attribute -> {
                    JsonNode value = AttributeForm.form(extension.remove(attribute.getName()), attribute);
                    if (isAssigned(value)) {
                        extension.set(attribute.getName(), value);
                    }
                });
        return extension;
    }

    /** Keeps only the first primary value (RFC 7643 §2.4: "MUST appear no more than once"). */
    private static JsonNode onePrimary(JsonNode values) {
        boolean primary = false;
        for (JsonNode value : values) {
            if (values.isArray() && value instanceof ObjectNode object && isPrimary(object)) {
                if (primary) {
                    object.put("primary", false);
                }
                primary = true;
            } else if (values instanceof ObjectNode) {
                onePrimary(value); // the lists of an extension
            }
        }
        return values;
    }

    static boolean isAssigned(JsonNode value) {
        return value != null && !value.isNull() && !(value.isArray() && value.isEmpty());
    }

    private static boolean isKept(AttributeDefinition attribute) {
        return attribute.getMutability() != Mutability.READ_ONLY && attribute.getReturned() != Returned.NEVER;
    }

    private static ArrayNode schemas(ObjectNode sent) {
        ArrayNode schemas = sent.arrayNode().add(UserSchema.SCHEMA);
        List<String> extensions = new ArrayList<>();
        sent.properties().forEach(attribute -> {
            if (SchemaUtils.isUrn(attribute.getKey()) && isAssigned(attribute.getValue())) {
                extensions.add(attribute.getKey());
            }
        });
        extensions.forEach(schemas::add);
        return schemas;
    }

    private static JsonNode checked(JsonNode value, AttributeDefinition attribute, String name)
            throws BadRequestException {
        if (!attribute.isMultiValued()) {
            return single(value, attribute, name);
        }
        ArrayNode values = JsonNodeFactory.instance.arrayNode();
        for (JsonNode one : value) {
            values.add(single(one, attribute, name));
        }
        return onePrimary(values);
    }

    /** Whether a value is primary, also in Entra ID's spelling "True". */
    static boolean isPrimary(JsonNode value) {
        return value.path("primary").asText().equalsIgnoreCase("true");
    }

    private static JsonNode single(JsonNode value, AttributeDefinition attribute, String name)
            throws BadRequestException {
        if (attribute.getType() == Type.COMPLEX) {
            if (!(value instanceof ObjectNode complex)) {
                throw BadRequestException.invalidValue(
                        name + " must be " + (attribute.isMultiValued() ? "a list of objects" : "an object"));
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
            case BOOLEAN -> {
                if (!value.isBoolean()) {
                    throw BadRequestException.invalidValue(name + " must be true or false");
                }
                yield value;
            }
            case INTEGER, DECIMAL -> value;
            default -> TextNode.valueOf(value.asText());
        };
    }

    /** Whether a user is active, which is the default. */
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
        return first != null
                ? first
                : userName != null && ADDRESS.matcher(userName).matches() ? userName : null;
    }

    /** The text of an attribute without surrounding space; null if it is missing or blank. */
    static String text(JsonNode document, String attribute) {
        String text = document.path(attribute).textValue();
        return text == null || text.isBlank() ? null : text.strip();
    }

    static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }
}
