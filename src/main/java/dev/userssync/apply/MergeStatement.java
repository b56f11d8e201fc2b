package dev.userssync.apply;

import dev.userssync.event.Entity;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Fills the template of the merge rule for one table, so that the rule is written once. The file
 * {@code routes/sql/apply/apply-batch.sql} explains its place-holders. In: the body, the text of the template. Out: the
 * body, the statement. Own code, because a template engine would load at the start of every process for one file.
 * Thread-safe.
 */
@BindToRegistry("merge-statement")
public final class MergeStatement {

    private final Map<Entity, Filled> filled = new ConcurrentHashMap<>();

    private record Filled(String template, String statement) {}

    public void ofUsers(Exchange exchange) {
        fill(exchange, Entity.USER);
    }

    public void ofOrganizations(Exchange exchange) {
        fill(exchange, Entity.ORGANIZATION);
    }

    public void ofMemberships(Exchange exchange) {
        fill(exchange, Entity.MEMBERSHIP);
    }

    private void fill(Exchange exchange, Entity entity) {
        String template = exchange.getMessage().getBody(String.class);
        Filled last = filled.get(entity);
        // The route gives the same text each time, unless the file was reloaded.
        if (last == null || !last.template.equals(template)) {
            last = new Filled(template, statement(template, entity));
            filled.put(entity, last);
        }
        exchange.getMessage().setBody(last.statement);
    }

    public static String statement(String template, Entity entity) {
        List<String> lines = new ArrayList<>();
        for (String line : template.split("\n")) {
            if (line.startsWith("--")) {
                continue; // the explanation, which names the place-holders
            }
            Optional<Entity> only = Arrays.stream(Entity.values())
                    .filter(one -> line.contains("{" + one.word() + "} "))
                    .findAny();
            if (only.isPresent()) {
                if (only.get() == entity) {
                    lines.add(line.replace("{" + entity.word() + "} ", ""));
                }
            } else if (line.contains("{column}")) {
                entity.columns.forEach(column -> lines.add(line.replace("{column}", column.name())
                        .replace("{new}", column.won())
                        .replace("{old}", column.lost())));
            } else if (line.contains("{key}")) {
                entity.keys.forEach(key -> lines.add(line.replace("{key}", key)));
            } else if (line.contains("{any}")) {
                names(entity).forEach(name -> lines.add(line.replace("{any}", name)));
            } else {
                lines.add(line);
            }
        }
        return String.join("\n", lines)
                .replace("{table}", entity.table)
                .replace("{tombstone}", entity.tombstones)
                .replace("{entity}", entity == Entity.USER ? "NULL" : "'" + entity.word() + "'")
                .replace("{columns}", String.join(", ", names(entity)))
                .replace(
                        "{casts}",
                        Stream.concat(
                                        entity.columns.stream().map(column -> column.cast() + " AS " + column.name()),
                                        entity.keys.stream())
                                .collect(Collectors.joining(", ")))
                .replace("{new columns}", list(entity, Entity.Column::won))
                .replace("{row columns}", list(entity, column -> "u." + column.name()));
    }

    private static String list(Entity entity, Function<Entity.Column, String> form) {
        return entity.columns.stream().map(form).collect(Collectors.joining(", "));
    }

    static List<String> names(Entity entity) {
        return Stream.concat(entity.columns.stream().map(Entity.Column::name), entity.keys.stream())
                .toList();
    }
}
