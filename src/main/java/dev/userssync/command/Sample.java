package dev.userssync.command;

import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Posts signed sample deliveries of a provider. */
@Command(
        name = "sample",
        description =
                "Posts signed deliveries that create, update and delete one invented user, as the provider would.")
public final class Sample extends Remote {

    @Parameters(paramLabel = "<provider>", description = "A provider that is on.")
    String provider;

    @Override
    public Integer call() throws Exception {
        String report = post("/sample/" + query(provider));
        out(
                json
                        ? JSON.writeValueAsString(Map.of(
                                "provider", provider, "report", report.lines().toList()))
                        : report);
        return report.lines().anyMatch(line -> line.matches(".* -> (?!2)\\d{3}\\b.*")) ? 1 : 0;
    }
}
