package dev.userssync.scim;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import dev.userssync.database.Database;
import dev.userssync.settings.PerContext;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.concurrent.TimeUnit;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.support.service.ServiceSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One writer a user at a time, over all instances: between reading a user and the commit of what a request makes of it nobody else
 * may write, or one of two concurrent PATCHes would be lost. The lock is a transaction's advisory lock in Postgres, which needs no
 * table, works through a transaction pooler and is gone with a crashed instance. Its connections are not those that the events are
 * written with: who holds a lock waits for a write, so that no write may wait for a lock. Thread-safe.
 */
@BindToRegistry("scim-lock")
public final class UserLock {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync.scim");

    private static final String HELD = "scim-lock";
    private static final String LONGEST_WAIT = "5s"; // then SQLState 55P03: the client is told to retry

    /** Opens the transaction and, where the request names a user, takes its lock; {@link #release} must follow. */
    public void take(Exchange exchange) throws SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        Held held = new Held(PerContext.of(exchange.getContext(), Pool.class, Pool::new).connection());
        exchange.setProperty(HELD, held);
        held.begin();
        if (request.id() != null) {
            held.lockId(request.id());
        }
    }

    /** Frees what the exchange holds, if anything. */
    public void release(Exchange exchange) {
        Held held = exchange.getProperty(HELD, Held.class);
        if (held != null) {
            exchange.removeProperty(HELD);
            try {
                held.end();
            } catch (SQLException e) {
                LOG.debug("a lock's connection was lost, and the lock with it", e); // what was to be written is written
            }
        }
    }

    static Held of(Exchange exchange) {
        return exchange.getProperty(HELD, Held.class);
    }

    /**
     * An open transaction and its locks. Ids are locked first and in their order, then a userName, so that nobody waits in a circle.
     * Reads see what is committed by then.
     */
    static final class Held {

        private final Connection connection;

        private Held(Connection connection) {
            this.connection = connection;
        }

        private void begin() throws SQLException {
            try (Statement set = connection.createStatement()) {
                // A read after the lock sees the last holder's commit. Only for this transaction: the session may be a pooler's.
                set.execute("SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '" + LONGEST_WAIT + "'; SET LOCAL statement_timeout = '25s'");
            }
        }

        void lockId(String id) throws SQLException {
            lock("hashtextextended('users-sync scim id ' || ?, 0)", id);
        }

        void lockName(String userName) throws SQLException {
            lock("hashtextextended('users-sync scim name ' || lower(?), 0)", userName);
        }

        /** Frees all locks, to take others. */
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
                connection.rollback(); // nothing was written here
            }
        }
    }

    /** Opened when the first lock is taken, closed with the context. */
    private static final class Pool extends ServiceSupport {

        private final DataSource users;
        private final HikariDataSource connections;

        private Pool(CamelContext context) {
            HikariConfig config = new HikariConfig();
            users = context.getRegistry().lookupByNameAndType("users", DataSource.class);
            try {
                users.unwrap(HikariDataSource.class).copyStateTo(config); // also who asks for a password that a file may replace
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
            config.setPoolName("scim-locks");
            config.setMaximumPoolSize(Database.locks(context)); // so many users at a time; the others wait their turn
            config.setMinimumIdle(0);
            config.setIdleTimeout(TimeUnit.SECONDS.toMillis(30));
            config.setConnectionTimeout(TimeUnit.SECONDS.toMillis(2));
            config.setInitializationFailTimeout(-1); // a database that is away is the request's failure
            config.setAutoCommit(false);
            connections = new HikariDataSource(config);
        }

        Connection connection() throws SQLException {
            if (connections.getHikariPoolMXBean().getTotalConnections() == 0) {
                users.getConnection().close(); // a database that sleeps gets the time that this one gives it to wake up
            }
            return connections.getConnection();
        }

        @Override
        protected void doStop() {
            connections.close();
        }
    }
}
