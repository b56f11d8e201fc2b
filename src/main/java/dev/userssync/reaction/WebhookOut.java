package dev.userssync.reaction;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.event.JsonBody;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import dev.userssync.verify.WebhookKeys;
import java.net.URI;
import java.net.URISyntaxException;
import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/**
 * Signs outgoing webhooks by Standard Webhooks 1.0.0, and reads the endpoint's answer. The id of a message stays the
 * same when it is sent again. A changed secret takes effect with the next message. Thread-safe.
 */
@BindToRegistry("webhook-out")
public final class WebhookOut extends ContextBean {

    private static final String URL = "webhook-out.url";
    private static final String SECRET = "webhook-out.secret";

    /** @throws StartupFailure if one of the two settings is missing, or cannot be used */
    public static void check(CamelContext context) {
        String url = Setting.of(context, URL);
        String secret = Setting.of(context, SECRET);
        if (url.isEmpty() != secret.isEmpty()) {
            throw new StartupFailure(
                    url.isEmpty()
                            ? "WEBHOOK_OUT_SECRET is set without WEBHOOK_OUT_URL: set both, or neither"
                            : "WEBHOOK_OUT_URL is set without WEBHOOK_OUT_SECRET: set it to whsec_ and the base64 of 32 random bytes");
        }
        if (url.isEmpty()) {
            return;
        }
        try {
            URI address = new URI(url);
            if (address.getHost() == null
                    || !String.valueOf(address.getScheme()).matches("https?")) {
                throw new URISyntaxException("", "no address");
            }
        } catch (URISyntaxException e) {
            throw new StartupFailure(
                    "WEBHOOK_OUT_URL is not an address: set it to one that begins with https:// or http://");
        }
        try {
            signatures(secret, "check", 0, new byte[0]);
        } catch (IllegalArgumentException | IllegalStateException | GeneralSecurityException e) {
            throw new StartupFailure("WEBHOOK_OUT_SECRET cannot be used: " + e.getMessage());
        }
    }

    /** In: the body, the message in JSON. Out: its bytes, and the headers of the request. */
    public void sign(Exchange exchange) throws Exception {
        JsonNode message = exchange.getMessage().getBody(JsonNode.class);
        byte[] body = JsonBody.MAPPER.writeValueAsBytes(message);
        String id = "change_" + message.at("/change/seq").asText();
        long timestamp = Instant.now().getEpochSecond();
        Message request = exchange.getMessage();
        request.removeHeaders("*");
        request.setHeader("Content-Type", "application/json");
        request.setHeader("webhook-id", id);
        request.setHeader("webhook-timestamp", Long.toString(timestamp));
        request.setHeader("webhook-signature", signatures(Setting.of(context, SECRET), id, timestamp, body));
        request.setBody(body);
    }

    /** One signature for each secret, so that a receiver may change its own at any time. */
    private static String signatures(String secrets, String id, long timestamp, byte[] body)
            throws GeneralSecurityException {
        List<String> signatures = new ArrayList<>();
        for (String secret : secrets.trim().split("\\s+")) {
            signatures.add(new WebhookKeys(secret).sign(id, timestamp, body));
        }
        return String.join(" ", signatures);
    }

    /**
     * Stops the reaction at 410, by which an endpoint says that it wants no more.
     *
     * @throws IllegalStateException if the answer is not 2xx; a redirect is not followed
     */
    public void answered(Exchange exchange) {
        int status = exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class);
        if (status == 410) {
            Reactions.stop(exchange, "the endpoint answered 410");
        }
        if (status / 100 != 2) {
            throw new IllegalStateException("statusCode: " + status);
        }
    }
}
