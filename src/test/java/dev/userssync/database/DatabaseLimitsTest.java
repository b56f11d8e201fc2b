package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TcpProxy;
import dev.userssync.testing.TcpProxy.Trouble;
import dev.userssync.testing.TcpProxy.Way;
import java.net.URI;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Properties;
import javax.sql.DataSource;
import org.apache.camel.CamelContext;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;

/**
 * Postgres ends a statement on its own when users-sync has stopped waiting for the reply. Otherwise abandoned
 * statements would pile up behind a lock.
 */
class DatabaseLimitsTest extends RunningApp {

    private String show(String setting) throws SQLException {
        return show(setting, context.getRegistry().lookupByNameAndType("users", DataSource.class));
    }

    private static String show(String setting, DataSource source) throws SQLException {
        try (Connection connection = source.getConnection()) {
            ResultSet value = connection.createStatement().executeQuery("SHOW " + setting);
            value.next();
            return value.getString(1);
        }
    }

    @Test
    void postgresGivesUpBeforeTheSocketDoes() throws SQLException {
        assertEquals("3s", show("lock_timeout"));
        assertEquals("25s", show("statement_timeout"));
        assertEquals("force_generic_plan", show("plan_cache_mode"));
    }

    /** Behind a pooler other clients share the session. */
    @Test
    void noLimitOutlivesItsTransaction() throws SQLException {
        show("lock_timeout");
        assertEquals("0", show("lock_timeout", Database.of(context).pool));
        assertEquals("0", show("statement_timeout", Database.of(context).pool));
        assertEquals("auto", show("plan_cache_mode", Database.of(context).pool));
    }

    @Test
    void whatASenderWaitsForIsGivenUpSooner() throws SQLException {
        DataSource writer = context.getRegistry().lookupByNameAndType("users-writer", DataSource.class);
        // more often than the pool has connections, so each was used: none keeps the limit
        for (int i = 0; i < 50; i++) {
            try (Connection writing = writer.getConnection();
                    Connection other = Database.of(context).pool.getConnection()) {
                assertEquals(5_000, writing.getNetworkTimeout());
                assertEquals(30_000, other.getNetworkTimeout());
            }
        }
    }

    @Test
    void whatTheOperatorHasSetCountsWhenItIsLess() {
        String name = database.value("SELECT current_database()");
        database.execute("ALTER DATABASE " + name + " SET lock_timeout = '1s'");
        database.execute("ALTER DATABASE " + name + " SET statement_timeout = '1h'");
        try {
            awaitTimes("1s");
        } finally {
            database.execute("ALTER DATABASE " + name + " RESET ALL");
            awaitTimes("3s");
        }
    }

    /** A server may need longer for a connection than a delivery waits for one. The start waits. */
    @Test
    void theStartWaitsLongerForAConnectionThanADelivery() throws Exception {
        int port = URI.create(database.url().substring("jdbc:".length())).getPort();
        try (TcpProxy network = new TcpProxy(port);
                CamelContext other = new DefaultCamelContext()) {
            Properties changed = new Properties();
            changed.setProperty("database.url", database.url().replace(":" + port + "/", ":" + network.port() + "/"));
            changed.setProperty("database.migrate", "false"); // quicker here
            other.getPropertiesComponent().setLocation("classpath:application.properties");
            other.getPropertiesComponent().setOverrideProperties(changed);
            network.fail(Trouble.DELAYED, Way.TO_CLIENT, 200); // a login takes three answers
            OpenDatabase opened = Database.of(other);
            try {
                assertEquals(500, opened.pool.getConnectionTimeout(), "for deliveries");
            } finally {
                network.heal();
                Database.closeOf(other);
            }
        }
    }

    private void awaitTimes(String lockTimeout) {
        await().until(() -> {
            Database.of(context).pool.getHikariPoolMXBean().softEvictConnections();
            return show("lock_timeout").equals(lockTimeout)
                    && show("statement_timeout").equals("25s");
        });
    }
}
