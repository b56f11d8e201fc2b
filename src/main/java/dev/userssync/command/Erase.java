package dev.userssync.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Erases one user. */
@Command(
        name = "erase",
        description = {
            "Removes one user for good: row, history and parked deliveries. Prints the removed data.",
            "Delete the user at the provider first, or a newer event brings the row back."
        })
public final class Erase extends Remote {

    @Parameters(paramLabel = "<id>", description = "The id in neon_auth.users_sync.")
    String id;

    @Option(
            names = "--confirm",
            paramLabel = "<id>",
            required = true,
            description = "The id again, so that a slip removes nobody.")
    String confirm;

    @Option(
            names = "--force",
            description = "Also accept an unknown id: leaves a tombstone, so that no older event brings the user back.")
    boolean force;

    @Override
    public Integer call() throws Exception {
        if (!id.equals(confirm)) {
            throw new IllegalArgumentException("nothing was erased: --confirm is not the id");
        }
        return print(post("/admin/user/erase?id=" + query(id) + (force ? "&force=true" : "")));
    }
}
