package dev.userssync.console;

import dev.userssync.event.ApiFailure;
import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.Parameters;
import dev.userssync.management.PollCommands;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Providers;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeMap;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.util.ObjectHelper;

/** The console's pages of users, with the forms that refresh and erase one. Thread-safe. */
final class UserPages {

    private final CamelContext context;
    private final OperatorRoutes routes;
    private final Providers providers;
    private final PollSettings polling;
    private final PollCommands polls;

    UserPages(CamelContext context, OperatorRoutes routes) {
        this.context = context;
        this.routes = routes;
        this.providers = new Providers(context);
        this.polling = new PollSettings(context);
        this.polls = new PollCommands(context);
    }

    Map<String, Object> users(RoutingContext request) throws Exception {
        Map<String, Object> model = new HashMap<>();
        for (String name : List.of("q", "state", "provider", "afterTime", "afterId")) {
            model.put(name, Parameters.optional(request, name));
        }
        String provider = (String) model.get("provider");
        String prefix = provider == null ? null : prefixes().get(provider);
        List<Map<String, Object>> users = routes.rows(
                "find-users",
                "q",
                model.get("q"),
                "state",
                model.get("state"),
                "prefix",
                prefix,
                "afterTime",
                model.get("afterTime"),
                "afterId",
                model.get("afterId"));
        model.put("providers", prefixes().keySet());
        model.put("more", users.size() > Console.PAGE);
        List<Map<String, Object>> shown = users.subList(0, Math.min(Console.PAGE, users.size()));
        model.put("users", shown);
        if (users.size() > Console.PAGE) {
            Map<String, Object> last = shown.get(Console.PAGE - 1);
            model.put("nextTime", last.get("created_at") == null ? "-infinity" : last.get("created_at"));
            model.put("nextId", last.get("id"));
        }
        if (!"results".equals(request.request().getHeader("HX-Target"))) {
            model.put("count", routes.row("count-users"));
        }
        return model;
    }

    /** The prefixes of the providers whose users are recognized by the id. */
    private Map<String, String> prefixes() {
        Map<String, String> prefixes = new TreeMap<>();
        for (String provider : providers.all().keySet()) {
            context.getPropertiesComponent()
                    .resolveProperty(provider + ".id.prefix")
                    .filter(prefix -> !prefix.isEmpty())
                    .ifPresent(prefix -> prefixes.put(provider, prefix));
        }
        return prefixes;
    }

    Map<String, Object> user(String id, String message) throws Exception {
        if (id == null) {
            throw new IllegalArgumentException("id is missing");
        }
        Map<String, Object> model = new HashMap<>();
        model.put("user", routes.row("find-user", "id", id));
        List<Map<String, Object>> history = routes.rows("user-history", "id", id);
        model.put("history", history);
        model.put("memberships", routes.rows("user-memberships", "id", id));
        model.put("polled", polling.providers());
        model.put("provider", history.isEmpty() ? null : history.get(0).get("provider"));
        model.put("message", message);
        return model;
    }

    Map<String, Object> erase(RoutingContext request) throws Exception {
        String id = Parameters.required(request, "id");
        if (!id.equals(Parameters.optional(request, "confirm"))) {
            return user(id, "Nothing was erased: the text that you typed is not the id.");
        }
        Map<String, Object> model = user(id, "The user was erased.");
        model.put("proof", routes.ask("erase-user", "id", id));
        model.putAll(Map.of("user", routes.row("find-user", "id", id), "history", List.of()));
        return model;
    }

    Map<String, Object> refresh(RoutingContext request) throws Exception {
        String id = Parameters.required(request, "id");
        String provider = Parameters.required(request, "provider");
        String prefix = polling.prefix(provider);
        try {
            polls.command(
                    "direct:refresh-user",
                    provider,
                    "userId",
                    id.startsWith(prefix) ? id.substring(prefix.length()) : id);
            return user(id, "Fetched from the provider.");
        } catch (CamelExecutionException e) {
            if (ObjectHelper.getException(NoSuchElementException.class, e) != null) {
                return user(id, "The provider does not know the user, and there is no row.");
            }
            ApiFailure failure = ObjectHelper.getException(ApiFailure.class, e);
            return user(
                    id, "The provider could not be asked: " + (failure == null ? "see the log" : failure.getMessage()));
        }
    }
}
