package dev.userssync.console;

import dev.userssync.database.OpenDatabase;
import dev.userssync.database.ServerConnections;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the indexes of the console's list and search. They are made in the background, and only while the console is
 * on: without a console, new users need not pay for them. One instance makes them at a time, and replaces the invalid
 * index of an interrupted instance.
 */
public final class ConsoleIndexes {

    private static final Logger LOG = LoggerFactory.getLogger(ConsoleIndexes.class);
    private static final Path STATEMENTS = Path.of("routes/sql/console-indexes.sql");
    /** An arbitrary number that no other advisory lock uses. */
    private static final long LOCK = 7_023_115_902L;

    private static final String BROKEN =
            "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                    + " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid AND i.indrelid = 'neon_auth.users_sync'::regclass";

    private static final String THERE =
            "SELECT count(*) FROM pg_index WHERE indrelid = to_regclass('neon_auth.users_sync') AND indisvalid AND"
                    + " indexrelid::regclass::text IN ('neon_auth.users_sync_created_at_idx', 'neon_auth.users_sync_id_prefix_idx', 'neon_auth.users_sync_words_idx')";

    private ConsoleIndexes() {}

    /** Makes the missing indexes, on a connection of its own and without a time limit. */
    public static void make(OpenDatabase database) {
        try (Connection pooled = database.connection();
                ResultSet there = pooled.createStatement().executeQuery(THERE)) {
            there.next();
            if (there.getInt(1) == 3) {
                return;
            }
        } catch (SQLException e) {
            LOG.debug("the indexes cannot be read", e);
        }
        database.aside().ifPresent(ConsoleIndexes::make);
    }

    private static void make(Connection connection) {
        try (connection;
                Statement statement = connection.createStatement()) {
            if (ServerConnections.isPooled(connection)) {
                LOG.warn(
                        "users-sync does not make the indexes of the console's search through a pooler: set DATABASE_DIRECT_URL to the direct address of the database");
                return;
            }
            ResultSet locked = statement.executeQuery("SELECT pg_try_advisory_lock(" + LOCK + ")");
            locked.next();
            if (!locked.getBoolean(1)) {
                return; // another instance makes them
            }
            List<String> broken = new ArrayList<>();
            ResultSet indexes = statement.executeQuery(BROKEN);
            while (indexes.next()) {
                broken.add(indexes.getString(1));
            }
            for (String index : broken) {
                statement.execute("DROP INDEX CONCURRENTLY IF EXISTS " + index);
            }
            for (String index :
                    Files.readString(STATEMENTS).replaceAll("(?m)^--.*$", "").split(";")) {
                statement.execute(index);
            }
        } catch (SQLException e) {
            LOG.warn(
                    "The indexes of the console's search could not be made, SQLState {}. The search works, but is slow with many users."
                            + " Let the owner of neon_auth.users_sync run {}",
                    e.getSQLState(),
                    STATEMENTS);
        } catch (IOException e) {
            LOG.warn("The console's search is slow with many users: {} cannot be read", STATEMENTS);
        }
    }
}
