package dev.userssync.scim;

import com.unboundid.scim2.common.exceptions.ScimException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;

/** Reads rows of neon_auth.users_sync, on the caller's connection. Values are always parameters. Thread-safe. */
final class UserRows {

    private static final String COLUMNS =
            "SELECT id, coalesce(raw_json, '{}') AS raw_json, created_at, coalesce(updated_at, created_at)"
                    + " AS updated_at, deleted_at FROM neon_auth.users_sync WHERE ";

    /** {@link UserRow#isOurs()} in SQL, word for word the condition of an index in R__scim_indexes.sql. */
    private static final String OURS = "raw_json @> '{\"schemas\": [\"" + UserSchema.SCHEMA + "\"]}'";

    /** {@link UserRow#isFound()} in SQL, word for word the condition of the other indexes there. */
    private static final String FOUND = OURS + " AND (deleted_at IS NULL OR raw_json -> 'active' = 'false')";

    /** Takes one row of a result. */
    interface Use {
        void row(UserRow row) throws ScimException;
    }

    private UserRows() {}

    /** The row of an id, from any provider; null if there is none. */
    static UserRow find(Connection connection, String id) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(COLUMNS + "id = ?")) {
            select.setString(1, id);
            ResultSet rows = select.executeQuery();
            return rows.next() ? row(rows) : null;
        }
    }

    /** The users with this externalId, including those that a client deleted; the last changed comes first. */
    static List<UserRow> withExternalId(Connection connection, String prefix, String externalId) throws SQLException {
        return list(connection, OURS + " AND raw_json ->> 'externalId' = ?", prefix, externalId);
    }

    /** The users that a client finds by this userName, in any case; the last changed comes first. */
    static List<UserRow> withUserName(Connection connection, String prefix, String userName) throws SQLException {
        return list(connection, FOUND + " AND lower(raw_json ->> 'userName') = lower(?)", prefix, userName);
    }

    private static List<UserRow> list(Connection connection, String condition, String prefix, String value)
            throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                COLUMNS + condition + " AND starts_with(id, ?) ORDER BY 4 DESC NULLS LAST, id")) {
            select.setString(1, value);
            select.setString(2, prefix);
            ResultSet rows = select.executeQuery();
            List<UserRow> list = new ArrayList<>();
            while (rows.next()) {
                list.add(row(rows));
            }
            return list;
        }
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

    /** The number of users with this prefix that a client finds. */
    static int count(Connection connection, String prefix) throws SQLException {
        try (PreparedStatement select = connection.prepareStatement(
                "SELECT count(*) FROM neon_auth.users_sync WHERE " + FOUND + " AND starts_with(id, ?)")) {
            select.setString(1, prefix);
            ResultSet rows = select.executeQuery();
            rows.next();
            return rows.getInt(1);
        }
    }

    /** A page of the users that a client finds, in the order of their ids. */
    static void page(Connection connection, String prefix, int offset, int limit, Use use)
            throws SQLException, ScimException {
        each(connection, prefix, UserQuery.Condition.ANY, " OFFSET " + offset + " LIMIT " + limit, use);
    }

    /**
     * All users that a client finds and that meet a condition, in the order of their ids. It reads in pieces and does
     * not hold them in memory.
     */
    static void all(Connection connection, String prefix, UserQuery.Condition condition, Use use)
            throws SQLException, ScimException {
        each(connection, prefix, condition, "", use);
    }

    private static void each(
            Connection connection, String prefix, UserQuery.Condition condition, String window, Use use)
            throws SQLException, ScimException {
        connection.setAutoCommit(false); // the driver reads in pieces only within a transaction
        try (PreparedStatement select = connection.prepareStatement(
                COLUMNS + FOUND + " AND starts_with(id, ?) AND " + condition.sql() + " ORDER BY id" + window)) {
            select.setFetchSize(500);
            select.setString(1, prefix);
            List<String> parameters = condition.parameters();
            for (int i = 0; i < parameters.size(); i++) {
                select.setString(i + 2, parameters.get(i));
            }
            ResultSet rows = select.executeQuery();
            while (rows.next()) {
                use.row(row(rows));
            }
        } finally {
            connection.rollback();
        }
    }

    private static UserRow row(ResultSet row) throws SQLException {
        return new UserRow(
                row.getString("id"),
                Json.object(row.getString("raw_json")),
                time(row, "created_at"),
                time(row, "updated_at"),
                time(row, "deleted_at"));
    }

    private static Instant time(ResultSet row, String column) throws SQLException {
        OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
        return time == null ? null : time.toInstant();
    }
}
