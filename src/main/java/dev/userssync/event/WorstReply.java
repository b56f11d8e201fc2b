package dev.userssync.event;

import org.apache.camel.AggregationStrategy;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Keeps the worst reply of several events in one delivery: 503 before 422 before 204. So the sender retries the
 * delivery if one event could not be applied yet. Applying the others twice changes nothing. Stateless.
 */
@BindToRegistry("worst-reply")
public final class WorstReply implements AggregationStrategy {

    @Override
    public Exchange aggregate(Exchange worst, Exchange next) {
        return worst == null || status(next) > status(worst) ? next : worst;
    }

    /** The status of one event. Only the error handler sets it; an unhandled failure is worse than any answer. */
    private static int status(Exchange exchange) {
        return exchange.getException() != null
                ? Integer.MAX_VALUE
                : exchange.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE, 0, Integer.class);
    }
}
