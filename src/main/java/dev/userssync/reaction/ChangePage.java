package dev.userssync.reaction;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.userssync.event.JsonBody;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** The next changes of a reaction, and what became of them. One thread works on the changes of one row. */
public final class ChangePage {

    private final List<Change> changes = new ArrayList<>();
    private volatile String stopped;

    private enum Outcome {
        WAITS,
        DONE,
        FAILED
    }

    /** A change with its outcome. It waits until an attempt. */
    final class Change {

        final JsonNode content;
        private final long seq;
        private final String entity;
        private final String id;
        private final boolean waits;
        private final List<Change> row;
        private volatile Outcome outcome = Outcome.WAITS;
        private volatile String error;

        private Change(Map<?, ?> found, List<Change> row) throws JsonProcessingException {
            content = JsonBody.MAPPER.readTree((String) found.get("change"));
            seq = ((Number) found.get("seq")).longValue();
            entity = (String) found.get("entity");
            id = (String) found.get("id");
            waits = Boolean.TRUE.equals(found.get("waits"));
            this.row = row;
        }

        /** Whether every earlier change of the row is done, and the reaction goes on. */
        boolean isNext() {
            return !waits
                    && stopped == null
                    && row.subList(0, row.indexOf(this)).stream().allMatch(one -> one.outcome == Outcome.DONE);
        }

        void done() {
            outcome = Outcome.DONE;
        }

        /** Ends the reaction with this change. */
        void stop(String why) {
            stopped = why;
        }

        void failed(String why) {
            error = why;
            outcome = Outcome.FAILED;
        }
    }

    /** @param found the rows of {@code next-changes.sql}, in order */
    ChangePage(List<Map<?, ?>> found) throws JsonProcessingException {
        Map<String, List<Change>> rows = new LinkedHashMap<>();
        for (Map<?, ?> one : found) {
            List<Change> row = rows.computeIfAbsent(one.get("entity") + " " + one.get("id"), key -> new ArrayList<>());
            Change change = new Change(one, row);
            row.add(change);
            changes.add(change);
        }
    }

    /** The changes of each row, in order. */
    public List<List<Change>> getRows() {
        return changes.stream().map(change -> change.row).distinct().toList();
    }

    long last() {
        return changes.get(changes.size() - 1).seq;
    }

    /** Why no further change may be handed out; null: they may. */
    String stopped() {
        return stopped;
    }

    /** The numbers of the changes that are done, as Postgres writes an array. */
    String done() {
        return changes.stream()
                .filter(change -> change.outcome == Outcome.DONE)
                .map(change -> Long.toString(change.seq))
                .collect(Collectors.joining(",", "{", "}"));
    }

    String failed() {
        return json(change -> change.outcome == Outcome.FAILED);
    }

    String waiting() {
        return json(change -> change.outcome == Outcome.WAITS);
    }

    private String json(Predicate<Change> which) {
        ArrayNode list = JsonBody.MAPPER.createArrayNode();
        changes.stream()
                .filter(which)
                .forEach(change -> list.addObject()
                        .put("seq", change.seq)
                        .put("entity", change.entity)
                        .put("id", change.id)
                        .put("error", change.error));
        return list.toString();
    }
}
