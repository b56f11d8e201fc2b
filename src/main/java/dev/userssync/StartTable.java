package dev.userssync;

import dev.userssync.database.Database;
import dev.userssync.database.OpenDatabase;
import dev.userssync.settings.KafkaSettings;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.Version;
import org.apache.camel.CamelContext;

/** The table in the log at the end of the start: providers and their paths, the database, the console. */
final class StartTable {

    private final CamelContext context;
    private final boolean console;

    /** @param console whether the console is on */
    StartTable(CamelContext context, boolean console) {
        this.context = context;
        this.console = console;
    }

    @Override
    public String toString() {
        Providers providers = new Providers(context);
        KafkaSettings kafka = new KafkaSettings(context);
        OpenDatabase database = Database.of(context);
        StringBuilder table = new StringBuilder("users-sync is running, version " + Version.current() + "\n");
        providers.all().forEach((provider, on) -> {
            if (on && kafka.appliesOnly()) {
                line(table, provider, "off  KAFKA_ROLE=apply takes no deliveries");
            } else if (on) {
                line(table, provider, "on   " + url("camel.server") + Providers.path(provider));
            } else if (providers.isPolled(provider)) {
                line(
                        table,
                        provider,
                        "on   polled, without webhooks: set " + providers.turnedOnBy(provider) + " to turn them on");
            } else if (!provider.equals(Providers.SAMPLE)) {
                line(table, provider, "off  set " + providers.turnedOnBy(provider) + " to turn it on");
            }
        });
        line(
                table,
                "database",
                database.server() + (database.embedded == null ? " at " : ", embedded, at ") + database.description);
        if (database.embedded != null) {
            line(table, "psql", database.embedded.psql() + " -c 'TABLE neon_auth.users_sync'");
        }
        if (kafka.isDoor()) {
            line(
                    table,
                    "topic",
                    "user events go to " + Setting.of(context, "kafka.topic") + " at "
                            + Setting.of(context, "camel.component.kafka.brokers"));
        }
        if (kafka.applies()) {
            line(
                    table,
                    "topic",
                    "user events come from " + Setting.of(context, "kafka.topic") + ", group "
                            + Setting.of(context, "kafka.group"));
        }
        line(
                table,
                "console",
                console ? url("camel.management") + "/console" : "off  set CONSOLE_PASSWORD to turn it on");
        line(table, "management", url("camel.management") + "/observe/health");
        return table.toString();
    }

    private String url(String listener) {
        boolean tls = Boolean.parseBoolean(Setting.of(context, "camel.ssl.enabled"))
                && Boolean.parseBoolean(Setting.of(context, listener + ".useGlobalSslContextParameters"));
        return (tls ? "https" : "http") + "://localhost:" + Setting.of(context, listener + ".port");
    }

    private static void line(StringBuilder table, String name, String text) {
        table.append(String.format("  %-14s %s%n", name, text));
    }
}
