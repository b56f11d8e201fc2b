package dev.userssync.testing;

import static dev.userssync.testing.FakeApi.array;
import static dev.userssync.testing.FakeApi.object;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Request;
import dev.userssync.testing.FakeOrganizations.Member;
import dev.userssync.testing.FakeOrganizations.Organization;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The languages in which providers list organizations and memberships. Paging, limits and errors follow the providers'
 * documentation and sources. None of them has users.
 */
public final class FakeOrganizationApis {

    private FakeOrganizationApis() {}

    /** Pages by offset of at most 500, with the total. */
    public static Answer clerk(Request request, FakeOrganizations all) {
        if (request.path().equals("/v1/users")) {
            return Answer.ok(array(List.of()));
        }
        if (request.number("limit", 10) > 500
                || !"+created_at".equals(request.query().get("order_by"))) {
            return Answer.status(422);
        }
        return switch (request.path()) {
            case "/v1/organizations" ->
                clerkPage(
                        request,
                        all,
                        all.organizations().stream()
                                .map(FakeOrganizationApis::clerkOrganization)
                                .toList());
            case "/v1/organization_memberships" ->
                clerkPage(
                        request,
                        all,
                        all.members(null).stream()
                                .map(member -> clerkMembership(member, all))
                                .toList());
            default -> null;
        };
    }

    private static Answer clerkPage(Request request, FakeOrganizations all, List<ObjectNode> whole) {
        return Answer.ok(object().put("total_count", whole.size())
                .set(
                        "data",
                        array(whole.stream()
                                .skip(request.number("offset", 0))
                                .limit(Math.min(request.number("limit", 10), all.api.largestPage))
                                .toList())));
    }

    private static ObjectNode clerkOrganization(Organization organization) {
        return object().put("object", "organization")
                .put("id", organization.id())
                .put("name", organization.name())
                .put("slug", "slug-of-" + organization.id())
                .put("created_at", organization.created().toEpochMilli())
                .put("updated_at", organization.updated().toEpochMilli());
    }

    public static ObjectNode clerkMembership(Member member, FakeOrganizations all) {
        ObjectNode json = object().put("object", "organization_membership")
                .put("id", member.id())
                .put("role", member.roles().get(0))
                .put("created_at", member.created().toEpochMilli())
                .put("updated_at", member.updated().toEpochMilli());
        json.set("organization", clerkOrganization(all.organization(member.organization())));
        json.set("public_user_data", object().put("user_id", member.user()).put("identifier", "ada"));
        return json;
    }

    /**
     * Pages by a checkpoint. The answer has no {@code next} at the end. Without {@code fields}, members have no roles.
     */
    public static Answer auth0(Request request, FakeOrganizations all) {
        if (request.path().equals("/oauth/token")) {
            return Answer.ok(object().put("access_token", FakeApis.KEY).put("expires_in", 86400));
        }
        if (request.path().equals("/api/v2/users")) {
            return Answer.ok(
                    object().put("total", 0).put("start", 0).put("length", 0).set("users", array(List.of())));
        }
        if (request.path().equals("/api/v2/organizations")) {
            return auth0Page(
                    request,
                    all,
                    "organizations",
                    all.organizations().stream()
                            .filter(organization -> !organization.id().startsWith("g"))
                            .map(organization -> object().put("id", organization.id())
                                    .put("name", "slug-of-" + organization.id())
                                    .put("display_name", organization.name()))
                            .toList());
        }
        if (request.path().equals("/api/v2/groups")) {
            return auth0Page(
                    request,
                    all,
                    "groups",
                    all.organizations().stream()
                            .filter(group -> group.id().startsWith("g"))
                            .map(group -> dated(hourBefore(group.created()), hourBefore(group.updated()))
                                    .put("id", group.id())
                                    .put("name", group.name())
                                    .put("type", "organization")
                                    .put("organization_id", "o1"))
                            .toList());
        }
        List<Member> ofGroup = members(request, "/api/v2/groups/([^/]+)/members", all);
        if (ofGroup != null) {
            return auth0Page(
                    request,
                    all,
                    "members",
                    ofGroup.stream()
                            .map(member -> object().put("id", member.user())
                                    .put("member_type", member.user().startsWith("con_") ? "connection" : "user"))
                            .toList());
        }
        List<Member> members = members(request, "/api/v2/organizations/([^/]+)/members", all);
        if (members == null) {
            return null;
        }
        boolean roles = request.query().getOrDefault("fields", "").contains("roles");
        return auth0Page(
                request,
                all,
                "members",
                members.stream()
                        .map(member -> {
                            ObjectNode json = object().put("user_id", member.user());
                            if (roles) {
                                json.set("roles", roles(member));
                            }
                            return json;
                        })
                        .toList());
    }

    /** A group is older than the allowance for lists that lag behind. */
    private static Instant hourBefore(Instant time) {
        return time.minusSeconds(3_600);
    }

    /** The members of the organization whose id is in a path; null for another path, or an unknown organization. */
    private static List<Member> members(Request request, String path, FakeOrganizations all) {
        Matcher matcher = Pattern.compile(path).matcher(request.path());
        String organization = matcher.matches() ? FakeApi.decode(matcher.group(1)) : null;
        return all.organization(organization) == null ? null : all.members(organization);
    }

    private static ArrayNode roles(Member member) {
        return array(member.roles().stream()
                .map(role -> object().put("id", "rol_" + role).put("name", role))
                .toList());
    }

    private static Answer auth0Page(Request request, FakeOrganizations all, String field, List<ObjectNode> whole) {
        int from = Integer.parseInt(request.query().getOrDefault("from", "0"));
        int take = Math.min(request.number("take", 50), all.api.largestPage);
        if (request.number("take", 50) > 100) {
            return Answer.status(400);
        }
        ObjectNode page = object();
        page.set(field, array(whole.stream().skip(from).limit(take).toList()));
        return Answer.ok(from + take < whole.size() ? page.put("next", Integer.toString(from + take)) : page);
    }

    /** Pages by the last id; memberships only of one organization, and without {@code statuses} only active ones. */
    public static Answer workos(Request request, FakeOrganizations all) {
        if (request.number("limit", 10) > 100 || !"asc".equals(request.query().get("order"))) {
            return Answer.status(422);
        }
        Matcher teams = Pattern.compile("/organizations/([^/]+)/groups(?:/([^/]+)/organization-memberships)?")
                .matcher(request.path());
        if (teams.matches()) {
            return teams.group(2) == null
                    ? workosGroups(request, "team-" + teams.group(1), all)
                    : workosTeam(request, teams.group(2), all);
        }
        return switch (request.path()) {
            case "/user_management/users", "/events" -> Answer.ok(FakeApis.list(List.of(), null));
            case "/directories" ->
                workosPage(
                        request,
                        all,
                        Stream.of("dir1", "dir2", "dir3")
                                .map(id -> object().put("id", id))
                                .toList());
            case "/directory_groups" -> workosGroups(request, request.query().get("directory"), all);
            case "/directory_users" ->
                workosPage(
                        request,
                        all,
                        all.members(request.query().get("group")).stream()
                                .map(member -> object().put("id", member.user()).put("directory_id", "dir1"))
                                .toList());
            case "/organizations" ->
                workosPage(
                        request,
                        all,
                        all.organizations().stream()
                                .filter(organization -> !organization.id().contains("-"))
                                .map(organization -> dated(organization.created(), organization.updated())
                                        .put("object", "organization")
                                        .put("id", organization.id())
                                        .put("name", organization.name()))
                                .toList());
            case "/user_management/organization_memberships" -> {
                String organization = request.query().get("organization_id");
                yield organization == null
                        ? Answer.status(400)
                        : all.organization(organization) == null
                                ? null
                                : workosPage(
                                        request,
                                        all,
                                        all.members(organization).stream()
                                                .filter(member -> request.query()
                                                        .getOrDefault("statuses", "active")
                                                        .contains(status(member)))
                                                .map(FakeOrganizationApis::workosMembership)
                                                .toList());
            }
            default -> null;
        };
    }

    /** Teams and directory groups: those whose id starts with {@code owner}. */
    private static Answer workosGroups(Request request, String owner, FakeOrganizations all) {
        return workosPage(
                request,
                all,
                all.organizations().stream()
                        .filter(group -> group.id().startsWith(owner + "-"))
                        .map(group -> dated(group.created(), group.updated())
                                .put("id", group.id())
                                .put("name", group.name())
                                .put("organization_id", owner.replace("team-", "")))
                        .toList());
    }

    /** The memberships of the organization that a team consists of. */
    private static Answer workosTeam(Request request, String team, FakeOrganizations all) {
        return all.organization(team) == null
                ? null
                : workosPage(
                        request,
                        all,
                        all.members(team).stream()
                                .map(FakeOrganizationApis::workosMembership)
                                .toList());
    }

    private static String status(Member member) {
        return member.roles().contains("pending") ? "pending" : "active";
    }

    /** An object with its times as WorkOS and Stytch write them. */
    private static ObjectNode dated(Instant created, Instant updated) {
        return object().put("created_at", created.toString()).put("updated_at", updated.toString());
    }

    private static ObjectNode workosMembership(Member member) {
        ObjectNode json = dated(member.created(), member.updated())
                .put("object", "organization_membership")
                .put("id", member.id())
                .put("user_id", member.user())
                .put("organization_id", member.organization())
                .put("organization_name", "repeated")
                .put("status", status(member));
        json.putObject("user").put("id", member.user()).put("last_sign_in_at", "2026-01-01T00:00:00.000Z");
        json.putObject("role").put("slug", member.roles().get(0));
        json.set(
                "roles",
                array(member.roles().stream()
                        .map(role -> object().put("slug", role))
                        .toList()));
        return json;
    }

    private static Answer workosPage(Request request, FakeOrganizations all, List<ObjectNode> whole) {
        List<String> ids = whole.stream().map(node -> node.path("id").asText()).toList();
        String after = request.query().get("after");
        if (after != null && !ids.contains(after)) {
            return Answer.ok(FakeApis.list(List.of(), null)); // undocumented: looks like the end
        }
        int start = after == null ? 0 : ids.indexOf(after) + 1;
        int end = Math.min(whole.size(), start + Math.min(all.api.largestPage, request.number("limit", 10)));
        return Answer.ok(FakeApis.list(whole.subList(start, end), end < whole.size() ? ids.get(end - 1) : null));
    }

    /** Everything in one answer. Members repeat the whole user; their permissions have an answer of their own. */
    public static Answer stackAuth(Request request, FakeOrganizations all) {
        return switch (request.path()) {
            case "/api/v1/users" -> items(List.of());
            case "/api/v1/teams" ->
                items(all.organizations().stream()
                        .map(team -> object().put("id", team.id())
                                .put("display_name", team.name())
                                .put("created_at_millis", team.created().toEpochMilli()))
                        .toList());
            case "/api/v1/team-member-profiles" ->
                items(all.members(null).stream()
                        .map(member -> object().put("team_id", member.organization())
                                .put("user_id", member.user())
                                .<ObjectNode>set(
                                        "user",
                                        object().put("id", member.user())
                                                .put("last_active_at_millis", System.currentTimeMillis())))
                        .toList());
            case "/api/v1/team-permissions" ->
                request.query().getOrDefault("recursive", "true").equals("true")
                        ? Answer.status(400)
                        : items(all.members(null).stream()
                                .flatMap(member -> member.roles().stream()
                                        .map(role -> object().put("id", role)
                                                .put("team_id", member.organization())
                                                .put("user_id", member.user())))
                                .toList());
            default -> null;
        };
    }

    private static Answer items(List<ObjectNode> items) {
        ObjectNode answer = object().put("is_paginated", false);
        answer.set("items", array(items));
        return Answer.ok(answer);
    }

    /** Searches by POST, with numbers as text and without empty lists. Grants are those of one organization. */
    public static Answer zitadel(Request request, FakeOrganizations all) {
        return switch (request.path()) {
            case "/v2/organizations/_search" ->
                zitadelPage(
                        request,
                        all,
                        all.organizations().stream()
                                .map(organization -> zitadelEntry(organization.created(), organization.updated())
                                        .put("id", organization.id())
                                        .put("name", organization.name())
                                        .put("state", "ORGANIZATION_STATE_ACTIVE"))
                                .toList());
            case "/v2/users" -> zitadelPage(request, all, List.of());
            case "/admin/v1/events/_search" -> Answer.ok(object());
            case "/management/v1/users/grants/_search" ->
                zitadelPage(
                        request,
                        all,
                        all.members(request.headers().get("x-zitadel-orgid")).stream()
                                .map(member -> {
                                    ObjectNode json = zitadelEntry(member.created(), member.updated())
                                            .put("id", member.id())
                                            .put("userId", member.user())
                                            .put("projectId", "project")
                                            .put("displayName", "Ada")
                                            .put("state", "USER_GRANT_STATE_ACTIVE");
                                    json.set(
                                            "roleKeys",
                                            array(member.roles().stream()
                                                    .map(JsonNodeFactory.instance::textNode)
                                                    .toList()));
                                    return json;
                                })
                                .toList());
            default -> null;
        };
    }

    private static ObjectNode zitadelEntry(Instant created, Instant changed) {
        ObjectNode entry = object();
        entry.putObject("details").put("creationDate", created.toString()).put("changeDate", changed.toString());
        return entry;
    }

    private static Answer zitadelPage(Request request, FakeOrganizations all, List<ObjectNode> whole) {
        JsonNode query = request.json().path("query");
        List<ObjectNode> page = whole.stream()
                .skip(query.path("offset").asInt())
                .limit(Math.min(query.path("limit").asInt(), all.api.largestPage))
                .toList();
        ObjectNode answer = object();
        answer.putObject("details").put("totalResult", Integer.toString(whole.size()));
        if (!page.isEmpty()) {
            answer.set("result", array(page));
        }
        return Answer.ok(answer);
    }

    /** Bare arrays, by default of ten. Organizations whose id begins with g are groups; g2 is a child of g1. */
    public static Answer keycloak(Request request, FakeOrganizations all) {
        if (request.path().endsWith("/token")) {
            return Answer.ok(object().put("access_token", FakeApis.KEY).put("expires_in", 60));
        }
        String path = request.path().replaceFirst("^/admin/realms/orchard", "");
        if (path.equals("/users") || path.endsWith("events")) {
            return Answer.ok(array(List.of()));
        }
        boolean groups = path.startsWith("/groups");
        if (path.equals("/organizations") || path.equals("/groups")) {
            boolean deep = request.query().containsKey("search")
                    && "false".equals(request.query().get("populateHierarchy"));
            return keycloakPage(
                    request,
                    all,
                    all.organizations().stream()
                            .filter(organization -> organization.id().startsWith("g") == groups)
                            .filter(organization ->
                                    !groups || deep || !organization.id().equals("g2"))
                            .map(organization -> keycloakOrganization(organization, groups))
                            .toList());
        }
        Matcher members =
                Pattern.compile("/(?:organizations|groups)/([^/]+)/members").matcher(path);
        return !members.matches() || all.organization(members.group(1)) == null
                ? null
                : keycloakPage(
                        request,
                        all,
                        all.members(members.group(1)).stream()
                                .map(member -> object().put("id", member.user()).put("username", "ada"))
                                .toList());
    }

    private static ObjectNode keycloakOrganization(Organization organization, boolean group) {
        ObjectNode json = object().put("id", organization.id()).put("name", organization.name());
        if (group) {
            json.put("path", "/" + organization.name()).put("subGroupCount", 1);
            json.putObject("access").put("view", true);
        } else {
            json.put("alias", organization.id()).put("enabled", true);
        }
        return organization.id().equals("g2") ? json.put("parentId", "g1") : json;
    }

    private static Answer keycloakPage(Request request, FakeOrganizations all, List<ObjectNode> whole) {
        return Answer.ok(array(whole.stream()
                .skip(request.number("first", 0))
                .limit(Math.min(request.number("max", 10), all.api.largestPage))
                .toList()));
    }

    /**
     * Numbered pages of at most 100, with the total in a header: organizations newest first, members by user id. The
     * server keeps to the size of the page.
     */
    public static Answer logto(Request request, FakeOrganizations all) {
        if (request.path().equals("/oidc/token")) {
            return Answer.ok(object().put("access_token", FakeApis.KEY).put("expires_in", 3600));
        }
        if (request.number("page_size", 20) > 100) {
            return Answer.status(400);
        }
        if (request.path().equals("/api/users")) {
            return logtoPage(request, List.of());
        }
        if (request.path().equals("/api/organizations")) {
            return logtoPage(
                    request,
                    reversed(all.organizations()).stream()
                            .map(organization -> object().put("tenantId", "orchard")
                                    .put("id", organization.id())
                                    .put("name", organization.name())
                                    .putNull("description")
                                    .put("createdAt", organization.created().toEpochMilli()))
                            .toList());
        }
        List<Member> members = members(request, "/api/organizations/([^/]+)/users", all);
        return members == null
                ? null
                : logtoPage(
                        request,
                        members.stream()
                                .sorted(Comparator.comparing(Member::user))
                                .map(member -> object().put("id", member.user())
                                        .put("lastSignInAt", System.currentTimeMillis())
                                        .<ObjectNode>set("organizationRoles", roles(member)))
                                .toList());
    }

    private static Answer logtoPage(Request request, List<ObjectNode> whole) {
        int size = request.number("page_size", 20);
        return Answer.ok(array(whole.stream()
                        .skip((request.number("page", 1) - 1L) * size)
                        .limit(size)
                        .toList()))
                .header("Total-Number", Integer.toString(whole.size()));
    }

    private static <T> List<T> reversed(List<T> list) {
        List<T> reversed = new ArrayList<>(list);
        Collections.reverse(reversed);
        return reversed;
    }

    /** Pages after a token, ten a page by default. Members bear the suspension of their user, and times of access. */
    public static Answer kinde(Request request, FakeOrganizations all) {
        if (request.path().equals("/oauth2/token")) {
            return Answer.ok(object().put("access_token", FakeApis.KEY).put("expires_in", 3600));
        }
        if (request.path().equals("/api/v1/users")) {
            return Answer.ok(object().set("users", array(List.of())));
        }
        if (request.path().equals("/api/v1/organizations")) {
            return kindePage(
                    request,
                    all,
                    "organizations",
                    all.organizations().stream()
                            .map(organization -> object().put("code", organization.id())
                                    .put("name", organization.name())
                                    .putNull("handle")
                                    .put("is_default", false)
                                    .putNull("external_id"))
                            .toList());
        }
        List<Member> members = members(request, "/api/v1/organizations/([^/]+)/users", all);
        return members == null
                ? null
                : kindePage(
                        request,
                        all,
                        "organization_users",
                        members.stream()
                                .map(member -> {
                                    ObjectNode json = object().put("id", member.user())
                                            .put("email", member.user() + "@orchard.example")
                                            .put("joined_on", member.created().toString())
                                            .put(
                                                    "last_accessed_on",
                                                    Instant.now().toString())
                                            .put("is_suspended", member.user().startsWith("suspended"));
                                    member.roles().forEach(json.putArray("roles")::add);
                                    return json;
                                })
                                .toList());
    }

    private static Answer kindePage(Request request, FakeOrganizations all, String field, List<ObjectNode> whole) {
        int size = Math.min(request.number("page_size", 10), all.api.largestPage);
        int from = Integer.parseInt(request.query().getOrDefault("next_token", "0"));
        ObjectNode page = object().put("code", "OK")
                .put("next_token", from + size < whole.size() ? Integer.toString(from + size) : null);
        return Answer.ok(
                page.set(field, orNull(whole.stream().skip(from).limit(size).toList())));
    }

    /** An empty list as null, as some languages write it. */
    private static JsonNode orNull(List<ObjectNode> list) {
        return list.isEmpty() ? null : array(list);
    }

    /** Pages by offset, 25 a page by default, with the total. A search that finds nothing has no list. */
    public static Answer fusionauth(Request request, FakeOrganizations all) {
        if (request.path().equals("/api/user/search")) {
            return Answer.ok(object().put("total", 0));
        }
        return switch (request.path()) {
            case "/api/group/search" ->
                fusionauthPage(
                        request,
                        all,
                        "groups",
                        all.organizations().stream()
                                .map(group -> object().put("id", group.id())
                                        .put("name", group.name())
                                        .put("insertInstant", group.created().toEpochMilli())
                                        .put(
                                                "lastUpdateInstant",
                                                group.updated().toEpochMilli())
                                        .put("tenantId", "orchard"))
                                .toList());
            case "/api/group/member/search" ->
                fusionauthPage(
                        request,
                        all,
                        "members",
                        all.members(null).stream()
                                .map(member -> object().put("id", member.id())
                                        .put("groupId", member.organization())
                                        .put("userId", member.user())
                                        .put("insertInstant", member.created().toEpochMilli()))
                                .toList());
            default -> null;
        };
    }

    private static Answer fusionauthPage(Request request, FakeOrganizations all, String field, List<ObjectNode> whole) {
        JsonNode search = request.json().path("search");
        if (!search.path("orderBy").asText().equals("id ASC")) {
            return Answer.status(400); // by default in the order of names
        }
        List<ObjectNode> page = whole.stream()
                .sorted(Comparator.comparing(one -> one.get("id").asText()))
                .skip(search.path("startRow").asInt())
                .limit(Math.min(search.path("numberOfResults").asInt(25), all.api.largestPage))
                .toList();
        ObjectNode answer = object().put("total", whole.size());
        return Answer.ok(page.isEmpty() ? answer : answer.set(field, array(page)));
    }

    /** Searches with a cursor. Members only of organizations that the request names, 100 a page by default. */
    public static Answer stytch(Request request, FakeOrganizations all) {
        return switch (request.path()) {
            case "/v1/users/search" -> {
                ObjectNode none = object();
                none.putObject("results_metadata").put("total", 0);
                yield Answer.ok(none.set("results", array(List.of())));
            }
            case "/v1/b2b/organizations/search" ->
                stytchPage(
                        request,
                        all,
                        "organizations",
                        all.organizations().stream()
                                .map(organization -> dated(organization.created(), organization.updated())
                                        .put("organization_id", organization.id())
                                        .put("organization_name", organization.name())
                                        .put("organization_slug", "slug-of-" + organization.id()))
                                .toList());
            case "/v1/b2b/organizations/members/search" -> {
                List<String> ids = new ArrayList<>();
                request.json().path("organization_ids").forEach(id -> ids.add(id.asText()));
                yield ids.isEmpty()
                        ? Answer.status(400)
                        : stytchPage(
                                request,
                                all,
                                "members",
                                ids.stream()
                                        .flatMap(id -> all.members(id).stream())
                                        .map(FakeOrganizationApis::stytchMember)
                                        .toList());
            }
            default -> null;
        };
    }

    private static ObjectNode stytchMember(Member member) {
        ObjectNode json = dated(member.created(), member.updated())
                .put("member_id", member.id())
                .put("organization_id", member.organization())
                .put("email_address", member.user() + "@orchard.example")
                .put("name", "Name of " + member.user())
                .put("status", member.roles().contains("invited") ? "invited" : "active");
        json.set(
                "roles",
                array(member.roles().stream()
                        .map(role -> {
                            ObjectNode one = object().put("role_id", role);
                            one.putArray("sources").addObject().put("type", "direct_assignment");
                            return one;
                        })
                        .toList()));
        return json;
    }

    private static Answer stytchPage(Request request, FakeOrganizations all, String field, List<ObjectNode> whole) {
        int from = request.json().path("cursor").asInt();
        int limit = request.json().path("limit").asInt(100);
        int size = Math.min(limit, all.api.largestPage);
        if (limit > 1000) {
            return Answer.status(400);
        }
        ObjectNode page = object();
        page.putObject("results_metadata")
                .put("total", whole.size())
                .put("next_cursor", from + size < whole.size() ? Integer.toString(from + size) : null);
        return Answer.ok(
                page.set(field, orNull(whole.stream().skip(from).limit(size).toList())));
    }

    /** Pages that the header Link continues, 200 users a page at most. Groups are of all types. */
    public static Answer okta(Request request, FakeOrganizations all) {
        if (request.path().equals("/api/v1/users")) {
            return oktaPage(request, all, List.of());
        }
        if (request.path().equals("/api/v1/groups")) {
            return oktaPage(
                    request,
                    all,
                    all.organizations().stream()
                            .filter(group -> oktaFilter(request, group, all))
                            .map(group -> oktaGroup(group, all))
                            .toList());
        }
        List<Member> members = members(request, "/api/v1/groups/([^/]+)/users", all);
        return members == null
                ? null
                : oktaPage(
                        request,
                        all,
                        members.stream()
                                .map(member -> object().put("id", member.user())
                                        .put("status", "ACTIVE")
                                        .put("lastLogin", Instant.now().toString()))
                                .toList());
    }

    /** {@code lastMembershipUpdated gt "..." or lastUpdated gt "..."}; without a filter every group. */
    private static boolean oktaFilter(Request request, Organization group, FakeOrganizations all) {
        String filter = request.query().get("filter");
        if (filter == null) {
            return true;
        }
        Matcher matcher = Pattern.compile("lastMembershipUpdated gt \"([^\"]+)\" or lastUpdated gt \"([^\"]+)\"")
                .matcher(filter);
        return matcher.matches()
                && (all.membersChanged(group.id()).isAfter(Instant.parse(matcher.group(1)))
                        || group.updated().isAfter(Instant.parse(matcher.group(2))));
    }

    private static ObjectNode oktaGroup(Organization group, FakeOrganizations all) {
        ObjectNode json = object().put("id", group.id())
                .put("created", group.created().toString())
                .put("lastUpdated", group.updated().toString())
                .put("lastMembershipUpdated", all.membersChanged(group.id()).toString())
                .put(
                        "type",
                        switch (group.id()) {
                            case "everyone" -> "BUILT_IN";
                            case "imported" -> "APP_GROUP";
                            default -> "OKTA_GROUP";
                        });
        json.putObject("profile").put("name", group.name()).put("description", "described");
        return json;
    }

    private static Answer oktaPage(Request request, FakeOrganizations all, List<ObjectNode> whole) {
        int from = request.number("after", 0);
        int limit = request.number("limit", 10_000);
        int size = Math.min(limit, all.api.largestPage);
        if (limit > 200) {
            return Answer.status(400);
        }
        String url = "<" + all.api.url() + request.path() + "?";
        Answer page = Answer.ok(array(whole.stream().skip(from).limit(size).toList()));
        return page.header(
                "Link",
                url + "limit=200>; rel=\"self\""
                        + (from + size < whole.size()
                                ? ", " + url + "after=" + (from + size) + "&limit=200>; rel=\"next\""
                                : ""));
    }
}
