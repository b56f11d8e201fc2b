package dev.userssync.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Purges users who were deleted long ago. */
@Command(
        name = "purge",
        description =
                "Removes the rows of users who were deleted at least this many days ago. A tombstone of id and time stays.")
public final class Purge extends Remote {

    @Option(
            names = "--days",
            defaultValue = "30",
            description = "The holdback: how many days ago a user must have been deleted (default: ${DEFAULT-VALUE}).")
    int days;

    @Option(
            names = "--confirm",
            description =
                    "Accept fewer days than the holdback (PURGE_DAYS, default 30). The deletions cannot be undone.")
    boolean confirm;

    @Option(names = "--dry-run", description = "Only count the users, and the rows that cascade.")
    boolean dryRun;

    @Override
    public Integer call() throws Exception {
        if (days < 0) {
            throw new IllegalArgumentException("days must be 0 or more");
        }
        return print(
                post("/admin/purge?days=" + days + (confirm ? "&confirm=true" : "") + (dryRun ? "&dryRun=true" : "")));
    }
}
