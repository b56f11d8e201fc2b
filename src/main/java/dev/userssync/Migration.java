package dev.userssync;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.function.Function;
import javax.sql.DataSource;
import org.apache.camel.CamelContext;
import org.flywaydb.core.Flyway;

/**
 * Creates or upgrades the tables with Flyway, on one connection and in one transaction: all of it or nothing, also through a pooler in transaction
 * mode, and no setting outlives it.
 */
final class Migration {

    /** Flyway sets both for the session. */
    private static final String LEAVE_NOTHING = "RESET search_path; RESET ROLE";
    /** Where serializable is the default, an instance that waited for another one's migrations would not see them. */
    private static final String BEGIN = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0";

    private final CamelContext settings;

    Migration(CamelContext settings) {
        this.settings = settings;
    }

    /**
     * @param connection is left as it was
     * @return how many migrations were run
     * @throws org.flywaydb.core.api.FlywayException if one failed; then nothing is changed
     */
    int run(Connection connection) throws SQLException {
        return inOneTransaction(connection, flyway -> flyway.migrate().migrationsExecuted);
    }

    /** Whether the tables lack a migration; those that depend on a setting do not count. */
    boolean isNeeded(Connection connection) throws SQLException {
        return inOneTransaction(connection, flyway -> java.util.Arrays.stream(flyway.info().pending()).anyMatch(pending -> pending.getVersion() != null));
    }

    private <T> T inOneTransaction(Connection connection, Function<Flyway, T> work) throws SQLException {
        int timeout = connection.getNetworkTimeout();
        connection.setNetworkTimeout(Runnable::run, 0); // a migration may take as long as it takes
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.execute(BEGIN);
            T done = work.apply(flyway(connection));
            statement.execute(LEAVE_NOTHING);
            connection.commit();
            return done;
        } finally {
            connection.rollback();
            connection.setAutoCommit(true);
            connection.setNetworkTimeout(Runnable::run, timeout);
        }
    }

    private Flyway flyway(Connection connection) {
        Path sources = Path.of("src/main/resources/db/migration"); // the Camel CLI has no class path of ours
        boolean packaged = Migration.class.getClassLoader().getResource("db/migration/V1__users_sync.sql") != null;
        return Flyway.configure(Flyway.class.getClassLoader())
                .dataSource(only(connection))
                .defaultSchema("users_sync_internal")
                .locations(packaged || !Files.isDirectory(sources) ? "classpath:db/migration" : "filesystem:" + sources)
                // its indexes are there only while it is on
                .placeholders(Map.of("scim", Setting.of(settings, "scim.webhook.secret").isEmpty() ? "off" : "on"))
                .load();
    }

    /** Flyway opens several connections and commits after each migration; here they are one, and the end decides. A rollback is one. */
    private static DataSource only(Connection connection) {
        Connection shared = DescribedOnce.proxy(Connection.class, (self, method, arguments) -> switch (method.getName()) {
            case "setAutoCommit", "commit", "close" -> null;
            case "isClosed" -> false;
            case "getAutoCommit" -> true;
            default -> DescribedOnce.invoke(connection, method, arguments);
        });
        return DescribedOnce.proxy(DataSource.class, (self, method, arguments) -> switch (method.getName()) {
            case "getConnection" -> shared;
            case "hashCode" -> System.identityHashCode(self);
            case "equals" -> self == arguments[0];
            default -> null;
        });
    }
}
