package dev.userssync.testing;

import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.WebhookKeys;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/**
 * One webhook as a provider sends it, signed with Standard Webhooks. Tests can spoil every part before they post it.
 */
public final class Delivery {

    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();

    private final byte[] body;
    private final Map<String, String> headers = new LinkedHashMap<>();
    private String method = "POST";

    public Delivery(String body) {
        this(body.getBytes(StandardCharsets.UTF_8));
    }

    public Delivery(byte[] body) {
        this.body = body;
        headers.put("Content-Type", "application/json");
        signed(TestSettings.SECRET, Instant.now().getEpochSecond());
    }

    /** A delivery with the body and headers from a scheme's own signer. */
    public Delivery(VerificationScheme.Signed signed) {
        this.body = signed.body();
        headers.put("Content-Type", "application/json");
        headers.putAll(signed.headers());
    }

    public Delivery signed(String secret, long timestamp) {
        return signed(secret, timestamp, body);
    }

    /** Signs other bytes than the body. */
    public Delivery signed(String secret, long timestamp, byte[] signedBody) {
        String id = "msg_" + UUID.randomUUID();
        try {
            return header("webhook-id", id)
                    .header("webhook-timestamp", Long.toString(timestamp))
                    .header("webhook-signature", new WebhookKeys(secret).sign(id, timestamp, signedBody));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Sets a header; null removes it. */
    public Delivery header(String name, String value) {
        headers.remove(name);
        if (value != null) {
            headers.put(name, value);
        }
        return this;
    }

    public Map<String, String> headers() {
        return headers;
    }

    public String header(String name) {
        return headers.get(name);
    }

    public Delivery method(String other) {
        method = other;
        return this;
    }

    public HttpResponse<String> post(String url) {
        return post(url, Duration.ofSeconds(30));
    }

    public HttpResponse<String> post(String url, Duration patience) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(url))
                .timeout(patience)
                .method(method, HttpRequest.BodyPublishers.ofByteArray(body));
        headers.forEach(request::header);
        try {
            return HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
