package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.resource.Json;
import dev.userssync.resource.Schema;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A row of neon_auth.users_sync or organizations_sync for SCIM. Times have microseconds, like Postgres. Immutable by
 * agreement: nobody changes the document.
 *
 * @param document raw_json; never null
 * @param created when the resource was created, or null
 * @param updated the version of the profile, or null if it has none
 * @param deleted when the resource was deleted or, where inactive means deleted, the user was deactivated; else null
 * @param links the groups of a user, or the ids of a group's members, a list; null if nobody needs them
 */
record Row(
        Schema schema,
        String id,
        ObjectNode document,
        Instant created,
        Instant updated,
        Instant deleted,
        JsonNode links) {

    /** Whether SCIM wrote the row: only SCIM's documents name the schema. */
    boolean isOurs() {
        for (var named : document.path("schemas")) {
            if (schema.urn.equals(named.textValue())) {
                return true;
            }
        }
        return false;
    }

    /**
     * Whether a client finds the resource. It finds an inactive user although that counts as deleted, or nobody could
     * reactivate the user. It does not find a user that a client deleted, whose document lacks {@code active} (see
     * {@link UserChange}).
     */
    boolean isFound() {
        return isOurs() && (deleted == null || schema == Schema.USER && !isActive());
    }

    /** Whether the client has not made the user inactive. */
    boolean isActive() {
        return UserProfile.isActive(document);
    }

    /**
     * A time after every event of this row, and not before now. It strictly increases for one resource, whatever the
     * clocks show.
     */
    static Instant nextVersion(Row row, Instant now) {
        return row == null ? after(now) : after(now, row.created, row.updated, row.deleted);
    }

    /** A time that is not before now, and after each of the others. They may be null. */
    static Instant after(Instant now, Instant... others) {
        Instant next = now.truncatedTo(ChronoUnit.MICROS);
        for (Instant seen : others) {
            next = seen != null && !seen.isBefore(next) ? seen.plus(1, ChronoUnit.MICROS) : next;
        }
        return next;
    }

    /** The version as an entity tag (RFC 7644 §3.14), weak like the RFC's examples. */
    String tag() {
        Instant version = updated != null ? updated : Instant.EPOCH;
        return "W/\"" + Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, version), Character.MAX_RADIX) + "\"";
    }

    /** The URL of the resource, for a client that called this base. */
    String location(String base) {
        return location(base, schema, id);
    }

    private static String location(String base, Schema schema, String id) {
        return base + schema.endpoint + "/"
                + URLEncoder.encode(id, StandardCharsets.UTF_8).replace("+", "%20");
    }

    /** The resource for a client: the document with id, meta and links. */
    ObjectNode resource(String base) {
        ObjectNode resource = Json.object();
        resource.setAll(document);
        resource.put("id", id);
        if (links != null && !links.isEmpty()) {
            resource.set(schema.links, links(base));
        }
        ObjectNode meta = JsonNodeFactory.instance.objectNode().put("resourceType", schema.type);
        if (created != null) {
            meta.put("created", created.truncatedTo(ChronoUnit.MILLIS).toString());
        }
        if (updated != null) {
            meta.put("lastModified", updated.truncatedTo(ChronoUnit.MILLIS).toString());
        }
        resource.set("meta", meta.put("location", location(base)).put("version", tag()));
        return resource;
    }

    private ArrayNode links(String base) {
        ArrayNode values = JsonNodeFactory.instance.arrayNode();
        for (JsonNode link : links) {
            ObjectNode value = Json.object();
            if (schema == Schema.GROUP) {
                value.put("value", link.textValue())
                        .put("$ref", location(base, Schema.USER, link.textValue()))
                        .put("type", Schema.USER.type);
            } else {
                value.setAll((ObjectNode) link);
                value.put(
                                "$ref",
                                location(base, Schema.GROUP, link.path("value").textValue()))
                        .put("type", "direct");
            }
            values.add(value);
        }
        return values;
    }
}
