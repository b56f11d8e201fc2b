package dev.userssync.observe;

import dev.userssync.apply.MicrobatchComponent;
import dev.userssync.apply.MicrobatchConsumer;
import dev.userssync.database.Database;
import dev.userssync.settings.KafkaSettings;
import io.vertx.core.http.HttpServer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.camel.CamelContext;
import org.apache.camel.health.HealthCheckRegistry;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/**
 * What must be true before deliveries are sent here: {@code /observe/health/ready} is UP only while the database answers with our
 * tables, the webhook port listens and the queue before the database has room; where deliveries go to a topic first, while the port
 * listens. The reasons name settings, never a URL or a password.
 */
public final class Readiness {

    private static final String VERSION = "SELECT coalesce(max(version::int), 0) FROM users_sync_internal.flyway_schema_history"
            + " WHERE success AND version IS NOT NULL";

    private final CamelContext context;
    /** The version of the tables that this application made or found at its start. */
    private final int tables;
    private volatile DatabaseAnswer lastAnswer = new DatabaseAnswer(0, null, null, 0);

    /** @param version of our tables, or 0 when the database did not tell */
    private record DatabaseAnswer(int version, String trouble, String blocked, long nanoTime) {
    }

    public Readiness(CamelContext context) {
        this.context = context;
        this.tables = ask().version;
    }

    /** @param webhooks the server of the webhook port */
    public void register(HttpServer webhooks) {
        check("webhook-port", () -> webhooks.actualPort() > 0 ? null : "not bound");
        if (new KafkaSettings(context).isDoor()) {
            return; // takes deliveries for the topic, also while there is no database
        }
        check("database", () -> ask().trouble);
        check("migrations", () -> {
            DatabaseAnswer answer = ask();
            return answer.trouble != null ? "not known: the database does not answer"
                    : answer.version < tables ? "the tables are older than at the start: restart users-sync to upgrade them" : null;
        });
        check("writers", () -> {
            MicrobatchConsumer writer = context.getComponent("microbatch", MicrobatchComponent.class).consumer("users");
            String stuck = writer == null ? "not running" : writer.stuck();
            return stuck == null || writer == null ? stuck : stuck + ": look in pg_stat_activity at what it waits for";
        });
        check("writes", () -> ask().blocked);
        check("queue", () -> {
            MicrobatchConsumer writer = context.getComponent("microbatch", MicrobatchComponent.class).consumer("users");
            return writer == null ? "not running" : writer.hasRoom() ? null : "nearly full: events come in faster than the database takes them";
        });
    }

    private void check(String id, Callable<String> trouble) {
        context.getCamelContextExtension().getContextPlugin(HealthCheckRegistry.class).register(new AbstractHealthCheck("users-sync", id) {
            @Override
            protected void doCall(HealthCheckResultBuilder result, Map<String, Object> options) {
                String reason;
                try {
                    reason = trouble.call();
                } catch (Exception e) {
                    reason = e.getClass().getSimpleName();
                }
                if (reason == null) {
                    result.up();
                } else {
                    result.message(reason).down();
                }
            }

            @Override
            public boolean isLiveness() {
                return false; // a restart would mend none of this
            }
        });
    }

    /** At most once a second, however many ask. */
    private synchronized DatabaseAnswer ask() {
        if (lastAnswer.nanoTime != 0 && System.nanoTime() - lastAnswer.nanoTime < 1_000_000_000L) {
            return lastAnswer;
        }
        // Asking would keep a database awake that can sleep: what was true when it fell asleep counts, until somebody needs it.
        if (lastAnswer.nanoTime != 0 && lastAnswer.trouble == null && lastAnswer.blocked == null && !Database.of(context).quiet.isAwake()) {
            return lastAnswer;
        }
        int version = 0;
        String trouble = null;
        String blocked = null;
        try (Connection connection = Database.of(context).pool.getConnection(); var statement = connection.createStatement()) {
            statement.setQueryTimeout(2);
            ResultSet row = statement.executeQuery(VERSION);
            row.next();
            version = row.getInt(1);
            List<String> blocking = Database.troubles(connection, true);
            blocked = blocking.isEmpty() ? null : String.join("; ", blocking);
        } catch (SQLException e) {
            trouble = "does not answer, SQLState " + e.getSQLState() + ": check that it runs, DATABASE_URL and its permissions";
        }
        lastAnswer = new DatabaseAnswer(version, trouble, blocked, System.nanoTime());
        return lastAnswer;
    }
}
