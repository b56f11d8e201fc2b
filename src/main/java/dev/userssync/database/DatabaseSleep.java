package dev.userssync.database;

import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/** Steps by which routes let an unused database sleep, see {@link Quiet}. Thread-safe. */
@BindToRegistry("database-sleep")
public final class DatabaseSleep {

    /** Closes the connections of the pool, if they were unused for a while. */
    public void close(Exchange exchange) {
        OpenDatabase database = Database.of(exchange.getContext());
        database.quiet.close(database.pool);
    }

    /** Whether housekeeping may find something to do. */
    public boolean isTimeToTidy(Exchange exchange) {
        return Database.of(exchange.getContext()).quiet.isTimeToTidy();
    }

    /** Notes that housekeeping is done. */
    public void tidied(Exchange exchange) {
        Database.of(exchange.getContext()).quiet.tidied();
    }
}
