// Only `camel run` reads this line.
//DEPS info.picocli:picocli:4.7.7
package dev.userssync.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.userssync.settings.Version;
import java.io.InputStream;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/**
 * The command line. Without a verb users-sync runs. A verb calls the running instance over its management port, or does
 * its work in this process. Exit codes: 0 done, 1 not done (the reason is on standard error), 2 wrong usage.
 */
@Command(
        name = "users-sync",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        description =
                "Keeps neon_auth.users_sync in sync with an auth provider. Without a command it runs until you stop it.",
        footer = {
            "",
            "Settings are environment variables, the same for all commands; see config/application.properties."
        },
        subcommands = {
            Status.class,
            Sample.class,
            Replay.class,
            Reactions.class,
            Backfill.class,
            Reconcile.class,
            Refresh.class,
            Erase.class,
            Purge.class,
            ScimClients.class,
            PrintSql.class,
            Migrate.class,
            VerifySignature.class,
            CommandLine.HelpCommand.class
        })
public final class Commands implements Callable<Integer> {

    /** Standard input. */
    public static InputStream input = System.in;

    private final Callable<Integer> application;

    private Commands(Callable<Integer> application) {
        this.application = application;
    }

    /** Runs the application. */
    @Override
    public Integer call() throws Exception {
        return application.call();
    }

    /** @param application runs until it is stopped, and returns the exit code */
    public static CommandLine line(Callable<Integer> application) {
        CommandLine line = new CommandLine(new Commands(application));
        line.getCommandSpec().version("users-sync " + Version.current());
        line.setExecutionExceptionHandler((failure, command, parsed) -> {
            if (failure instanceof JsonProcessingException) {
                command.getErr()
                        .println(
                                "users-sync: the server that answered is not users-sync: set --url or MANAGEMENT_PORT");
                return 1;
            }
            command.getErr()
                    .println("users-sync: "
                            + (failure.getMessage() == null ? failure.toString() : failure.getMessage()));
            return 1;
        });
        return line;
    }
}
