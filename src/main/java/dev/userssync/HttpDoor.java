package dev.userssync;

import dev.userssync.http.SlowClients;
import dev.userssync.observe.DatabaseFigures;
import dev.userssync.observe.DeliveryLog;
import dev.userssync.observe.Freshness;
import dev.userssync.observe.Metrics;
import dev.userssync.scim.ScimError;
import dev.userssync.settings.KafkaSettings;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import io.vertx.core.MultiMap;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.main.MainHttpServer;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;

/**
 * Answers requests on both ports that cannot reach a route. Camel opens the ports before its routes start. Until
 * {@link #open}, and again while the application stops, every request is answered 503 with Retry-After: some providers
 * take a 404 as final. Thread-safe.
 */
final class HttpDoor {

    private static final String WEBHOOKS = "/webhooks/";

    private final CamelContext context;
    private final Providers providers;
    /** Whether each provider is on, read once at start, so that a stranger's request reads no setting. */
    private final Map<String, Boolean> known;

    private final KafkaSettings kafka;
    private final String retryAfter;
    private DeliveryLog log;
    private volatile boolean open;

    /** Make it before the context starts its servers. */
    HttpDoor(CamelContext context, Providers providers) {
        this.context = context;
        this.providers = providers;
        known = providers.all();
        this.kafka = new KafkaSettings(context);
        this.retryAfter = Setting.of(context, "retry.after");
        HandlerBeforeRoutes.add(context.hasService(MainHttpServer.class).getConfiguration(), this::admit);
        HandlerBeforeRoutes.add(context.hasService(ManagementHttpServer.class).getConfiguration(), this::admit);
    }

    private void admit(RoutingContext request) {
        if (open) {
            request.next();
        } else {
            answer(request, 503);
        }
    }

    /** Lets requests reach the routes. */
    void open() {
        open = true;
    }

    void answerManagement(VertxPlatformHttpRouter management, SlowClients slow) {
        String metrics = Setting.of(context, "camel.metrics.path");
        DatabaseFigures figures = context.getRegistry().lookupByNameAndType("database-figures", DatabaseFigures.class);
        root(management)
                .route()
                .order(-1)
                .handler(request -> {
                    slow.begins(request.request());
                    request.addHeadersEndHandler(reply -> slow.answered(request.request()));
                    if (!context.isStarted()) {
                        answer(request, 503);
                        return;
                    }
                    if (request.normalizedPath().equals(metrics)) {
                        request.vertx()
                                .executeBlocking(
                                        () -> {
                                            figures.measure();
                                            return null;
                                        },
                                        false)
                                .onComplete(done -> request.next());
                    } else {
                        request.next();
                    }
                })
                .failureHandler(HttpDoor::failed);
        root(management).errorHandler(405, request -> wrongMethod(management, request));
    }

    /**
     * Replies when no route takes a request: with a status alone, and while the application stops always with one that
     * makes the sender retry.
     */
    void answerWebhooks(VertxPlatformHttpRouter webhooks, SlowClients slow) {
        log = context.getRegistry().lookupByNameAndType("delivery-log", DeliveryLog.class);
        Router root = root(webhooks);
        Metrics metrics = Metrics.of(context);
        Freshness freshness = Freshness.of(context);
        root.route()
                .order(-1)
                .handler(request -> {
                    slow.begins(request.request());
                    String named = providerOf(request.normalizedPath());
                    String provider = known.containsKey(named) ? named : "unknown";
                    request.addHeadersEndHandler(reply -> {
                        slow.answered(request.request());
                        int status = request.response().getStatusCode();
                        metrics.replied(provider, status);
                        if (provider.equals(Providers.SCIM)
                                ? status < 300 && isScimWrite(request)
                                : status == 204 || status == 422) {
                            freshness.webhook(provider, Instant.now());
                        }
                        // A consumer suspended since then answers 503 on its own.
                        askToRetry(request.response());
                    });
                    if (!context.isStarted()) {
                        answer(request, 503);
                        return;
                    }
                    lowerMediaType(request.request().headers());
                    request.next();
                })
                .failureHandler(HttpDoor::failed);
        for (int status : new int[] {400, 414, 415, 431, 500}) {
            root.errorHandler(status, request -> answer(request, context.isStarted() ? status : 503));
        }
        root.errorHandler(404, this::notFound);
        root.errorHandler(405, request -> wrongMethod(webhooks, request));
        root.errorHandler(413, this::tooLarge);
    }

    /** Vert.x compares media types case-sensitively, but they are case-insensitive (RFC 9110 §8.3.1). */
    private static void lowerMediaType(MultiMap headers) {
        String type = headers.get("Content-Type");
        if (type == null) {
            return;
        }
        int end = type.indexOf(';') < 0 ? type.length() : type.indexOf(';');
        for (int i = 0; i < end; i++) {
            if (type.charAt(i) >= 'A' && type.charAt(i) <= 'Z') {
                headers.set("Content-Type", type.substring(0, end).toLowerCase(Locale.ROOT) + type.substring(end));
                return;
            }
        }
    }

    /** A reload removes the path of a provider for a moment. Some providers would take a 404 as final. */
    private void notFound(RoutingContext request) {
        String provider = providerOf(request.normalizedPath());
        boolean on = known.getOrDefault(provider, false);
        if (on && !kafka.appliesOnly() && !provider.equals(Providers.SCIM) || !context.isStarted()) {
            answer(request, 503);
            return;
        }
        if (known.containsKey(provider) && !provider.equals(Providers.SAMPLE) && (!on || kafka.appliesOnly())) {
            log.warnOfStranger(
                    provider,
                    provider + " is off: "
                            + (on ? "KAFKA_ROLE=apply takes no deliveries" : "set " + providers.turnedOnBy(provider)));
        }
        answer(request, 404);
    }

    /** The provider of a path; "" if there is none. */
    private static String providerOf(String path) {
        return path.startsWith(WEBHOOKS)
                ? path.substring(WEBHOOKS.length())
                : path.startsWith(Providers.path(Providers.SCIM) + "/") ? Providers.SCIM : "";
    }

    /** Answers 405 and names the allowed methods (RFC 9110 §15.5.6). */
    private void wrongMethod(VertxPlatformHttpRouter router, RoutingContext request) {
        request.response()
                .putHeader(
                        "Allow",
                        router.getRoutes().stream()
                                .filter(route -> route.methods() != null
                                        && (route.getPath() == null ? route.getName() : route.getPath()) != null)
                                .filter(route -> request.normalizedPath()
                                        .matches((route.getPath() == null ? route.getName() : route.getPath())
                                                .replaceAll(":\\w+", "[^/]+")))
                                .flatMap(route -> route.methods().stream())
                                .map(HttpMethod::name)
                                .distinct()
                                .sorted()
                                .collect(Collectors.joining(", ")));
        answer(request, context.isStarted() ? 405 : 503);
    }

    private void tooLarge(RoutingContext request) {
        String length = request.request().getHeader("Content-Length");
        String provider = providerOf(request.normalizedPath());
        log.warnOfStranger(
                known.containsKey(provider) ? provider : "unknown",
                "delivery refused: it has "
                        + (length == null ? "more than MAX_BODY_SIZE" : length.replaceAll("\\D", ""))
                        + " bytes, MAX_BODY_SIZE is " + Setting.of(context, "camel.server.maxBodySize"));
        answer(request, 413);
    }

    /** A read proves the token, but is no delivery: the provider may only test its connection. */
    private static boolean isScimWrite(RoutingContext request) {
        return !request.request().method().equals(HttpMethod.GET)
                && !request.normalizedPath().endsWith("/.search");
    }

    private static Router root(VertxPlatformHttpRouter router) {
        return (Router) router.getServer().getServer().requestHandler();
    }

    /**
     * Vert.x would log an error for each client that hangs up in the middle of a request. Strangers must not fill the
     * log.
     */
    private static void failed(RoutingContext request) {
        if (!(request.failure() instanceof HttpClosedException)) {
            request.next();
        }
    }

    private void answer(RoutingContext request, int status) {
        HttpServerResponse reply = request.response().setStatusCode(status);
        askToRetry(reply);
        if (known.getOrDefault(Providers.SCIM, false)
                && request.request().path().startsWith(Providers.path(Providers.SCIM))) {
            reply.putHeader("Content-Type", "application/scim+json").end(ScimError.document(status));
        } else {
            reply.end();
        }
    }

    private void askToRetry(HttpServerResponse reply) {
        if (reply.getStatusCode() == 503) {
            reply.putHeader("Retry-After", retryAfter);
        }
    }
}
