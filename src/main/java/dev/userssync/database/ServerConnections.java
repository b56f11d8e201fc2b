package dev.userssync.database;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.postgresql.Driver;
import org.postgresql.PGConnection;
import org.postgresql.PGProperty;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens the connections of a pool, and finds out what each one leads to. A pooler answers the login with a process id of its own; then users-sync
 * prepares no statements, because PgBouncer before 1.21 gives the statement of one client to another
 * (<a href="https://www.pgbouncer.org/faq.html">FAQ</a>). {@code prepareThreshold} in the URL says that the pooler keeps them. Thread-safe.
 */
public final class ServerConnections extends PGSimpleDataSource {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    /**
     * When Postgres itself gives up, in milliseconds. A statement that only we have given up would wait for its lock on, and each that is tried again
     * would take one more of Postgres' connections. Two waits for a lock, of one batch and of the next, are over before most providers stop waiting.
     */
    private static final int LOCK_TIMEOUT = 3_000;
    private static final int STATEMENT_TIMEOUT = 25_000; // before socketTimeout
    /** In milliseconds; the times that the role or the database has, 0 for none. */
    private static final String LOOK = "SELECT pg_backend_pid(), (SELECT setting FROM pg_settings WHERE name = 'lock_timeout'),"
            + " (SELECT setting FROM pg_settings WHERE name = 'statement_timeout')";

    /** SQL that limits the transaction which it begins: no other client of a pooler's session inherits a limit. */
    private volatile String limits = "";
    private final Supplier<DatabaseUrl> login;
    private final boolean thresholdGiven;
    /** Whether statements may keep a name on the server. */
    private volatile boolean prepares = true;
    private volatile boolean told;
    private volatile long toldTooMany = System.nanoTime() - TimeUnit.MINUTES.toNanos(1);

    /**
     * @param login is asked for each connection: a password in a file may have changed
     * @param properties of the driver, beside those in the URL, which win
     */
    ServerConnections(Supplier<DatabaseUrl> login, Properties properties) {
        this.login = login;
        String url = login.get().jdbcUrl();
        setUrl(url);
        Properties given = Driver.parseURL(url, new Properties());
        thresholdGiven = given.containsKey(PGProperty.PREPARE_THRESHOLD.getName());
        try {
            for (String name : properties.stringPropertyNames()) {
                if (!given.containsKey(name)) {
                    setProperty(name, properties.getProperty(name));
                }
            }
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What the driver is told; each can be set in the URL instead. */
    static Properties driver() {
        Properties driver = new Properties();
        driver.setProperty("ApplicationName", "users-sync");
        driver.setProperty("assumeMinServerVersion", "14"); // the name goes with the login, not in a SET
        driver.setProperty("logServerErrorDetail", "false"); // its details quote the row
        driver.setProperty("connectTimeout", "5");
        driver.setProperty("loginTimeout", "5");
        driver.setProperty("socketTimeout", "30");
        driver.setProperty("tcpKeepAlive", "true");
        return driver;
    }

    @Override
    public Connection getConnection() throws SQLException {
        DatabaseUrl now = login.get();
        return getConnection(now.user(), now.password());
    }

    @Override
    public Connection getConnection(String user, String password) throws SQLException {
        Connection connection = open(user, password);
        try (Statement statement = connection.createStatement(); ResultSet server = statement.executeQuery(LOOK)) {
            server.next();
            PGConnection driver = connection.unwrap(PGConnection.class);
            if (driver.getBackendPID() != server.getInt(1) && !thresholdGiven) {
                noNames("DATABASE_URL leads to a pooler: users-sync prepares no statements there, which costs Postgres about a millisecond a batch."
                        + " If the pooler keeps prepared statements (PgBouncer 1.21 with max_prepared_statements), add prepareThreshold=5 to the URL");
            }
            if (!prepares) {
                driver.setPrepareThreshold(0);
            }
            limits = "SELECT set_config('lock_timeout', '%d', true), set_config('statement_timeout', '%d', true), set_config('plan_cache_mode', 'force_generic_plan', true); "
                    .formatted(atMost(server.getInt(2), LOCK_TIMEOUT), atMost(server.getInt(3), STATEMENT_TIMEOUT));
        } catch (SQLException e) {
            connection.close();
            throw e;
        }
        return connection;
    }

    private Connection open(String user, String password) throws SQLException {
        try {
            return super.getConnection(user, password);
        } catch (SQLException e) {
            if (SqlState.TOO_MANY_CONNECTIONS.equals(e.getSQLState()) && System.nanoTime() - toldTooMany > TimeUnit.MINUTES.toNanos(1)) {
                toldTooMany = System.nanoTime();
                LOG.warn("Postgres has no connection more for users-sync: {}. What is open is shared; set DATABASE_POOL_SIZE to what the role may have", e.getMessage());
            }
            throw e;
        }
    }

    /** Whether the login was answered by another process than the one that runs the statements. */
    public static boolean isPooled(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet server = statement.executeQuery("SELECT pg_backend_pid()")) {
            server.next();
            return connection.unwrap(PGConnection.class).getBackendPID() != server.getInt(1);
        }
    }

    /** The operator may have set less; 0 is no limit. */
    private static int atMost(int set, int limit) {
        return set == 0 ? limit : Math.min(set, limit);
    }

    /** Comes before a statement, in the same message and thus in its transaction; its result comes first. */
    String limits() {
        return limits;
    }

    /** After a failure. @return whether a pooler lost the name of a prepared statement */
    boolean lostNames(SQLException failure) {
        if (!SqlState.isNameLost(SqlState.of(failure))) {
            return false;
        }
        noNames("The pooler in DATABASE_URL does not keep prepared statements: users-sync prepares none from now on."
                + " Remove prepareThreshold from the URL, or set max_prepared_statements in PgBouncer 1.21 or newer");
        return true;
    }

    private void noNames(String because) {
        prepares = false;
        if (!told) {
            told = true;
            LOG.info(because);
        }
    }

    /** The driver's property counts: the pool would set one second, in which a far server lets nobody in. */
    @Override
    public void setLoginTimeout(int seconds) {
        // see above
    }
}
