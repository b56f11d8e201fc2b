package dev.userssync.apply;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.event.MergeRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** One user of a batch with all events of that user; several if they were merged. */
final class BatchEntry {

    JsonNode event;
    final List<WaitingEvent> callers = new ArrayList<>(1);

    BatchEntry(WaitingEvent first) {
        event = first.event;
        callers.add(first);
    }

    boolean merges(WaitingEvent later) {
        JsonNode merged;
        try {
            merged = MergeRule.merge(event, later.event);
        } catch (RuntimeException e) {
            return false; // one event cannot be read: each goes alone, so that only that one fails
        }
        if (merged == null) {
            return false;
        }
        event = merged;
        callers.add(later);
        return true;
    }

    /**
     * The event for the route. Of several merged events, the winning one gives the delivery, and {@code joined} names
     * the others.
     */
    JsonNode forRoute() {
        if (callers.size() == 1) {
            return event;
        }
        int stands = stands();
        ArrayNode joined = JsonNodeFactory.instance.arrayNode();
        for (int i = 0; i < callers.size(); i++) {
            JsonNode one = callers.get(i).event;
            if (i != stands) {
                joined.addObject()
                        .put("type", one.path("type").textValue())
                        .put("version", MergeRule.version(one))
                        .put("provider", one.path("provider").textValue())
                        .put("delivery", one.path("delivery").textValue());
            }
        }
        ObjectNode whole = JsonNodeFactory.instance.objectNode().setAll((ObjectNode) event);
        whole.set("delivery", callers.get(stands).event.get("delivery"));
        return whole.put("joined", joined.toString());
    }

    /** The place of the caller whose event wins: the last one with the deletion, else with the profile. */
    private int stands() {
        if (callers.size() == 1) {
            return 0;
        }
        String deleted = event.path("deleted_at").textValue();
        String version = deleted != null ? deleted : MergeRule.version(event);
        for (int i = callers.size() - 1; i >= 0; i--) {
            JsonNode one = callers.get(i).event;
            if (MergeRule.isDeletion(one) == (deleted != null) && Objects.equals(MergeRule.version(one), version)) {
                return i;
            }
        }
        return callers.size() - 1;
    }

    void done(Map<String, String> notApplied) {
        String decision = notApplied.getOrDefault(event.path("id").textValue(), "applied");
        int stands = stands();
        for (int i = 0; i < callers.size(); i++) {
            callers.get(i).done(i == stands ? decision : "merged");
        }
    }
}
