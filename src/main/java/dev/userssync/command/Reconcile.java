package dev.userssync.command;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts a reconcile and watches it. */
@Command(
        name = "reconcile",
        description = {
            "Compares the table with all users of a provider and repairs it.",
            "It checks each missing user with the provider. A brake stops mass deletions."
        })
public final class Reconcile extends PollJob {

    @Option(names = "--dry-run", description = "Only report the changes, make none.")
    boolean dryRun;

    @Option(
            names = "--provider-wins",
            description = {
                "Also replace rows that differ and are newer than the provider's data, such as those of a",
                "hand-written handler. Changes from webhooks after the start of the job stay."
            })
    boolean providerWins;

    @Override
    public Integer call() throws Exception {
        if (dryRun && providerWins) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--dry-run and --provider-wins exclude each other");
        }
        return request("/reconcile" + (dryRun ? "?dryRun=true" : providerWins ? "?providerWins=true" : ""));
    }
}
