package dev.userssync.console;

import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.Parameters;
import dev.userssync.management.ReactionCommands;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The console's pages of reactions, with the forms that retry, replay, discard, resume and remove. Thread-safe. */
final class ReactionPages {

    private static final Map<String, String> DONE = Map.of(
            "retry", "The waiting changes are due now: ",
            "replay", "Changes to be delivered again: ",
            "discard", "Dead changes that were discarded: ",
            "resume", "The reaction was resumed. Waiting changes are due now: ",
            "remove", "The reaction was removed, with its waiting and dead changes: ");

    private final OperatorRoutes routes;
    private final ReactionCommands commands;

    ReactionPages(OperatorRoutes routes) {
        this.routes = routes;
        this.commands = new ReactionCommands(routes);
    }

    Map<String, Object> reactions(String message) throws Exception {
        Map<String, Object> model = new HashMap<>();
        model.put("reactions", routes.rows("list-reactions"));
        model.put("message", message);
        return model;
    }

    Map<String, Object> reaction(RoutingContext request) throws Exception {
        return reaction(Parameters.required(request, "name"), Parameters.optional(request, "after"), null);
    }

    private Map<String, Object> reaction(String name, String after, String message) throws Exception {
        if (after != null && !after.matches("\\d{1,18}")) {
            throw new IllegalArgumentException("after must be the number of a change");
        }
        Map<String, Object> reaction = routes.rows("list-reactions").stream()
                .filter(one -> name.equals(one.get("name")))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("there is no reaction " + name));
        List<Map<String, Object>> changes = routes.rows("reaction-changes", "name", name, "after", after);
        Map<String, Object> model = new HashMap<>();
        model.put("reaction", reaction);
        model.put("more", changes.size() > Console.PAGE);
        model.put("changes", changes.subList(0, Math.min(Console.PAGE, changes.size())));
        model.put("message", message);
        return model;
    }

    /** @return the page of the reaction, unless it was removed */
    Map<String, Object> run(String verb, RoutingContext request) throws Exception {
        Map<?, ?> result = (Map<?, ?>) commands.run(verb, request);
        String message = DONE.get(verb) + result.get("changes") + ".";
        return verb.equals("remove") ? reactions(message) : reaction((String) result.get("name"), null, message);
    }
}
