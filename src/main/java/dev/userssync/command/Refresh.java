package dev.userssync.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Asks a provider for one user. */
@Command(name = "refresh", description = "Asks a provider for one user now, and says what became of the row.")
public final class Refresh extends Remote {

    @Parameters(index = "0", paramLabel = "<provider>", description = "A provider that has an API key.")
    String provider;

    @Parameters(index = "1", paramLabel = "<id>", description = "The id of the user at the provider, without prefix.")
    String id;

    @Override
    public Integer call() throws Exception {
        return print(post("/admin/users/" + query(provider) + "/" + query(id).replace("+", "%20") + "/refresh"));
    }
}
