package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.client.ScimClient;
import dev.userssync.resource.Json;
import dev.userssync.resource.Schema;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the rows of one type of resource. Values are always parameters.
 *
 * @param connection the caller's
 * @param client sees only its own resources
 * @param links whether to read a user's groups or a group's members, too
 */
record Rows(Connection connection, ScimClient client, Schema schema, boolean links) {

    private static final String LIVE_GROUP = ours(Schema.GROUP) + " AND deleted_at IS NULL";

    /** {@link Row#links} in SQL. */
    private static final String GROUPS =
            "(SELECT jsonb_agg(jsonb_build_object('value', o.id, 'display', o.name) ORDER BY o.id)"
                    + " FROM neon_auth.memberships_sync AS m"
                    + " JOIN (SELECT id, name FROM neon_auth.organizations_sync WHERE " + LIVE_GROUP + ") AS o"
                    + " ON o.id = m.organization_id"
                    + " WHERE m.user_id = users_sync.id AND m.deleted_at IS NULL)";

    private static final String MEMBERS = "(SELECT jsonb_agg(m.user_id ORDER BY m.user_id)"
            + " FROM neon_auth.memberships_sync AS m"
            + " WHERE m.organization_id = organizations_sync.id AND m.deleted_at IS NULL)";

    /** Takes one row of a result. */
    interface Use {
        void row(Row row) throws ScimException;
    }

    /** {@link Row#isOurs()} in SQL, word for word the condition of an index in R__scim_indexes.sql. */
    private static String ours(Schema schema) {
        return "raw_json @> '{\"schemas\": [\"" + schema.urn + "\"]}'";
    }

    /** {@link Row#isFound()} in SQL, word for word the condition of the other indexes there. */
    private String found() {
        return schema == Schema.GROUP
                ? LIVE_GROUP
                : ours(schema) + " AND (deleted_at IS NULL OR raw_json -> 'active' = 'false')";
    }

    private String table() {
        return schema == Schema.USER ? "neon_auth.users_sync" : "neon_auth.organizations_sync";
    }

    private String columns() {
        return "SELECT id, coalesce(raw_json, '{}') AS raw_json, created_at, coalesce(updated_at, created_at)"
                + " AS updated_at, deleted_at, "
                + (links ? schema == Schema.USER ? GROUPS : MEMBERS : "NULL") + " AS links"
                + " FROM " + table() + " WHERE ";
    }

    /** The condition of a filter for the user of a group, or the group of a user. */
    static Condition linked(Schema schema, String id) {
        String of = schema == Schema.USER
                ? "m.user_id = users_sync.id AND m.organization_id"
                : "m.organization_id = organizations_sync.id AND m.user_id";
        return new Condition(
                "EXISTS (SELECT FROM neon_auth.memberships_sync AS m WHERE m.deleted_at IS NULL AND " + of + " = ?)",
                id);
    }

    /** The row of an id that belongs to the client, from any provider; null if there is none. */
    Row find(String id) throws SQLException {
        List<Row> one = list("id = ?", id);
        return one.isEmpty() ? null : one.get(0);
    }

    /** Whether an id that starts with the prefix of the client starts with that of no other one. */
    boolean owns(String id) throws SQLException {
        return !client.withoutOthers(connection, List.of(id)).isEmpty();
    }

    /** The resource that a client finds by this id; null if there is none, or no id: the path held dots. */
    Row found(String id) throws SQLException {
        Row row = id != null && id.startsWith(client.idPrefix()) ? find(id) : null;
        return row != null && row.isFound() ? row : null;
    }

    /** The users with this externalId, including those that a client deleted; the last changed comes first. */
    List<Row> withExternalId(String externalId) throws SQLException {
        return list(ours(schema) + " AND raw_json ->> 'externalId' = ?", externalId);
    }

    /** The users that a client finds by this userName, in any case; the last changed comes first. */
    List<Row> withUserName(String userName) throws SQLException {
        return list(found() + " AND lower(raw_json ->> 'userName') = lower(?)", userName);
    }

    private List<Row> list(String condition, String value) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                columns() + client.owns("id") + " AND " + condition + " ORDER BY 4 DESC NULLS LAST, id")) {
            bind(select, List.of(client.idPrefix(), value));
            ResultSet rows = select.executeQuery();
            List<Row> list = new ArrayList<>();
            while (rows.next()) {
                list.add(row(rows));
            }
            return list;
        }
    }

    private static void bind(PreparedStatement statement, List<String> parameters) throws SQLException {
        for (int i = 0; i < parameters.size(); i++) {
            statement.setString(i + 1, parameters.get(i));
        }
    }

    /**
     * The condition that a resource belongs to the client. For all resources of a client it is a range, which an index
     * finds. Beside a filter it is none, or Postgres might take that index in place of the filter's.
     */
    private Condition own(Condition filter) {
        return client.name() != null && filter == Condition.ANY
                ? new Condition(
                        "id COLLATE \"C\" >= ? AND id COLLATE \"C\" < ?", List.of(client.idPrefix(), client.end()))
                : new Condition(client.owns("id"), client.idPrefix());
    }

    /**
     * The time at which a user of this id was erased or purged; null if none was. Only a later event brings the id
     * back.
     */
    static Instant buried(Connection connection, String id) throws SQLException {
        try (PreparedStatement select =
                connection.prepareStatement("SELECT at FROM users_sync_internal.tombstone WHERE id = ?")) {
            select.setString(1, id);
            ResultSet rows = select.executeQuery();
            return rows.next() ? time(rows, "at") : null;
        }
    }

    /** The number of resources that the client finds. */
    int count() throws SQLException {
        Condition own = own(Condition.ANY);
        try (PreparedStatement select = connection.prepareStatement(
                "SELECT count(*) FROM " + table() + " WHERE " + own.sql() + " AND " + found())) {
            bind(select, own.parameters());
            ResultSet rows = select.executeQuery();
            rows.next();
            return rows.getInt(1);
        }
    }

    /**
     * All resources that a client finds and that meet a condition, in order. It reads in pieces and does not hold them
     * in memory.
     *
     * @param window OFFSET and LIMIT, or nothing
     */
    void each(Condition condition, Condition order, String window, Use use) throws SQLException, ScimException {
        Condition own = own(condition);
        connection.setAutoCommit(false); // the driver reads in pieces only within a transaction
        try (PreparedStatement select = connection.prepareStatement(columns() + found() + " AND " + own.sql() + " AND "
                + condition.sql() + " ORDER BY " + order.sql() + window)) {
            select.setFetchSize(500);
            List<String> parameters = new ArrayList<>(own.parameters());
            parameters.addAll(condition.parameters());
            parameters.addAll(order.parameters());
            bind(select, parameters);
            ResultSet rows = select.executeQuery();
            while (rows.next()) {
                use.row(row(rows));
            }
        } finally {
            connection.rollback();
        }
    }

    private Row row(ResultSet row) throws SQLException {
        String linked = row.getString("links");
        JsonNode list = linked == null ? null : Json.list(linked);
        return new Row(
                schema,
                row.getString("id"),
                Json.object(row.getString("raw_json")),
                time(row, "created_at"),
                time(row, "updated_at"),
                time(row, "deleted_at"),
                list);
    }

    static Instant time(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }
}
