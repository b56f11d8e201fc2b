package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.filters.Filter;
import com.unboundid.scim2.common.filters.FilterType;
import com.unboundid.scim2.common.utils.FilterEvaluator;
import dev.userssync.resource.Document;
import dev.userssync.resource.Json;
import dev.userssync.resource.Schema;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * Collects what a request says of a group's members, in order: some to add and to remove, or all of them. The group may
 * have many thousands, so this class reads them only if the request depends on them. Not thread-safe.
 */
final class MemberChange {

    private final Rows rows;
    private final String group;
    private final Set<String> added = new LinkedHashSet<>();
    private final Set<String> removed = new LinkedHashSet<>();
    /** Whether {@code added} is the complete list. */
    private boolean isComplete;

    MemberChange(Rows rows, String group) {
        this.rows = rows;
        this.group = group;
    }

    /** The ids of users who join and leave. */
    record Difference(List<String> joined, List<String> left) {

        boolean isEmpty() {
            return joined.isEmpty() && left.isEmpty();
        }
    }

    /** The value of {@code members} in a whole group: missing or null says nothing, and an empty list says nobody. */
    void replace(JsonNode members) throws BadRequestException {
        if (!members.isMissingNode() && !members.isNull()) {
            List<String> ids = ids(members);
            isComplete = true;
            removed.clear();
            added.clear();
            added.addAll(ids);
        }
    }

    /** One operation of a PATCH on {@code members} or on some of them. */
    void apply(String op, Path path, JsonNode value) throws ScimException, SQLException {
        Filter filter = path.getElement(0).getValueFilter();
        if (path.size() > 1) {
            String part = Document.lower(path.getElement(1).getAttribute());
            if (!List.of("display", "type", "$ref").contains(part)) {
                throw BadRequestException.invalidPath("of a member, only the whole can be added or removed");
            }
            return; // users-sync keeps no name of a member
        }
        if (!op.equals("remove") && value.isMissingNode()) {
            throw BadRequestException.invalidValue("value is missing");
        }
        if (filter != null) {
            Set<String> matching = matching(filter);
            switch (op) {
                case "remove" -> matching.forEach(this::remove);
                case "replace" -> {
                    List<String> ids = ids(value);
                    matching.forEach(this::remove);
                    ids.forEach(this::add);
                }
                default -> ids(value).forEach(this::add);
            }
        } else if (op.equals("add")) {
            ids(value).forEach(this::add);
        } else if (op.equals("replace")) {
            replace(value);
        } else if (value.isMissingNode() || value.isNull()) {
            replace(Json.list("[]"));
        } else {
            ids(value).forEach(this::remove); // Entra ID lists the members to remove
        }
    }

    private void add(String id) {
        removed.remove(id);
        added.add(id);
    }

    private void remove(String id) {
        added.remove(id);
        removed.add(id);
    }

    /** The ids of users in a list of members, or in one member. Groups within groups are no members. */
    private static List<String> ids(JsonNode members) throws BadRequestException {
        List<String> ids = new ArrayList<>();
        for (JsonNode member :
                members.isArray() ? members : members.isNull() ? List.<JsonNode>of() : List.of(members)) {
            if (Schema.GROUP.type.equalsIgnoreCase(Document.text(member, "type"))
                    || member.path("$ref").asText().contains(Schema.GROUP.endpoint + "/")) {
                continue;
            }
            String id = member.isTextual() ? member.textValue().strip() : Document.text(member, "value");
            if (id == null || id.isEmpty()) {
                throw BadRequestException.invalidValue("every member needs a value, the id of a user");
            }
            ids.add(id);
        }
        return ids;
    }

    /** The ids that a filter such as {@code value eq "id"} selects. */
    private Set<String> matching(Filter filter) throws ScimException, SQLException {
        Set<String> named = new LinkedHashSet<>();
        if (isNamed(filter, named)) {
            return named;
        }
        Set<String> matching = new LinkedHashSet<>();
        for (String id : after()) {
            ObjectNode member = Json.object().put("value", id).put("type", Schema.USER.type);
            if (FilterEvaluator.evaluate(filter, member)) {
                matching.add(id);
            }
        }
        return matching;
    }

    /** Collects the ids of a filter that only lists ids; false if it has any other condition. */
    private static boolean isNamed(Filter filter, Set<String> ids) {
        if (filter.getFilterType() == FilterType.OR) {
            return filter.getCombinedFilters().stream().allMatch(part -> isNamed(part, ids));
        }
        boolean isId = filter.getFilterType() == FilterType.EQUAL
                && filter.getAttributePath().toString().equalsIgnoreCase("value")
                && filter.getComparisonValue().isTextual();
        if (isId) {
            ids.add(filter.getComparisonValue().textValue());
        }
        return isId;
    }

    /** All members after the change, sorted. */
    Set<String> after() throws SQLException {
        dropForeign();
        Set<String> ids = isComplete ? new TreeSet<>() : live("");
        ids.removeAll(removed);
        ids.addAll(added);
        return ids;
    }

    /** Who joins and who leaves: only what differs from the members in the table. */
    Difference difference() throws SQLException {
        dropForeign();
        Set<String> named = new LinkedHashSet<>(added);
        named.addAll(removed);
        Set<String> known =
                isComplete ? live("") : named.isEmpty() ? Set.of() : live(" AND user_id = ANY (?)", named.toArray());
        return new Difference(
                added.stream().filter(id -> !known.contains(id)).toList(),
                known.stream()
                        .filter(id -> isComplete ? !added.contains(id) : removed.contains(id))
                        .toList());
    }

    /** Users of another client are no members, whether they exist or not. */
    private void dropForeign() throws SQLException {
        added.retainAll(rows.client().withoutOthers(rows.connection(), added));
    }

    private Set<String> live(String condition, Object... ids) throws SQLException {
        try (PreparedStatement select = rows.connection()
                .prepareStatement("SELECT user_id FROM neon_auth.memberships_sync"
                        + " WHERE organization_id = ? AND deleted_at IS NULL AND user_id IS NOT NULL" + condition)) {
            select.setString(1, group);
            if (ids.length > 0) {
                select.setArray(2, rows.connection().createArrayOf("text", ids));
            }
            Set<String> live = new TreeSet<>();
            ResultSet rows = select.executeQuery();
            while (rows.next()) {
                live.add(rows.getString(1));
            }
            return live;
        }
    }
}
