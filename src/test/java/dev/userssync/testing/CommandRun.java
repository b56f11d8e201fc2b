package dev.userssync.testing;

import dev.userssync.command.Commands;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;

/** One run of a command of users-sync, without a process of its own. */
public record CommandRun(int code, String out, String err) {

    public static CommandRun of(List<String> arguments) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        int code = Commands.line(() -> 0)
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(arguments.toArray(String[]::new));
        return new CommandRun(code, out.toString(), err.toString());
    }
}
