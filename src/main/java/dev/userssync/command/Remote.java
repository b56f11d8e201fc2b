package dev.userssync.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
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
import picocli.CommandLine;
import picocli.CommandLine.Option;

/** A verb that calls a running instance. */
public abstract class Remote implements Callable<Integer> {

    static final JsonMapper JSON = new JsonMapper();

    @CommandLine.Spec
    CommandLine.Model.CommandSpec spec;

    @Option(
            names = "--url",
            defaultValue = "${env:USERS_SYNC_URL:-http://localhost:${env:MANAGEMENT_PORT:-9876}}",
            description =
                    "Management port of the running instance (default: $USERS_SYNC_URL, or this machine and $MANAGEMENT_PORT). "
                            + "The password is $CONSOLE_PASSWORD, or the content of the file $CONSOLE_PASSWORD_FILE.")
    URI url;

    @Option(names = "--json", description = "Print JSON, for scripts.")
    boolean json;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    boolean help;

    String get(String path) throws IOException, InterruptedException {
        return send(path, "GET", HttpRequest.BodyPublishers.noBody());
    }

    String post(String path) throws IOException, InterruptedException {
        return send(path, "POST", HttpRequest.BodyPublishers.noBody());
    }

    String send(String path, String method, HttpRequest.BodyPublisher body) throws IOException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(url.resolve(path))
                .timeout(Duration.ofHours(1))
                .method(method, body);
        String password = password();
        if (!password.isEmpty()) {
            request.header(
                    "Authorization",
                    "Basic "
                            + Base64.getEncoder().encodeToString(("cli:" + password).getBytes(StandardCharsets.UTF_8)));
        }
        HttpResponse<String> reply;
        try {
            reply = HttpClient.newBuilder()
                    .connectTimeout(Duration.ofSeconds(5))
                    .build()
                    .send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (HttpTimeoutException e) {
            throw new IOException("no answer from " + url
                    + " in time: see its log, or set --url or MANAGEMENT_PORT to the address of users-sync");
        } catch (ConnectException e) {
            throw new IOException(
                    "no users-sync answers at " + url + ": start it, or set --url or MANAGEMENT_PORT to its address");
        }
        if (reply.statusCode() >= 300) {
            throw new IOException(
                    reply.body().isBlank()
                            ? "the answer was " + reply.statusCode()
                            : reply.body().strip());
        }
        if (reply.body().isBlank()) {
            throw new IOException(
                    "users-sync at " + url + " answered " + reply.statusCode() + " without a reason: see its log");
        }
        return reply.body().strip();
    }

    private static String password() throws IOException {
        String file = System.getenv().getOrDefault("CONSOLE_PASSWORD_FILE", "");
        return (file.isBlank()
                        ? System.getenv().getOrDefault("CONSOLE_PASSWORD", "")
                        : Files.readString(Path.of(file.strip())))
                .strip();
    }

    /** Prints the answer unchanged with --json, otherwise as lines. */
    int print(String answer) throws IOException {
        out(json ? answer : lines(JSON.readTree(answer)));
        return 0;
    }

    void out(String text) {
        spec.commandLine().getOut().println(text);
    }

    static String lines(JsonNode object) {
        StringBuilder lines = new StringBuilder();
        object.properties()
                .forEach(field -> lines.append(lines.isEmpty() ? "" : System.lineSeparator())
                        .append(field.getKey().replace('_', ' '))
                        .append(": ")
                        .append(text(field.getValue())));
        return lines.toString();
    }

    private static String text(JsonNode value) {
        return value.isArray()
                ? String.join(", ", value.valueStream().map(JsonNode::asText).toList())
                : value.asText();
    }

    static String query(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
