package dev.userssync.scim;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.userssync.database.Database;
import dev.userssync.settings.PerContext;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Lets only one request at a time write a user or group, over all instances. Nobody else may write between the read of
 * a resource and the commit of the change; otherwise one of two concurrent PATCHes would be lost. It is an advisory lock of a
 * transaction in Postgres, which needs no table, works through a transaction pooler, and ends with a crashed instance.
 * Locks have their own connections: the holder of a lock waits for a write, so no write may wait for a lock.
 * Thread-safe.
 */
@BindToRegistry("scim-lock")
public final class ResourceLock {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync.scim");

    private static final String HELD = "scim-lock";
    private static final String LONGEST_WAIT = "5s"; // then SQLState 55P03: the client is asked to retry

    /** Opens the transaction and, if the request names a resource, takes its lock; {@link #release} must follow. */
    public void take(Exchange exchange) throws SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        String prefix = request.client().name() == null ? "" : request.client().idPrefix();
        Held held = new Held(
                PerContext.of(exchange.getContext(), Pool.class, Pool::new).connection(), prefix);
        exchange.setProperty(HELD, held);
        held.begin();
        // No client waits for the writes of another one, or learns of them.
        if (request.id() != null && request.id().startsWith(prefix)) {
            held.lockId(request.id());
        }
    }

    /** Releases the locks of the exchange, if it has any. */
    public void release(Exchange exchange) {
        Held held = exchange.getProperty(HELD, Held.class);
        if (held != null) {
            exchange.removeProperty(HELD);
            try {
                held.end();
            } catch (SQLException e) {
                LOG.debug("a lock's connection was lost, and the lock with it", e); // the events are already written
            }
        }
    }

    static Held of(Exchange exchange) {
        return exchange.getProperty(HELD, Held.class);
    }

    /**
     * An open transaction and its locks. It locks ids first and in their order, then a userName, so that there is no
     * deadlock. A read sees everything committed before it.
     */
    static final class Held {

        private final Connection connection;
        private final String prefix;

        private Held(Connection connection, String prefix) {
            this.connection = connection;
            this.prefix = prefix;
        }

        private void begin() throws SQLException {
            try (Statement set = connection.createStatement()) {
                // A read after the lock sees the last holder's commit. The settings end with the transaction, because
                // the session may be a pooler's.
                set.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '" + LONGEST_WAIT
                        + "'; SET LOCAL statement_timeout = '25s'");
            }
        }

        void lockId(String id) throws SQLException {
            lock("hashtextextended('users-sync scim id ' || ?, 0)", id);
        }

        void lockName(String userName) throws SQLException {
            lock("hashtextextended('users-sync scim name ' || lower(?), 0)", prefix + userName);
        }

        /** Only one request at a time may create a group of this externalId. */
        void lockGroup(String externalId) throws SQLException {
            lock("hashtextextended('users-sync scim group ' || ?, 0)", prefix + externalId);
        }

        /** The database's time. Read it under the lock: then it is the version of a change. */
        Instant now() throws SQLException {
            try (Statement select = connection.createStatement();
                    ResultSet row = select.executeQuery("SELECT clock_timestamp()")) {
                row.next();
                return row.getObject(1, OffsetDateTime.class).toInstant();
            }
        }

        /** Releases all locks, to take others. */
        void startOver() throws SQLException {
            connection.rollback();
            begin();
        }

        private void lock(String key, String value) throws SQLException {
            try (PreparedStatement lock = connection.prepareStatement("SELECT pg_advisory_xact_lock(" + key + ")")) {
                lock.setString(1, value);
                lock.execute();
            }
        }

        Connection connection() {
            return connection;
        }

        private void end() throws SQLException {
            try (connection) {
                connection.rollback(); // this transaction wrote nothing
            }
        }
    }

    /** The connections of the locks, opened at the first lock and closed with the context. */
    private static final class Pool extends ServiceSupport {

        private final DataSource users;
        private final HikariDataSource connections;

        private Pool(CamelContext context) {
            HikariConfig config = new HikariConfig();
            users = context.getRegistry().lookupByNameAndType("users", DataSource.class);
            try {
                users.unwrap(HikariDataSource.class)
                        .copyStateTo(config); // also the source of a password that a file may replace
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
            config.setPoolName("scim-locks");
            config.setMaximumPoolSize(Database.locks(context)); // the number of users at a time; the others wait
            config.setMinimumIdle(0);
            config.setIdleTimeout(TimeUnit.SECONDS.toMillis(30));
            config.setConnectionTimeout(TimeUnit.SECONDS.toMillis(2));
            config.setInitializationFailTimeout(-1); // an unreachable database fails the request, not the start
            config.setAutoCommit(false);
            connections = new HikariDataSource(config);
        }

        Connection connection() throws SQLException {
            if (connections.getHikariPoolMXBean().getTotalConnections() == 0) {
                users.getConnection().close(); // this pool gives a sleeping database time to wake up
            }
            return connections.getConnection();
        }

        @Override
        protected void doStop() {
            connections.close();
        }
    }
}
