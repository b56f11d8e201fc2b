package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A row of neon_auth.users_sync as SCIM sees it. Times are cut to microseconds, as Postgres keeps them. Immutable by agreement: nobody
 * changes the document.
 *
 * @param document raw_json; never null
 * @param created  when the user was created, or null
 * @param updated  the version of the profile, or null if it has none
 * @param deleted  when the user was deleted or, where inactive means deleted, deactivated; else null
 */
record UserRow(String id, ObjectNode document, Instant created, Instant updated, Instant deleted) {

    /** Whether SCIM wrote the row: its documents name the schema, those of other providers do not. */
    boolean isOurs() {
        for (var schema : document.path("schemas")) {
            if (UserSchema.SCHEMA.equals(schema.textValue())) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a client finds the user. An inactive one is found although it counts as deleted, or nobody could make it active again;
     * what a client has deleted is not, because its document says nothing of inactive (see {@link UserChange}).
     */
    boolean isFound() {
        return isOurs() && (deleted == null || !isActive());
    }

    /** Whether the client has not made the user inactive. */
    boolean isActive() {
        return UserDocument.isActive(document);
    }

    /** A time after everything that this row has seen, and not before now: strictly increasing for one user, whatever the clocks say. */
    static Instant nextVersion(UserRow row, Instant now) {
        Instant next = now.truncatedTo(ChronoUnit.MICROS);
        if (row != null) {
            for (Instant seen : new Instant[] {row.created, row.updated, row.deleted}) {
                next = seen != null && !seen.isBefore(next) ? seen.plus(1, ChronoUnit.MICROS) : next;
            }
        }
        return next;
    }

    /** The version as an entity tag (RFC 7644 §3.14), weak as its examples are. */
    String tag() {
        Instant version = updated != null ? updated : Instant.EPOCH;
        return "W/\"" + Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, version), Character.MAX_RADIX) + "\"";
    }

    /** Where the user is, for a client that reached us under this base. */
    String location(String base) {
        return base + "/Users/" + URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The resource that a client gets: the document with id and meta. */
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
