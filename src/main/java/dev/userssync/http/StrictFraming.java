package dev.userssync.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.codec.DecoderResult;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMessage;
import io.netty.handler.ssl.SslHandler;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.impl.VertxHttpRequestDecoder;

/**
 * Refuses a request that has a Content-Length and a Transfer-Encoding: a proxy that believes the other one sees another end of it, and what follows is
 * a request that nobody checked. Own code, because Netty takes the Content-Length away before anybody can see it, and Camel gives no way to
 * its decoder: this handler exchanges the decoder as soon as Vert.x has made it, and removes itself.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9112#section-6.1">RFC 9112 §6.1</a>
 */
final class StrictFraming extends ChannelInboundHandlerAdapter {

    private static final String DECODER = "httpDecoder";
    /** HTTP/2 without TLS begins with 24 bytes of its own, which Vert.x waits for before it makes a decoder. */
    private static final int PREFACE = 24;

    private int seen;

    /** Private, because `camel run` makes an object of each class that has a constructor without parameters. */
    private StrictFraming() {
    }

    /** At the beginning of a new connection's pipeline. */
    static void watch(ChannelPipeline pipeline) {
        pipeline.addFirst(new StrictFraming());
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
        ChannelPipeline pipeline = context.pipeline();
        if (!(message instanceof ByteBuf bytes)) {
            context.fireChannelRead(message);
            return;
        }
        ChannelHandlerContext tls = pipeline.context(SslHandler.class);
        if (tls != null && pipeline.names().indexOf(context.name()) < pipeline.names().indexOf(tls.name())) {
            pipeline.addAfter(tls.name(), null, new StrictFraming()); // where the bytes can be read
            pipeline.remove(this);
            context.fireChannelRead(bytes);
            return;
        }
        while (pipeline.get(DECODER) == null && seen < PREFACE && bytes.isReadable()) {
            seen++;
            context.fireChannelRead(bytes.readRetainedSlice(1));
        }
        boolean found = pipeline.get(DECODER) != null;
        if (found) {
            pipeline.replace(DECODER, DECODER, new Decoder());
        }
        if (found || seen >= PREFACE) {
            pipeline.remove(this);
        }
        context.fireChannelRead(bytes);
    }

    /** With Vert.x' own limits, which are those of Camel. */
    private static final class Decoder extends VertxHttpRequestDecoder {

        Decoder() {
            super(new HttpServerOptions());
        }

        /** Called once for each request, when its headers are complete. */
        @Override
        protected boolean isContentAlwaysEmpty(HttpMessage message) {
            if (message.headers().contains(HttpHeaderNames.CONTENT_LENGTH) && message.headers().contains(HttpHeaderNames.TRANSFER_ENCODING)) {
                message.setDecoderResult(DecoderResult.failure(new IllegalArgumentException("Content-Length and Transfer-Encoding")));
            }
            return super.isContentAlwaysEmpty(message);
        }
    }
}
