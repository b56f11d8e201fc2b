package dev.userssync;

import java.sql.SQLException;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.util.ObjectHelper;

/**
 * Judges why a delivery failed, by SQLState: pgjdbc throws PSQLException for nearly everything, so its class says nothing. As a
 * step it sets the variables {@code sqlState}, {@code reason} (for the dead-letter table) and {@code safeReason} (for the log:
 * no user data). Thread-safe.
 *
 * @see <a href="https://www.postgresql.org/docs/current/errcodes-appendix.html">Postgres' SQLStates</a>
 */
@BindToRegistry("failure")
public final class Failure implements Processor {

    private static final int LONGEST_REASON = 500;

    /** 22 data exception, 23 constraint violation, 54 limit exceeded: the row is at fault and will be next time too. */
    public boolean isRowError(Exchange exchange) {
        return causedByRow(failure(exchange));
    }

    static boolean causedByRow(Exception failure) {
        return sqlState(failure).matches("(22|23|54)...");
    }

    /**
     * 08 connection, 40001 serialization, 40P01 deadlock, 53 out of resources, 55P03 lock timeout, 57014 statement timeout,
     * 57P0x shutdown and start-up, 25006 read-only (a failover): worth a quick retry.
     */
    public boolean isTransient(Exchange exchange) {
        return sqlState(failure(exchange)).matches("08...|40001|40P01|53...|55P03|57014|57P0.|25006");
    }

    /** Somebody else holds a lock, for as long as Postgres waits for one: once more, and then the senders hear of it before they stop waiting. */
    public boolean isLocked(Exchange exchange) {
        return sqlState(failure(exchange)).equals("55P03");
    }

    @Override
    public void process(Exchange exchange) {
        Exception failure = failure(exchange);
        String state = sqlState(failure);
        String kind = state.isEmpty() ? failure.getClass().getSimpleName() : "SQLState " + state;
        if (failure.getClass().getName().startsWith("org.apache.kafka.")) {
            kind = "the brokers of Kafka did not take it, " + kind;
        }
        exchange.setVariable("sqlState", state.isEmpty() ? null : state);
        exchange.setVariable("reason", printable(failure instanceof InvalidUserEvent || failure.getMessage() == null
                ? String.valueOf(failure.getMessage()) : kind + ": " + failure.getMessage()));
        boolean safe = failure instanceof InvalidUserEvent || failure instanceof ApiFailure || failure instanceof TryLater;
        exchange.setVariable("safeReason", safe ? failure.getMessage() : kind);
    }

    private static Exception failure(Exchange exchange) {
        Exception failure = exchange.getException();
        return failure != null ? failure : exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
    }

    private static String sqlState(Exception failure) {
        SQLException sql = ObjectHelper.getException(SQLException.class, failure);
        return sql == null || sql.getSQLState() == null ? "" : sql.getSQLState();
    }

    /** A message may quote the body: no control characters and lone surrogates, which Postgres refuses. */
    private static String printable(String message) {
        String line = message.replaceAll("[\\p{Cntrl}\\p{Cs}]+", " ");
        return line.substring(0, Math.min(line.length(), LONGEST_REASON));
    }
}
