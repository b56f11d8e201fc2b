package dev.userssync;

import io.vertx.core.http.Cookie;
import io.vertx.core.http.CookieSameSite;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.BodyHandler;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.TreeMap;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The console: pages on the management port, each made of a route in routes/operators and a template in config/console. Off without
 * CONSOLE_PASSWORD, except for this machine in the profile dev. It runs no script but htmx, loads nothing from elsewhere, works without
 * script, and takes a form only with the token of its session. Thread-safe.
 */
final class Console {

    private static final Logger LOG = LoggerFactory.getLogger(Console.class);
    private static final int PAGE = 50;

    private final CamelContext context;
    private final Access access;
    private final ConsolePages pages;
    private final OperatorRoutes routes;
    private final Providers providers;
    private final PollSettings polling;
    private final PollCommands polls;
    private volatile ConsoleSession session;
    private volatile String sessionPassword;

    /** What a page shows; it runs on a worker thread. */
    private interface Page {
        Map<String, Object> model(RoutingContext request) throws Exception;
    }

    Console(CamelContext context, Access access, OperatorRoutes routes) {
        this.context = context;
        this.access = access;
        this.routes = routes;
        this.pages = new ConsolePages(context);
        this.providers = new Providers(context);
        this.polling = new PollSettings(context);
        this.polls = new PollCommands(context);
    }

    void serveOn(VertxPlatformHttpRouter router) {
        router.route("/console*").handler(this::secure);
        router.route(HttpMethod.GET, "/console/static/:name").handler(this::asset);
        router.route(HttpMethod.GET, "/console").handler(request -> redirect(request, "/console/users"));
        router.route(HttpMethod.GET, "/console/login").handler(request -> html(request, 200, "login", Map.of()));
        action(router, "/console/login", this::login);
        page(router, "/console/users", "users", this::users);
        page(router, "/console/user", "user", request -> user(param(request, "id"), null));
        page(router, "/console/sync", "sync", request -> sync(null));
        page(router, "/console/dead-letters", "dead-letters", request -> deadLetters(request, null));
        page(router, "/console/dead-letter", "dead-letter", request -> deadLetter(param(request, "id"), null));
        form(router, "/console/logout", null, request -> Map.of());
        form(router, "/console/user/refresh", "user", this::refresh);
        form(router, "/console/user/erase", "user", this::erase);
        form(router, "/console/sync/confirm", "sync", request -> poll(request, "poll-confirm", "The missing users are asked for one by one; those who are gone are deleted."));
        form(router, "/console/sync/dismiss", "sync", request -> poll(request, "dismiss-brake", "Nobody was deleted. The next reconcile looks again."));
        form(router, "/console/sync/reconcile", "sync", request -> poll(request, "poll-request", "A reconcile begins."));
        form(router, "/console/dead-letter/replay", "dead-letter", this::replayOne);
        form(router, "/console/dead-letter/discard", "dead-letter", this::discard);
        form(router, "/console/dead-letters/replay", "dead-letters", this::replayAll);
    }

    // Who may see it

    /** No script or style of a page itself, nothing from elsewhere, no frame around it, nothing kept by the browser. */
    private void secure(RoutingContext request) {
        request.response().headers()
                .set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
                        + " form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
                .set("X-Content-Type-Options", "nosniff")
                .set("X-Frame-Options", "DENY")
                .set("Referrer-Policy", "same-origin")
                .set("Cross-Origin-Opener-Policy", "same-origin")
                .set("Cross-Origin-Resource-Policy", "same-origin")
                .set("Cache-Control", "no-store");
        if (!access.isConsoleOn()) {
            request.response().setStatusCode(404).end("The console is off: set CONSOLE_PASSWORD.\n");
        } else if (!access.hasPassword() && !Access.isLocal(request.request())) {
            request.response().setStatusCode(403).end("Without CONSOLE_PASSWORD the console is for this machine only.\n");
        } else {
            request.next();
        }
    }

    /** Sessions end with the password that they were opened with. */
    private ConsoleSession session() {
        String password = access.password();
        if (session == null || !password.equals(sessionPassword)) {
            synchronized (this) {
                if (session == null || !password.equals(sessionPassword)) {
                    session = new ConsoleSession(password.isEmpty() ? null : password, Clock.systemUTC());
                    sessionPassword = password;
                }
            }
        }
        return session;
    }

    private String cookie(RoutingContext request) {
        Cookie cookie = request.request().getCookie(ConsoleSession.COOKIE);
        return cookie == null ? null : cookie.getValue();
    }

    /** Begins a session. */
    private String open(RoutingContext request) {
        String value = session().open();
        request.response().addCookie(newCookie(request, value).setMaxAge(ConsoleSession.LENGTH.toSeconds()));
        return value;
    }

    private static Cookie newCookie(RoutingContext request, String value) {
        return Cookie.cookie(ConsoleSession.COOKIE, value).setPath("/console").setHttpOnly(true).setSameSite(CookieSameSite.STRICT)
                .setSecure(request.request().isSSL() || "https".equalsIgnoreCase(request.request().getHeader("X-Forwarded-Proto")));
    }

    private void login(RoutingContext request) {
        if (!Access.isSameOrigin(request.request())) {
            request.response().setStatusCode(403).end("This form did not come from the console.\n");
        } else if (access.isBusyWithGuesses()) {
            html(request, 429, "login", Map.of("message", "Too many wrong passwords. Wait a moment."));
        } else if (access.isPassword(request.request().getFormAttribute("password"))) {
            request.vertx().executeBlocking(() -> open(request), false).onComplete(opened -> redirect(request, "/console/users"));
        } else {
            access.wrongPassword(request.vertx(), () -> {
                LOG.warn("A wrong password for the console, from {}", request.request().remoteAddress().hostAddress());
                html(request, 401, "login", Map.of("message", "That is not the password."));
            });
        }
    }

    // How pages and forms are served

    private void page(VertxPlatformHttpRouter router, String path, String template, Page page) {
        router.route(HttpMethod.GET, path).handler(request -> show(request, template, page));
    }

    private void action(VertxPlatformHttpRouter router, String path, io.vertx.core.Handler<RoutingContext> handler) {
        router.route(HttpMethod.POST, path).handler(BodyHandler.create(false).setBodyLimit(64 * 1024)).handler(handler);
    }

    /** A form of a page: taken only from this session and this site. */
    private void form(VertxPlatformHttpRouter router, String path, String template, Page page) {
        action(router, path, request -> request.vertx().executeBlocking(() -> {
            String cookie = cookie(request);
            return Access.isSameOrigin(request.request()) && session().isOpen(cookie) && session().isCsrf(cookie, request.request().getFormAttribute("csrf"));
        }, false).onComplete(allowed -> {
            if (!Boolean.TRUE.equals(allowed.result())) {
                request.response().setStatusCode(403).end("This form is too old, or did not come from the console. Go back and load the page again.\n");
            } else if (template == null) {
                request.response().addCookie(newCookie(request, "").setMaxAge(0));
                redirect(request, "/console/login");
            } else {
                show(request, template, page);
            }
        }));
    }

    private void show(RoutingContext request, String template, Page page) {
        request.vertx().executeBlocking(() -> {
            String cookie = cookie(request);
            if (!session().isOpen(cookie)) {
                if (access.hasPassword()) {
                    return null;
                }
                cookie = open(request);
            }
            Map<String, Object> model = new HashMap<>(page.model(request));
            model.put("csrf", session().csrf(cookie));
            model.put("password", access.hasPassword());
            model.put("page", template);
            return pages.render(template, model);
        }, false).onComplete(done -> {
            if (done.failed()) {
                failed(request, done.cause());
            } else if (done.result() == null) {
                redirect(request, "/console/login");
            } else {
                request.response().putHeader("Content-Type", "text/html; charset=utf-8").end(done.result());
            }
        });
    }

    private void failed(RoutingContext request, Throwable failure) {
        if (failure instanceof IllegalArgumentException) {
            html(request, 400, "failed", Map.of("message", failure.getMessage()));
        } else {
            if (!Database.covers(context, failure)) {
                LOG.error("{} failed: {}", request.normalizedPath(), failure.getClass().getSimpleName());
            }
            LOG.debug("{} failed", request.normalizedPath(), failure);
            html(request, 503, "failed", Map.of("message", "The database does not answer, or another error happened. The log says more at level debug."));
        }
    }

    private void html(RoutingContext request, int status, String template, Map<String, Object> model) {
        request.vertx().executeBlocking(() -> pages.render(template, model), false).onComplete(done -> {
            HttpServerResponse response = request.response().setStatusCode(done.succeeded() ? status : 500);
            response.putHeader("Content-Type", "text/html; charset=utf-8").end(done.succeeded() ? done.result() : "");
        });
    }

    private static void redirect(RoutingContext request, String path) {
        request.response().setStatusCode(303).putHeader("Location", path).end();
    }

    private void asset(RoutingContext request) {
        String name = request.pathParam("name");
        request.vertx().executeBlocking(() -> pages.asset(name), false).onComplete(file -> {
            if (file.failed() || file.result() == null) {
                request.response().setStatusCode(404).end();
                return;
            }
            request.response().putHeader("Content-Type", name.endsWith(".js") ? "text/javascript; charset=utf-8" : "text/css; charset=utf-8")
                    .putHeader("Cache-Control", "private, max-age=3600")
                    .end(io.vertx.core.buffer.Buffer.buffer(file.result()));
        });
    }

    private static String param(RoutingContext request, String name) {
        String value = request.request().getFormAttribute(name);
        if (value == null) {
            value = request.request().getParam(name);
        }
        return value == null || value.isBlank() ? null : value;
    }

    private static String required(RoutingContext request, String name) {
        String value = param(request, name);
        if (value == null) {
            throw new IllegalArgumentException(name + " is missing");
        }
        return value;
    }

    // What pages show

    private Map<String, Object> users(RoutingContext request) throws Exception {
        Map<String, Object> model = new HashMap<>();
        for (String name : List.of("q", "state", "provider", "afterTime", "afterId")) {
            model.put(name, param(request, name));
        }
        String provider = (String) model.get("provider");
        String prefix = provider == null ? null : prefixes().get(provider);
        List<Map<String, Object>> users = routes.rows("find-users", "q", model.get("q"), "state", model.get("state"), "prefix", prefix,
                "afterTime", model.get("afterTime"), "afterId", model.get("afterId"));
        model.put("providers", prefixes().keySet());
        model.put("more", users.size() > PAGE);
        List<Map<String, Object>> shown = users.subList(0, Math.min(PAGE, users.size()));
        model.put("users", shown);
        if (users.size() > PAGE) {
            Map<String, Object> last = shown.get(PAGE - 1);
            model.put("nextTime", last.get("created_at") == null ? "-infinity" : last.get("created_at"));
            model.put("nextId", last.get("id"));
        }
        if (!"results".equals(request.request().getHeader("HX-Target"))) {
            model.put("count", routes.row("count-users"));
        }
        return model;
    }

    /** Providers whose users can be told by the id. */
    private Map<String, String> prefixes() {
        Map<String, String> prefixes = new TreeMap<>();
        for (String provider : providers.all().keySet()) {
            context.getPropertiesComponent().resolveProperty(provider + ".id.prefix").filter(prefix -> !prefix.isEmpty())
                    .ifPresent(prefix -> prefixes.put(provider, prefix));
        }
        return prefixes;
    }

    private Map<String, Object> user(String id, String message) throws Exception {
        if (id == null) {
            throw new IllegalArgumentException("id is missing");
        }
        Map<String, Object> model = new HashMap<>();
        model.put("user", routes.row("find-user", "id", id));
        List<Map<String, Object>> history = routes.rows("user-history", "id", id);
        model.put("history", history);
        model.put("polled", polling.providers());
        model.put("provider", history.isEmpty() ? null : history.get(0).get("provider"));
        model.put("message", message);
        return model;
    }

    private Map<String, Object> erase(RoutingContext request) throws Exception {
        String id = required(request, "id");
        if (!id.equals(param(request, "confirm"))) {
            return user(id, "Nothing was erased: what you typed is not the id.");
        }
        Map<String, Object> model = user(id, "The user was erased.");
        model.put("proof", routes.ask("erase-user", "id", id));
        model.putAll(Map.of("user", routes.row("find-user", "id", id), "history", List.of()));
        return model;
    }

    private Map<String, Object> refresh(RoutingContext request) throws Exception {
        String id = required(request, "id");
        String provider = required(request, "provider");
        String prefix = polling.prefix(provider);
        try {
            polls.command("direct:refresh-user", provider, "userId", id.startsWith(prefix) ? id.substring(prefix.length()) : id);
            return user(id, "The provider was asked; this is what it told.");
        } catch (CamelExecutionException e) {
            if (ObjectHelper.getException(NoSuchElementException.class, e) != null) {
                return user(id, "The provider knows no such user, and there is no row.");
            }
            ApiFailure failure = ObjectHelper.getException(ApiFailure.class, e);
            return user(id, "The provider could not be asked: " + (failure == null ? "see the log" : failure.getMessage()));
        }
    }

    private Map<String, Object> poll(RoutingContext request, String route, String done) throws Exception {
        try {
            polls.command("direct:" + route, required(request, "provider"), "request", "reconcile");
            return sync(done);
        } catch (CamelExecutionException e) {
            IllegalArgumentException refusal = ObjectHelper.getException(IllegalArgumentException.class, e);
            return sync("Not done: " + (refusal == null ? "see the log" : refusal.getMessage()));
        }
    }

    private Map<String, Object> sync(String message) throws Exception {
        Map<String, Map<String, Object>> activity = new HashMap<>();
        routes.rows("provider-activity").forEach(row -> activity.put((String) row.get("provider"), row));
        context.getRegistry().lookupByNameAndType("database-figures", DatabaseFigures.class).measure();
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

    private Map<String, Object> deadLetters(RoutingContext request, String message) throws Exception {
        Map<String, Object> model = new HashMap<>();
        String provider = param(request, "provider");
        List<Map<String, Object>> letters = routes.rows("list-dead-letters", "before", param(request, "before"), "provider", provider);
        model.put("more", letters.size() > PAGE);
        letters = letters.subList(0, Math.min(PAGE, letters.size()));
        letters.forEach(letter -> letter.put("why", DeadLetterReason.of((String) letter.get("sql_state"), (String) letter.get("reason"))));
        model.put("letters", letters);
        model.put("provider", provider);
        model.put("providers", providers.all().keySet());
        model.put("message", message);
        return model;
    }

    private Map<String, Object> deadLetter(String id, String message) throws Exception {
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

    private Map<String, Object> replayOne(RoutingContext request) throws Exception {
        String id = required(request, "id");
        deadLetter(id, null);
        routes.ask("replay-dead-letter", "letter", Long.valueOf(id));
        Map<String, Object> model = deadLetter(id, null);
        boolean parked = "parked".equals(((Map<?, ?>) model.get("letter")).get("state"));
        model.put("message", parked ? "It failed again, for the reason below." : "It went through the routes and is applied.");
        return model;
    }

    private Map<String, Object> discard(RoutingContext request) throws Exception {
        String id = required(request, "id");
        deadLetter(id, null);
        routes.ask("discard-dead-letter", "letter", id);
        return deadLetter(id, "It is discarded: its body is removed.");
    }

    private Map<String, Object> replayAll(RoutingContext request) throws Exception {
        Object result = routes.ask("replay-dead-letters", "provider", param(request, "provider"), "kind", param(request, "kind"));
        return deadLetters(request, "Replayed: " + result);
    }
}
