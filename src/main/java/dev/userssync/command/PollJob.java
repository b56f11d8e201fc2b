package dev.userssync.command;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.settings.PollSettings;
import java.time.Duration;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Requests a job of a provider and watches it. */
public abstract class PollJob extends Remote {

    private static final Duration LOOK = Duration.ofMillis(500);

    @Parameters(paramLabel = "<provider>", description = "A provider that has an API key.")
    String provider;

    @Option(names = "--no-wait", description = "Do not wait until the job is done.")
    boolean noWait;

    /**
     * Requests the job of the provider's users and, if they are polled, that of its organizations.
     *
     * @return 0: done; 1: it failed, or the brake holds it
     */
    int request(String path) throws Exception {
        int result = request(provider, path);
        String organizations = PollSettings.organizations(provider);
        return state(organizations).isEmpty() ? result : Math.max(result, request(organizations, path));
    }

    private int request(String poller, String path) throws Exception {
        JsonNode earlier = state(poller);
        String before = earlier.path("last_report").path("finished_at").asText();
        String reply = post("/admin/polls/" + query(poller) + path);
        if (noWait) {
            return print(reply);
        }
        boolean terminal = System.console() != null && !json;
        while (true) {
            JsonNode state = state(poller);
            if (state.path("phase").asText().equals("held")
                    && !state.path("started_at").equals(earlier.path("started_at"))) {
                progress(terminal, "");
                out(
                        json
                                ? state.toString()
                                : "The brake holds, nobody is deleted: "
                                        + state.path("held_because").asText() + "." + System.lineSeparator()
                                        + ids(
                                                state.path("missing_ids"),
                                                state.path("missing").asLong()) + System.lineSeparator()
                                        + "Check them. Then confirm or dismiss on the console, or POST /admin/polls/"
                                        + poller + "/confirm or dismiss.");
                return 1;
            }
            JsonNode report = state.path("last_report");
            if (!report.path("finished_at").asText().equals(before)) {
                progress(terminal, "");
                out(
                        json
                                ? report.toString()
                                : (poller.equals(provider) ? "" : poller + System.lineSeparator()) + lines(report));
                return 0;
            }
            if (state.path("listing_failures").asInt() > 0
                    && state.path("last_error").isTextual()) {
                progress(terminal, "");
                throw new IllegalStateException("not done yet, users-sync retries: "
                        + state.path("last_error").asText());
            }
            progress(terminal, bar(state));
            Thread.sleep(LOOK.toMillis());
        }
    }

    /** The first hundred ids, one a line. */
    static String ids(JsonNode ids, long all) {
        StringBuilder lines = new StringBuilder();
        ids.forEach(id -> lines.append(lines.isEmpty() ? "  " : System.lineSeparator() + "  ")
                .append(id.asText()));
        return all > ids.size()
                ? lines + System.lineSeparator() + "  and " + (all - ids.size()) + " more"
                : lines.toString();
    }

    private JsonNode state(String poller) throws Exception {
        for (JsonNode state : JSON.readTree(get("/admin/polls"))) {
            if (state.path("provider").asText().equals(poller)) {
                return state;
            }
        }
        return JSON.createObjectNode();
    }

    private void progress(boolean terminal, String text) {
        if (terminal) {
            System.err.print("\r\u001b[2K" + text);
            System.err.flush();
        }
    }

    /** {@code listing  [######........] 1200 of 3000 users}; without a total only the count. */
    private static String bar(JsonNode state) {
        long users = state.path("users").asLong();
        long total = state.path("total").asLong();
        String phase = state.path("phase").asText("waiting");
        if (total <= 0) {
            return phase + "  " + users + " users";
        }
        int filled = (int) Math.min(30, 30 * users / total);
        return phase + "  [" + "#".repeat(filled) + ".".repeat(30 - filled) + "] " + users + " of " + total + " users";
    }
}
