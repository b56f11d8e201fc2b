package dev.userssync.database;

import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import javax.sql.DataSource;
import org.apache.camel.CamelContext;
import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Creates or upgrades the tables with Flyway, on one connection and in one transaction. So a migration is done
 * completely or not at all, also through a pooler in transaction mode, and no setting outlives it.
 */
final class Migration {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    /** Undoes both settings, which Flyway makes for the session. */
    private static final String LEAVE_NOTHING = "RESET search_path; RESET ROLE";
    /** With serializable as the default, an instance that waited for another's migrations would not see them. */
    private static final String BEGIN =
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '2s'";
    /**
     * Milliseconds between two attempts. While a statement waits for its lock, all later statements queue behind it; in
     * the pause they proceed.
     */
    private static final long BETWEEN = 1_000;
    /** Nanoseconds for all attempts, after which the start fails. */
    private static final long PATIENCE = TimeUnit.MINUTES.toNanos(5);

    private static final String HOLDERS = """
            SELECT DISTINCT format('pid %s (%s%s)', l.pid, concat_ws(', ', 'application ' || nullif(a.application_name, ''), 'role ' || a.usename),
                     CASE WHEN a.state IS NULL THEN '' ELSE format(', %s since %s', a.state, date_trunc('second', coalesce(a.xact_start, a.state_change))) END)
              FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
              JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE l.granted AND l.pid <> pg_backend_pid() AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND (n.nspname = 'neon_auth' AND c.relname = 'users_sync' OR n.nspname = 'users_sync_internal')""";
    /** The rights that the role lacks to create or upgrade the tables, as SQL for their owner. */
    private static final String LACKING = """
            SELECT format('GRANT CREATE ON DATABASE %I TO %I', current_database(), current_user)
             WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                WHERE n.nspname = 'users_sync_internal' AND c.relname = 'flyway_schema_history')
               AND NOT has_database_privilege(current_database(), 'CREATE')
            UNION ALL
            SELECT format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', nspname, current_user) FROM pg_namespace
             WHERE nspname IN ('neon_auth', 'users_sync_internal') AND NOT (has_schema_privilege(oid, 'USAGE') AND has_schema_privilege(oid, 'CREATE'))
            UNION ALL
            SELECT DISTINCT format('GRANT %I TO %I', pg_get_userbyid(c.relowner), current_user) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ('r', 'p', 'v')
               AND (n.nspname = 'neon_auth' AND c.relname IN ('users_sync', 'users_live') OR n.nspname = 'users_sync_internal')
               AND NOT pg_has_role(c.relowner, 'USAGE')""";
    /**
     * Describes what happens to a table that existed before users-sync. No row if there is none, or if it is already
     * ours.
     */
    private static final String ADOPTED = """
            SELECT format('adopted the table neon_auth.users_sync %s with %s rows%s%s; rows, foreign keys and grants stay as they were',
                     CASE WHEN generated IS NULL THEN 'that was there' ELSE 'of Neon Auth' END,
                     (xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM neon_auth.users_sync', false, true, '')))[1],
                     '; generated columns that became plain ones: ' || generated, '; columns that were added: ' || missing)
              FROM (SELECT c.oid,
                           (SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = c.oid AND attgenerated <> '' AND NOT attisdropped) AS generated,
                           (SELECT string_agg(name, ', ') FROM unnest('{id,raw_json,name,email,created_at,deleted_at,updated_at}'::text[]) AS name
                             WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = name AND NOT attisdropped)) AS missing
                      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'neon_auth' AND c.relname = 'users_sync') AS there
             WHERE NOT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                                WHERE n.nspname = 'users_sync_internal' AND c.relname = 'flyway_schema_history')""";

    /** The table of SCIM clients, if the database has it and the role may read it. */
    private static final String CLIENTS_TABLE =
            "SELECT t.oid FROM to_regclass('users_sync_internal.scim_client') AS t (oid) WHERE has_table_privilege(t.oid, 'SELECT')";

    private static final String SCIM_CLIENTS =
            "SELECT name FROM users_sync_internal.scim_client WHERE removed_at IS NULL LIMIT 1";

    private final CamelContext settings;

    Migration(CamelContext settings) {
        this.settings = settings;
    }

    /**
     * Runs the migrations. Waits up to five minutes for a lock on the tables.
     *
     * @param connection keeps its settings
     * @return the number of migrations that ran
     * @throws StartupFailure if the role lacks a right; nothing is changed
     * @throws org.flywaydb.core.api.FlywayException if a migration failed; nothing is changed
     */
    int run(Connection connection) throws SQLException {
        // Migrations that only depend on a setting need fewer rights.
        List<String> lacking = isNeeded(connection) ? column(connection, LACKING) : List.of();
        if (!lacking.isEmpty()) {
            throw new StartupFailure(
                    "the role " + column(connection, "SELECT current_user").get(0)
                            + " may not create or upgrade the tables of users-sync;"
                            + " nothing was changed. Let their owner run: " + String.join("; ", lacking));
        }
        long start = System.nanoTime();
        while (true) {
            try {
                List<String> adopted = new ArrayList<>();
                int done = inOneTransaction(connection, flyway -> {
                    adopted.addAll(column(connection, ADOPTED));
                    return flyway.migrate().migrationsExecuted;
                });
                adopted.forEach(LOG::info);
                return done;
            } catch (FlywayException e) {
                if (!SqlState.of(e).equals(SqlState.LOCKED)) {
                    throw e;
                }
                String holders = String.join(", ", column(connection, HOLDERS));
                if (System.nanoTime() - start > PATIENCE) {
                    throw new StartupFailure(
                            "the tables of users-sync cannot be created or upgraded, because of a lock: end the transaction of "
                                    + holders + ", then restart users-sync");
                }
                LOG.warn(
                        "users-sync upgrades the tables when neon_auth.users_sync is not locked: waiting for {}",
                        holders.isEmpty() ? "a lock that was just released" : holders);
                pause();
            }
        }
    }

    private static void pause() {
        try {
            Thread.sleep(BETWEEN);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StartupFailure("stopped while waiting for a lock on neon_auth.users_sync");
        }
    }

    private static List<String> column(Connection connection, String sql) {
        List<String> values = new ArrayList<>();
        try (Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(sql)) {
            while (rows.next()) {
                values.add(rows.getString(1));
            }
        } catch (SQLException e) {
            throw new FlywayException("the state of the tables cannot be read", e);
        }
        return values;
    }

    /** Whether the tables lack a migration. Migrations that depend on a setting do not count. */
    boolean isNeeded(Connection connection) throws SQLException {
        return inOneTransaction(
                connection,
                flyway -> Arrays.stream(flyway.info().pending()).anyMatch(pending -> pending.getVersion() != null));
    }

    private <T> T inOneTransaction(Connection connection, Function<Flyway, T> work) throws SQLException {
        int timeout = connection.getNetworkTimeout();
        connection.setNetworkTimeout(Runnable::run, 0); // a migration has no time limit
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
        Path sources = Path.of("src/main/resources/db/migration"); // the Camel CLI does not have our class path
        boolean packaged = Migration.class.getClassLoader().getResource("db/migration/V1__users_sync.sql") != null;
        boolean isScimOn =
                !Setting.of(settings, Providers.SCIM + Providers.SECRET).isEmpty();
        boolean hasClients = hasScimClients(connection);
        return Flyway.configure(Flyway.class.getClassLoader())
                .dataSource(only(connection))
                .defaultSchema("users_sync_internal")
                .locations(packaged || !Files.isDirectory(sources) ? "classpath:db/migration" : "filesystem:" + sources)
                // SCIM's indexes exist only while it is on
                .placeholders(
                        Map.of("scim", isScimOn || hasClients ? "on" : "off", "scimClients", hasClients ? "on" : "off"))
                .load();
    }

    private static boolean hasScimClients(Connection connection) {
        return !column(connection, CLIENTS_TABLE).isEmpty()
                && !column(connection, SCIM_CLIENTS).isEmpty();
    }

    /**
     * A data source with one connection for all that Flyway opens. It ignores the commit after each migration, so the
     * caller's commit decides. A rollback does roll back.
     */
    private static DataSource only(Connection connection) {
        Connection shared =
                DescribedOnce.proxy(Connection.class, (self, method, arguments) -> switch (method.getName()) {
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
