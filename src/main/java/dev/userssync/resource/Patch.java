package dev.userssync.resource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.PatchOperation;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Mutability;
import com.unboundid.scim2.common.utils.FilterEvaluator;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.StreamSupport;

/**
 * Applies a PATCH request (RFC 7644 §3.5.2) with the SDK. This class only converts known dialects into the SDK's form:
 * op in any case, operations without a path whose keys are paths (Entra ID), null for "remove", one value for a list,
 * the schema before an attribute, and a value with a remove. If a filter matches nothing, add and replace both create
 * the value, as Entra ID expects. This class adds the values of lists itself, because the SDK adds duplicates.
 * Thread-safe.
 */
public final class Patch {

    private Patch() {}

    /**
     * Returns the document after all operations, not yet checked. The given document stays unchanged.
     *
     * @throws ScimException (400) invalidSyntax, invalidPath, invalidValue, noTarget or mutability
     */
    public static ObjectNode apply(Schema schema, ObjectNode resource, ObjectNode request) throws ScimException {
        if (!request.has("Operations")) {
            throw BadRequestException.invalidSyntax(
                    "Operations is missing: send {\"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"], \"Operations\":"
                            + " [{\"op\": \"replace\", \"path\": \"displayName\", \"value\": \"...\"}]}; the whole resource goes with PUT");
        }
        if (!(request.path("Operations") instanceof ArrayNode operations) || operations.isEmpty()) {
            throw BadRequestException.invalidSyntax("Operations must be a list of one operation or more");
        }
        ObjectNode patched = resource.deepCopy();
        for (JsonNode operation : operations) {
            JsonNode path = operation.path("path");
            if (!operation.path("op").isTextual() || !path.isTextual() && !path.isMissingNode() && !path.isNull()) {
                throw BadRequestException.invalidSyntax(
                        "every operation needs op, a text, and path, a text, or no path");
            }
            ObjectNode before = patched.deepCopy();
            apply(
                    schema,
                    patched,
                    Document.lower(operation.path("op").textValue()),
                    path.isTextual() ? path.textValue().strip() : "",
                    operation.path("value"));
            demoteFormerPrimaries(before, patched);
        }
        return patched;
    }

    private static void apply(Schema schema, ObjectNode resource, String op, String path, JsonNode value)
            throws ScimException {
        if (!List.of("add", "replace", "remove").contains(op)) {
            throw BadRequestException.invalidSyntax("op must be add, replace or remove");
        }
        if (!path.isEmpty()) {
            applyAt(schema, resource, op, PatchPath.of(schema, path, resource, false), value);
            return;
        }
        if (op.equals("remove")) {
            throw BadRequestException.noTarget("remove needs a path");
        }
        if (!(value instanceof ObjectNode attributes)) {
            throw BadRequestException.invalidSyntax("without a path, value must be an object");
        }
        for (Map.Entry<String, JsonNode> attribute : List.copyOf(attributes.properties())) {
            if (!List.of("id", "meta", "schemas").contains(Document.lower(attribute.getKey()))) { // Okta repeats them
                applyAt(
                        schema,
                        resource,
                        op,
                        PatchPath.of(
                                schema,
                                attribute.getKey(),
                                resource,
                                attribute.getValue().isObject()),
                        attribute.getValue());
            }
        }
    }

    private static void applyAt(Schema schema, ObjectNode resource, String op, Path path, JsonNode given)
            throws ScimException {
        AttributeDefinition attribute = schema.attribute(path);
        if (attribute != null
                && attribute.getMutability() == Mutability.READ_ONLY
                && !schema.isEnterprise(path)
                && !attribute.getName().equals("groups")) {
            throw new BadRequestException("the attribute cannot be set by a client", BadRequestException.MUTABILITY);
        }
        boolean isList = attribute != null && attribute.isMultiValued() && path.size() == 1 && !isFiltered(path);
        boolean isElement = attribute != null && path.size() == 1 && isFiltered(path);
        JsonNode value = attribute == null || given.isMissingNode()
                ? given
                : isElement ? AttributeForm.one(given, attribute) : AttributeForm.form(given, attribute);
        boolean removes = op.equals("remove") || value.isNull() || value.isArray() && value.isEmpty();
        if (removes && op.equals("add")) {
            return; // nothing is added
        }
        if (removes) {
            // Entra ID repeats the removed value. If the path already names the value, it adds nothing; otherwise it
            // selects the values to remove.
            if (op.equals("remove") && isList && value instanceof ArrayNode some && !some.isEmpty()) {
                removeValues(resource, attribute, some);
            } else {
                operation(() -> PatchOperation.remove(path)).apply(resource);
            }
            return;
        }
        if (value.isMissingNode()) {
            throw BadRequestException.invalidValue("value is missing");
        }
        ObjectNode created = isFiltered(path) ? createdValue(schema, resource, path, value) : null;
        if (created != null) {
            AttributeDefinition list = schema.attribute(path.subPath(1).withoutFilters());
            addValue(resource, list == null ? path.getElement(0).getAttribute() : list.getName(), list, created);
        } else if (op.equals("add") && isList) {
            for (JsonNode one : value) {
                addValue(resource, attribute.getName(), attribute, one);
            }
        } else if (op.equals("replace") || isFiltered(path)) {
            operation(() -> PatchOperation.replace(path, value)).apply(resource);
        } else {
            operation(() -> PatchOperation.add(path, value)).apply(resource);
        }
    }

    /** Adds a value. An equal value gets the other attributes of the new one instead, so there is no duplicate. */
    private static void addValue(ObjectNode resource, String name, AttributeDefinition attribute, JsonNode value) {
        ArrayNode values = resource.path(name) instanceof ArrayNode known ? known : resource.putArray(name);
        if (attribute != null && value instanceof ObjectNode other) {
            for (JsonNode one : values) {
                if (one instanceof ObjectNode known && AttributeForm.isSame(known, other, attribute)) {
                    other.properties().stream()
                            .filter(part -> !part.getKey().equalsIgnoreCase("value"))
                            .forEach(part -> known.set(part.getKey(), part.getValue()));
                    return;
                }
            }
        }
        values.add(value);
    }

    private static void removeValues(ObjectNode resource, AttributeDefinition attribute, ArrayNode some)
            throws BadRequestException {
        for (JsonNode one : some) {
            if (one instanceof ObjectNode value && !AttributeForm.saysWhich(value)) {
                throw BadRequestException.invalidValue(
                        "value must say which values of " + attribute.getName() + " are removed, by value or type");
            }
        }
        if (resource.path(attribute.getName()) instanceof ArrayNode values) {
            for (int i = values.size() - 1; i >= 0; i--) {
                if (values.get(i) instanceof ObjectNode known
                        && StreamSupport.stream(some.spliterator(), false)
                                .anyMatch(other -> other instanceof ObjectNode object
                                        && AttributeForm.isSame(known, object, attribute))) {
                    values.remove(i);
                }
            }
        }
    }

    private static boolean isFiltered(Path path) {
        return path.size() > 0 && path.getElement(0).getValueFilter() != null;
    }

    /**
     * The value that {@code emails[type eq "work"].value}, or {@code emails[type eq "work"]}, creates for a user
     * without such an address. Null if the user has one, or if the filter does not define the value.
     */
    private static ObjectNode createdValue(Schema schema, ObjectNode resource, Path path, JsonNode value)
            throws ScimException {
        AttributeDefinition list = schema.attribute(path.subPath(1).withoutFilters());
        ObjectNode created = Json.object();
        if (path.getSchemaUrn() != null
                || path.size() > 2
                || list != null && !list.isMultiValued()
                || !PatchPath.takesOver(path.getElement(0).getValueFilter(), created)) {
            return null;
        }
        JsonNode known = resource.path(path.getElement(0).getAttribute());
        for (JsonNode one : known) {
            if (FilterEvaluator.evaluate(path.getElement(0).getValueFilter(), one)) {
                return null;
            }
        }
        if (path.size() == 2) {
            created.set(path.getElement(1).getAttribute(), value);
        } else if (value instanceof ObjectNode parts) {
            created.setAll(parts);
        } else {
            return null;
        }
        return created;
    }

    private interface Making {
        PatchOperation make() throws ScimException;
    }

    private static PatchOperation operation(Making making) throws ScimException {
        try {
            return making.make();
        } catch (IllegalArgumentException e) {
            if (e.getCause() instanceof ScimException told) {
                throw told;
            }
            throw BadRequestException.invalidValue("the value does not fit the path");
        }
    }

    /**
     * "the server SHALL set the value of the existing attribute to false" when another value becomes primary (RFC 7644
     * §3.5.2).
     */
    private static void demoteFormerPrimaries(ObjectNode before, ObjectNode after) {
        after.properties().forEach(attribute -> {
            List<JsonNode> primaries = new ArrayList<>();
            if (attribute.getValue().isArray()) {
                attribute.getValue().forEach(value -> {
                    if (Document.isPrimary(value)) {
                        primaries.add(value);
                    }
                });
            }
            if (primaries.size() > 1) {
                List<JsonNode> former = new ArrayList<>();
                before.path(attribute.getKey()).forEach(former::add);
                primaries.stream()
                        .filter(former::contains)
                        .forEach(value -> ((ObjectNode) value).put("primary", false));
            }
        });
    }
}
