package dev.userssync.scim;

import java.util.ArrayList;
import java.util.List;

/** A piece of SQL and the texts for its question marks. */
record Condition(String sql, List<String> parameters) {

    static final Condition ANY = new Condition("TRUE", List.of());

    Condition(String sql, String parameter) {
        this(sql, List.of(parameter));
    }

    static Condition all(List<Condition> parts) {
        return join(parts.stream().filter(part -> part != ANY).toList(), " AND ");
    }

    static Condition oneOf(List<Condition> parts) {
        return parts.contains(ANY) ? ANY : join(parts, " OR ");
    }

    private static Condition join(List<Condition> parts, String word) {
        if (parts.isEmpty()) {
            return ANY;
        }
        List<String> parameters = new ArrayList<>();
        parts.forEach(part -> parameters.addAll(part.parameters));
        return new Condition(
                "(" + String.join(word, parts.stream().map(Condition::sql).toList()) + ")", parameters);
    }
}
