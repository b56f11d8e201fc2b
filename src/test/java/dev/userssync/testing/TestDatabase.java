package dev.userssync.testing;

import dev.userssync.bench.Ports;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** A database for each test class, on one real Postgres for the whole run. */
public final class TestDatabase {

    private static final EmbeddedPostgres SERVER = start();
    private static final AtomicInteger COUNT = new AtomicInteger();

    private final String url;

    public TestDatabase() {
        String name = "test_" + COUNT.incrementAndGet();
        url = SERVER.getJdbcUrl("postgres", name);
        try (Connection connection = SERVER.getPostgresDatabase().getConnection()) {
            connection.createStatement().execute("CREATE DATABASE " + name);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    private static EmbeddedPostgres start() {
        try {
            return EmbeddedPostgres.builder().setPort(Ports.free()).start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String url() {
        return url;
    }

    public Connection connect() throws SQLException {
        return DriverManager.getConnection(url);
    }

    /**
     * Makes the trigger {@code fails} refuse the next inserts into users_sync. A sequence counts them: Postgres does not
     * roll sequences back.
     *
     * @param when a condition in SQL on NEW
     */
    public void failNextWrites(int times, String sqlState, String when, String message) {
        execute("DROP SEQUENCE IF EXISTS tries; CREATE SEQUENCE tries");
        execute("""
                CREATE OR REPLACE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                  IF %s AND nextval('public.tries') <= %d THEN
                    RAISE EXCEPTION '%s' USING ERRCODE = '%s';
                  END IF;
                  RETURN NEW;
                END $$""".formatted(when, times, message, sqlState));
        execute("DROP TRIGGER IF EXISTS fails ON neon_auth.users_sync");
        execute("CREATE TRIGGER fails BEFORE INSERT ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION fails()");
    }

    /**
     * Runs the statements as one transaction, at most three times: the application writes in the background, and the two
     * can deadlock (40P01).
     */
    public void execute(String sql) {
        for (int tries = 1; ; tries++) {
            try (Connection connection = connect()) {
                connection.createStatement().execute(sql);
                return;
            } catch (SQLException e) {
                if (tries == 3 || !"40P01".equals(e.getSQLState())) {
                    throw new IllegalStateException(e);
                }
            }
        }
    }

    /** The first column of every row, as text; parameters are text. */
    public List<String> column(String sql, String... parameters) {
        try (Connection connection = connect()) {
            return Rows.column(connection, sql, parameters);
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The only row's first column. */
    public String value(String sql, String... parameters) {
        List<String> values = column(sql, parameters);
        if (values.size() != 1) {
            throw new AssertionError(values.size() + " rows instead of one for: " + sql);
        }
        return values.get(0);
    }
}
