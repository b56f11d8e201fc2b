package dev.userssync;

import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import java.net.InetAddress;
import java.util.concurrent.Callable;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What an operator can ask of a running instance, on the management port and from this machine only:
 * {@code POST /dead-letters/replay}, {@code POST /sample/{provider}} and the {@link PollCommands}. In Java because Camel's HTTP consumers can only
 * listen on the webhook port.
 */
final class ManagementApi {

    private static final Logger LOG = LoggerFactory.getLogger(ManagementApi.class);

    private final CamelContext context;
    private final SampleSender samples;

    ManagementApi(CamelContext context) {
        this.context = context;
        this.samples = new SampleSender(context);
    }

    void serveOn(VertxPlatformHttpRouter router) {
        router.post("/dead-letters/replay").handler(request -> answer(request,
                () -> context.createFluentProducerTemplate().to("direct:replay-dead-letters").request(String.class)));
        new PollCommands(context).serveOn(router, this::answer);
        router.post("/sample/:provider").handler(request -> answer(request, () -> samples.send(request.pathParam("provider"))));
    }

    private void answer(RoutingContext request, Callable<String> work) {
        if (!isLocal(request.request())) {
            request.response().setStatusCode(403).end("only from this machine\n");
            return;
        }
        request.vertx().executeBlocking(work, false).onComplete(done -> {
            if (done.succeeded()) {
                request.response().end(done.result() + "\n");
            } else if (ObjectHelper.getException(IllegalArgumentException.class, done.cause()) != null) {
                request.response().setStatusCode(400).end(ObjectHelper.getException(IllegalArgumentException.class, done.cause()).getMessage() + "\n");
            } else if (ObjectHelper.getException(ApiFailure.class, done.cause()) != null) {
                request.response().setStatusCode(502).end(ObjectHelper.getException(ApiFailure.class, done.cause()).getMessage() + "\n");
            } else {
                LOG.error("{} failed", request.normalizedPath(), done.cause());
                request.response().setStatusCode(500).end("failed, see the log\n");
            }
        });
    }

    /** A browser sends Origin with every POST: a web page must not reach us through somebody's browser on this machine. */
    private static boolean isLocal(HttpServerRequest request) {
        try {
            return InetAddress.getByName(request.remoteAddress().hostAddress()).isLoopbackAddress()
                    && request.getHeader("Origin") == null;
        } catch (java.net.UnknownHostException e) {
            return false;
        }
    }
}
