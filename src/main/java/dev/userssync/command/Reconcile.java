package dev.userssync.command;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts a reconcile and watches it. */
@Command(name = "reconcile", description = {"Compares the table with all users of a provider and repairs it.",
    "Who is missing is asked for one by one; a brake keeps many from being deleted at once."})
public final class Reconcile extends PollJob {

    @Option(names = "--dry-run", description = "Only say what would be done.")
    boolean dryRun;

    @Option(names = "--provider-wins", description = {"Also replace rows that are newer than the provider says and differ, such as those of a hand-written",
        "handler. A change that a webhook brings after the beginning stays."})
    boolean providerWins;

    @Override
    public Integer call() throws Exception {
        if (dryRun && providerWins) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--dry-run and --provider-wins exclude each other");
        }
        return request("/reconcile" + (dryRun ? "?dryRun=true" : providerWins ? "?providerWins=true" : ""));
    }
}
