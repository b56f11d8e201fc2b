package dev.userssync.http;

import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.RoutingContext;
import java.util.List;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.apache.camel.component.platform.http.spi.PlatformHttpConsumer;
import org.apache.camel.component.platform.http.vertx.HttpMessage;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpConsumer;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpEngine;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.support.DefaultHeaderFilterStrategy;

/**
 * Runs camel-platform-http on Vert.x, but a request returns its thread while its event waits for the commit. Camel's
 * own consumer holds a worker until the reply, so the number of workers would bound the events in a batch.
 */
@BindToRegistry("platform-http-engine")
public final class AsyncHttpEngine extends VertxPlatformHttpEngine {

    @Override
    public PlatformHttpConsumer createConsumer(PlatformHttpEndpoint endpoint, Processor processor) {
        return new AsyncHttpConsumer(
                endpoint, processor, VertxPlatformHttpRouter.getRouterNameFromPort(getServerPort()));
    }

    /** For endpoints that take only the body of a request; {@link HttpMessage} still holds the request itself. */
    @BindToRegistry("no-headers")
    public static final class NoHeaders extends DefaultHeaderFilterStrategy {

        @Override
        public boolean applyFilterToExternalHeaders(String name, Object value, Exchange exchange) {
            return true;
        }
    }

    /** Handles replies of text or bytes, not streams. */
    private static final class AsyncHttpConsumer extends VertxPlatformHttpConsumer {

        AsyncHttpConsumer(PlatformHttpEndpoint endpoint, Processor processor, String routerName) {
            super(endpoint, processor, List.of(), routerName);
        }

        @Override
        protected void handleRequest(RoutingContext request) {
            if (isSuspended()) {
                request.response().setStatusCode(503).end();
                return;
            }
            Exchange exchange = createExchange(false);
            exchange.setPattern(org.apache.camel.ExchangePattern.InOut);
            Context eventLoop = request.vertx().getOrCreateContext();
            processHttpRequest(exchange, request)
                    .compose(read -> request.vertx()
                            .executeBlocking(
                                    () -> {
                                        createUoW(exchange);
                                        return getAsyncProcessor()
                                                .process(
                                                        exchange,
                                                        done -> eventLoop.runOnContext(
                                                                now -> reply(request, exchange)));
                                    },
                                    false))
                    .onFailure(failure -> {
                        getExceptionHandler()
                                .handleException(
                                        "Failed handling " + getEndpoint().getPath(), failure);
                        request.fail(failure);
                        done(exchange);
                    });
        }

        /** With {@link NoHeaders} takes the body alone: Camel spends time on headers that the first step drops. */
        @Override
        protected Future<Void> populateCamelMessage(RoutingContext request, Exchange exchange, Message message) {
            if (!(getEndpoint().getHeaderFilterStrategy() instanceof NoHeaders)) {
                return super.populateCamelMessage(request, exchange, message);
            }
            Buffer body = request.body().buffer();
            message.setBody(body == null ? new byte[0] : body.getBytes());
            return Future.succeededFuture();
        }

        private void reply(RoutingContext request, Exchange exchange) {
            try {
                HttpServerResponse response = request.response();
                if (response.ended() || response.closed()) {
                    return; // the sender closed the connection
                }
                if (exchange.getException() != null) {
                    request.fail(500, exchange.getException());
                    return;
                }
                Message message = exchange.getMessage();
                response.setStatusCode(message.getHeader(Exchange.HTTP_RESPONSE_CODE, 200, int.class));
                for (Map.Entry<String, Object> header : message.getHeaders().entrySet()) {
                    if (!header.getKey().startsWith("Camel")) {
                        response.putHeader(header.getKey(), header.getValue().toString());
                    }
                }
                byte[] body = message.getBody(byte[].class);
                response.end(body == null ? Buffer.buffer() : Buffer.buffer(body));
            } catch (RuntimeException e) {
                request.fail(e);
            } finally {
                done(exchange);
            }
        }

        private void done(Exchange exchange) {
            doneUoW(exchange);
            releaseExchange(exchange, false);
        }
    }
}
