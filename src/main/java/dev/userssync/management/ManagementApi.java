package dev.userssync.management;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.userssync.database.Database;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.Failure;
import dev.userssync.observe.DatabaseFigures;
import dev.userssync.observe.Freshness;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The operator's API of a running instance on the management port, for curl and the command line. {@link Access} checks
 * each caller. {@link PollCommands}, {@link ReactionCommands} and {@link ScimClientCommands} add commands. Parameters are in the query. In Java,
 * because Camel's HTTP consumers can only listen on the webhook port.
 */
public final class ManagementApi {

    private static final Logger LOG = LoggerFactory.getLogger(ManagementApi.class);
    private static final JsonMapper JSON = new JsonMapper();

    /** Days for which a deletion can be undone if PURGE_DAYS is not set. */
    private static final int HOLDBACK = 30;

    private final CamelContext context;
    private final Access access;
    private final OperatorRoutes routes;
    private final SampleSender samples;

    public ManagementApi(CamelContext context, Access access, OperatorRoutes routes) {
        this.context = context;
        this.access = access;
        this.routes = routes;
        this.samples = new SampleSender(context);
    }

    public void serveOn(VertxPlatformHttpRouter router) {
        new PollCommands(context).serveOn(router, this::answer);
        new ReactionCommands(routes).serveOn(router, this::answer);
        new ScimClientCommands(context, routes).serveOn(router, this::answerPersonal);
        router.post("/sample/:provider")
                .handler(request -> answer(request, () -> samples.send(request.pathParam("provider"))));
        router.post("/dead-letters/replay")
                .handler(request -> answer(request, () -> (String) routes.ask(
                        "replay-dead-letters",
                        "provider",
                        request.request().getParam("provider"),
                        "kind",
                        request.request().getParam("kind"))));
        router.post("/admin/verify-signature/:provider")
                .handler(BodyHandler.create(false).setBodyLimit(2 * 1024 * 1024))
                .handler(request -> answer(
                        request,
                        () -> json(new SignatureExplainer(context)
                                .explain(
                                        request.pathParam("provider"),
                                        request.body().buffer() == null
                                                ? new byte[0]
                                                : request.body().buffer().getBytes()))));
        router.get("/admin/status").handler(request -> answer(request, () -> json(status())));
        router.get("/admin/users")
                .handler(request -> answerPersonal(
                        request,
                        () -> json(routes.ask(
                                "find-users",
                                "q",
                                request.request().getParam("q"),
                                "state",
                                request.request().getParam("state"),
                                "prefix",
                                null,
                                "afterTime",
                                request.request().getParam("afterTime"),
                                "afterId",
                                request.request().getParam("afterId")))));
        router.get("/admin/user")
                .handler(request -> answerPersonal(
                        request,
                        () -> json(Map.of(
                                "user",
                                routes.row("find-user", "id", Parameters.required(request, "id")),
                                "history",
                                routes.ask("user-history", "id", Parameters.required(request, "id"))))));
        router.post("/admin/user/erase")
                .handler(request -> answerPersonal(request, () -> (String) routes.ask(
                        "erase-user",
                        "id",
                        Parameters.required(request, "id"),
                        "force",
                        String.valueOf("true".equals(request.request().getParam("force"))))));
        router.post("/admin/purge")
                .handler(request -> answerPersonal(
                        request,
                        () -> purge(
                                days(request),
                                "true".equals(request.request().getParam("confirm")),
                                "true".equals(request.request().getParam("dryRun")))));
    }

    private Map<String, Object> status() throws Exception {
        Map<String, Object> status = new LinkedHashMap<>();
        status.put("users", routes.row("count-users"));
        status.put("organizations", routes.row("count-organizations"));
        Map<String, Object> providers = new LinkedHashMap<>();
        context.getRegistry()
                .lookupByNameAndType("database-figures", DatabaseFigures.class)
                .measure();
        Freshness freshness = Freshness.of(context);
        Set<String> polled = new PollSettings(context).providers();
        new Providers(context).all().forEach((provider, on) -> {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("on", on);
            one.put("polled", polled.contains(provider));
            one.put(
                    "last_webhook_at",
                    freshness.lastWebhook(provider) == null
                            ? null
                            : freshness.lastWebhook(provider).toString());
            providers.put(provider, one);
        });
        routes.rows("provider-activity").forEach(row -> {
            @SuppressWarnings("unchecked")
            Map<String, Object> one = (Map<String, Object>)
                    providers.computeIfAbsent((String) row.get("provider"), name -> new LinkedHashMap<>());
            one.put("activity", row);
        });
        status.put("providers", providers);
        status.put("polls", routes.rows("list-polls"));
        status.put("reactions", routes.rows("list-reactions"));
        status.put("dead_letters", routes.rows("count-dead-letters"));
        return status;
    }

    private static int days(RoutingContext request) {
        String days = request.request().getParam("days");
        if (days == null) {
            throw new IllegalArgumentException(
                    "days is missing: set how many days ago a user must have been deleted, such as days=30");
        }
        if (!days.matches("\\d{1,5}")) {
            throw new IllegalArgumentException("days must be a number from 0 to 99999");
        }
        return Integer.parseInt(days);
    }

    private String purge(int days, boolean confirmed, boolean dryRun) throws Exception {
        if (dryRun) {
            return (String) routes.ask("preview-purge", "days", days);
        }
        String set = Setting.of(context, "purge.days");
        int holdback = set.isEmpty() ? HOLDBACK : Integer.parseInt(set);
        if (days < holdback && !confirmed) {
            throw new IllegalArgumentException("nothing was purged: " + days + " days are fewer than the holdback of "
                    + holdback + " days" + (set.isEmpty() ? "" : " (PURGE_DAYS)")
                    + "; check with --dry-run, then add --confirm (dryRun=true and confirm=true over HTTP)");
        }
        return (String) routes.ask("purge-users", "days", days);
    }

    private static String json(Object value) throws Exception {
        return JSON.writeValueAsString(value);
    }

    private void answer(RoutingContext request, Callable<String> work) {
        answer(request, work, access.refusal(request.request(), false));
    }

    private void answerPersonal(RoutingContext request, Callable<String> work) {
        answer(request, work, access.refusal(request.request(), true));
    }

    private void answer(RoutingContext request, Callable<String> work, String refusal) {
        if (access.isGuess(request.request()) && access.isBusyWithGuesses()) {
            request.response().setStatusCode(429).end("too many wrong passwords: wait a few seconds, then try again\n");
            return;
        }
        if (refusal != null) {
            Runnable refuse = () -> request.response().setStatusCode(403).end(refusal + "\n");
            if (access.isGuess(request.request())) {
                access.wrongPassword(request.vertx(), refuse);
            } else {
                refuse.run();
            }
            return;
        }
        request.vertx().executeBlocking(work, false).onComplete(done -> {
            if (done.succeeded()) {
                request.response().end(done.result() + "\n");
            } else if (ObjectHelper.getException(IllegalArgumentException.class, done.cause()) != null) {
                request.response()
                        .setStatusCode(400)
                        .end(ObjectHelper.getException(IllegalArgumentException.class, done.cause())
                                        .getMessage() + "\n");
            } else if (ObjectHelper.getException(NoSuchElementException.class, done.cause()) != null) {
                request.response()
                        .setStatusCode(404)
                        .end(ObjectHelper.getException(NoSuchElementException.class, done.cause())
                                        .getMessage() + "\n");
            } else if (ObjectHelper.getException(ApiFailure.class, done.cause()) != null) {
                request.response()
                        .setStatusCode(502)
                        .end(ObjectHelper.getException(ApiFailure.class, done.cause())
                                        .getMessage() + "\n");
            } else if (!context.isStarted()) {
                request.response()
                        .setStatusCode(503)
                        .putHeader("Retry-After", Setting.of(context, "retry.after"))
                        .end("users-sync is stopping\n");
            } else if (ObjectHelper.getException(SQLException.class, done.cause()) != null) {
                String reason = Failure.safeReason(ObjectHelper.getException(SQLException.class, done.cause()));
                Database.covers(context, done.cause());
                LOG.debug("{} failed", request.normalizedPath(), done.cause());
                request.response()
                        .setStatusCode(503)
                        .end("not done: the database does not answer or refuses the request, " + reason
                                + ". Check that it runs, DATABASE_URL and its permissions.\n");
            } else {
                LOG.error("{} failed", request.normalizedPath(), done.cause());
                request.response().setStatusCode(500).end("failed, see the log\n");
            }
        });
    }
}
