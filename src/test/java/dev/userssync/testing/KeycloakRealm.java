package dev.userssync.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * One realm of a {@link KeycloakServer}: the actions of an administrator, a visitor and a user, each through Keycloak's
 * own interface. Ids are Keycloak's. Every method returns when Keycloak has answered, and fails with the text of an
 * error answer.
 */
public final class KeycloakRealm {

    private static final int PAGE = 100;
    private static final String REDIRECT = "http://localhost/after-registration";

    private final KeycloakServer server;
    private final String name;

    public KeycloakRealm(KeycloakServer server, String name) {
        this.server = server;
        this.name = name;
    }

    public String name() {
        return name;
    }

    /** Sends every event with the listener ext-event-webhook. */
    public void sendWebhooks(String url, String secret) {
        listen("ext-event-webhook");
        server.post("/realms/" + name + "/webhooks", object("""
                {"enabled": "true", "url": "%s", "secret": "%s", "eventTypes": ["*"]}""", url, secret));
    }

    /** Sends every event with the listener ext-event-http. */
    public void sendHttp(String url, String secret) {
        ObjectNode attributes = (ObjectNode) server.get("/admin/realms/" + name).get("attributes");
        attributes.put(
                "_providerConfig.ext-event-http.0", object("""
                {"targetUri": "%s", "sharedSecret": "%s"}""", url, secret).toString());
        server.put(
                "/admin/realms/" + name, KeycloakServer.JSON.createObjectNode().set("attributes", attributes));
        listen("ext-event-http");
    }

    /** From now on the realm keeps its events, and sends them to nobody. */
    public void keepEvents() {
        listen("jboss-logging");
    }

    private void listen(String listener) {
        server.put("/admin/realms/" + name + "/events/config", object("""
                {"eventsEnabled": true, "eventsListeners": ["%s"], "enabledEventTypes": [], "adminEventsEnabled": true, "adminEventsDetailsEnabled": true}""", listener));
    }

    /** Creates a client with a service account that may read users, groups, organizations and events, and returns the client's secret. */
    public String reader(String clientId) {
        String client = server.post("/admin/realms/" + name + "/clients", object("""
                {"clientId": "%s", "serviceAccountsEnabled": true, "standardFlowEnabled": false, "publicClient": false}""", clientId));
        String clients = "/admin/realms/" + name + "/clients/";
        String management = server.get("/admin/realms/" + name + "/clients?clientId=realm-management")
                .get(0)
                .get("id")
                .asText();
        String account =
                server.get(clients + client + "/service-account-user").get("id").asText();
        var roles = KeycloakServer.JSON
                .createArrayNode()
                .add(server.get(clients + management + "/roles/view-users"))
                .add(server.get(clients + management + "/roles/view-events"))
                .add(server.get(clients + management + "/roles/view-organizations"));
        server.post("/admin/realms/" + name + "/users/" + account + "/role-mappings/clients/" + management, roles);
        return server.get(clients + client + "/client-secret").get("value").asText();
    }

    /** Returns the new user's id. */
    public String create(String user) {
        return server.post("/admin/realms/" + name + "/users", KeycloakServer.json(user));
    }

    /** Creates users whose names share a prefix. */
    public void createMany(String name, int count) {
        for (int from = 0; from < count; from += 250) { // a client may give up before one request with all users ends
            var users = KeycloakServer.JSON.createArrayNode();
            for (int i = from; i < Math.min(count, from + 250); i++) {
                users.add(object("""
                        {"username": "%1$s%2$d", "email": "%1$s%2$d@example.com", "firstName": "%1$s", "lastName": "of %2$d", "enabled": true}""", name, i));
            }
            server.post(
                    "/admin/realms/" + this.name + "/partialImport",
                    KeycloakServer.JSON
                            .createObjectNode()
                            .put("ifResourceExists", "FAIL")
                            .set("users", users));
        }
    }

    /** All users except service accounts. */
    public List<JsonNode> users() {
        List<JsonNode> users = new ArrayList<>();
        server.get("/admin/realms/" + name + "/users?max=100000&briefRepresentation=false")
                .forEach(users::add);
        return users;
    }

    /** Changes the given fields of a user. */
    public void update(String id, String changes) {
        server.put("/admin/realms/" + name + "/users/" + id, KeycloakServer.json(changes));
    }

    public void delete(String id) {
        server.delete("/admin/realms/" + name + "/users/" + id);
    }

    public void setPassword(String id, String password) {
        server.put("/admin/realms/" + name + "/users/" + id + "/reset-password", object("""
                {"type": "password", "value": "%s", "temporary": false}""", password));
    }

    /** A user as the admin API shows it. */
    public JsonNode user(String id) {
        return server.get("/admin/realms/" + name + "/users/" + id);
    }

    public JsonNode userNamed(String username) {
        return server.get("/admin/realms/" + name + "/users?exact=true&username=" + username)
                .get(0);
    }

    /** Lets the realm have organizations. */
    public void allowOrganizations() {
        server.put("/admin/realms/" + name, object("{\"organizationsEnabled\": true}"));
    }

    /** Creates a resource of the realm, such as "groups", and returns its id. */
    public String post(String path, String body) {
        return server.post("/admin/realms/" + name + "/" + path, KeycloakServer.json(body));
    }

    public void put(String path, String body) {
        server.put("/admin/realms/" + name + "/" + path, KeycloakServer.json(body));
    }

    public void remove(String path) {
        server.delete("/admin/realms/" + name + "/" + path);
    }

    /** All pages of a listing, such as "groups". */
    public List<JsonNode> list(String path) {
        List<JsonNode> all = new ArrayList<>();
        JsonNode page;
        do {
            page = server.get("/admin/realms/" + name + "/" + path + "?briefRepresentation=false&max=" + PAGE
                    + "&first=" + all.size());
            page.forEach(all::add);
        } while (page.size() == PAGE);
        return all;
    }

    /** Opens the realm to visitors: they may register, and log in to the client "app". */
    public void open() {
        server.put("/admin/realms/" + name, object("{\"registrationAllowed\": true}"));
        server.post("/admin/realms/" + name + "/clients", object("""
                {"clientId": "app", "publicClient": true, "standardFlowEnabled": true, "directAccessGrantsEnabled": true, "redirectUris": ["%s"]}""", REDIRECT));
    }

    /** Fills in the registration page as a visitor's browser does, and returns the new user's id. */
    public String register(String username, String password, String email, String firstName, String lastName) {
        HttpResponse<String> page = server.send(HttpRequest.newBuilder(URI.create(server.url() + "/realms/" + name
                + "/protocol/openid-connect/registrations?client_id=app&response_type=code&scope=openid&redirect_uri="
                + REDIRECT)));
        Matcher action = Pattern.compile("<form[^>]*\\saction=\"([^\"]+)\"").matcher(page.body());
        if (!action.find()) {
            throw new AssertionError("no form in " + page.body());
        }
        // The cookies are marked Secure, and a cookie store would not send them over plain HTTP.
        String cookies = page.headers().allValues("Set-Cookie").stream()
                .map(cookie -> cookie.split(";")[0])
                .collect(Collectors.joining("; "));
        HttpResponse<String> done =
                server.send(HttpRequest.newBuilder(URI.create(action.group(1).replace("&amp;", "&")))
                        .header("Cookie", cookies)
                        .header("Content-Type", "application/x-www-form-urlencoded")
                        .POST(form(Map.of(
                                "username",
                                username,
                                "password",
                                password,
                                "password-confirm",
                                password,
                                "email",
                                email,
                                "firstName",
                                firstName,
                                "lastName",
                                lastName))));
        if (!done.headers().firstValue("Location").orElse("").startsWith(REDIRECT + "?")) {
            throw new AssertionError("not registered: " + done.statusCode() + " " + done.body());
        }
        return userNamed(username).get("id").asText();
    }

    /** Logs a user in, and changes the user's own profile. Call {@link #open} first. */
    public void changeOwnProfile(String username, String password, String profile) {
        String token = KeycloakServer.json(server.send(HttpRequest.newBuilder(
                                        URI.create(server.url() + "/realms/" + name + "/protocol/openid-connect/token"))
                                .header("Content-Type", "application/x-www-form-urlencoded")
                                .POST(form(Map.of(
                                        "grant_type",
                                        "password",
                                        "client_id",
                                        "app",
                                        "username",
                                        username,
                                        "password",
                                        password))))
                        .body())
                .get("access_token")
                .asText();
        server.send(HttpRequest.newBuilder(URI.create(server.url() + "/realms/" + name + "/account/"))
                .header("Authorization", "Bearer " + token)
                .header("Content-Type", "application/json")
                .header("Accept", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(profile)));
    }

    public static HttpRequest.BodyPublisher form(Map<String, String> fields) {
        return HttpRequest.BodyPublishers.ofString(fields.entrySet().stream()
                .map(field -> field.getKey() + "=" + URLEncoder.encode(field.getValue(), UTF_8))
                .collect(Collectors.joining("&")));
    }

    private static JsonNode object(String json, Object... values) {
        return KeycloakServer.json(json.formatted(values));
    }
}
