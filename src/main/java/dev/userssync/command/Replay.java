package dev.userssync.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Replays dead letters. */
@Command(name = "replay", description = "Sends dead letters through the routes again, all or those of one kind.")
public final class Replay extends Remote {

    @Option(names = "--provider", description = "Only dead letters of this provider.")
    String provider;

    @Option(
            names = "--kind",
            description = "Only dead letters with this SQLState; none selects those that never reached the database.")
    String kind;

    @Override
    public Integer call() throws Exception {
        String answer = post("/dead-letters/replay?" + (provider == null ? "" : "provider=" + query(provider) + "&")
                + (kind == null ? "" : "kind=" + query(kind)));
        print(answer);
        return JSON.readTree(answer).path("still_parked").asInt() > 0 ? 1 : 0;
    }
}
