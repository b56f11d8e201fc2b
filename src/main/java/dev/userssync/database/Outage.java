package dev.userssync.database;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.camel.util.ObjectHelper;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Logs an outage of the database: once at its start, once a minute while it lasts, and once at its end. It replaces one
 * line per failure. During an outage a thread asks the database every second; otherwise this costs nothing.
 * Thread-safe.
 */
final class Outage {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final long BETWEEN_LOOKS = TimeUnit.SECONDS.toMillis(1);

    private final HikariDataSource pool;
    private final String database;
    private final AtomicLong failures = new AtomicLong();
    private volatile boolean on;

    /** @param database the address for people, without user, password and options */
    Outage(HikariDataSource pool, String database) {
        this.pool = pool;
        this.database = database;
    }

    /**
     * @return whether the failure belongs to an unreachable database; then the outage is logged, and the caller logs
     *         nothing
     */
    boolean covers(Throwable failure) {
        if (!isUnreachable(failure)) {
            return on && follows(failure);
        }
        failures.incrementAndGet();
        begin(failure);
        return true;
    }

    /** Whether the failure follows from an outage: a full queue, or a page that was not taken. */
    private static boolean follows(Throwable failure) {
        return failure instanceof RejectedExecutionException || failure instanceof IllegalStateException;
    }

    /** Whether the database is unreachable, or the pool gets no connection. */
    private static boolean isUnreachable(Throwable failure) {
        SQLException sql = ObjectHelper.getException(SQLException.class, failure);
        return sql != null
                && (sql instanceof SQLTransientConnectionException || SqlState.isUnreachable(SqlState.of(sql)));
    }

    private synchronized void begin(Throwable failure) {
        if (on || pool.isClosed()) {
            return;
        }
        LOG.warn(
                "the database {} is unreachable, {}: deliveries are answered 503 and polling waits until it is back",
                database,
                reason(failure));
        Thread watch = new Thread(this::watch, "users-sync outage");
        watch.setDaemon(true);
        try {
            watch.start();
            on = true;
        } catch (OutOfMemoryError e) {
            LOG.debug("no thread available: the next failure starts the outage", e);
        }
    }

    private static String reason(Throwable failure) {
        Throwable root = ObjectHelper.getException(SQLException.class, failure);
        while (root.getCause() != null) {
            root = root.getCause();
        }
        String state = root instanceof SQLException sql && sql.getSQLState() != null
                ? "SQLState " + sql.getSQLState()
                : root.getClass().getSimpleName();
        return root instanceof java.net.SocketException || root instanceof java.net.SocketTimeoutException
                ? state + " (" + root.getMessage() + ")"
                : state;
    }

    private void watch() {
        long start = System.nanoTime();
        long told = start;
        boolean back = false;
        try {
            while (!pool.isClosed() && !(back = isBack())) {
                if (System.nanoTime() - told > TimeUnit.MINUTES.toNanos(1)) {
                    told = System.nanoTime();
                    LOG.warn(
                            "the database {} is still unreachable, for {} s; {} attempts failed",
                            database,
                            seconds(start),
                            failures);
                }
                Thread.sleep(BETWEEN_LOOKS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            synchronized (this) {
                on = false; // also after an error of the watch, or every later failure would be hidden
                if (back && !pool.isClosed()) {
                    LOG.info(
                            "the database {} is back, after {} s and {} failed attempts",
                            database,
                            seconds(start),
                            failures.getAndSet(0));
                }
            }
        }
    }

    private boolean isBack() {
        try (Connection connection = pool.getConnection()) {
            return connection.isValid(1);
        } catch (SQLException | RuntimeException e) {
            return false;
        }
    }

    private static long seconds(long start) {
        return TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - start);
    }
}
