package dev.userssync;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelContextAware;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.support.DefaultExchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks the provider for a user that its listing did not show. Out: the variable {@code fate}: null when the answer was applied, so that the
 * row tells it; deleted or alive in a dry run, where it was not; unknown when the provider gave no answer several times over. Thread-safe.
 */
@BindToRegistry("missing-user")
public final class MissingUser implements Processor, CamelContextAware {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final int FAILURES = 3;

    private CamelContext context;
    private ProducerTemplate template;

    /** @throws ApiFailure or another if the provider could not be asked and should be again, after a pause */
    @Override
    public void process(Exchange exchange) throws Exception {
        List<JsonNode> events = Collections.synchronizedList(new ArrayList<>());
        boolean dryRun = "dry-run".equals(exchange.getVariable("job"));
        Exchange one = new DefaultExchange(context);
        one.setVariable("provider", exchange.getVariable("provider"));
        one.setVariable("userId", exchange.getVariable("userId"));
        one.setVariable("asked", exchange.getVariable("asked"));
        if (dryRun) {
            one.setVariable(UserEvent.PREVIEW, events);
        }
        template.send("direct:" + exchange.getVariable("provider") + "-user", one);
        exchange.removeVariable("fate");
        if (one.getException() != null) {
            ApiFailure api = one.getException(ApiFailure.class);
            boolean refused = api != null && api.isRefused(); // and would be again
            if (api != null && api.getRetryAfter() != null || !refused && exchange.getVariable("failures", Integer.class) < FAILURES) {
                throw one.getException();
            }
            LOG.warn("{}: user {} is missing in the listing, and the provider does not say why: the row is kept",
                    exchange.getVariable("provider"), exchange.getVariable("userId"));
            exchange.setVariable("fate", "unknown");
        } else if ("503".equals(one.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, String.class))) {
            throw new IllegalStateException("the database did not take a user");
        } else if (dryRun) {
            boolean deleted = !events.isEmpty() && events.get(0).path("type").asText().equals("deleted");
            exchange.setVariable("fate", deleted ? "deleted" : "alive");
        }
    }

    @Override
    public CamelContext getCamelContext() {
        return context;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        this.context = context;
        this.template = context.createProducerTemplate();
    }
}
