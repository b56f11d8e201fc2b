package dev.userssync.resource;

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

/**
 * Reads the document of a resource by its schema: its attributes, and the form in which it is stored. Unknown
 * attributes stay unchanged. Thread-safe.
 */
public final class Document {

    private Document() {}

    /**
     * Converts a document into its stored form. Attributes of the schema have the schema's spelling and types ("True"
     * is true). Unassigned attributes are removed (null and [] are no values, RFC 7643 §2.5), and so are attributes
     * that the client may not set and the password, which must never be returned. At most one value is primary. The
     * setting payload.drop removes other secrets. Unambiguous values in another form are converted, see {@link #form}.
     *
     * @throws BadRequestException invalidValue if an attribute has another type or the required attribute is missing
     */
    public static ObjectNode checked(Schema schema, ObjectNode sent) throws BadRequestException {
        ObjectNode rest = sent.deepCopy();
        ObjectNode kept = Json.object();
        kept.set("schemas", schemas(schema, sent));
        rest.remove(List.of("schemas", "id", "meta")); // users-sync sets them
        for (AttributeDefinition attribute : schema.attributes()) {
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
                        schema == Schema.USER
                                        && other.getValue() instanceof ObjectNode extension
                                        && other.getKey().equalsIgnoreCase(Schema.ENTERPRISE)
                                ? enterprise(extension)
                                : onePrimary(other.getValue()));
            }
        }
        if (text(kept, schema.required) == null) {
            throw BadRequestException.invalidValue(
                    schema.required
                            + " is missing: POST and PUT carry the whole resource; to change some attributes, send PATCH with Operations");
        }
        for (String key : List.of(schema.required, "externalId")) { // a further space makes no other resource
            if (text(kept, key) == null) {
                kept.remove(key);
            } else {
                kept.put(key, text(kept, key));
            }
        }
        return kept;
    }

    private static ObjectNode enterprise(ObjectNode extension) {
        Schema.USER.extensionAttributes().stream()
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

    public static boolean isAssigned(JsonNode value) {
        return value != null && !value.isNull() && !(value.isArray() && value.isEmpty());
    }

    private static boolean isKept(AttributeDefinition attribute) {
        return attribute.getMutability() != Mutability.READ_ONLY && attribute.getReturned() != Returned.NEVER;
    }

    private static ArrayNode schemas(Schema schema, ObjectNode sent) {
        ArrayNode schemas = sent.arrayNode().add(schema.urn);
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
    public static boolean isPrimary(JsonNode value) {
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

    /** The text of an attribute without surrounding space; null if it is missing or blank. */
    public static String text(JsonNode document, String attribute) {
        String text = document.path(attribute).textValue();
        return text == null || text.isBlank() ? null : text.strip();
    }

    public static String lower(String text) {
        return text.toLowerCase(Locale.ROOT);
    }
}
