package dev.userssync.resource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.NullNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import java.util.List;

/** Converts values into the form of their attribute, and compares them. Thread-safe. */
public final class AttributeForm {

    private AttributeForm() {}

    /**
     * Converts a value into the form of its attribute, if the client's own form is unambiguous: "True" for true (Entra
     * ID), a text for a complex value ({@code manager: "oid"} of Entra ID, {@code emails: ["a@b.example"]} of WSO2,
     * {@code name: "Ada"}), a list of one for a single value, a single value for a list. Anything else stays unchanged,
     * and so does null.
     */
    static JsonNode form(JsonNode value, AttributeDefinition attribute) {
        if (!attribute.isMultiValued() || value.isNull()) {
            return one(value, attribute);
        }
        ArrayNode values = JsonNodeFactory.instance.arrayNode();
        for (JsonNode each : value.isArray() ? value : List.of(value)) {
            JsonNode formed = one(each, attribute);
            if (Document.isAssigned(formed)) {
                values.add(formed);
            }
        }
        return values;
    }

    /** As {@link #form}, for one of the values. */
    static JsonNode one(JsonNode value, AttributeDefinition attribute) {
        if (value.isArray() && value.size() == 1) {
            return one(value.get(0), attribute);
        }
        if (attribute.getType() == Type.COMPLEX) {
            if (value instanceof ObjectNode complex) {
                ObjectNode formed = complex.deepCopy();
                for (AttributeDefinition sub : attribute.getSubAttributes()) {
                    if (formed.has(sub.getName())) {
                        formed.set(sub.getName(), form(formed.get(sub.getName()), sub));
                    }
                }
                return formed;
            }
            if (Schema.textPart(attribute) == null || !value.isTextual() && !value.isNumber()) {
                return value;
            }
            return value.asText().isBlank()
                    ? NullNode.instance
                    : Json.object().put(Schema.textPart(attribute), value.asText());
        }
        if (value instanceof ObjectNode holder && holder.path("value").isValueNode()) {
            return one(holder.get("value"), attribute); // Entra ID: [{"$ref": null, "value": "False"}]
        }
        boolean isBoolean = attribute.getType() == Type.BOOLEAN && value.isTextual();
        return isBoolean && value.textValue().equalsIgnoreCase("true")
                ? BooleanNode.TRUE
                : isBoolean && value.textValue().equalsIgnoreCase("false") ? BooleanNode.FALSE : value;
    }

    /**
     * Whether a value of a list holds more than nothing or its primary flag. Otherwise it would equal every other
     * value.
     */
    static boolean saysWhich(ObjectNode value) {
        return value.properties().stream()
                .anyMatch(part -> !part.getKey().equalsIgnoreCase("primary") && Document.isAssigned(part.getValue()));
    }

    /**
     * Whether two values of a list are the same: the same {@code value} and no other type, or everything that the
     * second holds.
     */
    static boolean isSame(ObjectNode known, ObjectNode other, AttributeDefinition attribute) {
        String value = Document.text(other, "value");
        if (value == null) {
            return saysWhich(other)
                    && other.properties().stream()
                            .allMatch(part -> part.getKey().equalsIgnoreCase("primary")
                                    || part.getValue().equals(known.get(part.getKey())));
        }
        String knownValue = Document.text(known, "value");
        boolean caseCounts = attribute.getSubAttributes().stream()
                .anyMatch(sub -> sub.getName().equals("value") && sub.isCaseExact());
        String type = Document.text(other, "type");
        String knownType = Document.text(known, "type");
        return (caseCounts ? value.equals(knownValue) : value.equalsIgnoreCase(knownValue))
                && (type == null || knownType == null || type.equalsIgnoreCase(knownType));
    }
}
