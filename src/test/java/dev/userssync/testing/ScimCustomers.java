package dev.userssync.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.testing.ScimApp.Reply;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The command {@code users-sync scim-client} against a running application, and the requests of its clients. */
public final class ScimCustomers {

    private final String scim;
    private final String management;
    public String out;
    public String err;

    public ScimCustomers(String scim, String management) {
        this.scim = scim;
        this.management = management;
    }

    /** Runs {@code scim-client} with these arguments, and returns the exit code. */
    public int run(String... arguments) {
        List<String> all = new ArrayList<>(List.of("scim-client"));
        all.addAll(List.of(arguments));
        all.add("--url=" + management);
        CommandRun run = CommandRun.of(all);
        out = run.out();
        err = run.err();
        return run.code();
    }

    /** The output as JSON; the command must succeed. */
    public JsonNode json(String... arguments) {
        List<String> all = new ArrayList<>(List.of(arguments));
        all.add("--json");
        assertEquals(0, run(all.toArray(String[]::new)), () -> err);
        try {
            return ScimApp.JSON.readTree(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Customer add(String name, String organization, String... options) {
        List<String> all = new ArrayList<>(List.of("add", name, "--organization", organization));
        all.addAll(List.of(options));
        return new Customer(json(all.toArray(String[]::new)).path("token").textValue());
    }

    public Customer rotated(String name, String keep) {
        return new Customer(json("rotate", name, "--keep", keep).path("token").textValue());
    }

    /** Sends the requests of one client. */
    public final class Customer {

        public final String token;

        public Customer(String token) {
            this.token = token;
        }

        public Reply send(String method, String path, String body) {
            return ScimApp.send(
                    ScimApp.request(scim, method, path, body).setHeader("Authorization", "Bearer " + token));
        }

        public Reply get(String path) {
            return send("GET", path, null);
        }

        public Reply post(String path, String body) {
            return send("POST", path, body);
        }

        public Reply put(String path, String body) {
            return send("PUT", path, body);
        }

        public Reply patch(String path, String... operations) {
            return send("PATCH", path, "{\"Operations\": [" + String.join(",", operations) + "]}");
        }

        public Reply delete(String path) {
            return send("DELETE", path, null);
        }

        /** The number of resources that a filter finds. */
        public int count(String path, String filter) {
            Reply found = get(path + "?filter=" + URLEncoder.encode(filter, StandardCharsets.UTF_8));
            assertEquals(200, found.status(), found.http().body());
            return found.json().path("totalResults").intValue();
        }
    }
}
