package dev.userssync.http;

import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler.Sharable;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.AttributeKey;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.net.impl.ConnectionBase;
import io.vertx.core.net.impl.TCPServerBase;
import java.lang.reflect.Field;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Closes connections whose sender is slow on purpose (slowloris) or has disappeared. A whole request, head and body,
 * must arrive within the limit; the first limit starts with the connection. Between two requests three times the limit
 * may pass. It never cuts a request that users-sync takes long to answer.
 * <p>
 * Own code, because camel-platform-http makes its server with Vert.x' own options, which have no time limit, and gives
 * no way to set others. Thread-safe.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9110#section-15.5.9">RFC 9110 on requests that do not end</a>
 */
public final class SlowClients {

    private static final Logger LOG = LoggerFactory.getLogger(SlowClients.class);
    private static final AttributeKey<Watch> WATCH = AttributeKey.valueOf("users-sync-watch");

    private final long limit;
    private final Vertx vertx;
    private final Set<Watch> connections = ConcurrentHashMap.newKeySet();

    public SlowClients(Vertx vertx, Duration limit) {
        this.vertx = vertx;
        this.limit = limit.toNanos();
        vertx.setPeriodic(Math.max(100, limit.toMillis() / 5), now -> sweep());
    }

    /** One connection: its request, and the time at which it began. */
    private static final class Watch {

        private final Channel channel;
        /**
         * Null before the first request and after the last reply. A request in the old generation would keep alive
         * everything that came after it.
         */
        private volatile HttpServerRequest request;

        private volatile boolean idle;
        private volatile long since = System.nanoTime();

        Watch(Channel channel) {
            this.channel = channel;
        }

        boolean isTooSlow(long limit) {
            HttpServerRequest last = request;
            long waited = System.nanoTime() - since;
            if (idle) {
                return waited > 3 * limit;
            }
            if (last == null || !last.isEnded()) {
                return waited > limit;
            }
            return last.response().ended() && waited > 3 * limit;
        }
    }

    /** Watches every new connection of the server. */
    public void watch(HttpServer server) {
        try {
            Field bound =
                    TCPServerBase.class.getDeclaredField("bindFuture"); // Vert.x exposes a server's channel nowhere
            bound.setAccessible(true);
            ((Channel) ((Future<?>) bound.get(server)).result()).pipeline().addFirst(new Accepted());
        } catch (ReflectiveOperationException | RuntimeException e) {
            LOG.warn(
                    "Slow senders are not limited, because this version of Vert.x is not the expected one: put a proxy with time limits in front of users-sync");
        }
    }

    @Sharable
    private final class Accepted extends ChannelInboundHandlerAdapter {

        @Override
        public void channelRead(ChannelHandlerContext server, Object accepted) {
            if (accepted instanceof Channel channel) {
                Watch watch = new Watch(channel);
                channel.attr(WATCH).set(watch);
                connections.add(watch);
                StrictFraming.watch(channel.pipeline());
                channel.closeFuture().addListener(closed -> connections.remove(watch));
            }
            server.fireChannelRead(accepted);
        }
    }

    /** Takes a request whose head has arrived. */
    public void begins(HttpServerRequest request) {
        Watch watch = of(request);
        if (watch == null) {
            return;
        }
        watch.since = System.nanoTime();
        watch.request = request;
        watch.idle = false;
        if (request.version() == HttpVersion.HTTP_2) { // several at a time, each with its own limit
            vertx.setTimer(Math.max(1, limit / 1_000_000), late -> {
                if (!request.isEnded()) {
                    request.connection().close();
                }
            });
        }
    }

    /** Takes a request whose reply is being sent. */
    public void answered(HttpServerRequest request) {
        Watch watch = of(request);
        if (watch != null) {
            watch.since = System.nanoTime();
            if (request.isEnded()) {
                watch.idle = true;
                watch.request = null;
            }
        }
    }

    private static Watch of(HttpServerRequest request) {
        return request.connection() instanceof ConnectionBase connection
                ? connection.channelHandlerContext().channel().attr(WATCH).get()
                : null;
    }

    private void sweep() {
        for (Watch connection : connections) {
            if (connection.isTooSlow(limit)) {
                LOG.debug("Closed a connection: no whole request arrived in time");
                connection.channel.close();
            }
        }
    }
}
