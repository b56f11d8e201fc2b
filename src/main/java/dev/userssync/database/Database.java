package dev.userssync.database;

import dev.userssync.settings.PerContext;
import dev.userssync.settings.SecretFiles;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.flywaydb.core.api.FlywayException;
import org.postgresql.Driver;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * Provides the database that the routes write to: that of DATABASE_URL or, without it, the embedded one. It opens and
 * migrates the database at the first look-up of the bean {@code users}, and closes it after the last route has stopped.
 * One per Camel context; thread-safe.
 */
public final class Database implements CamelConfiguration {

    private static final Path CHECK = Path.of("routes/sql/check-database.sql");
    /**
     * One in this many connections is for SCIM's locks. The holder of a lock waits for a write, so no write may wait for
     * a lock.
     */
    private static final int SHARE_OF_LOCKS = 4;

    private static final int MOST_LOCKS = 5;

    /** @throws StartupFailure if the database cannot be reached or migrated */
    @BindToRegistry("users")
    public DataSource users(CamelContext context) {
        return of(context).source;
    }

    /**
     * The same database for writes that a sender waits for, usually for milliseconds. If the network swallows
     * everything, the sender must receive 503 before it gives up.
     *
     * @throws StartupFailure if the database cannot be reached or migrated
     */
    @BindToRegistry("users-writer")
    public DataSource writer(CamelContext context) {
        return of(context).writer;
    }

    /**
     * The same database for work that nobody waits for. It does not keep a database awake that could sleep.
     *
     * @throws StartupFailure if the database cannot be reached or migrated
     */
    @BindToRegistry("users-quietly")
    public DataSource quietly(CamelContext context) {
        return of(context).quietly;
    }

    /** The number of connections for SCIM's locks, beside those of the pool. */
    public static int locks(CamelContext context) {
        return Math.max(1, Math.min(MOST_LOCKS, poolSize(context) / SHARE_OF_LOCKS));
    }

    /** DATABASE_POOL_SIZE. */
    static int poolSize(CamelContext context) {
        String size = Setting.of(context, "database.pool.size");
        if (!size.matches("[1-9]\\d{0,3}") || size.equals("1")) {
            throw new StartupFailure(
                    "DATABASE_POOL_SIZE must be a number of connections from 2 to 9999; it is " + size);
        }
        return Integer.parseInt(size);
    }

    /** The open database of a context, opened once. The Camel CLI calls the methods above twice. */
    public static OpenDatabase of(CamelContext context) {
        return PerContext.of(context, OpenDatabase.class, OpenDatabase::new);
    }

    /**
     * Creates or upgrades the tables, without a pool.
     *
     * @return the result, for people
     * @throws StartupFailure if that is not possible
     */
    public static String migrate(CamelContext settings) {
        SecretFiles.load(settings);
        String url = Setting.of(settings, "database.url");
        if (url.isEmpty()) {
            throw new StartupFailure("DATABASE_URL is not set: set it to the database to migrate");
        }
        DatabaseUrl address = DatabaseUrl.of("DATABASE_URL", url);
        try (Connection connection = direct(settings, address)) {
            requireUtf8(connection, address.described());
            return new Migration(settings).run(connection) + " migrations in " + address.described();
        } catch (FlywayException | SQLException e) {
            throw notMigrated(address, e);
        }
    }

    /**
     * Opens a connection of its own, for work that a pool or a pooler would end too soon. It goes to
     * DATABASE_DIRECT_URL if set, as the user of DATABASE_URL unless it names another.
     */
    static Connection direct(CamelContext context, DatabaseUrl pooled) throws SQLException {
        String url = Setting.of(context, "database.direct.url");
        DatabaseUrl address = url.isEmpty() ? pooled : DatabaseUrl.of("DATABASE_DIRECT_URL", url);
        DatabaseUrl login = pooled.withLogin(context);
        String user = url.isEmpty() || address.user() == null ? login.user() : address.user();
        String password = url.isEmpty() || address.password() == null ? login.password() : address.password();
        Properties driver = ServerConnections.driver();
        driver.setProperty("socketTimeout", "0");
        // In the driver, the options of DATABASE_DIRECT_URL win.
        if (user != null) {
            driver.setProperty("user", user);
        }
        if (password != null) {
            driver.setProperty("password", password);
        }
        return new Driver().connect(address.jdbcUrl(), driver);
    }

    /**
     * Checks the encoding before the first write. A database with another encoding would refuse names, one event after
     * the other.
     */
    static void requireUtf8(Connection connection, String description) throws SQLException {
        try (ResultSet encoding = connection.createStatement().executeQuery("SHOW server_encoding")) {
            encoding.next();
            if (!encoding.getString(1).equals("UTF8")) {
                throw new StartupFailure("the database " + description + " has the encoding " + encoding.getString(1)
                        + ", and users-sync needs UTF8:"
                        + " use a database made with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
            }
        }
    }

    /**
     * A fault of the database.
     *
     * @param blocks whether it stops all writes; otherwise it parks users or shows them to others
     * @param text for people, with what to do
     */
    public record Trouble(boolean blocks, String text) {}

    public static List<Trouble> troubles(Connection connection) throws SQLException {
        List<Trouble> troubles = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(Files.readString(CHECK))) {
            while (rows.next()) {
                troubles.add(new Trouble(rows.getBoolean("blocks"), rows.getString("trouble")));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return troubles;
    }

    static StartupFailure notMigrated(DatabaseUrl address, Exception e) {
        return new StartupFailure("the tables of users-sync cannot be created or upgraded in " + address.described()
                + ": " + rootMessage(e)
                + (SqlState.isNameLost(SqlState.of(e))
                        ? "; the pooler does not keep prepared statements: remove prepareThreshold from DATABASE_URL"
                        : ""));
    }

    /** The message of the driver or the server, with the server's hint. */
    static String rootMessage(Throwable e) {
        while (e.getCause() != null) {
            e = e.getCause();
        }
        ServerErrorMessage server = e instanceof PSQLException failure ? failure.getServerErrorMessage() : null;
        return server == null || server.getHint() == null ? e.getMessage() : e.getMessage() + "; " + server.getHint();
    }

    /** Closes the database of a failed start, because a context that never started does not stop its services. */
    public static void closeOf(CamelContext context) {
        OpenDatabase opened = context == null ? null : context.hasService(OpenDatabase.class);
        if (opened != null) {
            opened.doStop();
        }
    }

    /** Whether the failure belongs to an outage that is logged elsewhere; see {@link Outage}. */
    public static boolean covers(CamelContext context, Throwable failure) {
        OpenDatabase opened = context.hasService(OpenDatabase.class);
        return opened != null && opened.outage.covers(failure);
    }
}
