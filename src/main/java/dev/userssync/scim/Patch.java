package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.filters.FilterType;
import com.unboundid.scim2.common.messages.PatchOperation;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Mutability;
import com.unboundid.scim2.common.utils.FilterEvaluator;
import com.unboundid.scim2.common.utils.SchemaUtils;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * A PATCH request (RFC 7644 §3.5.2), applied by the SDK. This class only brings the dialects that are seen into the SDK's form: op in
 * any case, operations without a path whose keys are paths (Entra ID), null for "remove", one value for a list, the schema written
 * before an attribute, a value with a remove, and a filter that matches nothing yet: add and replace both create the value then, as
 * Entra ID expects. Thread-safe.
 */
final class Patch {

    /** What people use is a tenth of it; the SDK's parser recurses. */
    private static final int LONGEST_PATH = 1_000;

    private Patch() {
    }

    /**
     * The document after all operations, not yet checked; the given one stays as it is.
     *
     * @throws ScimException (400) invalidSyntax, invalidPath, invalidValue, noTarget or mutability
     */
    static ObjectNode apply(ObjectNode user, ObjectNode request) throws ScimException {
        if (!(request.path("Operations") instanceof ArrayNode operations) || operations.isEmpty()) {
            throw BadRequestException.invalidSyntax("Operations must be a list of one operation or more");
        }
        ObjectNode patched = user.deepCopy();
        for (JsonNode operation : operations) {
            JsonNode path = operation.path("path");
            if (!operation.path("op").isTextual() || !path.isTextual() && !path.isMissingNode() && !path.isNull()) {
                throw BadRequestException.invalidSyntax("every operation needs op, a text, and path, a text, or no path");
            }
            apply(patched, UserDocument.lower(operation.path("op").textValue()), path.isTextual() ? path.textValue().strip() : "",
                    operation.path("value"));
        }
        demoteFormerPrimaries(user, patched);
        return patched;
    }

    private static void apply(ObjectNode user, String op, String path, JsonNode value) throws ScimException {
        if (!List.of("add", "replace", "remove").contains(op)) {
            throw BadRequestException.invalidSyntax("op must be add, replace or remove");
        }
        if (!path.isEmpty()) {
            applyAt(user, op, path(path, user, false), value);
            return;
        }
        if (op.equals("remove")) {
            throw BadRequestException.noTarget("remove needs a path");
        }
        if (!(value instanceof ObjectNode attributes)) {
            throw BadRequestException.invalidSyntax("without a path, value must be an object");
        }
        for (Map.Entry<String, JsonNode> attribute : List.copyOf(attributes.properties())) {
            if (!List.of("id", "meta", "schemas").contains(UserDocument.lower(attribute.getKey()))) { // Okta repeats them
                applyAt(user, op, path(attribute.getKey(), user, attribute.getValue().isObject()), attribute.getValue());
            }
        }
    }

    private static Path path(String text, ObjectNode user, boolean mayBeExtension) throws BadRequestException {
        if (text.length() > LONGEST_PATH) {
            throw BadRequestException.invalidPath("the path is longer than " + LONGEST_PATH + " characters");
        }
        if (!UserFilter.closesBrackets(text)) {
            throw BadRequestException.invalidPath("a bracket is not closed");
        }
        String core = UserDocument.SCHEMA + ":";
        Path path;
        try {
            path = Path.fromString(text.regionMatches(true, 0, core, 0, core.length()) ? text.substring(core.length())
                    : isExtension(text, user, mayBeExtension) ? text + ":" // as the SDK writes an extension as a whole
                    : text);
        } catch (RuntimeException e) { // the parser's way to say no to some texts
            throw BadRequestException.invalidPath("the path cannot be read");
        }
        if (path.isRoot() && (path.getSchemaUrn() == null || path.getSchemaUrn().equalsIgnoreCase(UserDocument.SCHEMA))) {
            throw BadRequestException.invalidPath("the path names no attribute");
        }
        return path;
    }

    /** {@code urn:a:b:c} is an extension or the attribute c of the extension urn:a:b: what is known decides, else the value. */
    private static boolean isExtension(String path, ObjectNode user, boolean mayBe) {
        if (!SchemaUtils.isUrn(path)) {
            return false;
        }
        List<String> known = new ArrayList<>(List.of(UserDocument.SCHEMA, UserDocument.ENTERPRISE));
        user.properties().forEach(attribute -> known.add(attribute.getKey()));
        String lower = UserDocument.lower(path);
        return known.stream().anyMatch(path::equalsIgnoreCase)
                || mayBe && known.stream().noneMatch(extension -> lower.startsWith(UserDocument.lower(extension) + ":"));
    }

    private static void applyAt(ObjectNode user, String op, Path path, JsonNode value) throws ScimException {
        AttributeDefinition attribute = UserDocument.attribute(path);
        if (attribute != null && attribute.getMutability() == Mutability.READ_ONLY && !attribute.getName().equals("groups")) {
            throw new BadRequestException("the attribute cannot be set by a client", BadRequestException.MUTABILITY);
        }
        boolean removes = op.equals("remove") || value.isNull() || value.isArray() && value.isEmpty();
        if (removes && op.equals("add")) {
            return; // nothing is added
        }
        if (removes) {
            // Entra ID repeats the removed value; where the path says what goes, it says nothing new.
            boolean isValueTold = op.equals("remove") && !isFiltered(path) && isAssigned(value) && attribute != null && attribute.isMultiValued();
            if (isValueTold) {
                throw BadRequestException.invalidPath("write the values to remove as a filter in the path");
            }
            operation(() -> PatchOperation.remove(path)).apply(user);
            return;
        }
        if (value.isMissingNode()) {
            throw BadRequestException.invalidValue("value is missing");
        }
        boolean isList = attribute != null && attribute.isMultiValued() && !isFiltered(path);
        JsonNode fitting = isList && !value.isArray() ? user.arrayNode().add(value) : value;
        if ((op.equals("replace") || isFiltered(path)) && !createsValue(user, path)) {
            operation(() -> PatchOperation.replace(path, fitting)).apply(user);
        } else {
            operation(() -> PatchOperation.add(path, fitting)).apply(user);
        }
    }

    private static boolean isAssigned(JsonNode value) {
        return !value.isMissingNode() && !value.isNull();
    }

    private static boolean isFiltered(Path path) {
        return path.size() > 0 && path.getElement(0).getValueFilter() != null;
    }

    /** {@code emails[type eq "work"].value} of a user who has no such address. */
    private static boolean createsValue(ObjectNode user, Path path) throws ScimException {
        if (path.size() != 2 || path.getSchemaUrn() != null || !isFiltered(path)
                || path.getElement(0).getValueFilter().getFilterType() != FilterType.EQUAL) {
            return false;
        }
        for (JsonNode value : user.path(path.getElement(0).getAttribute())) {
            if (FilterEvaluator.evaluate(path.getElement(0).getValueFilter(), value)) {
                return false;
            }
        }
        return true;
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

    /** "the server SHALL set the value of the existing attribute to false" when another value becomes primary (RFC 7644 §3.5.2). */
    private static void demoteFormerPrimaries(ObjectNode before, ObjectNode after) {
        after.properties().forEach(attribute -> {
            List<JsonNode> primaries = new ArrayList<>();
            if (attribute.getValue().isArray()) {
                attribute.getValue().forEach(value -> {
                    if (UserDocument.isPrimary(value)) {
                        primaries.add(value);
                    }
                });
            }
            if (primaries.size() > 1) {
                List<JsonNode> former = new ArrayList<>();
                before.path(attribute.getKey()).forEach(former::add);
                primaries.stream().filter(former::contains).forEach(value -> ((ObjectNode) value).put("primary", false));
            }
        });
    }
}
