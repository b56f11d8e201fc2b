package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Locale;

/**
 * What a user event is about, and the table that keeps it. An event names it in the field {@code entity}; without the
 * field it is about a user. Each table has the columns id, raw_json, created_at, deleted_at and updated_at, which the
 * merge rule knows, beside its own.
 */
public enum Entity {
    USER("neon_auth.users_sync", "users_sync_internal.tombstone", List.of(text("name"), text("email")), List.of()),
    ORGANIZATION(
            "neon_auth.organizations_sync",
            "users_sync_internal.organization_tombstone",
            List.of(
                    new Column("kind", "coalesce(kind, 'organization')", "excluded.kind"),
                    held("name"),
                    held("slug"),
                    held("parent_id"),
                    new Column(
                            "older_fields",
                            "CAST(older_fields AS jsonb)",
                            "users_sync_internal.older_fields(excluded.older_fields, u.older_fields, coalesce(u.updated_at, u.created_at))",
                            "users_sync_internal.filled_fields(excluded.older_fields, " + Column.VERSION
                                    + ", u.older_fields)")),
            List.of()),
    MEMBERSHIP(
            "neon_auth.memberships_sync",
            "users_sync_internal.membership_tombstone",
            List.of(
                    // without roles, an event leaves those of the row
                    new Column("role", "role", "CASE WHEN excluded.roles IS NULL THEN u.role ELSE excluded.role END"),
                    new Column("roles", "CAST(roles AS text[])", "coalesce(excluded.roles, u.roles)"),
                    new Column(
                            "active",
                            // what the provider reported apart, else true
                            "coalesce(CAST(active AS boolean), (SELECT r.active FROM users_sync_internal.membership_roles AS r WHERE r.id = event.id), true)",
                            "excluded.active")),
            List.of("organization_id", "user_id"));

    /**
     * A column of the profile.
     *
     * @param cast the SQL that converts the event's text
     * @param won the SQL of what a winning event writes: excluded is the event, u the row
     * @param lost the SQL of what another event writes
     */
    public record Column(String name, String cast, String won, String lost) {

        private static final String VERSION = "coalesce(excluded.updated_at, excluded.created_at)";

        Column(String name, String cast, String won) {
            this(name, cast, won, "u." + name);
        }
    }

    public final String table;
    public final String tombstones;
    public final List<Column> columns;
    /** The columns that never change once they are known. */
    public final List<String> keys;

    Entity(String table, String tombstones, List<Column> columns, List<String> keys) {
        this.table = table;
        this.tombstones = tombstones;
        this.columns = columns;
        this.keys = keys;
    }

    private static Column text(String name) {
        return new Column(name, name, "excluded." + name);
    }

    /** A text that an event may lack: the row keeps it, and an older event may fill it. */
    private static Column held(String name) {
        return new Column(
                name,
                name,
                "CASE WHEN excluded.older_fields -> '" + name + "' IS NULL THEN excluded." + name + " ELSE u." + name
                        + " END",
                "CASE WHEN users_sync_internal.fills('" + name + "', excluded.older_fields, " + Column.VERSION
                        + ", u.older_fields) THEN excluded." + name + " ELSE u." + name + " END");
    }

    /** The word of the field {@code entity}, of history and metrics. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** @throws InvalidUserEvent if the event names an entity that users-sync does not have */
    public static Entity of(JsonNode event) {
        JsonNode given = event.path("entity");
        if (given.isMissingNode() || given.isNull()) {
            return USER;
        }
        for (Entity entity : values()) {
            if (entity.word().equals(given.textValue())) {
                return entity;
            }
        }
        throw new InvalidUserEvent("entity is none of user, organization and membership");
    }
}
