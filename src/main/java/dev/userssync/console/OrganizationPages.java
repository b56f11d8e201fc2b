package dev.userssync.console;

import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.Parameters;
import io.vertx.ext.web.RoutingContext;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The console's pages about organizations and their members. Thread-safe. */
final class OrganizationPages {

    private final OperatorRoutes routes;

    OrganizationPages(OperatorRoutes routes) {
        this.routes = routes;
    }

    Map<String, Object> organizations(RoutingContext request) throws Exception {
        Map<String, Object> model = new HashMap<>();
        String q = Parameters.optional(request, "q");
        model.put("q", q);
        page(
                model,
                "organizations",
                routes.rows("find-organizations", "q", q == null || q.isBlank() ? null : q.strip()));
        model.put("count", routes.row("count-organizations"));
        return model;
    }

    Map<String, Object> organization(RoutingContext request) throws Exception {
        Map<String, Object> model = new HashMap<>();
        String id = Parameters.required(request, "id");
        String after = Parameters.optional(request, "after");
        model.put("organization", routes.row("find-organization", "id", id));
        List<Map<String, Object>> members = routes.rows("organization-members", "id", id, "after", after);
        page(model, "members", members);
        model.put("after", after);
        if (members.size() > Console.PAGE) {
            model.put("next", members.get(Console.PAGE - 1).get("user_id"));
        }
        model.put("history", routes.rows("organization-history", "id", id));
        return model;
    }

    private static void page(Map<String, Object> model, String name, List<Map<String, Object>> rows) {
        model.put("more", rows.size() > Console.PAGE);
        model.put(name, rows.subList(0, Math.min(Console.PAGE, rows.size())));
    }
}
