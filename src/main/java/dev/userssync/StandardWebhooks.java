package dev.userssync;

import io.vertx.core.MultiMap;
import java.time.Clock;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.component.platform.http.vertx.HttpMessage;

/**
 * The verification scheme {@code standard-webhooks}: Standard Webhooks ({@code webhook-*} headers) and Svix ({@code svix-*}).
 * In: an HTTP request and the variable {@code provider}. Out: the verified raw bytes as body. Thread-safe.
 *
 * @see WebhookKeys
 */
@BindToRegistry("standard-webhooks")
public final class StandardWebhooks implements Processor, CamelContextAware {

    private final Clock clock;
    private CamelContext context;
    private Providers providers;

    public StandardWebhooks() {
        this(Clock.systemUTC());
    }

    StandardWebhooks(Clock clock) {
        this.clock = clock;
    }

    @Override
    public void process(Exchange exchange) throws Exception {
        // The request's own headers: Camel's map also holds the query parameters.
        MultiMap headers = exchange.getMessage(HttpMessage.class).getRequest().headers();
        byte[] body = exchange.getMessage().getBody(byte[].class);
        if (body == null) {
            body = new byte[0];
        }
        // A sender uses one family; Svix's libraries take theirs only when it is complete, and so do we.
        String family = headers.contains("svix-id") && headers.contains("svix-timestamp") && headers.contains("svix-signature")
                ? "svix-" : "webhook-";
        providers.keys(exchange.getVariable("provider", String.class)).verify(
                one(headers, family + "id"), one(headers, family + "timestamp"), one(headers, family + "signature"),
                body, clock.instant());
        exchange.getMessage().setBody(body);
    }

    private static String one(MultiMap headers, String name) {
        List<String> values = headers.getAll(name);
        if (values.size() != 1 || values.get(0).isBlank()) {
            throw new SecurityException("header " + name + (values.size() > 1 ? " appears more than once" : " is missing"));
        }
        return values.get(0);
    }

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
        this.providers = new Providers(context);
    }
}
