// Only `camel run` reads these lines; Maven reads pom.xml, and a test keeps both alike.
//DEPS org.postgresql:postgresql:42.7.14
//DEPS org.flywaydb:flyway-database-postgresql:13.12.0
package dev.userssync.database;

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import com.zaxxer.hikari.SQLExceptionOverride;
import dev.userssync.settings.KafkaSettings;
import dev.userssync.settings.SecretFiles;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Optional;
import javax.sql.DataSource;
import org.apache.camel.CamelContext;
import org.apache.camel.support.service.ServiceSupport;
import org.flywaydb.core.api.FlywayException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * The pool of one context and its embedded server, if there is one. The constructor opens and migrates the database;
 * the context closes it. Thread-safe.
 */
public final class OpenDatabase extends ServiceSupport {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    /** Milliseconds for each connection of the start, so that a database that starts at the same time becomes ready. */
    private static final int FIRST_CONNECTION_TIMEOUT = 10_000;
    /** Milliseconds to wait for a connection, at most three times per delivery. Some providers give up after 3 s. */
    private static final int CONNECTION_TIMEOUT = 500;
    /**
     * Milliseconds without an answer after which users-sync closes a connection on which a sender waits: more than a
     * lock may last.
     */
    private static final int WRITER_TIMEOUT = 5_000;
    /** Milliseconds for which an unused connection stays open. A quiet pool closes completely. */
    static final int IDLE_TIMEOUT = 60_000;

    /**
     * Evicts a session that may not write (SQLState 25006). A session that was opened while the server was read-only
     * stays read-only. The pool would keep it for half an hour after the server accepts writes again.
     */
    private static final class ReadOnlySessions implements SQLExceptionOverride {

        @java.lang.Override // not the nested type with this name
        public Override adjudicate(SQLException failure) {
            return SqlState.READ_ONLY.equals(failure.getSQLState()) ? Override.MUST_EVICT : Override.CONTINUE_EVICT;
        }
    }

    private final CamelContext context;
    private final DatabaseUrl address;
    public final EmbeddedDatabase embedded;
    public final HikariDataSource pool;
    final DataSource source;
    final DataSource writer;
    final DataSource quietly;
    public final Quiet quiet;
    final Outage outage;
    /** The address for people, without user, password and options. */
    public final String description;

    OpenDatabase(CamelContext context) {
        this.context = context;
        SecretFiles.load(context);
        String url = Setting.of(context, "database.url");
        embedded = url.isEmpty() ? new EmbeddedDatabase(Path.of(Setting.of(context, "data.directory"))) : null;
        address = embedded != null
                ? new DatabaseUrl(embedded.jdbcUrl(), null, null)
                : DatabaseUrl.of("DATABASE_URL", url);
        description = address.described();
        HikariConfig config = new HikariConfig();
        quiet = new Quiet(Long.parseLong(Setting.of(context, "database.quiet")));
        config.setPoolName("users");
        config.setMaximumPoolSize(Database.poolSize(context));
        config.setMinimumIdle(0);
        config.setIdleTimeout(IDLE_TIMEOUT);
        config.setExceptionOverride(new ReadOnlySessions());
        config.setConnectionTimeout(FIRST_CONNECTION_TIMEOUT);
        boolean needed = !new KafkaSettings(context)
                .ingestsOnly(); // an instance that only fills the topic starts without a database
        config.setInitializationFailTimeout(needed ? FIRST_CONNECTION_TIMEOUT : -1);
        // Otherwise, after a network that swallowed everything, each dead connection in the pool takes five seconds to
        // detect.
        config.setValidationTimeout(CONNECTION_TIMEOUT);
        ServerConnections connections =
                new ServerConnections(() -> address.withLogin(context), ServerConnections.driver());
        config.setDataSource(connections);
        pool = open(config);
        outage = new Outage(pool, description);
        source = DescribedOnce.of(pool, connections, () -> quiet.connection(pool, true), 0);
        writer = DescribedOnce.of(pool, connections, () -> quiet.connection(pool, true), WRITER_TIMEOUT);
        quietly = DescribedOnce.of(pool, connections, () -> quiet.connection(pool, false), 0);
        if (needed) {
            prepare();
        }
        pool.getHikariConfigMXBean().setConnectionTimeout(CONNECTION_TIMEOUT);
    }

    /**
     * Creates or upgrades the tables or, if another role owns them, only checks them: this version or a newer one will
     * do.
     */
    private void prepare() {
        Migration migration = new Migration(context);
        boolean look = Setting.of(context, "database.migrate").equalsIgnoreCase("false");
        boolean pooled = look || Setting.of(context, "database.direct.url").isEmpty();
        try (Connection connection = pooled ? pool.getConnection() : Database.direct(context, address)) {
            Database.requireUtf8(connection, description);
            if (!look) {
                migration.run(connection);
            } else if (migration.isNeeded(connection)) {
                throw new StartupFailure(
                        "the tables in " + description
                                + " are missing or older than this users-sync, and DATABASE_MIGRATE is"
                                + " false: run `users-sync migrate` with the role that owns them, then what `users-sync print-sql --role` prints");
            }
        } catch (FlywayException | SQLException e) {
            throw closed(Database.notMigrated(address, e));
        } catch (StartupFailure e) {
            throw closed(e);
        }
        try (Connection connection = pool.getConnection()) {
            Database.troubles(connection)
                    .forEach(trouble -> LOG.atLevel(trouble.blocks() ? Level.ERROR : Level.WARN)
                            .log(trouble.text()));
        } catch (SQLException e) {
            LOG.warn("the rights in {} cannot be checked: {}", description, Database.rootMessage(e));
        }
    }

    private HikariDataSource open(HikariConfig config) {
        try {
            return new HikariDataSource(config);
        } catch (RuntimeException e) {
            closeEmbedded();
            throw new StartupFailure("the database " + description + " cannot be reached: " + Database.rootMessage(e)
                    + (SqlState.of(e).equals(SqlState.TOO_MANY_CONNECTIONS)
                            ? "; free a connection, raise the limit, or set DATABASE_POOL_SIZE of each instance to its share"
                            : "; check DATABASE_URL, DATABASE_USER and DATABASE_PASSWORD"));
        }
    }

    private StartupFailure closed(StartupFailure failure) {
        pool.close();
        closeEmbedded();
        return failure;
    }

    /** Leaves the connections for SCIM's locks out of the pool. Call it before the first request, if SCIM is on. */
    public void shareWithLocks() {
        pool.getHikariConfigMXBean().setMaximumPoolSize(Database.poolSize(context) - Database.locks(context));
    }

    /** A connection for people who wait for an answer. */
    public Connection connection() throws SQLException {
        return quiet.connection(pool, true);
    }

    /** A connection beside the pool, for long work. Empty if none can be opened. */
    public Optional<Connection> aside() {
        try {
            return Optional.ofNullable(Database.direct(context, address));
        } catch (SQLException e) {
            return Optional.empty();
        }
    }

    public String server() {
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
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
