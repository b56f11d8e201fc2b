package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Objects;

/**
 * Two events of one user as one that has the same effect on any row, so that both fit into one batch. What the row becomes is decided
 * in SQL alone ({@code routes/sql/apply/apply-batch.sql}); this only knows which of two events the rule would let stand. A merged event
 * may hold both a profile and a later deletion: {@code type} is then created or updated, with {@code deleted_at}. Stateless.
 */
public final class MergeRule {

    private MergeRule() {
    }

    /**
     * @param earlier the checked event that arrived first, or what merging gave
     * @param later the checked event of the same user that arrived after it
     * @return the merged event, or null where the outcome depends on the row: one of them has no version and the other has one, or may have been
     *         applied before
     */
    public static JsonNode merge(JsonNode earlier, JsonNode later) {
        if (earlier.has("once") || later.has("once")) {
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
        // A deletion that is older than the profile is undone by it; ties: the deletion wins.
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

    /** Of a checked event; null: it has none. */
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

    /** Checked times are ISO 8601 in UTC with a fraction of any length: without their Z they sort as text. */
    private static int compare(String time, String other) {
        return time.substring(0, time.length() - 1).compareTo(other.substring(0, other.length() - 1));
    }

    private static String text(JsonNode event, String field) {
        return event.path(field).textValue();
    }
}
