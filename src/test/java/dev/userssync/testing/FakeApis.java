package dev.userssync.testing;

import static dev.userssync.testing.FakeApi.array;
import static dev.userssync.testing.FakeApi.object;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Event;
import dev.userssync.testing.FakeApi.Request;
import dev.userssync.testing.FakeApi.User;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The languages of the providers' APIs. Paging, limits, inclusive cursors, hidden rows and errors follow the providers'
 * documentation and sources.
 */
public final class FakeApis {

    public static final String KEY = "key-of-the-api";

    private FakeApis() {}

    /**
     * Bare arrays of at most 500. starting_after is exclusive, and needs the order of creation. 401 for a wrong key.
     */
    public static Answer clerk(Request request, FakeApi api) {
        if (!("Bearer " + KEY).equals(request.headers().get("Authorization"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/v1/users/");
        if (id != null) {
            return api.user(id) == null ? null : Answer.ok(clerkUser(api.user(id)));
        }
        if (!request.path().equals("/v1/users")) {
            return null; // no organizations
        }
        int limit = request.number("limit", 10);
        int count = Math.min(limit, api.largestPage);
        int offset = request.number("offset", 0);
        String order = request.query().getOrDefault("order_by", "-created_at");
        List<User> users = api.listed();
        if (order.equals("-updated_at")) {
            users.sort(Comparator.comparing(User::updated).reversed());
        } else if (!order.equals("+created_at")) {
            return Answer.status(422);
        }
        String startingAfter = request.query().get("starting_after");
        if (limit > 500 || startingAfter != null && (offset > 0 || !order.equals("+created_at"))) {
            return Answer.status(422);
        }
        if (startingAfter != null) {
            List<String> ids = users.stream().map(User::id).toList();
            if (!ids.contains(startingAfter)) {
                return Answer.ok(array(List.of())); // undocumented: looks like the end
            }
            offset = ids.indexOf(startingAfter) + 1;
        }
        return Answer.ok(array(users.stream()
                .skip(offset)
                .limit(count)
                .map(FakeApis::clerkUser)
                .toList()));
    }

    public static ObjectNode clerkUser(User user) {
        ObjectNode json = object().put("object", "user")
                .put("id", user.id())
                .put("first_name", user.name())
                .putNull("last_name")
                .put("primary_email_address_id", "idn_1")
                .put("created_at", user.created().toEpochMilli())
                .put("updated_at", user.updated().toEpochMilli());
        json.putArray("email_addresses").addObject().put("id", "idn_1").put("email_address", user.email());
        return json;
    }

    /**
     * The cursor is the first user of the next page. Anonymous users are hidden by default. Without a limit, one answer
     * holds all users.
     */
    public static Answer stackAuth(Request request, FakeApi api) {
        if (!KEY.equals(request.headers().get("X-Stack-Secret-Server-Key"))
                || !"server".equals(request.headers().get("X-Stack-Access-Type"))
                || !"project".equals(request.headers().get("X-Stack-Project-Id"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/api/v1/users/");
        if (id != null) {
            return api.user(id) == null ? null : Answer.ok(stackAuthUser(api.user(id)));
        }
        List<User> users = api.listed().stream()
                .filter(user -> !user.hidden() || "true".equals(request.query().get("include_anonymous")))
                .toList();
        String cursor = request.query().get("cursor");
        int start = cursor == null ? 0 : users.stream().map(User::id).toList().indexOf(cursor);
        int end = start < 0
                ? start
                : Math.min(
                        users.size(),
                        start + Math.min(api.largestPage, request.number("limit", Integer.MAX_VALUE - start)));
        ObjectNode page = object().put("is_paginated", true);
        page.set(
                "items",
                start < 0
                        ? array(List.of())
                        : array(users.subList(start, end).stream()
                                .map(FakeApis::stackAuthUser)
                                .toList()));
        page.putObject("pagination")
                .put(
                        "next_cursor",
                        start >= 0 && end < users.size() ? users.get(end).id() : null);
        return Answer.ok(page);
    }

    public static ObjectNode stackAuthUser(User user) {
        return object().put("id", user.id())
                .put("display_name", user.name())
                .put("primary_email", user.email())
                .put("signed_up_at_millis", user.created().toEpochMilli())
                .put("is_anonymous", user.hidden());
    }

    /**
     * Exclusive cursors. Lists are newest first unless order=asc. Events keep their order; their filter is a repeated
     * key.
     */
    public static Answer workos(Request request, FakeApi api) {
        if (!isBearer(request, KEY)) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/user_management/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::workosUser));
        }
        boolean events = request.path().equals("/events");
        List<ObjectNode> all = events
                ? api.events().stream()
                        .filter(event -> request.query().get("events").contains("user." + event.kind()))
                        .filter(event -> !event.time()
                                .isBefore(Instant.parse(
                                        request.query().getOrDefault("range_start", "2000-01-01T00:00:00Z"))))
                        .map(event -> object().put("id", event.id())
                                .put("event", "user." + event.kind())
                                .put("created_at", event.time().toString())
                                .<ObjectNode>set("data", workosUser(event.user())))
                        .toList()
                : api.listed().stream().map(FakeApis::workosUser).toList();
        if (!"asc".equals(request.query().get("order"))) {
            return Answer.status(400);
        }
        List<String> ids = all.stream().map(node -> node.path("id").asText()).toList();
        String cursor = request.query().get("after");
        if (cursor != null && (!ids.contains(cursor) || request.query().containsKey("range_start"))) {
            return events ? Answer.status(400) : Answer.ok(list(List.of(), null)); // undocumented: looks like the end
        }
        int start = cursor == null ? 0 : ids.indexOf(cursor) + 1;
        int end = Math.min(all.size(), start + Math.min(api.largestPage, request.number("limit", 10)));
        return Answer.ok(list(all.subList(start, end), end < all.size() ? ids.get(end - 1) : null));
    }

    static ObjectNode list(List<ObjectNode> data, String after) {
        ObjectNode list = object().put("object", "list");
        list.set("data", array(data));
        list.putObject("list_metadata").put("after", after);
        return list;
    }

    private static ObjectNode workosUser(User user) {
        return object().put("object", "user")
                .put("id", user.id())
                .put("name", user.name())
                .put("email", user.email())
                .put("created_at", user.created().toString())
                .put("updated_at", user.updated().toString());
    }

    /** A search shows at most 1,000 users on all pages together, and answers 400 beyond. */
    public static Answer auth0(Request request, FakeApi api) {
        if (request.path().equals("/oauth/token")) {
            return token(
                    request,
                    request.body().contains("client_secret=secret")
                            && request.body().contains("audience="));
        }
        if (!isBearer(request, "token")) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/api/v2/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::auth0User));
        }
        Matcher search = Pattern.compile("(created_at|updated_at):\\[(.*) TO \\*]")
                .matcher(request.query().get("q"));
        int size = Math.min(request.number("per_page", 50), api.largestPage);
        int start = request.number("page", 0) * size;
        if (!search.matches() || start + size > 1000 || request.number("per_page", 50) > 100) {
            return Answer.status(400);
        }
        Function<User, Instant> time = search.group(1).equals("created_at") ? User::created : User::updated;
        Instant from = Instant.parse(search.group(2));
        List<User> found = api.listed().stream()
                .filter(user -> !time.apply(user).isBefore(from))
                .sorted(Comparator.comparing(time))
                .toList();
        List<ObjectNode> users =
                found.stream().skip(start).limit(size).map(FakeApis::auth0User).toList();
        ObjectNode page = object().put("start", start)
                .put("limit", size)
                .put("length", users.size())
                .put("total", found.size());
        page.set("users", array(users));
        return Answer.ok(page);
    }

    private static ObjectNode auth0User(User user) {
        ObjectNode json = object().put("user_id", user.id())
                .put("name", user.name())
                .put("email", user.email())
                .put("created_at", user.created().toString())
                .put("updated_at", user.updated().toString());
        json.putArray("identities");
        return json;
    }

    /** Opaque cursors in one of several Link headers. Without a filter the list omits deactivated users. */
    public static Answer okta(Request request, FakeApi api) {
        if (!("SSWS " + KEY).equals(request.headers().get("Authorization"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/api/v1/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::oktaUser));
        }
        String filter = request.query().get("filter");
        Instant since =
                filter == null ? Instant.MIN : Instant.parse(filter.replaceAll("lastUpdated gt \"(.*)\"", "$1"));
        List<User> found = api.listed().stream()
                .filter(user -> filter != null || !user.hidden())
                .filter(user -> user.updated().isAfter(since))
                .sorted(Comparator.comparing(User::id))
                .toList();
        String after = request.query().get("after");
        List<User> rest = found.stream()
                .filter(user -> after == null || ("p-" + user.id()).compareTo(after) > 0)
                .toList();
        List<User> page =
                rest.subList(0, Math.min(rest.size(), Math.min(api.largestPage, request.number("limit", 200))));
        Answer answer = Answer.ok(array(page.stream().map(FakeApis::oktaUser).toList()));
        String self = "<" + api.url() + "/api/v1/users?limit=200>; rel=\"self\"";
        return answer.header(
                "Link",
                page.size() == rest.size()
                        ? self
                        : self + ", <" + api.url() + "/api/v1/users?after=p-"
                                + encode(page.get(page.size() - 1).id()) + "&limit=200"
                                + (filter == null ? "" : "&filter=" + encode(filter)) + ">; rel=\"next\"");
    }

    private static ObjectNode oktaUser(User user) {
        ObjectNode json = object().put("id", user.id())
                .put("status", user.hidden() ? "DEPROVISIONED" : "ACTIVE")
                .put("created", user.created().toString())
                .put("lastUpdated", user.updated().toString());
        json.putObject("profile")
                .put("displayName", user.name())
                .put("email", user.email())
                .put("login", user.email());
        return json;
    }

    /**
     * Offsets in the order of usernames, without a time of change. One feed holds the administrators' events, another
     * the users' own.
     */
    public static Answer keycloak(Request request, FakeApi api) {
        if (request.path().equals("/realms/orchard/protocol/openid-connect/token")) {
            return token(
                    request,
                    ("Basic " + Base64.getEncoder().encodeToString("client:secret".getBytes()))
                            .equals(request.headers().get("Authorization")));
        }
        if (!isBearer(request, "token")) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/admin/realms/orchard/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::keycloakUser));
        }
        int first = request.number("first", 0);
        int max = Math.min(api.largestPage, request.number("max", 100));
        if (request.path().equals("/admin/realms/orchard/users")) {
            return Answer.ok(array(api.listed().stream()
                    .sorted(Comparator.comparing(User::email))
                    .skip(first)
                    .limit(max)
                    .map(FakeApis::keycloakUser)
                    .toList()));
        }
        boolean admin = request.path().equals("/admin/realms/orchard/admin-events");
        if (!admin && !request.path().equals("/admin/realms/orchard/events")) {
            return null;
        }
        Stream<Event> events = api.events().stream()
                .filter(event -> event.number() % 2 == (admin ? 0 : 1)) // every other event is the user's own
                .filter(event -> event.time().toEpochMilli()
                        >= Long.parseLong(request.query().get("dateFrom")));
        return Answer.ok(array(events.sorted(
                        admin
                                ? Comparator.comparing(Event::number)
                                : Comparator.comparing(Event::number).reversed())
                .skip(first)
                .limit(max)
                .map(event -> {
                    ObjectNode json = object().put("id", event.id())
                            .put("time", event.time().toEpochMilli());
                    boolean deleted = event.kind().equals("deleted");
                    return admin
                            ? json.put("operationType", deleted ? "DELETE" : "UPDATE")
                                    .put("resourceType", "USER")
                                    .put("resourcePath", "users/" + event.user().id())
                            : json.put("type", deleted ? "DELETE_ACCOUNT" : "UPDATE_PROFILE")
                                    .put("userId", event.user().id());
                })
                .toList()));
    }

    private static ObjectNode keycloakUser(User user) {
        return object().put("id", user.id())
                .put("username", user.email())
                .put("firstName", user.name())
                .put("email", user.email())
                .put("enabled", true)
                .put("createdTimestamp", user.created().toEpochMilli());
    }

    /** Numbered pages, newest first, with the total in a header. A page of more than a hundred is refused. */
    public static Answer logto(Request request, FakeApi api) {
        if (request.path().equals("/oidc/token")) {
            return token(request, request.body().contains("resource="));
        }
        if (!isBearer(request, "token")) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/api/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::logtoUser));
        }
        if (request.number("page_size", 20) > 100) {
            return Answer.status(400);
        }
        return numbered(
                        request.number("page", 1),
                        Math.min(api.largestPage, request.number("page_size", 20)),
                        api,
                        FakeApis::logtoUser)
                .header("Total-Number", Integer.toString(api.listed().size()));
    }

    private static ObjectNode logtoUser(User user) {
        return object().put("id", user.id())
                .put("name", user.name())
                .put("primaryEmail", user.email())
                .put("createdAt", user.created().toEpochMilli())
                .put("updatedAt", user.updated().toEpochMilli());
    }

    private static Answer numbered(int page, int size, FakeApi api, Function<User, ObjectNode> json) {
        return Answer.ok(array(api.listed().stream()
                .sorted(Comparator.comparing(User::created).reversed())
                .skip((page - 1L) * size)
                .limit(size)
                .map(json)
                .toList()));
    }

    /** An opaque token, and ten users a page by default. A single user is a query. */
    public static Answer kinde(Request request, FakeApi api) {
        if (request.path().equals("/oauth2/token")) {
            return token(
                    request,
                    request.body().contains("client_id=client")
                            && request.body().contains("audience="));
        }
        if (!isBearer(request, "token")) {
            return Answer.status(401);
        }
        if (request.path().equals("/api/v1/user")) {
            return Answer.ofUser(user(api, request.query().get("id"), FakeApis::kindeUser));
        }
        return Answer.ok(tokenPage(
                        request.query().get("next_token"),
                        request.number("page_size", 10),
                        api,
                        FakeApis::kindeUser,
                        "users",
                        "next_token")
                .put("code", "OK"));
    }

    private static ObjectNode kindeUser(User user) {
        return object().put("id", user.id())
                .put("first_name", user.name())
                .put("last_name", "")
                .put("email", user.email())
                .put("created_on", user.created().toString());
    }

    /** Users by id, after an opaque token; the last page has no token. */
    private static ObjectNode tokenPage(
            String token, int size, FakeApi api, Function<User, ObjectNode> json, String users, String next) {
        List<User> rest = api.listed().stream()
                .sorted(Comparator.comparing(User::id))
                .filter(user -> token == null || ("t" + user.id()).compareTo(token) > 0)
                .toList();
        List<User> page = rest.subList(0, Math.min(rest.size(), Math.min(api.largestPage, size)));
        ObjectNode answer = object().put(
                        next,
                        page.size() == rest.size()
                                ? null
                                : "t" + page.get(page.size() - 1).id());
        answer.set(users, array(page.stream().map(json).toList()));
        return answer;
    }

    /** The key comes without a scheme. A token in the answer continues where an offset cannot. */
    public static Answer fusionauth(Request request, FakeApi api) {
        if (!KEY.equals(request.headers().get("Authorization"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/api/user/");
        if (id != null && !request.path().equals("/api/user/search")) {
            ObjectNode user = user(api, id, FakeApis::fusionauthUser);
            return user == null ? null : Answer.ok(object().set("user", user));
        }
        JsonNode search = request.json().path("search");
        ObjectNode page = tokenPage(
                search.path("nextResults").textValue(),
                search.path("numberOfResults").asInt(25),
                api,
                FakeApis::fusionauthUser,
                "users",
                "nextResults");
        return Answer.ok(page.put("total", api.listed().size()));
    }

    private static ObjectNode fusionauthUser(User user) {
        return object().put("id", user.id())
                .put("fullName", user.name())
                .put("email", user.email())
                .put("active", true)
                .put("insertInstant", user.created().toEpochMilli())
                .put("lastUpdateInstant", user.updated().toEpochMilli());
    }

    /** Long numbers as text, offsets, and events with a sequence number per user. */
    public static Answer zitadel(Request request, FakeApi api) {
        if (!isBearer(request, KEY)) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/v2/users/");
        if (id != null) {
            ObjectNode user = user(api, id, FakeApis::zitadelUser);
            return user == null ? null : Answer.ok(object().set("user", user));
        }
        if (!request.method().equals("POST")) {
            return Answer.status(405);
        }
        JsonNode body = request.json();
        if (request.path().equals("/admin/v1/events/_search")) {
            Instant from = Instant.parse(body.path("from").asText());
            return Answer.ok(object().set(
                            "events",
                            array(api.events().stream()
                                    .filter(event -> !event.time().isBefore(from))
                                    .limit(Math.min(
                                            api.largestPage, body.path("limit").asInt()))
                                    .map(event -> {
                                        ObjectNode json = object().put("sequence", Integer.toString(event.number()))
                                                .put(
                                                        "creationDate",
                                                        event.time().toString());
                                        json.putObject("aggregate")
                                                .put("id", event.user().id())
                                                .put("type", "user");
                                        json.putObject("type")
                                                .put(
                                                        "type",
                                                        event.kind().equals("created")
                                                                ? "user.human.added"
                                                                : event.kind().equals("updated")
                                                                        ? "user.human.profile.changed"
                                                                        : "user.removed");
                                        return json;
                                    })
                                    .toList())));
        }
        ObjectNode page = object();
        page.putObject("details")
                .put("totalResult", Integer.toString(api.listed().size()));
        List<ObjectNode> users = api.listed().stream()
                .skip(body.at("/query/offset").asLong())
                .limit(Math.min(api.largestPage, body.at("/query/limit").asInt(100)))
                .map(FakeApis::zitadelUser)
                .toList();
        if (!users.isEmpty()) { // leaves out an empty list
            page.set("result", array(users));
        }
        return Answer.ok(page);
    }

    private static ObjectNode zitadelUser(User user) {
        ObjectNode json = object().put("userId", user.id())
                .put("state", "USER_STATE_ACTIVE")
                .put("username", user.email());
        json.putObject("details")
                .put("creationDate", user.created().toString())
                .put("changeDate", user.updated().toString());
        ObjectNode human = json.putObject("human");
        human.putObject("profile").put("displayName", user.name());
        human.putObject("email").put("email", user.email());
        return json;
    }

    /** HTTP Basic, a search by POST, and no time of change. */
    public static Answer stytch(Request request, FakeApi api) {
        if (!("Basic " + Base64.getEncoder().encodeToString("client:secret".getBytes()))
                .equals(request.headers().get("Authorization"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/v1/users/");
        if (id != null && !id.equals("search")) {
            ObjectNode user = user(api, id, FakeApis::stytchUser);
            return Answer.ofUser(
                    user == null ? null : user.put("status_code", 200).put("request_id", "request-id-test"));
        }
        JsonNode body = request.json();
        ObjectNode found = tokenPage(
                body.path("cursor").textValue(),
                body.path("limit").asInt(100),
                api,
                FakeApis::stytchUser,
                "results",
                "next");
        ObjectNode page = object();
        page.set("results", found.get("results"));
        page.putObject("results_metadata").put("total", api.listed().size()).set("next_cursor", found.get("next"));
        return Answer.ok(page);
    }

    private static ObjectNode stytchUser(User user) {
        ObjectNode json = object().put("user_id", user.id())
                .put("created_at", user.created().toString())
                .put("status", "active");
        json.putObject("name")
                .put("first_name", user.name())
                .put("middle_name", "")
                .put("last_name", "");
        json.putArray("emails").addObject().put("email", user.email()).put("verified", true);
        return json;
    }

    /** Numbered pages, newest first, with the total in a header. */
    public static Answer hanko(Request request, FakeApi api) {
        if (!isBearer(request, KEY)) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::hankoUser));
        }
        if (!"desc".equals(request.query().get("sort_direction"))) {
            return Answer.status(400);
        }
        return numbered(
                        request.number("page", 1),
                        Math.min(api.largestPage, request.number("per_page", 20)),
                        api,
                        FakeApis::hankoUser)
                .header("X-Total-Count", Integer.toString(api.listed().size()));
    }

    private static ObjectNode hankoUser(User user) {
        ObjectNode json = object().put("id", user.id())
                .put("name", user.name())
                .put("created_at", user.created().toString())
                .put("updated_at", user.updated().toString());
        json.putArray("emails").addObject().put("address", user.email()).put("is_primary", true);
        return json;
    }

    /**
     * Numbered pages, newest first, with the total in a header. A row of the database uses other names for the
     * metadata.
     */
    public static Answer supabase(Request request, FakeApi api) {
        if (!isBearer(request, KEY) || !KEY.equals(request.headers().get("apikey"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/auth/v1/admin/users/");
        if (id != null) {
            return Answer.ofUser(user(api, id, FakeApis::supabaseUser));
        }
        Answer page = numbered(
                request.number("page", 1),
                Math.min(api.largestPage, request.number("per_page", 50)),
                api,
                FakeApis::supabaseUser);
        return Answer.ok(object().put("aud", "authenticated").set("users", page.body()))
                .header("X-Total-Count", Integer.toString(api.listed().size()));
    }

    private static ObjectNode supabaseUser(User user) {
        ObjectNode json = object().put("id", user.id())
                .put("email", user.email())
                .put("created_at", user.created().toString())
                .put("updated_at", user.updated().toString());
        json.putObject("user_metadata").put("full_name", user.name());
        json.putObject("app_metadata").put("provider", "email");
        return json;
    }

    /**
     * Offsets; any column orders and filters. When its database fails, it answers 200 with no users, limit or offset.
     */
    public static Answer betterAuth(Request request, FakeApi api) {
        if (!isBearer(request, KEY)) {
            return Answer.status(401);
        }
        if (!request.path().equals("/api/auth/admin/list-users")) {
            return null;
        }
        String value = request.query().get("filterValue");
        Predicate<User> filter = switch (request.query().getOrDefault("filterField", "none")) {
            case "id" -> user -> user.id().equals(value);
            case "updatedAt" -> user -> user.updated().isAfter(Instant.parse(value));
            default -> user -> true;
        };
        boolean one = "id".equals(request.query().get("filterField"));
        List<User> found = (one ? api.users() : api.listed())
                .stream()
                        .filter(filter)
                        .sorted(Comparator.comparing(
                                "updatedAt".equals(request.query().get("sortBy")) ? User::updated : User::created))
                        .toList();
        int limit = Math.min(api.largestPage, request.number("limit", 100));
        int offset = request.number("offset", 0);
        ObjectNode page =
                object().put("total", found.size()).put("limit", limit).put("offset", offset);
        page.set(
                "users",
                array(found.stream()
                        .skip(offset)
                        .limit(limit)
                        .map(FakeApis::betterAuthUser)
                        .toList()));
        return Answer.ok(page);
    }

    private static ObjectNode betterAuthUser(User user) {
        return object().put("id", user.id())
                .put("name", user.name())
                .put("email", user.email())
                .put("emailVerified", false)
                .put("createdAt", user.created().toString())
                .put("updatedAt", user.updated().toString());
    }

    private static Answer token(Request request, boolean right) {
        return request.method().equals("POST") && right
                ? Answer.ok(object().put("access_token", "token")
                        .put("token_type", "Bearer")
                        .put("expires_in", 300))
                : Answer.status(401);
    }

    private static boolean isBearer(Request request, String token) {
        return ("Bearer " + token).equals(request.headers().get("Authorization"));
    }

    private static ObjectNode user(FakeApi api, String id, Function<User, ObjectNode> json) {
        return api.user(id) == null ? null : json.apply(api.user(id));
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }

    /** The rest of a path, decoded, or null. */
    private static String after(String path, String prefix) {
        return path.startsWith(prefix) ? FakeApi.decode(path.substring(prefix.length())) : null;
    }
}
