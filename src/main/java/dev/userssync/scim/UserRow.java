package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A row of neon_auth.users_sync for SCIM. Times have microseconds, like Postgres. Immutable by agreement: nobody
 * changes the document.
 *
 * @param document raw_json; never null
 * @param created when the user was created, or null
 * @param updated the version of the profile, or null if it has none
 * @param deleted when the user was deleted or, where inactive means deleted, deactivated; else null
 */
record UserRow(String id, ObjectNode document, Instant created, Instant updated, Instant deleted) {

    /** Whether SCIM wrote the row: only SCIM's documents name the schema. */
    boolean isOurs() {
        for (var schema : document.path("schemas")) {
            if (UserSchema.SCHEMA.equals(schema.textValue())) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a client finds the user. It finds an inactive user although that counts as deleted, or nobody could
     * reactivate the user. It does not find a user that a client deleted, whose document lacks {@code active} (see
     * {@link UserChange}).
     */
    boolean isFound() {
        return isOurs() && (deleted == null || !isActive());
    }

    /** Whether the client has not made the user inactive. */
    boolean isActive() {
        return UserDocument.isActive(document);
    }

    /**
     * A time after every event of this row, and not before now. It strictly increases for one user, whatever the clocks
     * show.
     */
    static Instant nextVersion(UserRow row, Instant now) {
        Instant next = now.truncatedTo(ChronoUnit.MICROS);
        if (row != null) {
            for (Instant seen : new Instant[] {row.created, row.updated, row.deleted}) {
                next = seen != null && !seen.isBefore(next) ? seen.plus(1, ChronoUnit.MICROS) : next;
            }
        }
        return next;
    }

    /** The version as an entity tag (RFC 7644 §3.14), weak like the RFC's examples. */
    String tag() {
        Instant version = updated != null ? updated : Instant.EPOCH;
        return "W/\"" + Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, version), Character.MAX_RADIX) + "\"";
    }

    /** The URL of the user, for a client that called this base. */
    String location(String base) {
        return base + "/Users/" + URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The resource for a client: the document with id and meta. */
    ObjectNode resource(String base) {
        ObjectNode resource = Json.object();
        resource.setAll(document);
        resource.put("id", id);
        ObjectNode meta = JsonNodeFactory.instance.objectNode().put("resourceType", "User");
        if (created != null) {
            meta.put("created", created.truncatedTo(ChronoUnit.MILLIS).toString());
        }
        if (updated != null) {
            meta.put("lastModified", updated.truncatedTo(ChronoUnit.MILLIS).toString());
        }
        resource.set("meta", meta.put("location", location(base)).put("version", tag()));
        return resource;
    }
}
