package dev.userssync.command;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists the reactions, and steers one. */
@Command(
        name = "reactions",
        description = "Lists the reactions with their lag and their errors. With a command, steers one of them.",
        subcommands = {
            Reactions.Retry.class,
            Reactions.Replay.class,
            Reactions.Discard.class,
            Reactions.Resume.class,
            Reactions.Remove.class,
            CommandLine.HelpCommand.class
        })
public final class Reactions extends Remote {

    private static final String PATH = "/admin/reactions";

    @Override
    public Integer call() throws Exception {
        String answer = get(PATH);
        if (json) {
            return print(answer);
        }
        JsonNode reactions = JSON.readTree(answer);
        if (reactions.isEmpty()) {
            out("no reaction has run yet");
        }
        reactions.forEach(reaction -> out(line(reaction)));
        return 0;
    }

    /** One reaction, on one line. */
    static String line(JsonNode reaction) {
        return String.format(
                "%-12s lag %s s, %s not read, %s waiting, %s dead, last done %s%s%s",
                reaction.path("name").asText(),
                reaction.path("lag_seconds").asText(),
                reaction.path("behind").asText(),
                reaction.path("waiting").asText(),
                reaction.path("dead").asText(),
                reaction.path("done_at").asText("not yet"),
                reaction.path("error").isTextual()
                        ? "; last error " + reaction.path("failed_at").asText() + ": "
                                + reaction.path("error").asText()
                        : "",
                reaction.path("stopped").isTextual()
                        ? "; stopped: " + reaction.path("stopped").asText()
                        : "");
    }

    /** A command about one reaction. */
    public abstract static class Named extends Remote {

        @Parameters(paramLabel = "<name>", description = "The name of the reaction.")
        String name;

        int steer(String parameters) throws Exception {
            return print(post(PATH + "/" + spec.name() + "?name=" + query(name) + parameters));
        }

        @Override
        public Integer call() throws Exception {
            return steer("");
        }
    }

    /** Makes waiting changes due. */
    @Command(name = "retry", description = "Makes every waiting change due now.")
    public static final class Retry extends Named {}

    /** Delivers changes again. */
    @Command(
            name = "replay",
            description = "Delivers the dead changes again; or one change, or every change since a number or a time.")
    public static final class Replay extends Named {

        @Option(
                names = "--seq",
                paramLabel = "<number>",
                description = "Only the change with this number, dead or done.")
        String seq;

        @Option(
                names = "--from",
                paramLabel = "<number|time>",
                description =
                        "Every change since the one with this number, or since this time, such as 2026-11-28T08:00:00Z, that the feed still holds.")
        String from;

        @Override
        public Integer call() throws Exception {
            return steer((seq == null ? "" : "&seq=" + query(seq)) + (from == null ? "" : "&from=" + query(from)));
        }
    }

    /** Forgets dead changes. */
    @Command(name = "discard", description = "Forgets the dead changes.")
    public static final class Discard extends Named {}

    /** Ends a stop. */
    @Command(name = "resume", description = "Lets a stopped reaction go on. Its waiting changes are due now.")
    public static final class Resume extends Named {}

    /** Removes a reaction. */
    @Command(
            name = "remove",
            description = {
                "Removes what is kept for a reaction whose route no longer exists: cursor, waiting and dead changes.",
                "A route of this name then begins with the changes after that."
            })
    public static final class Remove extends Named {}
}
