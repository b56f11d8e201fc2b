package dev.userssync.provider;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.DeliveredEvents;
import dev.userssync.settings.ContextBean;
import java.io.IOException;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.support.DefaultExchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the provider for a user who was not in its listing, or whom its API did not know. In: the variables
 * {@code provider}, {@code userId}, {@code asked} and {@code why} (reconcile or asking). Out: the variable
 * {@code answer}: found (and applied, except in a dry run), gone, or none if the provider gave no clear answer. With
 * gone also {@code stamp} and {@code answered}, see {@link ApiCall}. Thread-safe.
 */
@BindToRegistry("missing-user")
public final class MissingUser extends ContextBean implements Processor {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final int FAILURES = 3;

    private ProducerTemplate template;

    /** @throws ApiFailure or another if the request failed; ask again after a pause */
    @Override
    public void process(Exchange exchange) throws Exception {
        Exchange one = of(exchange, "provider", "userId", "asked", "why");
        if ("reconcile".equals(exchange.getVariable("why")) && "dry-run".equals(exchange.getVariable("job"))) {
            one.setVariable("dryRun", true);
        }
        template.send("direct:" + exchange.getVariable("provider") + "-user", one);
        if (one.getException() != null) {
            ApiFailure api = one.getException(ApiFailure.class);
            boolean provider = api != null || one.getException(IOException.class) != null;
            boolean enough = "asking".equals(exchange.getVariable("why"))
                    ? provider // the next request is already noted
                    : api != null && api.isRefused() || exchange.getVariable("failures", Integer.class) >= FAILURES;
            if (api != null && api.getRetryAfter() != null || !enough) {
                throw one.getException();
            }
            if ("reconcile".equals(exchange.getVariable("why"))) {
                LOG.warn(
                        "{}: user {} is not in the listing and could not be confirmed deleted; keeping the row",
                        exchange.getVariable("provider"),
                        exchange.getVariable("userId"));
            }
        }
        check(one);
        exchange.setVariable(
                "answer",
                one.getException() != null || one.getVariable("unsure") != null
                        ? "none"
                        : one.getVariable("gone") != null ? "gone" : "found");
        exchange.setVariable("stamp", one.getVariable("stamp"));
        exchange.setVariable("answered", one.getVariable("answered"));
    }

    /**
     * Deletes a user (or what the variable {@code lists} names) after two 404 of the provider, as of the time of the first request, in the variable
     * {@code firstStamp}.
     */
    public void delete(Exchange exchange) throws Exception {
        Exchange one = of(exchange, "provider");
        one.getMessage()
                .setBody(JsonNodeFactory.instance
                        .objectNode()
                        .put("type", "deleted")
                        .put("entity", exchange.getVariable("lists", String.class))
                        .put("id", exchange.getVariable("userId", String.class))
                        .put("deleted_at", exchange.getVariable("firstStamp", String.class)));
        one.setVariable(
                DeliveredEvents.PART, one.getMessage().getBody()); // the dead letter if a trigger refuses the deletion
        template.send("direct:user-changed", one);
        if (one.getException() != null) {
            throw one.getException();
        }
        check(one);
    }

    private Exchange of(Exchange exchange, String... variables) {
        Exchange one = new DefaultExchange(context);
        for (String variable : variables) {
            one.setVariable(variable, exchange.getVariable(variable));
        }
        return one;
    }

    private static void check(Exchange one) {
        if ("503".equals(one.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, String.class))
                && one.getException() == null) {
            throw new IllegalStateException("the database did not take a user");
        }
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.template = context.createProducerTemplate();
    }
}
