// Only `camel run` reads these lines; Maven reads pom.xml, and a test keeps both alike.
//DEPS org.postgresql:postgresql:42.7.14
//DEPS org.flywaydb:flyway-database-postgresql:13.12.0
package dev.userssync;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.SQLExceptionOverride;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.support.service.ServiceSupport;
import org.apache.camel.util.ObjectHelper;
import org.flywaydb.core.api.FlywayException;
import org.postgresql.Driver;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;
import org.slf4j.LoggerFactory;

/**
 * The database that the routes write to: the one of DATABASE_URL or, without it, the embedded one. Opened and migrated when the
 * bean {@code users} is first asked for, closed after the last route has stopped. One per Camel context; thread-safe.
 */
public final class Database implements CamelConfiguration {

    private static final org.slf4j.Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final Path CHECK = Path.of("routes/sql/check-database.sql");
    /** How long the first connection may take, in milliseconds: a database that starts beside us gets its time. */
    private static final int FIRST_CONNECTION_TIMEOUT = 10_000;
    /** How long a delivery may wait for a connection, in milliseconds and up to three times, before the provider is told to retry: some wait for three seconds only. */
    private static final int CONNECTION_TIMEOUT = 500;
    /**
     * When Postgres itself gives up, in milliseconds. A statement that only we have given up would wait for its lock on, and each that is tried again
     * would take one more of Postgres' connections. Two waits for a lock, of one batch and of the next, are over before most providers stop waiting.
     */
    static final int LOCK_TIMEOUT = 3_000;
    static final int STATEMENT_TIMEOUT = 25_000; // before socketTimeout
    /** After how long without a word a connection is given up on which a sender waits, in milliseconds: longer than a lock may last. */
    private static final int WRITER_TIMEOUT = 5_000;
    /** How long a connection stays open that nobody needs, in milliseconds; the whole pool closes when it is quiet. */
    private static final int IDLE_TIMEOUT = 60_000;
    /** SCIM holds this share of the connections for its locks: a lock's holder waits for a write, so no write may wait for a lock. */
    private static final int SHARE_OF_LOCKS = 4;
    private static final int MOST_LOCKS = 5;

    /** @throws StartupFailure if the database cannot be reached or migrated */
    @BindToRegistry("users")
    public DataSource users(CamelContext context) {
        return of(context).source;
    }

    /**
     * The same for what a sender waits for, milliseconds as a rule: with a network that swallows everything, it is to hear 503 before it stops waiting.
     *
     * @throws StartupFailure if the database cannot be reached or migrated
     */
    @BindToRegistry("users-writer")
    public DataSource writer(CamelContext context) {
        return of(context).writer;
    }

    /**
     * The same for what nobody waits for: it does not keep a database awake that could sleep.
     *
     * @throws StartupFailure if the database cannot be reached or migrated
     */
    @BindToRegistry("users-quietly")
    public DataSource quietly(CamelContext context) {
        return of(context).quietly;
    }

    /** The connections that SCIM may hold for its locks, beside those of the pool. */
    public static int locks(CamelContext context) {
        return Math.max(1, Math.min(MOST_LOCKS, poolSize(context) / SHARE_OF_LOCKS));
    }

    private static int poolSize(CamelContext context) {
        String size = Setting.of(context, "database.pool.size");
        if (!size.matches("[1-9]\\d{0,3}") || size.equals("1")) {
            throw new StartupFailure("DATABASE_POOL_SIZE must be a number of connections from 2 to 9999; it is " + size);
        }
        return Integer.parseInt(size);
    }

    /**
     * The database of a Supabase project, read by its poller; nothing is asked of it, and no connection opened, without SUPABASE_DATABASE_URL.
     *
     * @throws StartupFailure if that cannot be read
     */
    @BindToRegistry("supabase-database")
    public DataSource supabase(CamelContext context) throws Exception {
        Supabase opened = context.hasService(Supabase.class);
        if (opened == null) {
            opened = new Supabase(Setting.of(context, "supabase.database.url"));
            context.addService(opened);
        }
        return opened.pool;
    }

    private static final class Supabase extends ServiceSupport {

        private final HikariDataSource pool = new HikariDataSource(); // connects when it is first asked

        Supabase(String url) {
            if (!url.isEmpty()) {
                Address.of("SUPABASE_DATABASE_URL", url).applyTo(pool);
            }
            pool.setPoolName("supabase");
            pool.setMaximumPoolSize(1);
            pool.setMinimumIdle(0);
            pool.setIdleTimeout(IDLE_TIMEOUT);
            pool.setReadOnly(true);
            pool.setDataSourceProperties(driver());
            // Its one statement needs no plan that is kept, and behind a pooler none can be.
            pool.addDataSourceProperty("prepareThreshold", "0");
        }

        @Override
        protected void doStop() {
            pool.close();
        }
    }

    /** What the driver is told; each can be set in the URL instead. */
    private static Properties driver() {
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

    /**
     * Takes a session out of the pool that may not write (SQLState 25006): one that was opened while the server was read-only stays so, and without
     * this the pool would keep it for half an hour after the server can be written again.
     */
    private static final class ReadOnlySessions implements SQLExceptionOverride {

        @java.lang.Override // not the nested type of this name
        public Override adjudicate(SQLException failure) {
            return "25006".equals(failure.getSQLState()) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
        }
    }

    /** The opened database of a context; the Camel CLI calls the method above twice, but it is opened once. */
    static synchronized Opened of(CamelContext context) {
        Opened opened = context.hasService(Opened.class);
        if (opened == null) {
            SecretFiles.load(context);
            opened = new Opened(context);
            try {
                context.addService(opened);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
        return opened;
    }

    /**
     * Creates or upgrades the tables, and opens nothing else.
     *
     * @return what was done, for people
     * @throws StartupFailure if that is not possible
     */
    static String migrate(CamelContext settings) {
        SecretFiles.load(settings);
        String url = Setting.of(settings, "database.url");
        if (url.isEmpty()) {
            throw new StartupFailure("DATABASE_URL is not set: which database?");
        }
        HikariConfig config = login(settings, url);
        try (Connection connection = direct(settings, config)) {
            requireUtf8(connection, described(config));
            return new Migration(settings).run(connection) + " migrations in " + described(config);
        } catch (FlywayException | SQLException e) {
            throw notMigrated(config, e);
        }
    }

    /** Where and as whom, from the settings. */
    private static HikariConfig login(CamelContext context, String url) {
        HikariConfig config = new HikariConfig();
        Address address = Address.of("DATABASE_URL", url);
        address.applyTo(config);
        config.setUsername(Opened.firstOf(Setting.of(context, "database.user"), address.user));
        config.setPassword(Opened.firstOf(Setting.of(context, "database.password"), address.password));
        return config;
    }

    /**
     * A connection of its own, for what a pool or a pooler would end too soon: to DATABASE_DIRECT_URL where that is set, as the user of
     * DATABASE_URL unless it names another.
     */
    private static Connection direct(CamelContext context, HikariConfig config) throws SQLException {
        String url = Setting.of(context, "database.direct.url");
        Address address = url.isEmpty() ? new Address(config.getJdbcUrl(), null, null) : Address.of("DATABASE_DIRECT_URL", url);
        Properties login = driver();
        login.setProperty("socketTimeout", "0");
        // In a JDBC URL they may stand among the options; what DATABASE_DIRECT_URL says itself wins with the driver.
        Properties pooled = Driver.parseURL(config.getJdbcUrl(), new Properties());
        String user = Opened.firstOf(address.user == null ? "" : address.user,
                config.getUsername() != null ? config.getUsername() : pooled.getProperty("user"));
        String password = Opened.firstOf(address.password == null ? "" : address.password,
                config.getPassword() != null ? config.getPassword() : pooled.getProperty("password"));
        if (user != null) {
            login.setProperty("user", user);
        }
        if (password != null) {
            login.setProperty("password", password);
        }
        return new Driver().connect(address.jdbcUrl, login);
    }

    private static String described(HikariConfig config) {
        return config.getJdbcUrl().replaceFirst("\\?.*", "");
    }

    /** Before the first write: a database of another encoding would refuse names, one event after the other. */
    private static void requireUtf8(Connection connection, String description) throws SQLException {
        try (ResultSet encoding = connection.createStatement().executeQuery("SHOW server_encoding")) {
            encoding.next();
            if (!encoding.getString(1).equals("UTF8")) {
                throw new StartupFailure("the database " + description + " has the encoding " + encoding.getString(1) + ", and UTF8 is needed:"
                        + " use one that was made with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
            }
        }
    }

    /**
     * What keeps users-sync from writing or, else, what parks users or shows them to others; for people.
     *
     * @param blocking whether deliveries cannot be applied
     */
    static List<String> troubles(Connection connection, boolean blocking) throws SQLException {
        List<String> troubles = new ArrayList<>();
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(Files.readString(CHECK))) {
            while (rows.next()) {
                if (rows.getBoolean("blocks") == blocking) {
                    troubles.add(rows.getString("trouble"));
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return troubles;
    }

    private static StartupFailure notMigrated(HikariConfig config, Exception e) {
        return new StartupFailure("the tables of users-sync cannot be created or upgraded in " + described(config) + ": " + Opened.rootMessage(e)
                + (ServerConnections.isNameLost(ObjectHelper.getException(SQLException.class, e))
                        ? "; the pooler does not keep prepared statements: remove prepareThreshold from DATABASE_URL" : ""));
    }

    /** Closes what a start that failed has opened; a context that never started does not stop its services. */
    static void closeOf(CamelContext context) {
        Opened opened = context == null ? null : context.hasService(Opened.class);
        if (opened != null) {
            opened.doStop();
        }
    }

    /** Whether the failure is one of an outage that the log tells of by itself; see {@link Outage}. */
    public static boolean covers(CamelContext context, Throwable failure) {
        Opened opened = context.hasService(Opened.class);
        return opened != null && opened.outage.covers(failure);
    }

    /** Pool and, where there is one, embedded server. */
    static final class Opened extends ServiceSupport {

        private final CamelContext context;
        final EmbeddedDatabase embedded;
        final HikariDataSource pool;
        private final DataSource source;
        private final DataSource writer;
        final DataSource quietly;
        final Quiet quiet;
        final Outage outage;
        /** For people: without user, password and options. */
        final String description;

        private Opened(CamelContext context) {
            this.context = context;
            String url = Setting.of(context, "database.url");
            embedded = url.isEmpty() ? new EmbeddedDatabase(Path.of(Setting.of(context, "data.directory"))) : null;
            HikariConfig config = login(context, embedded != null ? embedded.jdbcUrl() : url);
            quiet = new Quiet(Long.parseLong(Setting.of(context, "database.quiet")));
            config.setPoolName("users");
            config.setMaximumPoolSize(poolSize(context) - (Setting.of(context, "scim.webhook.secret").isEmpty() ? 0 : locks(context)));
            config.setMinimumIdle(0);
            config.setIdleTimeout(IDLE_TIMEOUT);
            config.setExceptionOverride(new ReadOnlySessions());
            config.setConnectionTimeout(CONNECTION_TIMEOUT);
            boolean needed = !new KafkaSettings(context).ingestsOnly(); // who only fills the topic can start while there is no database
            config.setInitializationFailTimeout(needed ? FIRST_CONNECTION_TIMEOUT : -1);
            // Else each dead connection in the pool, after a network that swallowed all, takes five seconds to find.
            config.setValidationTimeout(CONNECTION_TIMEOUT);
            description = described(config);
            ServerConnections connections = new ServerConnections(config.getJdbcUrl(), driver());
            if (config.getUsername() == null) {
                connections.setPassword(config.getPassword()); // the URL names the user
            }
            config.setDataSource(connections);
            pool = open(config);
            outage = new Outage(pool, description);
            source = DescribedOnce.of(pool, connections, () -> quiet.connection(pool, true), 0);
            writer = DescribedOnce.of(pool, connections, () -> quiet.connection(pool, true), WRITER_TIMEOUT);
            quietly = DescribedOnce.of(pool, connections, () -> quiet.connection(pool, false), 0);
            if (needed) {
                prepare();
            }
        }

        /** Makes the tables or, where another role owns them, only looks: tables of this version or a newer one will do. */
        private void prepare() {
            Migration migration = new Migration(context);
            boolean look = Setting.of(context, "database.migrate").equalsIgnoreCase("false");
            boolean pooled = look || Setting.of(context, "database.direct.url").isEmpty();
            try (Connection connection = pooled ? pool.getConnection() : direct(context, pool)) {
                requireUtf8(connection, description);
                if (!look) {
                    migration.run(connection);
                } else if (migration.isNeeded(connection)) {
                    throw new StartupFailure("the tables in " + description + " are missing or older than this users-sync, and DATABASE_MIGRATE is"
                            + " false: run `users-sync migrate` with the role that owns them, then what `users-sync print-sql --role` prints");
                }
            } catch (FlywayException | SQLException e) {
                throw closed(notMigrated(pool, e));
            } catch (StartupFailure e) {
                throw closed(e);
            }
            try (Connection connection = pool.getConnection()) {
                troubles(connection, true).forEach(LOG::error);
                troubles(connection, false).forEach(LOG::warn);
            } catch (SQLException e) {
                LOG.warn("the rights in {} cannot be checked: {}", description, rootMessage(e));
            }
        }

        private HikariDataSource open(HikariConfig config) {
            try {
                return new HikariDataSource(config);
            } catch (RuntimeException e) {
                closeEmbedded();
                SQLException refused = ObjectHelper.getException(SQLException.class, e);
                throw new StartupFailure("the database " + description + " cannot be reached: " + rootMessage(e)
                        + (refused != null && ServerConnections.TOO_MANY.equals(refused.getSQLState())
                                ? "; free a connection, raise the limit, or set DATABASE_POOL_SIZE of each instance to its share"
                                : "; check DATABASE_URL, DATABASE_USER and DATABASE_PASSWORD"));
            }
        }

        private StartupFailure closed(StartupFailure failure) {
            pool.close();
            closeEmbedded();
            return failure;
        }

        /** For people who wait for an answer. */
        Connection connection() throws SQLException {
            return quiet.connection(pool, true);
        }

        /** A connection beside the pool, for work that takes long. Empty if there is none to be had. */
        Optional<Connection> aside() {
            try {
                return Optional.ofNullable(direct(context, pool));
            } catch (SQLException e) {
                return Optional.empty();
            }
        }

        String server() {
            try (Connection connection = pool.getConnection()) {
                return "Postgres " + connection.getMetaData().getDatabaseProductVersion();
            } catch (SQLException e) {
                return "Postgres";
            }
        }

        @Override
        protected void doStop() {
            pool.close();
            closeEmbedded();
        }

        private void closeEmbedded() {
            if (embedded != null) {
                try {
                    embedded.close();
                } catch (java.io.IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            }
        }

        private static String firstOf(String set, String otherwise) {
            return set.isEmpty() ? otherwise : set;
        }

        private static String rootMessage(Throwable e) {
            while (e.getCause() != null) {
                e = e.getCause();
            }
            ServerErrorMessage server = e instanceof PSQLException failure ? failure.getServerErrorMessage() : null;
            return server == null || server.getHint() == null ? e.getMessage() : e.getMessage() + "; " + server.getHint();
        }
    }

    /** A database URL in the JDBC form or in the form {@code postgres[ql]://user:password@host/db?options} that hosts hand out. */
    record Address(String jdbcUrl, String user, String password) {

        /** Off, because it shows a URL that it cannot read, password included. A field, because loggers are collected. */
        private static final Logger DRIVER = Logger.getLogger("org.postgresql");

        static {
            DRIVER.setLevel(Level.OFF);
        }

        /**
         * @param setting what it was read from
         * @throws StartupFailure if the driver cannot read it; the message shows nothing of it
         */
        static Address of(String setting, String url) {
            Address address = parts(setting, url);
            // In the JDBC form the driver would take user:password@host for the name of a host, and say it.
            if (Driver.parseURL(address.jdbcUrl, null) == null || address.jdbcUrl.matches("jdbc:postgresql://[^/?]*@.*")) {
                throw unreadable(setting);
            }
            return address;
        }

        void applyTo(HikariConfig config) {
            config.setJdbcUrl(jdbcUrl);
            config.setUsername(user);
            config.setPassword(password);
        }

        private static Address parts(String setting, String url) {
            if (url.startsWith("jdbc:postgresql:")) {
                return new Address(url, null, null);
            }
            if (!url.matches("postgres(ql)?://.+")) {
                throw new StartupFailure(setting + " must start with jdbc:postgresql:// or postgres://");
            }
            String rest = url.substring(url.indexOf("//") + 2).replace("channel_binding=", "channelBinding=");
            int at = rest.lastIndexOf('@');
            String[] login = at < 0 ? new String[0] : rest.substring(0, at).split(":", 2);
            return new Address("jdbc:postgresql://" + rest.substring(at + 1),
                    login.length > 0 ? decode(setting, login[0]) : null, login.length > 1 ? decode(setting, login[1]) : null);
        }

        private static String decode(String setting, String part) {
            try {
                return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
            } catch (IllegalArgumentException e) {
                throw unreadable(setting); // a % that is not followed by two hexadecimal digits
            }
        }

        private static StartupFailure unreadable(String setting) {
            return new StartupFailure(setting + " cannot be read: write postgres://user:password@host:port/database or"
                    + " jdbc:postgresql://host:port/database?user=...&password=..., special characters percent-encoded");
        }

        /** Without the password. */
        @Override
        public String toString() {
            return jdbcUrl;
        }
    }
}
