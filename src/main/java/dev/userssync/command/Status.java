package dev.userssync.command;

import com.fasterxml.jackson.databind.JsonNode;
import picocli.CommandLine.Command;

/** Shows sync status: users, last webhooks, event counts, reactions, dead letters. */
@Command(
        name = "status",
        description = "Shows sync status: users, last webhooks, event counts, reactions, dead letters.")
public final class Status extends Remote {

    @Override
    public Integer call() throws Exception {
        String answer = get("/admin/status");
        if (json) {
            return print(answer);
        }
        JsonNode status = JSON.readTree(answer);
        JsonNode users = status.path("users");
        out("users        " + (users.path("estimated").asBoolean() ? "about " : "")
                + users.path("total").asText()
                + (users.path("deleted").isNumber()
                        ? ", " + users.path("deleted").asText() + " of them deleted"
                        : ""));
        JsonNode organizations = status.path("organizations");
        if (organizations.path("organizations").asLong()
                        + organizations.path("memberships").asLong()
                > 0) {
            out("organizations " + organizations.path("organizations").asText() + ", memberships "
                    + organizations.path("memberships").asText());
        }
        status.path("providers").properties().forEach(provider -> {
            JsonNode one = provider.getValue();
            JsonNode day = one.path("activity");
            if (one.path("on").asBoolean() || one.path("polled").asBoolean() || !day.isMissingNode()) {
                out(String.format(
                        "%-12s %s, last webhook %s%s",
                        provider.getKey(),
                        one.path("on").asBoolean() ? "on" : one.path("polled").asBoolean() ? "polled" : "off",
                        one.path("last_webhook_at").isTextual()
                                ? one.path("last_webhook_at").asText()
                                : "not yet",
                        day.isMissingNode()
                                ? ""
                                : "; in the last day " + day.path("applied_day").asText() + " applied, "
                                        + day.path("parked_day").asText() + " parked, "
                                        + day.path("refused_day").asText() + " refused, "
                                        + day.path("retried_day").asText() + " asked to retry"));
            }
        });
        status.path("polls").forEach(poll -> {
            boolean held = poll.path("held_since").isTextual();
            out(String.format(
                    "%-12s last complete poll %s%s",
                    poll.path("provider").asText(),
                    poll.path("last_success_at").isTextual()
                            ? poll.path("last_success_at").asText()
                            : "not yet"
                                    + (poll.path("last_error").isTextual()
                                            ? ": " + poll.path("last_error").asText()
                                            : ""),
                    poll.path("newer").asLong() == 0
                            ? ""
                            : "; " + poll.path("newer").asText()
                                    + " rows differ and are newer than the provider's data"));
            if (poll.path("users_to_ask").asLong() > 0) {
                out(String.format(
                        "%-12s %s users to ask for again: its API did not know them",
                        poll.path("provider").asText(),
                        poll.path("users_to_ask").asText()));
            }
            if (held) {
                out(String.format(
                        "%-12s the brake holds, nobody is deleted: %s%s",
                        poll.path("provider").asText(),
                        poll.path("held_because").asText(),
                        poll.path("missing_ids").isTextual()
                                ? "; missing: " + poll.path("missing_ids").asText()
                                : ""));
            }
        });
        status.path("reactions").forEach(reaction -> out("reaction " + Reactions.line(reaction)));
        if (status.path("dead_letters").isEmpty()) {
            out("dead letters none");
        }
        status.path("dead_letters")
                .forEach(kind -> out("dead letters " + kind.path("parked").asText() + " of "
                        + kind.path("provider").asText()
                        + (kind.path("kind").asText().equals("none")
                                ? " that are no user events"
                                : " with SQLState " + kind.path("kind").asText())));
        return 0;
    }
}
