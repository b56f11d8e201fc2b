package dev.userssync.resource;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.filters.FilterType;
import com.unboundid.scim2.common.utils.SchemaUtils;
import java.util.ArrayList;
import java.util.List;

/** Reads the path of a PATCH operation (RFC 7644 §3.5.2), also with the name of an extension before it. */
public final class PatchPath {

    /** Ten times the paths in use. A bound is needed, because the SDK's parser recurses. */
    private static final int LONGEST_PATH = 1_000;

    /** ConnId's name for active. As an unknown attribute it would leave a disabled user active. */
    private static final String CONNID_ACTIVE = "__ENABLE__";

    private PatchPath() {}

    public static Path of(Schema schema, String given, ObjectNode resource, boolean mayBeExtension)
            throws BadRequestException {
        String text = given.equals(CONNID_ACTIVE) ? "active" : Filters.normal(given);
        if (text.length() > LONGEST_PATH) {
            throw BadRequestException.invalidPath("the path is longer than " + LONGEST_PATH + " characters");
        }
        if (!Filters.closesBrackets(text)) {
            throw BadRequestException.invalidPath("a bracket is not closed");
        }
        String core = schema.urn + ":";
        Path path;
        try {
            path = Path.fromString(
                    text.regionMatches(true, 0, core, 0, core.length())
                            ? text.substring(core.length())
                            : isExtension(schema, text, resource, mayBeExtension)
                                    ? text + ":" // the SDK's form of a whole extension
                                    : text);
        } catch (RuntimeException e) { // the parser throws it for some wrong texts
            throw BadRequestException.invalidPath("the path cannot be read");
        }
        if (path.isRoot() && (path.getSchemaUrn() == null || path.getSchemaUrn().equalsIgnoreCase(schema.urn))) {
            throw BadRequestException.invalidPath("the path names no attribute");
        }
        for (int i = 0; i < path.size(); i++) {
            Filter filter = path.getElement(i).getValueFilter();
            if (filter != null) {
                path = path.replace(
                        i, Filters.typed(schema, filter, path.subPath(i + 1).withoutFilters()));
            }
        }
        return path;
    }

    /**
     * Whether {@code urn:a:b:c} is an extension, or the attribute c of the extension urn:a:b. Known extensions decide,
     * then the value.
     */
    private static boolean isExtension(Schema schema, String path, ObjectNode resource, boolean mayBe) {
        if (!SchemaUtils.isUrn(path)) {
            return false;
        }
        List<String> known = new ArrayList<>(List.of(schema.urn, Schema.ENTERPRISE));
        if (resource != null) {
            resource.properties().forEach(attribute -> known.add(attribute.getKey()));
        }
        String lower = Document.lower(path);
        return known.stream().anyMatch(path::equalsIgnoreCase)
                || mayBe && known.stream().noneMatch(extension -> lower.startsWith(Document.lower(extension) + ":"));
    }

    /** Writes the attributes that the filter compares with eq; false if it has any other condition. */
    static boolean takesOver(Filter filter, ObjectNode value) {
        if (filter.getFilterType() == FilterType.AND) {
            return filter.getCombinedFilters().stream().allMatch(part -> takesOver(part, value));
        }
        if (filter.getFilterType() != FilterType.EQUAL
                || filter.getAttributePath().size() != 1) {
            return false;
        }
        value.set(filter.getAttributePath().getElement(0).getAttribute(), filter.getComparisonValue());
        return true;
    }
}
