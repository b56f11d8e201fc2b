package dev.userssync.console;

import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.Parameters;
import dev.userssync.management.PollCommands;
import dev.userssync.observe.DatabaseFigures;
import dev.userssync.observe.Freshness;
import dev.userssync.settings.Providers;
import io.vertx.ext.web.RoutingContext;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.util.ObjectHelper;

/** The console's page of providers and their polls, with the forms of the brake. Thread-safe. */
final class SyncPages {

    private final CamelContext context;
    private final OperatorRoutes routes;
    private final Providers providers;
    private final PollCommands polls;

    SyncPages(CamelContext context, OperatorRoutes routes) {
        this.context = context;
        this.routes = routes;
        this.providers = new Providers(context);
        this.polls = new PollCommands(context);
    }

    Map<String, Object> poll(RoutingContext request, String route, String done) throws Exception {
        try {
            polls.command("direct:" + route, Parameters.required(request, "provider"), "request", "reconcile");
            return sync(done);
        } catch (CamelExecutionException e) {
            IllegalArgumentException refusal = ObjectHelper.getException(IllegalArgumentException.class, e);
            return sync("Not done: " + (refusal == null ? "see the log" : refusal.getMessage()));
        }
    }

    Map<String, Object> sync(String message) throws Exception {
        Map<String, Map<String, Object>> activity = new HashMap<>();
        routes.rows("provider-activity").forEach(row -> activity.put((String) row.get("provider"), row));
        context.getRegistry()
                .lookupByNameAndType("database-figures", DatabaseFigures.class)
                .measure();
        Freshness freshness = Freshness.of(context);
        List<Map<String, Object>> shown = new ArrayList<>();
        providers.all().forEach((provider, on) -> {
            Map<String, Object> row = new LinkedHashMap<>(activity.getOrDefault(provider, Map.of()));
            if (freshness.lastWebhook(provider) != null) {
                row.put("last_webhook_at", freshness.lastWebhook(provider).toString());
            }
            if (on || providers.isPolled(provider) || !row.isEmpty()) {
                row.put("provider", provider);
                row.put("on", on || providers.isPolled(provider));
                shown.add(row);
            }
        });
        Map<String, Object> model = new HashMap<>();
        model.put("activity", shown);
        model.put("polls", routes.rows("list-polls"));
        model.put("message", message);
        return model;
    }
}
