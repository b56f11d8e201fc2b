package dev.userssync.database;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.concurrent.TimeUnit;

/**
 * Lets a database sleep that scales to zero: some minutes after the last work nothing is asked of it, and no connection is open. Work is what
 * somebody waits for: deliveries, polls that are due, operators. Whoever asks first afterwards waits until the database is awake. Thread-safe.
 */
public final class Quiet {

    /** How long the first one may wait, in milliseconds: as long as most providers do. */
    private static final long PATIENCE = 10_000;

    private final long awake;
    private volatile long lastWork = System.nanoTime();
    private volatile long patientUntil = System.nanoTime();
    private volatile long lastTidied = System.nanoTime() - TimeUnit.DAYS.toNanos(1);

    /** @param millis after which nothing is open; the last tenth is for closing */
    Quiet(long millis) {
        awake = TimeUnit.MILLISECONDS.toNanos(millis * 9 / 10);
    }

    /** Whether figures and readiness may be asked for. */
    public boolean isAwake() {
        return System.nanoTime() - lastWork < awake;
    }

    /** Whether there was work since the last {@link #tidied}, or none for a day. */
    public boolean isTimeToTidy() {
        return lastWork - lastTidied > 0 || System.nanoTime() - lastTidied >= TimeUnit.DAYS.toNanos(1);
    }

    void tidied() {
        lastTidied = System.nanoTime();
    }

    /**
     * @param work whether the database stays awake for it
     * @throws SQLTransientConnectionException if none is to be had; at once, unless the database was asleep
     */
    Connection connection(HikariDataSource pool, boolean work) throws SQLException {
        long now = System.nanoTime();
        if (!isAwake() && now - patientUntil > 0) {
            patientUntil = now + TimeUnit.MILLISECONDS.toNanos(PATIENCE);
        }
        if (work) {
            lastWork = now;
        }
        while (true) {
            try {
                return pool.getConnection();
            } catch (SQLTransientConnectionException e) {
                if (System.nanoTime() - patientUntil >= 0) {
                    throw e;
                }
            }
        }
    }

    /** Closes what is open and not in use, once it is quiet. */
    void close(HikariDataSource pool) {
        if (!isAwake() && pool.getHikariPoolMXBean() != null && pool.getHikariPoolMXBean().getTotalConnections() > 0) {
            pool.getHikariPoolMXBean().softEvictConnections();
        }
    }
}
