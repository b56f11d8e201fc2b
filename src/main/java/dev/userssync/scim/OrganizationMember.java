package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import dev.userssync.event.Entity;
import dev.userssync.event.UserId;
import dev.userssync.settings.Providers;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.util.List;

/**
 * The membership of a client's user in the client's organization, as the table has it. It makes checked events, and
 * only where the membership must change. So the repetition of a request repairs what the first attempt left undone.
 *
 * @param changed the newest time of the row, or null
 * @param live whether there is a row that has not ended
 */
record OrganizationMember(
        String organization, String user, boolean exists, boolean live, boolean active, Instant changed) {

    /** @return null if the client of these rows has no organization */
    static OrganizationMember of(Rows rows, String user) throws SQLException {
        String organization = rows.client().organization();
        if (organization == null) {
            return null;
        }
        Connection connection = rows.connection();
        try (PreparedStatement select = connection.prepareStatement(
                "SELECT deleted_at IS NULL, active, greatest(created_at, updated_at, deleted_at) AS changed"
                        + " FROM neon_auth.memberships_sync WHERE id = ?")) {
            select.setString(1, id(organization, user));
            ResultSet row = select.executeQuery();
            return row.next()
                    ? new OrganizationMember(
                            organization, user, true, row.getBoolean(1), row.getBoolean(2), Rows.time(row, "changed"))
                    : new OrganizationMember(organization, user, false, false, false, null);
        }
    }

    private static String id(String organization, String user) {
        return organization + ":" + user;
    }

    /**
     * The events, none or one, that make the user a member.
     *
     * @throws BadRequestException invalidValue if the id is longer than an index takes
     */
    List<JsonNode> joins(boolean active, Instant version) throws BadRequestException {
        if (live && this.active == active) {
            return List.of();
        }
        Instant at = Row.after(version, changed);
        checkId(organization, user);
        ObjectNode event = event(exists ? "updated" : "created")
                .put("active", active)
                .put("created_at", exists ? null : at.toString())
                .put("updated_at", at.toString());
        event.putObject("raw").put("value", user);
        return List.of(event);
    }

    /** The events, none or one, that end the membership. */
    List<JsonNode> leaves(Instant version) {
        return live
                ? List.of(event("deleted")
                        .put("deleted_at", Row.after(version, changed).toString()))
                : List.of();
    }

    /** @throws BadRequestException invalidValue if the id of a membership is longer than an index takes */
    static void checkId(String organization, String user) throws BadRequestException {
        String fault = UserId.fault(id(organization, user));
        if (fault != null) {
            throw BadRequestException.invalidValue(
                    "the id of the user, after that of the group or organization, " + fault);
        }
    }

    private ObjectNode event(String type) {
        return event(type, organization, user);
    }

    /** An event without times. */
    static ObjectNode event(String type, String organization, String user) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("entity", Entity.MEMBERSHIP.word())
                .put("type", type)
                .put("id", id(organization, user))
                .put("organization_id", organization)
                .put("user_id", user)
                .put("provider", Providers.SCIM);
    }
}
