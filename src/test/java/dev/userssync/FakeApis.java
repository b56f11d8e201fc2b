package dev.userssync;

import static dev.userssync.FakeApi.array;
import static dev.userssync.FakeApi.object;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.FakeApi.Answer;
import dev.userssync.FakeApi.Request;
import dev.userssync.FakeApi.User;
import java.util.Comparator;
import java.util.List;

/**
 * The languages of the providers' APIs: paging, limits, inclusive cursors, hidden rows and errors as their documentation and sources
 * describe them.
 */
final class FakeApis {

    static final String KEY = "key-of-the-api";

    private FakeApis() {
    }

    /** Bare arrays; starting_after is exclusive and only with the order of creation; at most 500; 401 with a wrong key. */
    static Answer clerk(Request request, FakeApi api) {
        if (!("Bearer " + KEY).equals(request.headers().get("Authorization"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/v1/users/");
        if (id != null) {
            return api.user(id) == null ? null : Answer.ok(clerkUser(api.user(id)));
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
                return Answer.ok(array(List.of())); // undocumented: as if it were the end
            }
            offset = ids.indexOf(startingAfter) + 1;
        }
        return Answer.ok(array(users.stream().skip(offset).limit(count).map(FakeApis::clerkUser).toList()));
    }

    static ObjectNode clerkUser(User user) {
        ObjectNode json = object().put("object", "user").put("id", user.id()).put("first_name", user.name()).putNull("last_name")
                .put("primary_email_address_id", "idn_1").put("created_at", user.created().toEpochMilli())
                .put("updated_at", user.updated().toEpochMilli());
        json.putArray("email_addresses").addObject().put("id", "idn_1").put("email_address", user.email());
        return json;
    }

    /** The cursor is the first user of the next page; anonymous users are hidden by default; without a limit, all users in one answer. */
    static Answer stackAuth(Request request, FakeApi api) {
        if (!KEY.equals(request.headers().get("X-Stack-Secret-Server-Key")) || !"server".equals(request.headers().get("X-Stack-Access-Type"))
                || !"project".equals(request.headers().get("X-Stack-Project-Id"))) {
            return Answer.status(401);
        }
        String id = after(request.path(), "/api/v1/users/");
        if (id != null) {
            return api.user(id) == null ? null : Answer.ok(stackAuthUser(api.user(id)));
        }
        List<User> users = api.listed().stream().filter(user -> !user.hidden() || "true".equals(request.query().get("include_anonymous"))).toList();
        String cursor = request.query().get("cursor");
        int start = cursor == null ? 0 : users.stream().map(User::id).toList().indexOf(cursor);
        int end = start < 0 ? start : Math.min(users.size(), start + Math.min(api.largestPage, request.number("limit", Integer.MAX_VALUE - start)));
        ObjectNode page = object().put("is_paginated", true);
        page.set("items", start < 0 ? array(List.of()) : array(users.subList(start, end).stream().map(FakeApis::stackAuthUser).toList()));
        page.putObject("pagination").put("next_cursor", start >= 0 && end < users.size() ? users.get(end).id() : null);
        return Answer.ok(page);
    }

    private static ObjectNode stackAuthUser(User user) {
        return object().put("id", user.id()).put("display_name", user.name()).put("primary_email", user.email())
                .put("signed_up_at_millis", user.created().toEpochMilli()).put("is_anonymous", user.hidden());
    }

    /** The rest of a path, decoded, or null. */
    private static String after(String path, String prefix) {
        return path.startsWith(prefix) ? FakeApi.decode(path.substring(prefix.length())) : null;
    }
}
