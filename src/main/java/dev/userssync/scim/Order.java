package dev.userssync.scim;

import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import dev.userssync.resource.Document;
import dev.userssync.resource.PatchPath;
import dev.userssync.resource.Schema;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Converts {@code sortBy} and {@code sortOrder} (RFC 7644 §3.4.2.3) into SQL. Of a list, the primary value counts, else
 * the first. Resources without the attribute come last, in descending order first. Thread-safe.
 */
final class Order {

    static final Condition BY_ID = new Condition("id", List.of());

    private Order() {}

    /** @throws BadRequestException invalidPath or invalidValue */
    static Condition of(Schema schema, Map<String, String> parameters) throws BadRequestException {
        String by = parameters.get("sortBy");
        if (by == null || by.isBlank()) {
            return BY_ID;
        }
        String order =
                Document.lower(parameters.getOrDefault("sortOrder", "ascending").strip());
        if (!List.of("", "ascending", "descending").contains(order)) {
            throw BadRequestException.invalidValue("sortOrder must be ascending or descending");
        }
        Path path = PatchPath.of(schema, by.strip(), null, false);
        if (path.size() == 0 || !path.equals(path.withoutFilters())) {
            throw BadRequestException.invalidPath("sortBy must be the name of an attribute");
        }
        Condition value = value(schema, path);
        return new Condition(
                value.sql() + (order.equals("descending") ? " DESC NULLS FIRST, id" : " ASC NULLS LAST, id"),
                value.parameters());
    }

    private static Condition value(Schema schema, Path path) {
        switch (Document.lower(path.toString())) {
            case "id":
                return BY_ID;
            case "meta.created":
                return new Condition("created_at", List.of());
            case "meta.lastmodified":
                return new Condition("coalesce(updated_at, created_at)", List.of());
            default:
        }
        AttributeDefinition attribute = schema.meant(path);
        boolean caseCounts = attribute != null && attribute.isCaseExact();
        List<String> keys = new ArrayList<>();
        if (path.getSchemaUrn() != null) {
            keys.add(path.getSchemaUrn());
        } else if (attribute != null && schema.attribute(path) == null) {
            keys.add(Schema.ENTERPRISE); // an attribute of the extension without its name
        }
        Path part = path.getSchemaUrn() == null ? Path.root() : Path.root(path.getSchemaUrn());
        AttributeDefinition whole = null;
        for (Path.Element element : path) {
            part = part.attribute(element.getAttribute());
            AttributeDefinition known = schema.meant(part);
            keys.add(known == null ? element.getAttribute() : known.getName());
            whole = whole == null ? known : whole;
        }
        if (attribute != null && attribute.getType() == Type.COMPLEX && Schema.textPart(attribute) != null) {
            keys.add(Schema.textPart(attribute));
        }
        String text = "raw_json #>> CAST(? AS text[])";
        List<String> parameters = List.of(array(keys));
        if (whole != null && whole.isMultiValued() && keys.size() > 1) {
            String list = array(keys.subList(0, keys.size() - 1));
            text = "coalesce(jsonb_path_query_first(raw_json #> CAST(? AS text[]), '$[*] ? (@.primary == true)'),"
                    + " raw_json #> CAST(? AS text[]) -> 0) ->> ?";
            parameters = List.of(list, list, keys.get(keys.size() - 1));
        }
        return new Condition(caseCounts ? "(" + text + ")" : "lower(" + text + ")", parameters);
    }

    private static String array(List<String> keys) {
        return keys.stream()
                .map(key -> '"' + key.replace("\\", "\\\\").replace("\"", "\\\"") + '"')
                .collect(Collectors.joining(",", "{", "}"));
    }
}
