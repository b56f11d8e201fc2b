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
 * Refuses a request with both a Content-Length and a Transfer-Encoding (request smuggling). A proxy that believes the
 * other header sees another end of the request, and the rest becomes a request that nobody checked.
 * <p>
 * Own code, because Netty removes the Content-Length before a handler can see it, and Camel gives no access to the
 * decoder. This handler replaces the decoder as soon as Vert.x has made it, and then removes itself.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc9112#section-6.1">RFC 9112 §6.1</a>
 */
final class StrictFraming extends ChannelInboundHandlerAdapter {

    private static final String DECODER = "httpDecoder";
    /** HTTP/2 without TLS starts with a preface of 24 bytes. Vert.x waits for them before it makes a decoder. */
    private static final int PREFACE = 24;

    private int seen;

    /** Private, because `camel run` instantiates each class with a non-private constructor without parameters. */
    private StrictFraming() {}

    /** Adds the handler at the head of a new connection's pipeline. */
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
        if (tls != null
                && pipeline.names().indexOf(context.name()) < pipeline.names().indexOf(tls.name())) {
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

    /** A decoder with Vert.x' own limits, which Camel uses, too. */
    private static final class Decoder extends VertxHttpRequestDecoder {

        Decoder() {
            super(new HttpServerOptions());
        }

        /** Netty calls it once for each request, when the headers are complete. */
        @Override
        protected boolean isContentAlwaysEmpty(HttpMessage message) {
            if (message.headers().contains(HttpHeaderNames.CONTENT_LENGTH)
                    && message.headers().contains(HttpHeaderNames.TRANSFER_ENCODING)) {
                message.setDecoderResult(
                        DecoderResult.failure(new IllegalArgumentException("Content-Length and Transfer-Encoding")));
            }
            return super.isContentAlwaysEmpty(message);
        }
    }
}
