package dev.userssync;

import io.vertx.core.Handler;
import io.vertx.ext.auth.authentication.AuthenticationProvider;
import io.vertx.ext.web.RoutingContext;
import io.vertx.ext.web.handler.AuthenticationHandler;
import java.util.List;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpServerConfiguration;
import org.apache.camel.component.platform.http.vertx.auth.AuthenticationConfig;
import org.apache.camel.component.platform.http.vertx.auth.AuthenticationConfig.AuthenticationConfigEntry;

/** Adds a handler that sees every request of a port from the moment Camel opens it. */
final class HandlerBeforeRoutes {

    private HandlerBeforeRoutes() {}

    /** Adds it as an authentication handler, the only kind that Camel adds to its router before it opens the port. */
    static void add(VertxPlatformHttpServerConfiguration server, Handler<RoutingContext> handler) {
        AuthenticationConfigEntry everything = new AuthenticationConfigEntry();
        everything.setPath("/*");
        everything.setAuthenticationProviderFactory(vertx -> null);
        everything.setAuthenticationHandlerFactory(new AuthenticationConfig.AuthenticationHandlerFactory() {
            @Override
            public <T extends AuthenticationProvider> AuthenticationHandler createAuthenticationHandler(T none) {
                return handler::handle;
            }
        });
        server.setAuthenticationConfig(new AuthenticationConfig(List.of(everything)));
        server.getAuthenticationConfig().setEnabled(true);
    }
}
