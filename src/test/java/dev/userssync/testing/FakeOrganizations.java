package dev.userssync.testing;

import dev.userssync.testing.FakeApi.Answer;
import dev.userssync.testing.FakeApi.Request;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/**
 * The organizations and memberships of a provider whose API is a fake. Changes happen in silence: no webhook reports
 * them. Thread-safe.
 */
public final class FakeOrganizations implements AutoCloseable {

    /** An organization, team or group as the provider knows it. */
    public record Organization(String id, String name, Instant created, Instant updated) {}

    /** @param id the provider's own id of the membership; a user who joins again gets another */
    public record Member(
            String id, String organization, String user, List<String> roles, Instant created, Instant updated) {}

    public final FakeApi api;
    private final Map<String, Organization> organizations = new LinkedHashMap<>();
    private final List<Member> members = new ArrayList<>();
    /** When the members of an organization last changed. */
    private final Map<String, Instant> changed = new HashMap<>();

    private int joined;

    /** The provider's clock is ours: it decides whether a change is newer than a list. */
    private static Instant now() {
        return Instant.now().truncatedTo(ChronoUnit.MILLIS);
    }

    /** @param speech answers a request as the provider's API does; null stands for 404 */
    public FakeOrganizations(BiFunction<Request, FakeOrganizations, Answer> speech) {
        api = new FakeApi((request, same) -> speech.apply(request, this));
    }

    public synchronized void found(String id) {
        organizations.put(id, new Organization(id, "Name of " + id, now(), now()));
    }

    public synchronized void rename(String id, String name) {
        organizations.computeIfPresent(id, (same, old) -> new Organization(id, name, old.created, now()));
    }

    /** Deletes an organization and its memberships. */
    public synchronized void dissolve(String id) {
        organizations.remove(id);
        members.removeIf(member -> member.organization.equals(id));
    }

    public synchronized void join(String organization, String user, String... roles) {
        changed.put(organization, now());
        members.add(new Member("mem" + joined++, organization, user, List.of(roles), now(), now()));
    }

    public synchronized void leave(String organization, String user) {
        changed.put(organization, now());
        members.removeIf(member -> member.organization.equals(organization) && member.user.equals(user));
    }

    public synchronized void change(String organization, String user, String... roles) {
        members.replaceAll(member -> member.organization.equals(organization) && member.user.equals(user)
                ? new Member(member.id, organization, user, List.of(roles), member.created, now())
                : member);
    }

    /** All organizations, oldest first. */
    public synchronized List<Organization> organizations() {
        return new ArrayList<>(organizations.values());
    }

    public synchronized Organization organization(String id) {
        return organizations.get(id);
    }

    /** When the members of an organization last changed, at least its creation. */
    public synchronized Instant membersChanged(String id) {
        return changed.getOrDefault(id, organizations.get(id).created);
    }

    /** The members of one organization, or of all for null, oldest first. */
    public synchronized List<Member> members(String organization) {
        return new ArrayList<>(members.stream()
                .filter(member -> organization == null || member.organization.equals(organization))
                .toList());
    }

    /** The final content of organizations_live. */
    public synchronized List<String> organizationsTruth() {
        return new ArrayList<>(new TreeSet<>(organizations.values().stream()
                .map(organization -> organization.id + " " + organization.name)
                .toList()));
    }

    /**
     * The final content of memberships_live.
     *
     * @param roles the most roles of each; null if the provider has none
     * @param areUsers whether a membership is a user, with the same id
     */
    public synchronized List<String> membersTruth(Integer roles, boolean areUsers) {
        return new ArrayList<>(new TreeSet<>(members.stream()
                .map(member -> member.organization + " " + (areUsers ? member.id : member.user)
                        + (roles == null
                                ? ""
                                : " {" + member.roles.stream().limit(roles).collect(Collectors.joining(",")) + "}"))
                .toList()));
    }

    public synchronized void reset() {
        api.reset();
        organizations.clear();
        members.clear();
    }

    @Override
    public void close() {
        api.close();
    }
}
