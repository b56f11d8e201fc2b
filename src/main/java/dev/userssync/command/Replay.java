package dev.userssync.command;

import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Replays dead letters. */
@Command(name = "replay", description = "Sends dead letters through the routes again, all of them or those of a kind.")
public final class Replay extends Remote {

    @Option(names = "--provider", description = "Only those of this provider.")
    String provider;

    @Option(names = "--kind", description = "Only those with this SQLState; none: those that never came to the database.")
    String kind;

    @Override
    public Integer call() throws Exception {
        String answer = post("/dead-letters/replay?" + (provider == null ? "" : "provider=" + query(provider) + "&")
                + (kind == null ? "" : "kind=" + query(kind)));
        print(answer);
        return JSON.readTree(answer).path("still_parked").asInt() > 0 ? 1 : 0;
    }
}
