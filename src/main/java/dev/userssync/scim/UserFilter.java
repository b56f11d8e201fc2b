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
 * A filter (RFC 7644 §3.4.2.2), read and decided by the SDK. So that not every row must be decided, {@link #condition()} says in SQL
 * what no match can do without; with an equal userName, externalId, id or address that is an index's work. Immutable.
 */
final class UserFilter {

    private static final int LONGEST = 4_000; // the SDK decides by recursion

    /** Entra ID's {@code emails[type eq "work"].value eq "x"} is not in the grammar, which has a value filter end at its bracket. */
    private static final Pattern AFTER_BRACKET = Pattern.compile("([\\w$:.-]++)\\[((?:[^\\]\"]++|\"(?:[^\"\\\\]++|\\\\.)*+\")*+)\\]\\."
            + "([\\w$-]++\\s++(?:pr\\b|\\w{2}\\s++(?:\"(?:[^\"\\\\]++|\\\\.)*+\"|[^\\s()\\[\\]]++)))", Pattern.CASE_INSENSITIVE);

    private static final Pattern TEXT = Pattern.compile("\"(?:[^\"\\\\]++|\\\\.)*+\"");
    private static final Pattern TEXT_OR_BOOLEAN = Pattern.compile(TEXT + "|\\b(?i:true|false)\\b");

    private static final FilterEvaluator EVALUATOR = new FilterEvaluator() {
        @Override
        protected AttributeDefinition getAttributeDefinition(Path path) {
            return UserSchema.attribute(path); // knows whether case counts
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
            filter = typed(Parser.parseFilter(AFTER_BRACKET.matcher(lowerBooleans(text)).replaceAll("$1[($2) and $3]")), Path.root());
        } catch (RuntimeException e) { // the parser's way to say no to some texts
            throw BadRequestException.invalidFilter("the filter cannot be read");
        }
    }

    /** Outside of a text, {@code True} is {@code true}. */
    static String lowerBooleans(String filterOrPath) {
        return TEXT_OR_BOOLEAN.matcher(filterOrPath).replaceAll(found -> Matcher.quoteReplacement(
                found.group().startsWith("\"") ? found.group() : UserDocument.lower(found.group())));
    }

    /**
     * The filter with its values in the schema's types, as Entra ID does not write them: {@code primary eq "True"} compares a boolean, and
     * {@code manager eq "x"} the value of what has several parts.
     *
     * @param within the attribute whose values are filtered, or the root
     */
    static Filter typed(Filter filter, Path within) {
        return switch (filter.getFilterType()) {
            case AND -> Filter.and(filter.getCombinedFilters().stream().map(part -> typed(part, within)).toList());
            case OR -> Filter.or(filter.getCombinedFilters().stream().map(part -> typed(part, within)).toList());
            case NOT -> Filter.not(typed(filter.getInvertedFilter(), within));
            case COMPLEX_VALUE -> Filter.complex(filter.getAttributePath(), typed(filter.getValueFilter(), join(within, filter.getAttributePath())));
            case PRESENT -> filter;
            default -> compared(filter, within);
        };
    }

    private static Filter compared(Filter filter, Path within) {
        AttributeDefinition attribute = UserSchema.meant(join(within, filter.getAttributePath()));
        Path path = UserSchema.hasValue(attribute) ? filter.getAttributePath().attribute("value") : filter.getAttributePath();
        ValueNode value = attribute != null && AttributeForm.form(filter.getComparisonValue(), attribute) instanceof BooleanNode bool
                ? bool : filter.getComparisonValue();
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

    /** Whether it can match no user but those of one userName. */
    boolean asksForUserName() {
        return asksForUserName(filter);
    }

    private static boolean asksForUserName(Filter filter) {
        return switch (filter.getFilterType()) {
            case EQUAL -> filter.getComparisonValue().isTextual() && filter.getAttributePath().size() == 1
                    && "userName".equals(nameOf(filter.getAttributePath()));
            case AND -> filter.getCombinedFilters().stream().anyMatch(UserFilter::asksForUserName);
            default -> false;
        };
    }

    private static String nameOf(Path path) {
        AttributeDefinition attribute = UserSchema.attribute(path);
        return attribute == null ? null : attribute.getName();
    }

    /** The SDK's parser takes the end of the text for a bracket. */
    static boolean closesBrackets(String filterOrPath) {
        String bare = TEXT.matcher(filterOrPath).replaceAll("");
        return bare.chars().filter(c -> c == '[').count() == bare.chars().filter(c -> c == ']').count();
    }

    /** Decides one user, by the resource that a client would see. */
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

    /** A condition on a row of users_sync, with its parameters; {@link UserQuery.Condition#ANY} if the filter needs none that SQL can say. */
    UserQuery.Condition condition() {
        return needs(filter, Path.root());
    }

    private static UserQuery.Condition needs(Filter filter, Path within) {
        Path path = filter.getAttributePath();
        if (path != null && path.getSchemaUrn() != null && !path.getSchemaUrn().equalsIgnoreCase(UserSchema.SCHEMA)) {
            return UserQuery.Condition.ANY; // an extension's
        }
        return switch (filter.getFilterType()) {
            case EQUAL -> filter.getComparisonValue().isTextual()
                    ? equal(within.attribute(path), filter.getComparisonValue().textValue()) : UserQuery.Condition.ANY;
            case COMPLEX_VALUE -> needs(filter.getValueFilter(), within.attribute(path));
            case AND -> UserQuery.Condition.all(filter.getCombinedFilters().stream().map(part -> needs(part, within)).toList());
            case OR -> UserQuery.Condition.oneOf(filter.getCombinedFilters().stream().map(part -> needs(part, within)).toList());
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
            return new UserQuery.Condition("lower((raw_json -> 'emails')::text)::jsonb @> jsonb_build_array(jsonb_build_object('value', lower(?)))", value);
        }
        AttributeDefinition whole = UserSchema.attribute(Path.root().attribute(path.getElement(0).getAttribute()));
        if (attribute.getType() != Type.STRING || whole.isMultiValued() || whole.getName().equals("meta")) {
            return UserQuery.Condition.ANY;
        }
        String keys = path.size() == 1 ? attribute.getName() : whole.getName() + "," + attribute.getName();
        return new UserQuery.Condition("lower(raw_json #>> '{" + keys + "}') = lower(?)", value); // keys are the schema's own names
    }
}
