package dev.userssync.database;

import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/** The steps by which routes leave a database alone that nobody needs, see {@link Quiet}. Thread-safe. */
@BindToRegistry("database-sleep")
public final class DatabaseSleep {

    /** Closes the connections of the pool, if nobody has needed them for a while. */
    public void close(Exchange exchange) {
        OpenDatabase database = Database.of(exchange.getContext());
        database.quiet.close(database.pool);
    }

    /** Whether housekeeping may find something to do. */
    public boolean isTimeToTidy(Exchange exchange) {
        return Database.of(exchange.getContext()).quiet.isTimeToTidy();
    }

    /** Housekeeping is done. */
    public void tidied(Exchange exchange) {
        Database.of(exchange.getContext()).quiet.tidied();
    }
}
