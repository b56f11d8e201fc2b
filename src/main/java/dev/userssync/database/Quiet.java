package dev.userssync.database;

import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLTransientConnectionException;
import java.util.concurrent.TimeUnit;

/**
 * Lets a database sleep that scales to zero. Some minutes after the last work, users-sync asks nothing of it and holds
 * no connection. Work is a delivery, a due poll, or an operator's request. The first work afterwards waits until the
 * database is awake. Thread-safe.
 */
public final class Quiet {

    /** Milliseconds for which the first work may wait: as long as most providers do. */
    private static final long PATIENCE = 10_000;

    private final long awake;
    private volatile long lastWork = System.nanoTime();
    private volatile long patientUntil = System.nanoTime();
    private volatile long lastTidied = System.nanoTime() - TimeUnit.DAYS.toNanos(1);

    /** @param millis after which no connection is open; the last tenth is for closing */
    Quiet(long millis) {
        awake = TimeUnit.MILLISECONDS.toNanos(millis * 9 / 10);
    }

    /** Whether figures and readiness may ask the database. */
    public boolean isAwake() {
        return System.nanoTime() - lastWork < awake;
    }

    /** Whether there was work since the last {@link #tidied}, or none for a day. */
    public boolean isTimeToTidy() {
        return lastWork - lastTidied > 0 || System.nanoTime() - lastTidied >= TimeUnit.DAYS.toNanos(1);
    }

    /** The nanoTime of the last work. */
    long lastWork() {
        return lastWork;
    }

    void tidied() {
        lastTidied = System.nanoTime();
    }

    /**
     * @param work whether it keeps the database awake
     * @throws SQLTransientConnectionException if there is no connection; at once, unless the database was asleep
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
                Connection connection = pool.getConnection();
                if (work) {
                    lastWork = System.nanoTime();
                }
                return connection;
            } catch (SQLTransientConnectionException e) {
                if (System.nanoTime() - patientUntil >= 0) {
                    throw e;
                }
            }
        }
    }

    /** Closes unused connections, once the database is quiet. */
    void close(HikariDataSource pool) {
        if (!isAwake()
                && pool.getHikariPoolMXBean() != null
                && pool.getHikariPoolMXBean().getTotalConnections() > 0) {
            pool.getHikariPoolMXBean().softEvictConnections();
        }
    }
}
