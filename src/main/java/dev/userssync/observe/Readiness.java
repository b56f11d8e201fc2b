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
 * Answers {@code /observe/health/ready}, so that an instance gets deliveries only when it can apply them. It is UP
 * while the database answers with our tables, the webhook port listens, and the queue before the database has room. If
 * deliveries go to a topic first, the port alone decides. The reasons name settings, never a URL or a password.
 */
public final class Readiness {

    private static final String VERSION =
            "SELECT coalesce(max(version::int), 0) FROM users_sync_internal.flyway_schema_history"
                    + " WHERE success AND version IS NOT NULL";

    /** The queues of the three tables. */
    private static final List<String> BATCHES = List.of("users", "organizations", "memberships");

    private final CamelContext context;
    /** The version of the tables that users-sync made or found at its start. */
    private final int tables;

    private volatile DatabaseAnswer lastAnswer = new DatabaseAnswer(0, null, null, 0);

    /** @param version of our tables, or 0 if the database did not answer */
    private record DatabaseAnswer(int version, String trouble, String blocked, long nanoTime) {}

    public Readiness(CamelContext context) {
        this.context = context;
        this.tables = ask().version;
    }

    /** @param webhooks the server of the webhook port */
    public void register(HttpServer webhooks) {
        check("webhook-port", () -> webhooks.actualPort() > 0 ? null : "not bound");
        if (new KafkaSettings(context).isDoor()) {
            return; // it takes deliveries for the topic, even without a database
        }
        check("database", () -> ask().trouble);
        check("migrations", () -> {
            DatabaseAnswer answer = ask();
            return answer.trouble != null
                    ? "not known: the database does not answer"
                    : answer.version < tables
                            ? "the tables are older than at the start: restart users-sync to upgrade them"
                            : null;
        });
        check("writers", () -> {
            for (String name : BATCHES) {
                String stuck =
                        writer(name) == null ? "not running" : writer(name).stuck();
                if (stuck != null) {
                    return stuck;
                }
            }
            return null;
        });
        check("writes", () -> ask().blocked);
        check("queue", () -> {
            for (String name : BATCHES) {
                if (writer(name) == null) {
                    return "not running";
                } else if (!writer(name).hasRoom()) {
                    return "nearly full: events arrive faster than the database takes them";
                }
            }
            return null;
        });
    }

    private MicrobatchConsumer writer(String name) {
        return context.getComponent("microbatch", MicrobatchComponent.class).consumer(name);
    }

    private void check(String id, Callable<String> trouble) {
        context.getCamelContextExtension()
                .getContextPlugin(HealthCheckRegistry.class)
                .register(new AbstractHealthCheck("users-sync", id) {
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
                        return false; // a restart would fix none of this
                    }
                });
    }

    /** Asks the database at most once a second, however many probes come. */
    private synchronized DatabaseAnswer ask() {
        if (lastAnswer.nanoTime != 0 && System.nanoTime() - lastAnswer.nanoTime < 1_000_000_000L) {
            return lastAnswer;
        }
        // A query would wake a sleeping database. The last answer counts until work needs the database.
        if (lastAnswer.nanoTime != 0
                && lastAnswer.trouble == null
                && lastAnswer.blocked == null
                && !Database.of(context).quiet.isAwake()) {
            return lastAnswer;
        }
        int version = 0;
        String trouble = null;
        String blocked = null;
        try (Connection connection = Database.of(context).pool.getConnection();
                var statement = connection.createStatement()) {
            statement.setQueryTimeout(2);
            ResultSet row = statement.executeQuery(VERSION);
            row.next();
            version = row.getInt(1);
            List<String> blocking = Database.troubles(connection).stream()
                    .filter(Database.Trouble::blocks)
                    .map(Database.Trouble::text)
                    .toList();
            blocked = blocking.isEmpty() ? null : String.join("; ", blocking);
        } catch (SQLException e) {
            trouble = "does not answer, SQLState " + e.getSQLState()
                    + ": check that it runs, DATABASE_URL and its permissions";
        }
        lastAnswer = new DatabaseAnswer(version, trouble, blocked, System.nanoTime());
        return lastAnswer;
    }
}
