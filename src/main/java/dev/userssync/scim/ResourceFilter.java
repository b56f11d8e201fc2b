package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import com.unboundid.scim2.common.utils.FilterEvaluator;
import dev.userssync.resource.Document;
import dev.userssync.resource.Filters;
import dev.userssync.resource.Json;
import dev.userssync.resource.Schema;

/**
 * A filter (RFC 7644 §3.4.2.2), parsed and evaluated by the SDK. To evaluate fewer rows, {@link #condition()} is a
 * necessary condition in SQL. For an equal userName, externalId, id or address it uses an index. Immutable.
 */
final class ResourceFilter {

    private final Schema schema;
    private final Filter filter;
    private final FilterEvaluator evaluator;
    private final boolean namesSchema;
    private final boolean namesMeta;
    private final boolean namesLinks;
    private final boolean namesExtension;

    /** @throws BadRequestException invalidFilter */
    ResourceFilter(Schema schema, String text) throws BadRequestException {
        this.schema = schema;
        filter = Filters.parsed(schema, text);
        evaluator = new FilterEvaluator() {
            @Override
            protected AttributeDefinition getAttributeDefinition(Path path) {
                return schema.attribute(path); // knows whether the attribute is case-sensitive
            }
        };
        String lower = Document.lower(text);
        namesSchema = lower.contains(Document.lower(schema.urn) + ":");
        namesMeta = lower.contains("meta");
        namesLinks = lower.contains(schema.links);
        namesExtension = schema.namesEnterprise(text);
    }

    /** Whether the filter needs the groups of a user, or the members of a group. */
    boolean namesLinks() {
        return namesLinks;
    }

    /** Whether the filter can only match users of one userName. */
    boolean asksForUserName() {
        return schema == Schema.USER && asksForUserName(filter);
    }

    private static boolean asksForUserName(Filter filter) {
        return switch (filter.getFilterType()) {
            case EQUAL ->
                filter.getComparisonValue().isTextual()
                        && filter.getAttributePath().size() == 1
                        && "userName".equals(nameOf(filter.getAttributePath()));
            case AND -> filter.getCombinedFilters().stream().anyMatch(ResourceFilter::asksForUserName);
            default -> false;
        };
    }

    private static String nameOf(Path path) {
        AttributeDefinition attribute = Schema.USER.attribute(path);
        return attribute == null ? null : attribute.getName();
    }

    /** Evaluates the filter for one resource, as a client sees it. */
    boolean matches(Row row, String base) throws ScimException {
        ObjectNode resource = namesMeta || namesLinks ? row.resource(base) : row.document();
        if (namesExtension) {
            resource = Schema.withEnterprise(resource); // manager.value, without the name of the extension
        }
        if (namesSchema) {
            ObjectNode aliased = Json.object();
            aliased.setAll(resource);
            aliased.set(schema.urn, resource); // urn:...:User:userName is userName
            resource = aliased;
        }
        return filter.visit(evaluator, resource);
    }

    /**
     * A necessary condition on a row, with its parameters; {@link Condition#ANY} if SQL cannot
     * express one.
     */
    Condition condition() {
        return needs(filter, Path.root());
    }

    private Condition needs(Filter filter, Path within) {
        Path path = filter.getAttributePath();
        if (path != null && path.getSchemaUrn() != null && !path.getSchemaUrn().equalsIgnoreCase(schema.urn)) {
            return Condition.ANY; // an attribute of an extension
        }
        return switch (filter.getFilterType()) {
            case EQUAL ->
                filter.getComparisonValue().isTextual()
                        ? equal(
                                within.attribute(path),
                                filter.getComparisonValue().textValue())
                        : Condition.ANY;
            case COMPLEX_VALUE -> needs(filter.getValueFilter(), within.attribute(path));
            case AND ->
                Condition.all(filter.getCombinedFilters().stream()
                        .map(part -> needs(part, within))
                        .toList());
            case OR ->
                Condition.oneOf(filter.getCombinedFilters().stream()
                        .map(part -> needs(part, within))
                        .toList());
            default -> Condition.ANY;
        };
    }

    private Condition equal(Path path, String value) {
        AttributeDefinition attribute = schema.attribute(path);
        if (attribute == null || path.toString().contains("[")) {
            return Condition.ANY;
        }
        String name = Document.lower(path.toString());
        if (name.equals("id")) {
            return new Condition("id = ?", value);
        }
        if (name.equals("externalid")) {
            return new Condition("raw_json ->> 'externalId' = ?", value);
        }
        if (name.equals("username")) {
            return new Condition("lower(raw_json ->> 'userName') = lower(?)", value);
        }
        if (name.equals("emails.value")) {
            return new Condition(
                    "lower((raw_json -> 'emails')::text)::jsonb @> jsonb_build_array(jsonb_build_object('value', lower(?)))",
                    value);
        }
        if (name.equals(schema.links + ".value")) {
            return Rows.linked(schema, value);
        }
        AttributeDefinition whole =
                schema.attribute(Path.root().attribute(path.getElement(0).getAttribute()));
        if (attribute.getType() != Type.STRING
                || whole.isMultiValued()
                || whole.getName().equals("meta")) {
            return Condition.ANY;
        }
        String keys = path.size() == 1 ? attribute.getName() : whole.getName() + "," + attribute.getName();
        return new Condition(
                "lower(raw_json #>> '{" + keys + "}') = lower(?)", value); // keys are the schema's own names
    }
}
