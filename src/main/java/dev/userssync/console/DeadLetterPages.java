package dev.userssync.console;

import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.Parameters;
import dev.userssync.settings.Providers;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;

/** The console's pages of dead letters, with the forms that replay and discard them. Thread-safe. */
final class DeadLetterPages {

    private final OperatorRoutes routes;
    private final Providers providers;

    DeadLetterPages(CamelContext context, OperatorRoutes routes) {
        this.routes = routes;
        this.providers = new Providers(context);
    }

    Map<String, Object> deadLetters(RoutingContext request, String message) throws Exception {
        Map<String, Object> model = new HashMap<>();
        String provider = Parameters.optional(request, "provider");
        List<Map<String, Object>> letters = routes.rows(
                "list-dead-letters", "before", Parameters.optional(request, "before"), "provider", provider);
        model.put("more", letters.size() > Console.PAGE);
        letters = letters.subList(0, Math.min(Console.PAGE, letters.size()));
        letters.forEach(letter -> letter.put(
                "why", DeadLetterReason.of((String) letter.get("sql_state"), (String) letter.get("reason"))));
        model.put("letters", letters);
        model.put("provider", provider);
        model.put("providers", providers.all().keySet());
        model.put("message", message);
        return model;
    }

    Map<String, Object> deadLetter(String id, String message) throws Exception {
        if (id == null || !id.matches("\\d{1,18}")) {
            throw new IllegalArgumentException("id must be the number of a dead letter");
        }
        Map<String, Object> letter = new LinkedHashMap<>(routes.row("find-dead-letter", "letter", id));
        if (letter.isEmpty()) {
            throw new IllegalArgumentException("there is no dead letter " + id);
        }
        Map<String, Object> model = new HashMap<>();
        byte[] body = (byte[]) letter.remove("body");
        model.put("letter", letter);
        model.put("body", body.length == 0 ? null : MaskedBody.of(body));
        model.put("why", DeadLetterReason.of((String) letter.get("sql_state"), (String) letter.get("reason")));
        model.put("message", message);
        return model;
    }

    Map<String, Object> replayOne(RoutingContext request) throws Exception {
        String id = Parameters.required(request, "id");
        deadLetter(id, null);
        routes.ask("replay-dead-letter", "letter", Long.valueOf(id));
        Map<String, Object> model = deadLetter(id, null);
        boolean parked = "parked".equals(((Map<?, ?>) model.get("letter")).get("state"));
        model.put(
                "message",
                parked ? "The replay failed again, for the reason below." : "The delivery was replayed and applied.");
        return model;
    }

    Map<String, Object> discard(RoutingContext request) throws Exception {
        String id = Parameters.required(request, "id");
        deadLetter(id, null);
        routes.ask("discard-dead-letter", "letter", id);
        return deadLetter(id, "The dead letter was discarded and its body removed.");
    }

    Map<String, Object> replayAll(RoutingContext request) throws Exception {
        Object result = routes.ask(
                "replay-dead-letters",
                "provider",
                Parameters.optional(request, "provider"),
                "kind",
                Parameters.optional(request, "kind"));
        return deadLetters(request, "Replayed: " + result);
    }
}
