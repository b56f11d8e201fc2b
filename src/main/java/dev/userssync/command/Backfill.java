package dev.userssync.command;

import picocli.CommandLine.Command;

/** Starts a backfill and watches it. */
@Command(
        name = "backfill",
        description = "Reads all users of a provider into the table, as at the first start. Deletes nobody.")
public final class Backfill extends PollJob {

    @Override
    public Integer call() throws Exception {
        return request("/backfill");
    }
}
