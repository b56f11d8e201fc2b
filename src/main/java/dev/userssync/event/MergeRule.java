package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Objects;

/**
 * Merges two events of one user into one with the same effect on any row, so that both fit into one batch. Only SQL
 * decides the row ({@code routes/sql/apply/apply-batch.sql}). This class only knows which of two events wins. A merged
 * event may hold both a profile and a later deletion: {@code type} is then created or updated, with {@code deleted_at}.
 * Stateless.
 */
public final class MergeRule {

    private MergeRule() {}

    /**
     * @param earlier the checked event that arrived first, or the result of a merge
     * @param later the checked event of the same user that arrived after it
     * @return the merged event, or null if the outcome depends on the row: one event has no version and the other has
     *         one, or may have been applied before, or they are not about users
     */
    public static JsonNode merge(JsonNode earlier, JsonNode later) {
        if (earlier.has("once") || later.has("once") || later.has("entity")) {
            return null;
        }
        if (version(earlier) == null || version(later) == null) {
            boolean bothUnversioned = version(earlier) == null && version(later) == null;
            return bothUnversioned && isDeletion(earlier) == isDeletion(later) ? later : null;
        }
        JsonNode profile = isDeletion(later) ? earlier : isDeletion(earlier) ? later : newerProfile(earlier, later);
        String deleted = latest(text(earlier, "deleted_at"), text(later, "deleted_at"));
        if (isDeletion(profile)) {
            return text(earlier, "deleted_at").equals(deleted) ? earlier : later;
        }
        // A newer profile undoes the deletion. If both have one version, the deletion wins.
        boolean stands = deleted != null && compare(deleted, profileVersion(profile)) >= 0;
        return with(profile, "deleted_at", stands ? deleted : null);
    }

    private static JsonNode newerProfile(JsonNode earlier, JsonNode later) {
        boolean laterStands = compare(profileVersion(later), profileVersion(earlier)) >= 0;
        JsonNode newer = laterStands ? later : earlier;
        String created = text(newer, "created_at");
        return created != null ? newer : with(newer, "created_at", text(laterStands ? earlier : later, "created_at"));
    }

    private static JsonNode with(JsonNode event, String field, String value) {
        if (Objects.equals(text(event, field), value)) {
            return event;
        }
        ObjectNode changed = JsonNodeFactory.instance.objectNode();
        changed.setAll((ObjectNode) event);
        return changed.put(field, value);
    }

    public static boolean isDeletion(JsonNode event) {
        return event.path("type").textValue().equals("deleted");
    }

    /** The version of a checked event, or null. */
    public static String version(JsonNode event) {
        return isDeletion(event) ? text(event, "deleted_at") : profileVersion(event);
    }

    static String profileVersion(JsonNode upsert) {
        String updated = text(upsert, "updated_at");
        return updated != null ? updated : text(upsert, "created_at");
    }

    static String latest(String one, String other) {
        return one == null || other != null && compare(other, one) > 0 ? other : one;
    }

    /**
     * Compares checked times, which are ISO 8601 in UTC with a fraction of any length. Without their Z they sort as
     * text.
     */
    private static int compare(String time, String other) {
        return time.substring(0, time.length() - 1).compareTo(other.substring(0, other.length() - 1));
    }

    private static String text(JsonNode event, String field) {
        return event.path(field).textValue();
    }
}
