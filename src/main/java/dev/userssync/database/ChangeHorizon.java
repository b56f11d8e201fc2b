package dev.userssync.database;

import com.zaxxer.hikari.HikariPoolMXBean;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.KafkaSettings;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Decides when the change feed may hold changes that its readers do not see yet; see {@code V16__changes.sql}. {@link #advances} is thread-safe; one
 * thread at a time calls the others.
 */
@BindToRegistry("change-horizon")
public final class ChangeHorizon extends ContextBean {

    /** The value of {@link Quiet#lastWork} up to which every change of this instance is visible. */
    private long seenUntil = Long.MIN_VALUE;

    private long lookedAt;
    private boolean idle;
    private boolean started;
    private volatile long advances;

    /** Whether this instance may have written since the last look. Notes the time for {@link #advanced}. */
    public boolean isBehind(Exchange exchange) {
        if (new KafkaSettings(context).ingestsOnly()) {
            return false;
        }
        OpenDatabase database = Database.of(context);
        // In this order: without active connections, earlier work has committed, and whoever gets a connection changes
        // lastWork.
        lookedAt = database.quiet.lastWork();
        HikariPoolMXBean pool = database.pool.getHikariPoolMXBean();
        idle = pool == null || pool.getActiveConnections() == 0;
        return !started || lookedAt != seenUntil;
    }

    /** In: the body, true if readers see every number that was given. */
    public void advanced(Exchange exchange) {
        started = true;
        advances++;
        if (idle && Boolean.TRUE.equals(exchange.getMessage().getBody())) {
            seenUntil = lookedAt;
        }
    }

    /** Another number each time that there may be more to read. */
    public long advances() {
        return advances;
    }
}
