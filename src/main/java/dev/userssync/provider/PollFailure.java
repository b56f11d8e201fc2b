package dev.userssync.provider;

import dev.userssync.database.Database;
import dev.userssync.event.ApiFailure;
import dev.userssync.event.Failure;
import dev.userssync.event.InvalidUserEvent;
import java.io.IOException;
import java.sql.SQLException;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.util.ObjectHelper;

/**
 * Classifies why a poll stopped. Out: the variables {@code error} (for log and poll_state: nothing of a user, no
 * secret), {@code retryAfter} (seconds, null if the provider did not ask for a pause), {@code status} of HTTP (else 0) and {@code refused} (the provider
 * does not accept the request). Thread-safe.
 */
@BindToRegistry("poll-failure")
public final class PollFailure implements Processor {

    @Override
    public void process(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        ApiFailure api = ObjectHelper.getException(ApiFailure.class, failure);
        exchange.setVariable("outage", Database.covers(exchange.getContext(), failure)); // the outage is already logged
        exchange.setVariable("error", error(failure, api));
        exchange.setVariable(
                "retryAfter",
                api == null || api.getRetryAfter() == null
                        ? null
                        : Long.toString(api.getRetryAfter().toSeconds()));
        exchange.setVariable("status", api == null ? 0 : api.getStatus());
        exchange.setVariable("refused", api != null && api.isRefused());
    }

    private static String error(Exception failure, ApiFailure api) {
        if (api != null) {
            return api.getMessage();
        }
        SQLException sql = ObjectHelper.getException(SQLException.class, failure);
        if (sql != null) {
            return "the database failed, SQLState " + sql.getSQLState();
        }
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String mapping = Failure.ofMapping(root);
        if (mapping != null) {
            return "its API answered in an unexpected form, " + mapping;
        }
        IOException io = ObjectHelper.getException(IOException.class, failure);
        if (io != null) {
            return "its API cannot be reached, " + io.getClass().getSimpleName();
        }
        return root instanceof InvalidUserEvent || root instanceof IllegalStateException
                ? root.getMessage()
                : root.getClass().getSimpleName();
    }
}
