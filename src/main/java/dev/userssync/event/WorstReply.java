package dev.userssync.event;

import org.apache.camel.AggregationStrategy;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Of several events in one delivery, keeps the reply that the sender has to hear: 503 before 422 before 204, so that it sends the delivery again
 * when one of them could not be applied yet. Applying the others twice changes nothing. Stateless.
 */
@BindToRegistry("worst-reply")
public final class WorstReply implements AggregationStrategy {

    @Override
    public Exchange aggregate(Exchange worst, Exchange next) {
        return worst == null || status(next) > status(worst) ? next : worst;
    }

    /** Only the error handler sets a status here; what it left to the delivery's own is worse than all that it answered. */
    private static int status(Exchange exchange) {
        return exchange.getException() != null ? Integer.MAX_VALUE : exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class);
    }
}
