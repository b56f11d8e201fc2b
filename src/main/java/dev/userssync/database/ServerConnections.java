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
 * Opens the connections of a pool, and detects a pooler: it answers the login with a process id of its own. Behind a
 * pooler users-sync prepares no statements, because PgBouncer before 1.21 gives the statement of one client to another
 * (<a href="https://www.pgbouncer.org/faq.html">FAQ</a>). Set {@code prepareThreshold} in the URL if the pooler keeps
 * prepared statements. Thread-safe.
 */
public final class ServerConnections extends PGSimpleDataSource {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    /**
     * Milliseconds after which Postgres itself gives up. If only the client gave up, the statement would keep waiting
     * for its lock, and each retry would use another connection. Two waits for a lock, of one batch and of the next,
     * end before most providers stop waiting.
     */
    private static final int LOCK_TIMEOUT = 3_000;

    private static final int STATEMENT_TIMEOUT = 25_000; // before socketTimeout
    /** Reads the process id and the timeouts of the role or the database, in milliseconds; 0 is none. */
    private static final String LOOK =
            "SELECT pg_backend_pid(), (SELECT setting FROM pg_settings WHERE name = 'lock_timeout'),"
                    + " (SELECT setting FROM pg_settings WHERE name = 'statement_timeout')";

    /** SQL that sets the limits of its own transaction, so that no other client of a pooler's session inherits them. */
    private volatile String limits = "";

    private final Supplier<DatabaseUrl> login;
    private final boolean thresholdGiven;
    /** Whether statements may keep a name on the server. */
    private volatile boolean prepares = true;

    private volatile boolean told;
    private volatile long toldTooMany = System.nanoTime() - TimeUnit.MINUTES.toNanos(1);

    /**
     * @param login is called for each connection, because a password in a file may have changed
     * @param properties for the driver; those in the URL win
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

    /** The properties of the driver. Each can be set in the URL instead. */
    static Properties driver() {
        Properties driver = new Properties();
        driver.setProperty("ApplicationName", "users-sync");
        driver.setProperty("assumeMinServerVersion", "14"); // sends the name with the login, not in a SET
        driver.setProperty("logServerErrorDetail", "false"); // the details quote the row
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
        try (Statement statement = connection.createStatement();
                ResultSet server = statement.executeQuery(LOOK)) {
            server.next();
            PGConnection driver = connection.unwrap(PGConnection.class);
            if (driver.getBackendPID() != server.getInt(1) && !thresholdGiven) {
                noNames(
                        "DATABASE_URL leads to a pooler: users-sync prepares no statements, which costs Postgres about a millisecond per batch."
                                + " If the pooler keeps prepared statements (PgBouncer 1.21 with max_prepared_statements), add prepareThreshold=5 to the URL");
            }
            if (!prepares) {
                driver.setPrepareThreshold(0);
            }
            limits =
                    "SELECT set_config('lock_timeout', '%d', true), set_config('statement_timeout', '%d', true), set_config('plan_cache_mode', 'force_generic_plan', true); "
                            .formatted(
                                    atMost(server.getInt(2), LOCK_TIMEOUT),
                                    atMost(server.getInt(3), STATEMENT_TIMEOUT));
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
            if (SqlState.TOO_MANY_CONNECTIONS.equals(e.getSQLState())
                    && System.nanoTime() - toldTooMany > TimeUnit.MINUTES.toNanos(1)) {
                toldTooMany = System.nanoTime();
                LOG.warn(
                        "Postgres refuses further connections: {}. users-sync shares the open ones; set DATABASE_POOL_SIZE to the connections that the role may have",
                        e.getMessage());
            }
            throw e;
        }
    }

    /** Whether one process answered the login and another runs the statements. */
    public static boolean isPooled(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet server = statement.executeQuery("SELECT pg_backend_pid()")) {
            server.next();
            return connection.unwrap(PGConnection.class).getBackendPID() != server.getInt(1);
        }
    }

    /** The smaller of both limits, because the operator may have set less; 0 is no limit. */
    private static int atMost(int set, int limit) {
        return set == 0 ? limit : Math.min(set, limit);
    }

    /** SQL to put before a statement, in the same message and thus in its transaction; its result comes first. */
    String limits() {
        return limits;
    }

    /** Whether the failure shows that a pooler lost the name of a prepared statement. Then it prepares none from now on. */
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

    /** Ignores the pool's one second, in which a distant server accepts no login. The driver's property counts. */
    @Override
    public void setLoginTimeout(int seconds) {
        // ignored, see above
    }
}
