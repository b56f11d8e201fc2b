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
 * Both ports, before a request reaches a route. Camel opens them before its routes start, so until {@link #open} every request is answered
 * 503 with Retry-After: some providers take a 404 as final. While the application stops, the answer is 503 again. Thread-safe.
 */
final class HttpDoor {

    private static final String WEBHOOKS = "/webhooks/";

    private final CamelContext context;
    private final Providers providers;
    /** Whether each provider is on, from the start until the end; a stranger's request costs no look at the settings. */
    private final Map<String, Boolean> known;
    private final KafkaSettings kafka;
    private DeliveryLog log;
    private volatile boolean open;

    /** To be made before the context starts its servers. */
    HttpDoor(CamelContext context, Providers providers) {
        this.context = context;
        this.providers = providers;
        known = providers.all();
        this.kafka = new KafkaSettings(context);
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

    /** From now on requests reach the routes. */
    void open() {
        open = true;
    }

    void answerManagement(VertxPlatformHttpRouter management, SlowClients slow) {
        String metrics = Setting.of(context, "camel.metrics.path");
        DatabaseFigures figures = context.getRegistry().lookupByNameAndType("database-figures", DatabaseFigures.class);
        root(management).route().order(-1).handler(request -> {
            slow.begins(request.request());
            request.addHeadersEndHandler(reply -> slow.answered(request.request()));
            if (!context.isStarted()) {
                answer(request, 503);
                return;
            }
            if (request.normalizedPath().equals(metrics)) {
                request.vertx().executeBlocking(() -> {
                    figures.measure();
                    return null;
                }, false).onComplete(done -> request.next());
            } else {
                request.next();
            }
        }).failureHandler(HttpDoor::failed);
        root(management).errorHandler(405, request -> wrongMethod(management, request));
    }

    /**
     * The replies that are given before a route is reached, or when it is gone: no more than a status, and while the application stops
     * always the one after which a sender tries again.
     */
    void answerWebhooks(VertxPlatformHttpRouter webhooks, SlowClients slow) {
        log = context.getRegistry().lookupByNameAndType("delivery-log", DeliveryLog.class);
        Router root = root(webhooks);
        Metrics metrics = Metrics.of(context);
        Freshness freshness = Freshness.of(context);
        root.route().order(-1).handler(request -> {
            slow.begins(request.request());
            String named = providerOf(request.normalizedPath());
            String provider = known.containsKey(named) ? named : "unknown";
            request.addHeadersEndHandler(reply -> {
                slow.answered(request.request());
                int status = request.response().getStatusCode();
                metrics.replied(provider, status);
                if (provider.equals(Providers.SCIM) ? status < 300 && isScimWrite(request) : status == 204 || status == 422) {
                    freshness.webhook(provider, Instant.now());
                }
                // A consumer that was suspended since then answers 503 on its own.
                askToRetry(request.response());
            });
            if (!context.isStarted()) {
                answer(request, 503);
                return;
            }
            lowerMediaType(request.request().headers());
            request.next();
        }).failureHandler(HttpDoor::failed);
        for (int status : new int[] {400, 414, 415, 431, 500}) {
            root.errorHandler(status, request -> answer(request, context.isStarted() ? status : 503));
        }
        root.errorHandler(404, this::notFound);
        root.errorHandler(405, request -> wrongMethod(webhooks, request));
        root.errorHandler(413, this::tooLarge);
    }

    /** Vert.x compares media types by case; they have none (RFC 9110 §8.3.1). */
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

    /** The path of a provider that is on is gone for a moment when its route is loaded again, and a 404 would be final for some. */
    private void notFound(RoutingContext request) {
        String provider = providerOf(request.normalizedPath());
        boolean on = known.getOrDefault(provider, false);
        if (on && !kafka.appliesOnly() && !provider.equals(Providers.SCIM) || !context.isStarted()) {
            answer(request, 503);
            return;
        }
        if (known.containsKey(provider) && !provider.equals(Providers.SAMPLE) && (!on || kafka.appliesOnly())) {
            log.warnOfStranger(provider, provider + " is off: " + (on ? "KAFKA_ROLE=apply takes no deliveries" : "set " + providers.turnedOnBy(provider)));
        }
        answer(request, 404);
    }

    /** "" for a path of no provider. */
    private static String providerOf(String path) {
        return path.startsWith(WEBHOOKS) ? path.substring(WEBHOOKS.length())
                : path.startsWith(Providers.path(Providers.SCIM) + "/") ? Providers.SCIM : "";
    }

    /** A 405 names the methods (RFC 9110 §15.5.6). */
    private void wrongMethod(VertxPlatformHttpRouter router, RoutingContext request) {
        request.response().putHeader("Allow", router.getRoutes().stream()
                .filter(route -> route.methods() != null && (route.getPath() == null ? route.getName() : route.getPath()) != null)
                .filter(route -> request.normalizedPath().matches((route.getPath() == null ? route.getName() : route.getPath()).replaceAll(":\\w+", "[^/]+")))
                .flatMap(route -> route.methods().stream()).map(HttpMethod::name).distinct().sorted().collect(Collectors.joining(", ")));
        answer(request, context.isStarted() ? 405 : 503);
    }

    private void tooLarge(RoutingContext request) {
        String length = request.request().getHeader("Content-Length");
        String provider = providerOf(request.normalizedPath());
        log.warnOfStranger(known.containsKey(provider) ? provider : "unknown", "delivery refused: it has "
                + (length == null ? "more than MAX_BODY_SIZE" : length.replaceAll("\\D", "")) + " bytes, MAX_BODY_SIZE is " + Setting.of(context, "camel.server.maxBodySize"));
        answer(request, 413);
    }

    /** A read proves the token, but a provider that only tests its connection delivers nobody. */
    private static boolean isScimWrite(RoutingContext request) {
        return !request.request().method().equals(HttpMethod.GET) && !request.normalizedPath().endsWith("/.search");
    }

    private static Router root(VertxPlatformHttpRouter router) {
        return (Router) router.getServer().getServer().requestHandler();
    }

    /** Vert.x would log an error for everybody who hangs up before the end of a request: strangers must not fill the log. */
    private static void failed(RoutingContext request) {
        if (!(request.failure() instanceof HttpClosedException)) {
            request.next();
        }
    }

    private void answer(RoutingContext request, int status) {
        HttpServerResponse reply = request.response().setStatusCode(status);
        askToRetry(reply);
        if (known.getOrDefault(Providers.SCIM, false) && request.request().path().startsWith(Providers.path(Providers.SCIM))) {
            reply.putHeader("Content-Type", "application/scim+json").end(ScimError.document(status));
        } else {
            reply.end();
        }
    }

    /** The seconds are those of the route retry-later. */
    private static void askToRetry(HttpServerResponse reply) {
        if (reply.getStatusCode() == 503) {
            reply.putHeader("Retry-After", "30");
        }
    }
}
