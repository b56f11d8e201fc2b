package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.ValueNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.types.AttributeDefinition.Type;
import com.unboundid.scim2.common.utils.FilterEvaluator;
import com.unboundid.scim2.common.utils.Parser;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A filter (RFC 7644 §3.4.2.2), parsed and evaluated by the SDK. To evaluate fewer rows, {@link #condition()} is a
 * necessary condition in SQL. For an equal userName, externalId, id or address it uses an index. Immutable.
 */
final class UserFilter {

    private static final int LONGEST = 4_000; // the SDK evaluates by recursion

    /**
     * Entra ID's {@code emails[type eq "work"].value eq "x"} is not in the grammar, in which a value filter ends at its
     * bracket.
     */
    private static final Pattern AFTER_BRACKET = Pattern.compile(
            "([\\w$:.-]++)\\[((?:[^\\]\"]++|\"(?:[^\"\\\\]++|\\\\.)*+\")*+)\\]\\."
                    + "([\\w$-]++\\s++(?:pr\\b|\\w{2}\\s++(?:\"(?:[^\"\\\\]++|\\\\.)*+\"|[^\\s()\\[\\]]++)))",
            Pattern.CASE_INSENSITIVE);

    private static final Pattern TEXT = Pattern.compile("\"(?:[^\"\\\\]++|\\\\.)*+\"");
    private static final Pattern TEXT_OR_BOOLEAN = Pattern.compile(TEXT + "|\\b(?i:true|false)\\b");

    private static final FilterEvaluator EVALUATOR = new FilterEvaluator() {
        @Override
        protected AttributeDefinition getAttributeDefinition(Path path) {
            return UserSchema.attribute(path); // knows whether the attribute is case-sensitive
        }
    };

    private final Filter filter;
    private final boolean namesSchema;
    private final boolean namesMeta;
    private final boolean namesExtension;

    /** @throws BadRequestException invalidFilter */
    UserFilter(String text) throws BadRequestException {
        if (text.length() > LONGEST) {
            throw BadRequestException.invalidFilter("the filter is longer than " + LONGEST + " characters");
        }
        if (!closesBrackets(text)) {
            throw BadRequestException.invalidFilter("a bracket is not closed");
        }
        namesSchema = UserDocument.lower(text).contains(UserDocument.lower(UserSchema.SCHEMA) + ":");
        namesMeta = UserDocument.lower(text).contains("meta");
        namesExtension = UserSchema.namesEnterprise(text);
        try {
            filter = typed(
                    Parser.parseFilter(
                            AFTER_BRACKET.matcher(lowerBooleans(text)).replaceAll("$1[($2) and $3]")),
                    Path.root());
        } catch (RuntimeException e) { // the parser throws it for some wrong texts
            throw BadRequestException.invalidFilter("the filter cannot be read");
        }
    }

    /** Replaces {@code True} by {@code true}, outside of texts. */
    static String lowerBooleans(String filterOrPath) {
        return TEXT_OR_BOOLEAN
                .matcher(filterOrPath)
                .replaceAll(found -> Matcher.quoteReplacement(
                        found.group().startsWith("\"") ? found.group() : UserDocument.lower(found.group())));
    }

    /**
     * Converts the values of the filter into the schema's types, because Entra ID writes others:
     * {@code primary eq "True"} compares a boolean, and {@code manager eq "x"} the part {@code value} of a complex
     * attribute.
     *
     * @param within the attribute whose values are filtered, or the root
     */
    static Filter typed(Filter filter, Path within) {
        return switch (filter.getFilterType()) {
            case AND ->
                Filter.and(filter.getCombinedFilters().stream()
                        .map(part -> typed(part, within))
                        .toList());
            case OR ->
                Filter.or(filter.getCombinedFilters().stream()
                        .map(part -> typed(part, within))
                        .toList());
            case NOT -> Filter.not(typed(filter.getInvertedFilter(), within));
            case COMPLEX_VALUE ->
                Filter.complex(
                        filter.getAttributePath(),
                        typed(filter.getValueFilter(), join(within, filter.getAttributePath())));
            case PRESENT -> filter;
            default -> compared(filter, within);
        };
    }

    private static Filter compared(Filter filter, Path within) {
        AttributeDefinition attribute = UserSchema.meant(join(within, filter.getAttributePath()));
        Path path = UserSchema.hasValue(attribute)
                ? filter.getAttributePath().attribute("value")
                : filter.getAttributePath();
        ValueNode value = attribute != null
                        && AttributeForm.form(filter.getComparisonValue(), attribute) instanceof BooleanNode bool
                ? bool
                : filter.getComparisonValue();
        return switch (filter.getFilterType()) {
            case EQUAL -> Filter.eq(path, value);
            case NOT_EQUAL -> Filter.ne(path, value);
            case CONTAINS -> Filter.co(path, value);
            case STARTS_WITH -> Filter.sw(path, value);
            case ENDS_WITH -> Filter.ew(path, value);
            case GREATER_THAN -> Filter.gt(path, value);
            case GREATER_OR_EQUAL -> Filter.ge(path, value);
            case LESS_THAN -> Filter.lt(path, value);
            case LESS_OR_EQUAL -> Filter.le(path, value);
            default -> filter;
        };
    }

    private static Path join(Path within, Path path) {
        return within.size() == 0 ? path : within.attribute(path);
    }

    /** Whether the filter can only match users of one userName. */
    boolean asksForUserName() {
        return asksForUserName(filter);
    }

    private static boolean asksForUserName(Filter filter) {
        return switch (filter.getFilterType()) {
            case EQUAL ->
                filter.getComparisonValue().isTextual()
                        && filter.getAttributePath().size() == 1
                        && "userName".equals(nameOf(filter.getAttributePath()));
            case AND -> filter.getCombinedFilters().stream().anyMatch(UserFilter::asksForUserName);
            default -> false;
        };
    }

    private static String nameOf(Path path) {
        AttributeDefinition attribute = UserSchema.attribute(path);
        return attribute == null ? null : attribute.getName();
    }

    /** Whether all brackets are closed. The SDK's parser accepts the end of the text as a bracket. */
    static boolean closesBrackets(String filterOrPath) {
        String bare = TEXT.matcher(filterOrPath).replaceAll("");
        return bare.chars().filter(c -> c == '[').count()
                == bare.chars().filter(c -> c == ']').count();
    }

    /** Evaluates the filter for one user, on the resource that a client sees. */
    boolean matches(UserRow row, String base) throws ScimException {
        ObjectNode user = namesMeta ? row.resource(base) : row.document();
        if (namesExtension) {
            user = UserSchema.withEnterprise(user); // manager.value, without the name of the extension
        }
        if (namesSchema) {
            ObjectNode aliased = Json.object();
            aliased.setAll(user);
            aliased.set(UserSchema.SCHEMA, user); // urn:...:User:userName is userName
            user = aliased;
        }
        return filter.visit(EVALUATOR, user);
    }

    /**
     * A necessary condition on a row of users_sync, with its parameters; {@link UserQuery.Condition#ANY} if SQL cannot
     * express one.
     */
    UserQuery.Condition condition() {
        return needs(filter, Path.root());
    }

    private static UserQuery.Condition needs(Filter filter, Path within) {
        Path path = filter.getAttributePath();
        if (path != null && path.getSchemaUrn() != null && !path.getSchemaUrn().equalsIgnoreCase(UserSchema.SCHEMA)) {
            return UserQuery.Condition.ANY; // an attribute of an extension
        }
        return switch (filter.getFilterType()) {
            case EQUAL ->
                filter.getComparisonValue().isTextual()
                        ? equal(
                                within.attribute(path),
                                filter.getComparisonValue().textValue())
                        : UserQuery.Condition.ANY;
            case COMPLEX_VALUE -> needs(filter.getValueFilter(), within.attribute(path));
            case AND ->
                UserQuery.Condition.all(filter.getCombinedFilters().stream()
                        .map(part -> needs(part, within))
                        .toList());
            case OR ->
                UserQuery.Condition.oneOf(filter.getCombinedFilters().stream()
                        .map(part -> needs(part, within))
                        .toList());
            default -> UserQuery.Condition.ANY;
        };
    }

    private static UserQuery.Condition equal(Path path, String value) {
        AttributeDefinition attribute = UserSchema.attribute(path);
        if (attribute == null || path.toString().contains("[")) {
            return UserQuery.Condition.ANY;
        }
        String name = UserDocument.lower(path.toString());
        if (name.equals("id")) {
            return new UserQuery.Condition("id = ?", value);
        }
        if (name.equals("externalid")) {
            return new UserQuery.Condition("raw_json ->> 'externalId' = ?", value);
        }
        if (name.equals("username")) {
            return new UserQuery.Condition("lower(raw_json ->> 'userName') = lower(?)", value);
        }
        if (name.equals("emails.value")) {
            return new UserQuery.Condition(
                    "lower((raw_json -> 'emails')::text)::jsonb @> jsonb_build_array(jsonb_build_object('value', lower(?)))",
                    value);
        }
        AttributeDefinition whole =
                UserSchema.attribute(Path.root().attribute(path.getElement(0).getAttribute()));
        if (attribute.getType() != Type.STRING
                || whole.isMultiValued()
                || whole.getName().equals("meta")) {
            return UserQuery.Condition.ANY;
        }
        String keys = path.size() == 1 ? attribute.getName() : whole.getName() + "," + attribute.getName();
        return new UserQuery.Condition(
                "lower(raw_json #>> '{" + keys + "}') = lower(?)", value); // keys are the schema's own names
    }
}
