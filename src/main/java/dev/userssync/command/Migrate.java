package dev.userssync.command;

import dev.userssync.database.Database;
import java.util.concurrent.Callable;
import org.apache.camel.impl.DefaultCamelContext;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Creates or upgrades the tables. */
@Command(
        name = "migrate",
        description = {
            "Creates or upgrades the tables in the database of $DATABASE_URL, then ends. Run it with the role that owns the tables,",
            "if users-sync itself runs with another role (DATABASE_MIGRATE=false)."
        })
public final class Migrate implements Callable<Integer> {

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    private boolean help;

    @Override
    public Integer call() throws Exception {
        try (DefaultCamelContext settings = new DefaultCamelContext()) {
            settings.getPropertiesComponent().setLocation("classpath:application.properties");
            spec.commandLine().getOut().println(Database.migrate(settings));
        }
        return 0;
    }
}
