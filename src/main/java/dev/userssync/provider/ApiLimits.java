// Only `camel run` reads this line.
//DEPS org.apache.camel:camel-http:4.17.0
package dev.userssync.provider;

import dev.userssync.event.ApiFailure;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import org.apache.camel.BindToRegistry;
import org.apache.camel.component.http.HttpClientConfigurer;
import org.apache.hc.client5.http.classic.ExecChain;
import org.apache.hc.client5.http.classic.ExecChainHandler;
import org.apache.hc.client5.http.impl.classic.HttpClientBuilder;
import org.apache.hc.core5.http.ClassicHttpRequest;
import org.apache.hc.core5.http.ClassicHttpResponse;
import org.apache.hc.core5.http.HttpEntity;
import org.apache.hc.core5.http.HttpException;
import org.apache.hc.core5.http.io.entity.HttpEntityWrapper;

/**
 * Ends an answer of a provider's API that is larger than 32 MiB, uncompressed, or takes longer than a minute after its
 * head. It closes the connection, and the reader gets an {@link ApiFailure}. camel-http and its client limit neither.
 * Thread-safe.
 */
@BindToRegistry("api-limits")
public final class ApiLimits implements HttpClientConfigurer, ExecChainHandler {

    /** A page of 500 users with 64 KiB each. */
    public static final int LARGEST = 32 * 1024 * 1024;

    private static final Duration LONGEST = Duration.ofMinutes(1);

    private final Duration longest;

    public ApiLimits() {
        this(LONGEST);
    }

    public ApiLimits(Duration longest) {
        this.longest = longest;
    }

    @Override
    public void configureHttpClient(HttpClientBuilder client) {
        client.addExecInterceptorFirst("api-limits", this); // outside of the decompression
    }

    @Override
    public ClassicHttpResponse execute(ClassicHttpRequest request, ExecChain.Scope scope, ExecChain chain)
            throws IOException, HttpException {
        ClassicHttpResponse answer = chain.proceed(request, scope);
        HttpEntity entity = answer.getEntity();
        if (entity != null) {
            answer.setEntity(new HttpEntityWrapper(entity) {

                private InputStream content;

                @Override
                public InputStream getContent() throws IOException {
                    if (content == null) {
                        content = new Limited(super.getContent(), scope);
                    }
                    return content;
                }
            });
        }
        return answer;
    }

    private final class Limited extends FilterInputStream {

        private final ExecChain.Scope scope;
        private final long end = System.nanoTime() + longest.toNanos();
        private int length;

        Limited(InputStream in, ExecChain.Scope scope) {
            super(in);
            this.scope = scope;
        }

        @Override
        public int read() throws IOException {
            int read = super.read();
            counted(read < 0 ? 0 : 1);
            return read;
        }

        @Override
        public int read(byte[] into, int offset, int most) throws IOException {
            int read = super.read(into, offset, most);
            counted(Math.max(read, 0));
            return read;
        }

        private void counted(int read) {
            length += read;
            if (length > LARGEST) {
                end("its API answers with more than " + LARGEST / 1024 / 1024 + " MiB");
            } else if (System.nanoTime() > end) {
                end("its API takes longer than " + longest.toSeconds() + " s for an answer");
            }
        }

        /** Closes the connection, because closing the stream would first read the rest. */
        private void end(String reason) {
            scope.execRuntime.discardEndpoint();
            throw new ApiFailure(reason);
        }
    }
}
