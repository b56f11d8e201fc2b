package dev.userssync.client;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Whoever pushes users with a token. Immutable.
 *
 * @param name null for the client of SCIM_WEBHOOK_SECRET, which has the ids that no other client has
 * @param idPrefix the start of the ids of its users and groups; may be empty only for the client of SCIM_WEBHOOK_SECRET
 * @param organization the id of the organization of its users, or null
 */
public record ScimClient(String name, String idPrefix, String organization) {

    /** The variable of the exchange with the client of a request; null: the client of SCIM_WEBHOOK_SECRET. */
    public static final String VARIABLE = "client";

    /** @param idPrefix {@code scim.id.prefix} */
    public static ScimClient ofSecret(String idPrefix) {
        return new ScimClient(null, idPrefix, null);
    }

    /**
     * The condition, in SQL, that an id belongs to this client. Its parameter is the prefix. The prefixes of clients do
     * not start with SCIM_ID_PREFIX, unless that is empty: then no prefix of a client may start the id.
     */
    public String owns(String id) {
        return "starts_with(" + id + ", ?)" + (name == null && idPrefix.isEmpty() ? " AND " + isNobodys(id) : "");
    }

    /** Without clients, the first part is evaluated once for a query, and the second part never. */
    private static String isNobodys(String id) {
        return "(NOT EXISTS (SELECT FROM users_sync_internal.scim_client)" + " OR users_sync_internal.scim_client_of("
                + id + ") IS NULL)";
    }

    /** The smallest text, in the order of bytes, that is greater than all ids of a client with a name. */
    public String end() {
        int last = idPrefix.length() - 1;
        return idPrefix.substring(0, last) + (char) (idPrefix.charAt(last) + 1);
    }

    /** Those of the ids that no other client has, in their order. */
    public Set<String> withoutOthers(Connection connection, Collection<String> ids) throws SQLException {
        Set<String> left = new LinkedHashSet<>();
        if (name != null || ids.isEmpty()) {
            ids.stream().filter(id -> id.startsWith(idPrefix)).forEach(left::add);
            return left;
        }
        try (PreparedStatement select =
                connection.prepareStatement("SELECT u.id FROM unnest(?) WITH ORDINALITY AS u (id, n) WHERE "
                        + isNobodys("u.id") + " ORDER BY u.n")) {
            select.setArray(1, connection.createArrayOf("text", ids.toArray()));
            ResultSet rows = select.executeQuery();
            while (rows.next()) {
                left.add(rows.getString(1));
            }
        }
        return left;
    }
}
