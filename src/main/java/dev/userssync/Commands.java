// Only `camel run` reads this line.
//DEPS info.picocli:picocli:4.7.7
package dev.userssync;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.Callable;
import org.apache.camel.impl.DefaultCamelContext;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/**
 * The command line: without a verb users-sync runs; with one it asks the instance that is running, over its management port, or does its work
 * here. Exit codes: 0 done, 1 not done (the reason is on standard error), 2 wrong usage.
 */
@Command(name = "users-sync", mixinStandardHelpOptions = true, version = "users-sync 0.1.0", sortOptions = false,
        description = "Keeps neon_auth.users_sync true to an auth provider. Without a command it runs until it is stopped.",
        footer = {"", "Settings are environment variables, the same for all commands; see config/application.properties."},
        subcommands = {Commands.Status.class, Commands.Sample.class, Commands.Replay.class, PollVerbs.Backfill.class,
            PollVerbs.Reconcile.class, PollVerbs.Refresh.class, Commands.Erase.class, Commands.Purge.class,
            PrintSql.class, Commands.Migrate.class, Commands.VerifySignature.class, CommandLine.HelpCommand.class})
public final class Commands implements Callable<Integer> {

    static final JsonMapper JSON = new JsonMapper();
    /** Standard input. */
    static InputStream input = System.in;

    @Override
    public Integer call() {
        return UsersSync.runApplication();
    }

    static int execute(String... arguments) {
        return line().execute(arguments);
    }

    static CommandLine line() {
        CommandLine line = new CommandLine(new Commands());
        line.setExecutionExceptionHandler((failure, command, parsed) -> {
            if (failure instanceof JsonProcessingException) {
                command.getErr().println("users-sync: what answered is not users-sync: say where it is with --url or MANAGEMENT_PORT");
                return 1;
            }
            command.getErr().println("users-sync: " + (failure.getMessage() == null ? failure.toString() : failure.getMessage()));
            return 1;
        });
        return line;
    }

    /** A verb that asks a running instance. */
    abstract static class Remote implements Callable<Integer> {

        @CommandLine.Spec
        CommandLine.Model.CommandSpec spec;

        @Option(names = "--url", defaultValue = "${env:USERS_SYNC_URL:-http://localhost:${env:MANAGEMENT_PORT:-9876}}",
                description = "Management port of the running instance (default: $USERS_SYNC_URL, or this machine and $MANAGEMENT_PORT). "
                        + "The password is taken from $CONSOLE_PASSWORD, or from the file that $CONSOLE_PASSWORD_FILE names.")
        URI url;

        @Option(names = "--json", description = "Print JSON, for scripts.")
        boolean json;

        @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
        boolean help;

        String get(String path) throws IOException, InterruptedException {
            return send(path, "GET", HttpRequest.BodyPublishers.noBody());
        }

        String post(String path) throws IOException, InterruptedException {
            return send(path, "POST", HttpRequest.BodyPublishers.noBody());
        }

        String send(String path, String method, HttpRequest.BodyPublisher body) throws IOException, InterruptedException {
            HttpRequest.Builder request = HttpRequest.newBuilder(url.resolve(path)).timeout(Duration.ofHours(1))
                    .method(method, body);
            String password = password();
            if (!password.isEmpty()) {
                request.header("Authorization", "Basic " + Base64.getEncoder().encodeToString(("cli:" + password).getBytes(StandardCharsets.UTF_8)));
            }
            HttpResponse<String> reply;
            try {
                reply = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build().send(request.build(), HttpResponse.BodyHandlers.ofString());
            } catch (HttpTimeoutException e) {
                throw new IOException("no answer came from " + url + " in time: look at its log, or say where users-sync is with --url or MANAGEMENT_PORT");
            } catch (ConnectException e) {
                throw new IOException("no users-sync answers at " + url + ": start it, or say where it is with --url or MANAGEMENT_PORT");
            }
            if (reply.statusCode() >= 300) {
                throw new IOException(reply.body().isBlank() ? "the answer was " + reply.statusCode() : reply.body().strip());
            }
            if (reply.body().isBlank()) {
                throw new IOException("users-sync at " + url + " answered " + reply.statusCode() + " and nothing else: look at its log");
            }
            return reply.body().strip();
        }

        private static String password() throws IOException {
            String file = System.getenv().getOrDefault("CONSOLE_PASSWORD_FILE", "");
            return (file.isBlank() ? System.getenv().getOrDefault("CONSOLE_PASSWORD", "") : Files.readString(Path.of(file.strip()))).strip();
        }

        /** Prints the answer as it is with --json, else as lines. */
        int print(String answer) throws IOException {
            out(json ? answer : lines(JSON.readTree(answer)));
            return 0;
        }

        void out(String text) {
            spec.commandLine().getOut().println(text);
        }

        static String lines(JsonNode object) {
            StringBuilder lines = new StringBuilder();
            object.properties().forEach(field -> lines.append(lines.isEmpty() ? "" : System.lineSeparator())
                    .append(field.getKey().replace('_', ' ')).append(": ").append(text(field.getValue())));
            return lines.toString();
        }

        private static String text(JsonNode value) {
            return value.isArray() ? String.join(", ", value.valueStream().map(JsonNode::asText).toList()) : value.asText();
        }

        static String query(String text) {
            return URLEncoder.encode(text, StandardCharsets.UTF_8);
        }
    }

    @Command(name = "status", description = "Says whether the table is true: users, last webhooks, what came of events, dead letters.")
    static final class Status extends Remote {

        @Override
        public Integer call() throws Exception {
            String answer = get("/admin/status");
            if (json) {
                return print(answer);
            }
            JsonNode status = JSON.readTree(answer);
            JsonNode users = status.path("users");
            out("users        " + (users.path("estimated").asBoolean() ? "about " : "") + users.path("total").asText()
                    + (users.path("deleted").isNumber() ? ", of them " + users.path("deleted").asText() + " deleted" : ""));
            status.path("providers").properties().forEach(provider -> {
                JsonNode one = provider.getValue();
                JsonNode day = one.path("activity");
                if (one.path("on").asBoolean() || one.path("polled").asBoolean() || !day.isMissingNode()) {
                    out(String.format("%-12s %s, last webhook %s%s", provider.getKey(), one.path("on").asBoolean() ? "on" : one.path("polled").asBoolean() ? "polled" : "off",
                            one.path("last_webhook_at").isTextual() ? one.path("last_webhook_at").asText() : "not yet",
                            day.isMissingNode() ? "" : "; in the last day " + day.path("applied_day").asText() + " applied, " + day.path("parked_day").asText()
                                    + " parked, " + day.path("refused_day").asText() + " refused, " + day.path("retried_day").asText() + " told to retry"));
                }
            });
            status.path("polls").forEach(poll -> {
                boolean held = poll.path("held_since").isTextual();
                out(String.format("%-12s last complete poll %s%s", poll.path("provider").asText(),
                        poll.path("last_success_at").isTextual() ? poll.path("last_success_at").asText() : "not yet",
                        poll.path("newer").asLong() == 0 ? "" : "; " + poll.path("newer").asText() + " rows are newer than the provider says and differ"));
                if (poll.path("users_to_ask").asLong() > 0) {
                    out(String.format("%-12s %s users are asked for again: its API did not know them", poll.path("provider").asText(), poll.path("users_to_ask").asText()));
                }
                if (held) {
                    out(String.format("%-12s the brake holds, nobody is deleted: %s%s", poll.path("provider").asText(), poll.path("held_because").asText(),
                            poll.path("missing_ids").isTextual() ? "; missing: " + poll.path("missing_ids").asText() : ""));
                }
            });
            if (status.path("dead_letters").isEmpty()) {
                out("dead letters none");
            }
            status.path("dead_letters").forEach(kind -> out("dead letters " + kind.path("parked").asText() + " of " + kind.path("provider").asText()
                    + (kind.path("kind").asText().equals("none") ? " that are no user events" : " with SQLState " + kind.path("kind").asText())));
            return 0;
        }
    }

    @Command(name = "sample", description = "Posts signed deliveries that create, update and delete one invented user, as the provider would.")
    static final class Sample extends Remote {

        @Parameters(paramLabel = "<provider>", description = "A provider that is on.")
        String provider;

        @Override
        public Integer call() throws Exception {
            String report = post("/sample/" + query(provider));
            out(json ? JSON.writeValueAsString(java.util.Map.of("provider", provider, "report", report.lines().toList())) : report);
            return report.lines().anyMatch(line -> line.matches(".* -> (?!2)\\d{3}\\b.*")) ? 1 : 0;
        }
    }

    @Command(name = "replay", description = "Sends dead letters through the routes again, all of them or those of a kind.")
    static final class Replay extends Remote {

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

    @Command(name = "migrate", description = {"Creates or upgrades the tables in the database of $DATABASE_URL and ends: with the role that owns them, where users-sync",
        "itself runs with one that may not (DATABASE_MIGRATE=false)."})
    static final class Migrate implements Callable<Integer> {

        @CommandLine.Spec
        private CommandLine.Model.CommandSpec spec;

        @Option(names = {"-h", "--help"}, usageHelp = true, description = "Show this help.")
        private boolean help;

        @Override
        public Integer call() throws Exception {
            try (DefaultCamelContext settings = new DefaultCamelContext()) {
                settings.getPropertiesComponent().setLocation("classpath:application.properties");
                spec.commandLine().getOut().println(Database.migrate(settings));
            }
            return 0;
        }
    }

    @Command(name = "verify-signature", description = {"Says why the signature of a delivery fails. Reads the delivery from standard input as HTTP sends it:",
        "header lines, an empty line, the body. Exit code 0: it is right."})
    static final class VerifySignature extends Remote {

        @Parameters(paramLabel = "<provider>", description = "A provider that is on; its secrets are those of the running instance.")
        String provider;

        @Override
        public Integer call() throws Exception {
            String answer = send("/admin/verify-signature/" + query(provider), "POST", HttpRequest.BodyPublishers.ofByteArray(input.readAllBytes()));
            JsonNode explained = JSON.readTree(answer);
            out(json ? answer : explained.path("explanation").asText());
            return explained.path("verified").asBoolean() ? 0 : 1;
        }
    }

    @Command(name = "erase", description = {"Removes one user for good: row, history and parked deliveries. Prints what was removed.",
        "Delete the user at the provider first, or a newer event brings the row back."})
    static final class Erase extends Remote {

        @Parameters(paramLabel = "<id>", description = "The id in neon_auth.users_sync.")
        String id;

        @Option(names = "--confirm", paramLabel = "<id>", required = true, description = "The id once more, so that a slip removes nobody.")
        String confirm;

        @Option(names = "--force", description = "Also an id that is not known: leaves a tombstone, so that no older event brings the user back.")
        boolean force;

        @Override
        public Integer call() throws Exception {
            if (!id.equals(confirm)) {
                throw new IllegalArgumentException("nothing was erased: --confirm is not the id");
            }
            return print(post("/admin/user/erase?id=" + query(id) + (force ? "&force=true" : "")));
        }
    }

    @Command(name = "purge", description = "Removes the rows of users who have been deleted for so many days; a tombstone of id and time stays.")
    static final class Purge extends Remote {

        @Option(names = "--days", defaultValue = "30", description = "The holdback: how long a user must have been deleted (default: ${DEFAULT-VALUE}).")
        int days;

        @Option(names = "--confirm", description = "Also fewer days than the holdback (PURGE_DAYS, 30 where it is not set): the deletions cannot be undone.")
        boolean confirm;

        @Option(names = "--dry-run", description = "Only count the users, and the rows that cascade.")
        boolean dryRun;

        @Override
        public Integer call() throws Exception {
            if (days < 0) {
                throw new IllegalArgumentException("days must be 0 or more");
            }
            return print(post("/admin/purge?days=" + days + (confirm ? "&confirm=true" : "") + (dryRun ? "&dryRun=true" : "")));
        }
    }
}
