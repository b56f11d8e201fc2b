package dev.userssync.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.BeforeEach;

/** The whole application with SCIM on, and handwritten SCIM requests. */
public abstract class ScimApp extends RunningApp {

    public static final String TOKEN = "the-token-of-the-scim-client";
    public static final ObjectMapper JSON = new ObjectMapper();
    private static final HttpClient HTTP = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(Duration.ofSeconds(5))
            .build();

    public ScimApp() {
        settings.setProperty("scim.webhook.secret", TOKEN);
    }

    @BeforeEach
    public void empty() {
        database.execute(
                "DELETE FROM neon_auth.users_sync; DELETE FROM neon_auth.organizations_sync; DELETE FROM neon_auth.memberships_sync;"
                        + " DELETE FROM users_sync_internal.dead_letter");
    }

    public String scim() {
        return "http://localhost:" + settings.getProperty("camel.server.port") + "/scim/v2";
    }

    public Reply get(String path) {
        return send(request("GET", path, null));
    }

    public Reply delete(String path) {
        return send(request("DELETE", path, null));
    }

    public Reply post(String path, String body) {
        return send(request("POST", path, body));
    }

    public Reply put(String path, String body) {
        return send(request("PUT", path, body));
    }

    public Reply patch(String path, String... operations) {
        return send(request(
                "PATCH",
                path,
                "{\"schemas\": [\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"], \"Operations\": ["
                        + String.join(",", operations) + "]}"));
    }

    /** A request that a test may still spoil before {@link #send}. */
    public HttpRequest.Builder request(String method, String path, String body) {
        return request(scim(), method, path, body);
    }

    public static HttpRequest.Builder request(String base, String method, String path, String body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(base + path))
                .timeout(Duration.ofSeconds(30))
                .header("Authorization", "Bearer " + TOKEN)
                .method(
                        method,
                        body == null ? HttpRequest.BodyPublishers.noBody() : HttpRequest.BodyPublishers.ofString(body));
        return body == null ? request : request.header("Content-Type", "application/scim+json");
    }

    public static Reply send(HttpRequest.Builder request) {
        try {
            return new Reply(HTTP.send(request.build(), HttpResponse.BodyHandlers.ofString()));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A request body from {@code src/test/resources/scim}. */
    public static String fixture(String name) {
        try {
            return Files.readString(Path.of("src/test/resources/scim", name + ".json"));
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    /** The row as {@code name|email|deleted}. */
    public String row(String id) {
        return database.value(
                "SELECT concat_ws('|', coalesce(name, '-'), coalesce(email, '-'), CASE WHEN deleted_at IS NULL THEN 'live' ELSE 'deleted' END)"
                        + " FROM neon_auth.users_sync WHERE id = ?",
                id);
    }

    /** The members of a group as {@code user}, or {@code user-} for a former one, sorted. */
    public String members(String group) {
        return database.value(
                "SELECT coalesce(string_agg(user_id || CASE WHEN deleted_at IS NULL THEN '' ELSE '-' END, ' ' ORDER BY user_id), '')"
                        + " FROM neon_auth.memberships_sync WHERE organization_id = ? AND id = organization_id || ':' || user_id",
                group);
    }

    /** A user with this name and the given JSON members only. */
    public static String user(String userName, String... members) {
        return "{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"], \"userName\": \"" + userName + "\""
                + (members.length == 0 ? "" : ", " + String.join(", ", members)) + "}";
    }

    /** A reply to a SCIM request. */
    public record Reply(HttpResponse<String> http) {

        public int status() {
            return http.statusCode();
        }

        public String header(String name) {
            return http.headers().firstValue(name).orElse(null);
        }

        public JsonNode json() {
            try {
                return JSON.readTree(http.body());
            } catch (IOException e) {
                throw new AssertionError("no JSON: " + http.body());
            }
        }

        public String id() {
            return json().path("id").textValue();
        }

        /** Checks the error document of RFC 7644 §3.12; null stands for no scimType. */
        public void assertError(int status, String scimType) {
            org.junit.jupiter.api.Assertions.assertEquals(status, status(), http.body());
            JsonNode error = json();
            org.junit.jupiter.api.Assertions.assertEquals(
                    "[\"urn:ietf:params:scim:api:messages:2.0:Error\"]",
                    error.path("schemas").toString());
            org.junit.jupiter.api.Assertions.assertEquals(
                    "\"" + status + "\"", error.path("status").toString(), "status is text");
            org.junit.jupiter.api.Assertions.assertEquals(
                    scimType, error.path("scimType").textValue(), http.body());
            org.junit.jupiter.api.Assertions.assertFalse(
                    error.path("detail").asText().isBlank());
            org.junit.jupiter.api.Assertions.assertEquals("application/scim+json", header("Content-Type"));
        }
    }
}
