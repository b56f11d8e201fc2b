package dev.userssync.command;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Manages the SCIM clients, each with tokens and an organization of its own. */
@Command(
        name = "scim-client",
        description = "Adds, lists and removes SCIM clients, each with tokens and an organization of its own.",
        subcommands = {
            ScimClients.Add.class,
            ScimClients.All.class,
            ScimClients.Rotate.class,
            ScimClients.Remove.class,
            CommandLine.HelpCommand.class
        })
public final class ScimClients implements Callable<Integer> {

    private static final String PATH = "/admin/scim-clients";

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    private boolean help;

    @Override
    public Integer call() {
        throw new CommandLine.ParameterException(spec.commandLine(), "Missing required subcommand");
    }

    /** A command about one client. */
    public abstract static class Named extends Remote {

        @Parameters(paramLabel = "<name>", description = "The name of the client, such as that of the customer.")
        String name;

        void token(JsonNode reply) {
            out("token: " + reply.path("token").asText());
            out(
                    "users-sync does not show it again. Give it to the customer, with the address https://<your host>/scim/v2.");
        }
    }

    /** Adds a client. */
    @Command(
            name = "add",
            description = {
                "Adds a client and prints its token, once.",
                "Every user of the client becomes a member of its organization."
            })
    public static final class Add extends Named {

        @Option(
                names = "--organization",
                paramLabel = "<id>",
                required = true,
                description = "The id of the organization, in neon_auth.organizations_sync.")
        String organization;

        @Option(
                names = "--organization-name",
                paramLabel = "<name>",
                description = "The name of the organization, if no provider keeps it (default: its id).")
        String organizationName;

        @Option(
                names = "--prefix",
                paramLabel = "<prefix>",
                description = "The start of the ids of the client's users and groups (default: <name>:).")
        String prefix;

        @Override
        public Integer call() throws Exception {
            String answer = post(PATH + "?name=" + query(name) + "&organization=" + query(organization)
                    + (organizationName == null ? "" : "&organizationName=" + query(organizationName))
                    + (prefix == null ? "" : "&prefix=" + query(prefix)));
            if (json) {
                return print(answer);
            }
            JsonNode added = JSON.readTree(answer);
            out("name: " + added.path("name").asText());
            out("organization: " + added.path("organization").asText());
            out("id prefix: " + added.path("id_prefix").asText());
            token(added);
            if (added.path("restart_needed").asBoolean()) {
                out("Restart every instance of users-sync now: SCIM was off, and its first client turns it on.");
            }
            return 0;
        }
    }

    /** Lists the clients. */
    @Command(name = "list", description = "Lists the clients with their users and the ages of their tokens.")
    public static final class All extends Remote {

        @Override
        public Integer call() throws Exception {
            String answer = get(PATH);
            if (json) {
                return print(answer);
            }
            JsonNode clients = JSON.readTree(answer);
            if (clients.isEmpty()) {
                out("no SCIM client; add one with: users-sync scim-client add <name> --organization <id>");
            }
            for (JsonNode client : clients) {
                out(client.path("name").asText() + ": organization "
                        + client.path("organization").asText() + ", ids start with "
                        + client.path("id_prefix").asText() + ", "
                        + client.path("live_users").asText() + " live users, " + tokens(client));
            }
            return 0;
        }

        private static String tokens(JsonNode client) {
            if (client.path("removed_at").isTextual()) {
                return "removed on " + client.path("removed_at").asText().substring(0, 10);
            }
            List<String> tokens = new ArrayList<>();
            for (JsonNode token : client.path("tokens")) {
                tokens.add("token of " + age(token.path("created_at").asText())
                        + (token.path("ends_at").isTextual()
                                ? " until " + token.path("ends_at").asText()
                                : ""));
            }
            return String.join(", ", tokens) + ", "
                    + (client.path("last_used_at").isTextual()
                            ? "last used " + client.path("last_used_at").asText()
                            : "never used");
        }

        private static String age(String time) {
            long days = Duration.between(OffsetDateTime.parse(time).toInstant(), Instant.now())
                    .toDays();
            return days == 0 ? "today" : days + (days == 1 ? " day" : " days") + " ago";
        }
    }

    /** Gives a client a new token. */
    @Command(
            name = "rotate",
            description = "Gives a client a new token and prints it, once. The other tokens end after a while.")
    public static final class Rotate extends Named {

        @Option(
                names = "--keep",
                defaultValue = "24h",
                paramLabel = "<time>",
                description =
                        "How long the other tokens still count: a number and s, m, h or d (default: ${DEFAULT-VALUE}).")
        String keep;

        @Override
        public Integer call() throws Exception {
            String answer = post(PATH + "/rotate?name=" + query(name) + "&keep=" + query(keep));
            if (json) {
                return print(answer);
            }
            token(JSON.readTree(answer));
            out("The other tokens end " + (keep.matches("0+[smhd]") ? "now." : "in " + keep + "."));
            return 0;
        }
    }

    /** Removes a client. */
    @Command(name = "remove", description = "Ends the tokens of a client. The rows of its users and groups stay.")
    public static final class Remove extends Named {

        @Override
        public Integer call() throws Exception {
            String answer = post(PATH + "/remove?name=" + query(name));
            if (json) {
                return print(answer);
            }
            JsonNode removed = JSON.readTree(answer);
            out("The tokens of " + name + " have ended.");
            out("These rows stay: " + removed.path("users").asText() + " users and "
                    + removed.path("groups").asText() + " groups whose ids start with "
                    + removed.path("id_prefix").asText() + ", and their memberships of "
                    + removed.path("organization").asText() + ". No other client gets them.");
            out("To erase a user: users-sync erase <id> --confirm <id>");
            return 0;
        }
    }
}
