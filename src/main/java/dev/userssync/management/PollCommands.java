package dev.userssync.management;

import dev.userssync.provider.Polls;
import dev.userssync.settings.PollSettings;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import org.apache.camel.CamelContext;
import org.apache.camel.FluentProducerTemplate;

/**
 * The operator's commands for polling: {@code GET /admin/polls}, {@code POST /admin/polls/{provider}/reconcile}
 * ({@code ?dryRun=true} writes nothing, {@code ?providerWins=true} also replaces rows that are newer than the
 * provider's data), {@code POST /admin/polls/{provider}/confirm}, {@code dismiss}, {@code backfill} and
 * {@code POST /admin/users/{provider}/{id}/refresh}. The poll of a provider's organizations has the name {@code
 * <provider>:organizations} here. Thread-safe.
 */
public final class PollCommands {

    private final CamelContext context;
    private final PollSettings settings;
    private final Polls polls;

    public PollCommands(CamelContext context) {
        this.context = context;
        this.settings = new PollSettings(context);
        this.polls = context.getRegistry().lookupByNameAndType("polls", Polls.class);
    }

    /** @param answer checks the caller, and answers with the text of the work */
    void serveOn(Router router, BiConsumer<RoutingContext, Callable<String>> answer) {
        router.get("/admin/polls")
                .handler(request ->
                        answer.accept(request, () -> route("direct:poll-states").request(String.class)));
        router.post("/admin/polls/:provider/reconcile")
                .handler(request -> answer.accept(
                        request,
                        () -> command(
                                "direct:request-reconcile", request.pathParam("provider"), "request", kind(request))));
        router.post("/admin/polls/:provider/confirm")
                .handler(request -> answer.accept(
                        request,
                        () -> command("direct:brake-confirm", request.pathParam("provider"), "request", "confirm")));
        router.post("/admin/polls/:provider/dismiss")
                .handler(request -> answer.accept(
                        request,
                        () -> command("direct:brake-dismiss", request.pathParam("provider"), "request", "dismiss")));
        router.post("/admin/polls/:provider/backfill")
                .handler(request -> answer.accept(
                        request,
                        () -> command(
                                "direct:request-backfill", request.pathParam("provider"), "request", "backfill")));
        router.post("/admin/users/:provider/:id/refresh")
                .handler(request -> answer.accept(
                        request,
                        () -> command(
                                "direct:refresh-user",
                                request.pathParam("provider"),
                                "userId",
                                request.pathParam("id"))));
    }

    private static String kind(RoutingContext request) {
        boolean dryRun = "true".equals(request.request().getParam("dryRun"));
        boolean providerWins = "true".equals(request.request().getParam("providerWins"));
        if (dryRun && providerWins) {
            throw new IllegalArgumentException(
                    "dryRun and providerWins exclude each other: a dry run counts the rows that are newer than the provider's data");
        }
        return dryRun ? "dry-run" : providerWins ? "provider-wins" : "reconcile";
    }

    /**
     * @param poller the name of a provider or, for its organizations, provider:organizations
     * @throws IllegalArgumentException if it is not polled
     */
    public String command(String route, String poller, String variable, String value) {
        String provider = poller.split(":", 2)[0];
        boolean users = poller.equals(provider);
        if (!settings.isPolled(provider)
                || !users && !poller.equals(PollSettings.organizations(provider))
                || context.getRoute(provider + (users ? "-user" : "-organizations")) == null) {
            throw new IllegalArgumentException("provider " + poller + " is not polled; polled providers: "
                    + String.join(", ", settings.providers()));
        }
        String reply = route(route)
                .withVariable("provider", provider)
                .withVariable("poller", poller)
                .withVariable(variable, value)
                .request(String.class);
        polls.wake(poller);
        return reply;
    }

    private FluentProducerTemplate route(String route) {
        return context.createFluentProducerTemplate().to(route);
    }
}
