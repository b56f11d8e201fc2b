package dev.userssync.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Fetches one user from a provider. */
@Command(name = "refresh", description = "Fetches one user from a provider now, and shows the resulting row.")
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
