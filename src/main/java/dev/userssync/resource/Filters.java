package dev.userssync.resource;

import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ValueNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.types.AttributeDefinition;
import com.unboundid.scim2.common.utils.Parser;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads filters (RFC 7644 §3.4.2.2) with the SDK, and what clients write against the grammar. Thread-safe. */
public final class Filters {

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

    /** WSO2's clients compare with words without quotes: {@code userName eq ada}. */
    private static final Pattern TEXT_OR_COMPARED =
            Pattern.compile(TEXT + "|\\b(?i:eq|ne|co|sw|ew|gt|ge|lt|le)\\s++([^\\s\"()\\[\\]]++)");

    private static final Pattern JSON =
            Pattern.compile("(?i:true|false|null)|-?\\d++(?:\\.\\d++)?+(?:[eE][+-]?\\d++)?+");

    private Filters() {}

    /** @throws BadRequestException invalidFilter */
    public static Filter parsed(Schema schema, String text) throws BadRequestException {
        if (text.length() > LONGEST) {
            throw BadRequestException.invalidFilter("the filter is longer than " + LONGEST + " characters");
        }
        if (!closesBrackets(text)) {
            throw BadRequestException.invalidFilter("a bracket is not closed");
        }
        try {
            return typed(
                    schema,
                    Parser.parseFilter(AFTER_BRACKET.matcher(normal(text)).replaceAll("$1[($2) and $3]")),
                    Path.root());
        } catch (RuntimeException e) { // the parser throws it for some wrong texts
            throw BadRequestException.invalidFilter("the filter cannot be read");
        }
    }

    /** Replaces {@code True} by {@code true} and puts a word that is compared into quotes, outside of texts. */
    static String normal(String filterOrPath) {
        return lowerBooleans(TEXT_OR_COMPARED.matcher(filterOrPath).replaceAll(found -> {
            String word = found.group(1);
            String whole = found.group();
            return Matcher.quoteReplacement(
                    word == null || JSON.matcher(word).matches()
                            ? whole
                            : whole.substring(0, whole.length() - word.length())
                                    + '"'
                                    + word.replace("\\", "\\\\")
                                    + '"');
        }));
    }

    private static String lowerBooleans(String filterOrPath) {
        return TEXT_OR_BOOLEAN
                .matcher(filterOrPath)
                .replaceAll(found -> Matcher.quoteReplacement(
                        found.group().startsWith("\"") ? found.group() : Document.lower(found.group())));
    }

    /**
     * Converts the values of the filter into the schema's types, because Entra ID writes others:
     * {@code primary eq "True"} compares a boolean, and {@code manager eq "x"} the part {@code value} of a complex
     * attribute.
     *
     * @param within the attribute whose values are filtered, or the root
     */
    static Filter typed(Schema schema, Filter filter, Path within) {
        return switch (filter.getFilterType()) {
            case AND ->
                Filter.and(filter.getCombinedFilters().stream()
                        .map(part -> typed(schema, part, within))
                        .toList());
            case OR ->
                Filter.or(filter.getCombinedFilters().stream()
                        .map(part -> typed(schema, part, within))
                        .toList());
            case NOT -> Filter.not(typed(schema, filter.getInvertedFilter(), within));
            case COMPLEX_VALUE ->
                Filter.complex(
                        filter.getAttributePath(),
                        typed(schema, filter.getValueFilter(), join(within, filter.getAttributePath())));
            case PRESENT -> filter;
            default -> compared(schema, filter, within);
        };
    }

    private static Filter compared(Schema schema, Filter filter, Path within) {
        AttributeDefinition attribute = schema.meant(join(within, filter.getAttributePath()));
        Path path =
                Schema.hasValue(attribute) ? filter.getAttributePath().attribute("value") : filter.getAttributePath();
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

    /** Whether all brackets are closed. The SDK's parser accepts the end of the text as a bracket. */
    static boolean closesBrackets(String filterOrPath) {
        String bare = TEXT.matcher(filterOrPath).replaceAll("");
        return bare.chars().filter(c -> c == '[').count()
                == bare.chars().filter(c -> c == ']').count();
    }
}
