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

/** A database of its own for each test class, on one real Postgres for the whole run. */
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

    /** All of it or nothing; again when it met, in the other order, what the application does in the background (40P01, deadlock). */
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
