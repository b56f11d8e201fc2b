package dev.userssync;

import dev.userssync.scim.ScimError;
import io.vertx.core.http.HttpClosedException;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.main.MainHttpServer;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpServerConfiguration;
import org.apache.camel.component.platform.http.vertx.auth.AuthenticationConfig;
import org.apache.camel.component.platform.http.vertx.auth.AuthenticationConfig.AuthenticationConfigEntry;

/**
 * Both ports, before a request reaches a route. Camel opens them before its routes start, so until {@link #open} every request is answered
 * 503 with Retry-After: some providers take a 404 as final. While the application stops, the answer is 503 again. Thread-safe.
 */
final class HttpDoor {

    private static final String WEBHOOKS = "/webhooks/";

    private final CamelContext context;
    private final Providers providers;
    private volatile boolean open;

    /** To be made before the context starts its servers. */
    HttpDoor(CamelContext context, Providers providers) {
        this.context = context;
        this.providers = providers;
        close(context.hasService(MainHttpServer.class).getConfiguration());
        close(context.hasService(ManagementHttpServer.class).getConfiguration());
    }

    /** An authentication handler is the only one that Camel adds to its router before it opens the port. */
    private void close(VertxPlatformHttpServerConfiguration server) {
        AuthenticationConfigEntry everything = new AuthenticationConfigEntry();
        everything.setPath("/*");
        everything.setAuthenticationProviderFactory(vertx -> null);
        everything.setAuthenticationHandlerFactory(new AuthenticationConfig.AuthenticationHandlerFactory() {
            @Override
            public <T extends io.vertx.ext.auth.authentication.AuthenticationProvider> io.vertx.ext.web.handler.AuthenticationHandler createAuthenticationHandler(T none) {
                return request -> {
                    if (open) {
                        request.next();
                    } else {
                        answer(request, 503);
                    }
                };
            }
        });
        server.setAuthenticationConfig(new AuthenticationConfig(List.of(everything)));
        server.getAuthenticationConfig().setEnabled(true);
    }

    /** From now on requests reach the routes. */
    void open() {
        open = true;
    }

    void answerManagement(VertxPlatformHttpRouter management, SlowClients slow) {
        root(management).route().order(-1).handler(request -> {
            slow.begins(request.request());
            request.addHeadersEndHandler(reply -> slow.answered(request.request()));
            if (!context.isStarted()) {
                answer(request, 503);
                return;
            }
            request.next();
        }).failureHandler(HttpDoor::failed);
    }

    /**
     * The replies that are given before a route is reached, or when it is gone: no more than a status, and while the application stops
     * always the one after which a sender tries again.
     */
    void answerWebhooks(VertxPlatformHttpRouter webhooks, SlowClients slow) {
        Router root = root(webhooks);
        Metrics metrics = Metrics.of(context);
        Freshness freshness = Freshness.of(context);
        Set<String> known = providers.all().keySet();
        root.route().order(-1).handler(request -> {
            slow.begins(request.request());
            String path = request.normalizedPath();
            String last = path.startsWith(WEBHOOKS) ? path.substring(WEBHOOKS.length()) : "";
            String provider = known.contains(last) ? last : "unknown";
            request.addHeadersEndHandler(reply -> {
                slow.answered(request.request());
                int status = request.response().getStatusCode();
                metrics.replied(provider, status);
                if (status == 204 || status == 422) {
                    freshness.webhook(provider, Instant.now());
                }
                // A consumer that was suspended since then answers 503 on its own.
                askToRetry(request.response());
            });
            if (!context.isStarted()) {
                answer(request, 503);
                return;
            }
            request.next();
        }).failureHandler(HttpDoor::failed);
        for (int status : new int[] {400, 404, 405, 413, 414, 415, 431, 500}) {
            root.errorHandler(status, request -> answer(request, context.isStarted() ? status : 503));
        }
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
        if (providers.on().contains(Providers.SCIM) && request.request().path().startsWith(Providers.path(Providers.SCIM))) {
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
