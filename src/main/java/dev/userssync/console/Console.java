package dev.userssync.console;

import dev.userssync.database.Database;
import dev.userssync.management.Access;
import dev.userssync.management.OperatorRoutes;
import dev.userssync.management.Parameters;
import dev.userssync.management.ReactionCommands;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.util.HashMap;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves the console on the management port. Each page is a route in routes/operators and a template in config/console.
 * Without CONSOLE_PASSWORD the console is off, except for this machine in the profile dev. It runs no script but htmx,
 * works without script, and loads nothing from elsewhere. It accepts a form only with the token of its session.
 * Thread-safe.
 */
public final class Console {

    private static final Logger LOG = LoggerFactory.getLogger(Console.class);
    static final int PAGE = 50;

    private final CamelContext context;
    private final Access access;
    private final Templates pages;
    private final ConsoleDoor door;
    private final UserPages users;
    private final OrganizationPages organizations;
    private final SyncPages sync;
    private final DeadLetterPages deadLetters;
    private final ReactionPages reactions;

    /** Renders a page, on a worker thread. */
    private interface Page {
        Map<String, Object> model(RoutingContext request) throws Exception;
    }

    public Console(CamelContext context, Access access, OperatorRoutes routes) {
        this.context = context;
        this.access = access;
        this.pages = new Templates(context);
        this.door = new ConsoleDoor(access);
        this.users = new UserPages(context, routes);
        this.organizations = new OrganizationPages(routes);
        this.sync = new SyncPages(context, routes);
        this.deadLetters = new DeadLetterPages(context, routes);
        this.reactions = new ReactionPages(routes);
    }

    public void serveOn(VertxPlatformHttpRouter router) {
        router.route("/console*").handler(door::secure);
        router.route(HttpMethod.GET, "/console/static/:name").handler(this::asset);
        router.route(HttpMethod.GET, "/console").handler(request -> redirect(request, "/console/users"));
        router.route(HttpMethod.GET, "/console/login").handler(request -> html(request, 200, "login", Map.of()));
        action(router, "/console/login", request -> door.login(request, this));
        page(router, "/console/users", "users", users::users);
        page(router, "/console/user", "user", request -> users.user(Parameters.optional(request, "id"), null));
        page(router, "/console/organizations", "organizations", organizations::organizations);
        page(router, "/console/organization", "organization", organizations::organization);
        page(router, "/console/sync", "sync", request -> sync.sync(null));
        page(router, "/console/dead-letters", "dead-letters", request -> deadLetters.deadLetters(request, null));
        page(
                router,
                "/console/dead-letter",
                "dead-letter",
                request -> deadLetters.deadLetter(Parameters.optional(request, "id"), null));
        page(router, "/console/reactions", "reactions", request -> reactions.reactions(null));
        page(router, "/console/reaction", "reaction", reactions::reaction);
        form(router, "/console/logout", null, request -> Map.of());
        form(router, "/console/user/refresh", "user", users::refresh);
        form(router, "/console/user/erase", "user", users::erase);
        form(
                router,
                "/console/sync/confirm",
                "sync",
                request -> sync.poll(
                        request,
                        "brake-confirm",
                        "users-sync asks the provider for each missing user, and deletes those who are gone."));
        form(
                router,
                "/console/sync/dismiss",
                "sync",
                request ->
                        sync.poll(request, "brake-dismiss", "Nobody was deleted. The next reconcile compares again."));
        form(
                router,
                "/console/sync/reconcile",
                "sync",
                request -> sync.poll(request, "request-reconcile", "A reconcile starts."));
        form(router, "/console/dead-letter/replay", "dead-letter", deadLetters::replayOne);
        form(router, "/console/dead-letter/discard", "dead-letter", deadLetters::discard);
        form(router, "/console/dead-letters/replay", "dead-letters", deadLetters::replayAll);
        for (String verb : ReactionCommands.VERBS) {
            String template = verb.equals("remove") ? "reactions" : "reaction";
            form(router, "/console/reaction/" + verb, template, request -> reactions.run(verb, request));
        }
    }

    private void page(VertxPlatformHttpRouter router, String path, String template, Page page) {
        router.route(HttpMethod.GET, path).handler(request -> show(request, template, page));
    }

    private void action(VertxPlatformHttpRouter router, String path, io.vertx.core.Handler<RoutingContext> handler) {
        router.route(HttpMethod.POST, path)
                .handler(BodyHandler.create(false).setBodyLimit(64 * 1024))
                .handler(handler);
    }

    /** Serves a form of a page, only for this session and this site. */
    private void form(VertxPlatformHttpRouter router, String path, String template, Page page) {
        action(
                router,
                path,
                request -> request.vertx()
                        .executeBlocking(
                                () -> {
                                    String cookie = ConsoleDoor.cookie(request);
                                    return Access.isSameOrigin(request.request())
                                            && door.session().isOpen(cookie)
                                            && door.session()
                                                    .isCsrf(
                                                            cookie,
                                                            request.request().getFormAttribute("csrf"));
                                },
                                false)
                        .onComplete(allowed -> {
                            if (!Boolean.TRUE.equals(allowed.result())) {
                                request.response()
                                        .setStatusCode(403)
                                        .end(
                                                "This form is too old, or did not come from the console. Go back and reload the page.\n");
                            } else if (template == null) {
                                request.response()
                                        .addCookie(ConsoleDoor.newCookie(request, "")
                                                .setMaxAge(0));
                                redirect(request, "/console/login");
                            } else {
                                show(request, template, page);
                            }
                        }));
    }

    private void show(RoutingContext request, String template, Page page) {
        request.vertx()
                .executeBlocking(
                        () -> {
                            String cookie = ConsoleDoor.cookie(request);
                            if (!door.session().isOpen(cookie)) {
                                if (access.hasPassword()) {
                                    return null;
                                }
                                cookie = door.open(request);
                            }
                            Map<String, Object> model = new HashMap<>(page.model(request));
                            model.put("csrf", door.session().csrf(cookie));
                            model.put("password", access.hasPassword());
                            model.put("page", template);
                            return pages.render(template, model);
                        },
                        false)
                .onComplete(done -> {
                    if (done.failed()) {
                        failed(request, done.cause());
                    } else if (done.result() == null) {
                        redirect(request, "/console/login");
                    } else {
                        request.response()
                                .putHeader("Content-Type", "text/html; charset=utf-8")
                                .end(done.result());
                    }
                });
    }

    private void failed(RoutingContext request, Throwable failure) {
        if (failure instanceof IllegalArgumentException) {
            html(request, 400, "failed", Map.of("message", failure.getMessage()));
        } else {
            if (!Database.covers(context, failure)) {
                LOG.error(
                        "{} failed: {}",
                        request.normalizedPath(),
                        failure.getClass().getSimpleName());
            }
            LOG.debug("{} failed", request.normalizedPath(), failure);
            html(
                    request,
                    503,
                    "failed",
                    Map.of(
                            "message",
                            "The database does not answer, or another error occurred. Set LOG_LEVEL=debug to see it in the log."));
        }
    }

    void html(RoutingContext request, int status, String template, Map<String, Object> model) {
        request.vertx()
                .executeBlocking(() -> pages.render(template, model), false)
                .onComplete(done -> {
                    HttpServerResponse response = request.response().setStatusCode(done.succeeded() ? status : 500);
                    response.putHeader("Content-Type", "text/html; charset=utf-8")
                            .end(done.succeeded() ? done.result() : "");
                });
    }

    static void redirect(RoutingContext request, String path) {
        request.response().setStatusCode(303).putHeader("Location", path).end();
    }

    private void asset(RoutingContext request) {
        String name = request.pathParam("name");
        request.vertx().executeBlocking(() -> pages.asset(name), false).onComplete(file -> {
            if (file.failed() || file.result() == null) {
                request.response().setStatusCode(404).end();
                return;
            }
            request.response()
                    .putHeader(
                            "Content-Type",
                            name.endsWith(".js") ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8")
                    .putHeader("Cache-Control", "private, max-age=3600")
                    .end(io.vertx.core.buffer.Buffer.buffer(file.result()));
        });
    }
}
