package dev.userssync.testing;

import static dev.userssync.testing.FakeApi.array;
import static dev.userssync.testing.FakeApi.object;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Request;
import dev.userssync.testing.FakeOrganizations.Member;
import dev.userssync.testing.FakeOrganizations.Organization;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

    private static ObjectNode clerkMembership(Member member, FakeOrganizations all) {
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
                            .map(organization -> object().put("id", organization.id())
                                    .put("name", "slug-of-" + organization.id())
                                    .put("display_name", organization.name()))
                            .toList());
        }
        Matcher members =
                Pattern.compile("/api/v2/organizations/([^/]+)/members").matcher(request.path());
        if (!members.matches() || all.organization(FakeApi.decode(members.group(1))) == null) {
            return null;
        }
        boolean roles = request.query().getOrDefault("fields", "").contains("roles");
        return auth0Page(
                request,
                all,
                "members",
                all.members(FakeApi.decode(members.group(1))).stream()
                        .map(member -> {
                            ObjectNode json = object().put("user_id", member.user());
                            if (roles) {
                                json.set(
                                        "roles",
                                        array(member.roles().stream()
                                                .map(role -> object().put("id", "rol_" + role)
                                                        .put("name", role))
                                                .toList()));
                            }
                            return json;
                        })
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
}
