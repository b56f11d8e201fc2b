package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;

/**
 * The rules of memberships under random histories, sent through the real routes by three senders, duplicated and in any
 * order. Two organizations and three users join, leave, get and lose roles, are listed whole, and are deleted. {@link
 * Model} applies the same events in the order of their times; the tables must agree with it.
 */
@Tag("app")
class MembershipProperties {

    private static final int SENDERS = 3;

    private static final ExecutorService THREADS = Executors.newFixedThreadPool(SENDERS);
    private static final AtomicInteger RUNS = new AtomicInteger();
    private static final Instant START =
            Instant.now().minus(Duration.ofDays(2)).truncatedTo(java.time.temporal.ChronoUnit.SECONDS);

    private static TestDatabase database;
    private static StartedApp app;
    private static ProducerTemplate producer;

    @BeforeContainer
    static void start() {
        database = new TestDatabase();
        app = new StartedApp(TestSettings.with(database));
        producer = app.main.getCamelContext().createProducerTemplate();
    }

    @AfterContainer
    static void stop() {
        THREADS.shutdown();
        app.close();
    }

    enum Kind {
        JOIN,
        LEAVE,
        GIVE,
        TAKE,
        PAUSE,
        RESUME,
        LIST_ORGANIZATION,
        LIST_USER,
        ORGANIZATION,
        ORGANIZATION_DELETED,
        USER,
        USER_DELETED
    }

    /** The place in a history is its time. {@code others} are the members of a list. */
    record Event(Kind kind, String organization, String user, Set<String> roles, Set<String> others) {}

    /** Roles come with each membership (Clerk, WorkOS). */
    @Property(tries = 100)
    void everyOrderOfAHistoryEndsAlike(@ForAll("together") List<Event> history, @ForAll Random random) {
        check(history, random, false);
    }

    /**
     * Roles come apart from memberships, one by one, and whole with a list (Auth0, Stack Auth). So does whether a
     * membership is active (Zitadel).
     */
    @Property(tries = 100)
    void everyOrderOfAHistoryWithRolesApartEndsAlike(@ForAll("apart") List<Event> history, @ForAll Random random) {
        check(history, random, true);
    }

    @Property(tries = 1_500)
    @Tag("long")
    void thousandsOfHistoriesEndAlike(
            @ForAll("together") List<Event> together, @ForAll("apart") List<Event> apart, @ForAll Random random) {
        check(together, random, false);
        check(apart, random, true);
    }

    @Provide
    Arbitrary<List<Event>> together() {
        return histories(
                Kind.JOIN,
                Kind.JOIN,
                Kind.LEAVE,
                Kind.LIST_ORGANIZATION,
                Kind.LIST_USER,
                Kind.ORGANIZATION,
                Kind.ORGANIZATION_DELETED,
                Kind.USER,
                Kind.USER_DELETED);
    }

    @Provide
    Arbitrary<List<Event>> apart() {
        return histories(
                Kind.JOIN,
                Kind.JOIN,
                Kind.LEAVE,
                Kind.GIVE,
                Kind.GIVE,
                Kind.TAKE,
                Kind.PAUSE,
                Kind.RESUME,
                Kind.LIST_ORGANIZATION,
                Kind.LIST_USER,
                Kind.USER_DELETED);
    }

    private static Arbitrary<List<Event>> histories(Kind... kinds) {
        return Combinators.combine(
                        Arbitraries.of(kinds),
                        Arbitraries.of("o1", "o2"),
                        Arbitraries.of("u1", "u2", "u3"),
                        Arbitraries.of("admin", "editor", "billing").set().ofMaxSize(2),
                        Arbitraries.of("o1", "o2", "u1", "u2", "u3").set().ofMaxSize(4))
                .as(Event::new)
                .list()
                .ofMinSize(2)
                .ofMaxSize(9);
    }

    private static void check(List<Event> history, Random random, boolean apart) {
        String run = "run" + RUNS.incrementAndGet() + "-";
        List<List<ObjectNode>> senders = new ArrayList<>();
        for (int i = 0; i < SENDERS; i++) {
            senders.add(new ArrayList<>());
        }
        List<ObjectNode> arrivals = new ArrayList<>();
        for (int time = 0; time < history.size(); time++) {
            ObjectNode event = json(history.get(time), time, run, apart);
            arrivals.add(event);
            if (random.nextInt(4) == 0) {
                arrivals.add(event.deepCopy());
            }
        }
        Collections.shuffle(arrivals, random);
        for (ObjectNode arrival : arrivals) {
            senders.get(random.nextInt(SENDERS)).add(arrival);
        }
        deliver(senders);
        Model model = new Model(apart);
        for (int time = 0; time < history.size(); time++) {
            model.apply(history.get(time), time);
        }
        assertEquals(model.rows(), rows(run), () -> history + " sent as " + senders);
        assertEquals(model.live(), live(run), () -> "in memberships_live, of " + history + " sent as " + senders);
    }

    private static ObjectNode json(Event event, int time, String run, boolean apart) {
        ObjectNode json = JsonNodeFactory.instance.objectNode();
        String at = START.plusSeconds(60L * time).toString();
        switch (event.kind) {
            case ORGANIZATION, ORGANIZATION_DELETED ->
                json.put("entity", "organization").put("id", run + event.organization);
            case USER, USER_DELETED -> json.put("id", run + event.user);
            default -> json.put("entity", "membership");
        }
        json.put(
                "type",
                switch (event.kind) {
                    case LEAVE, ORGANIZATION_DELETED, USER_DELETED -> "deleted";
                    case LIST_ORGANIZATION, LIST_USER -> "listed";
                    default -> "updated";
                });
        json.put(json.get("type").textValue().equals("deleted") ? "deleted_at" : "updated_at", at);
        json.putObject("raw").put("time", time);
        switch (event.kind) {
            case PAUSE, RESUME ->
                membership(json, run, event.organization, event.user, true)
                        .put("active", event.kind == Kind.RESUME)
                        .remove("raw");
            case JOIN, LEAVE, GIVE, TAKE -> membership(json, run, event.organization, event.user, apart);
            case LIST_ORGANIZATION -> {
                json.put("organization_id", run + event.organization);
                ArrayNode members = json.putArray("members");
                listed(event, "u")
                        .forEach(user -> roles(membership(members.addObject(), run, null, user, apart), event.roles)
                                .putObject("raw")
                                .put("time", time));
            }
            case LIST_USER -> {
                json.put("user_id", run + event.user);
                ArrayNode members = json.putArray("members");
                listed(event, "o")
                        .forEach(organization -> roles(
                                        membership(members.addObject(), run, organization, null, apart), event.roles)
                                .putObject("raw")
                                .put("time", time));
            }
            default -> {}
        }
        if (event.kind == Kind.JOIN && !apart) {
            roles(json, event.roles);
        } else if (event.kind == Kind.GIVE || event.kind == Kind.TAKE) {
            json.put(event.kind == Kind.GIVE ? "role_given" : "role_taken", role(event));
        }
        return json;
    }

    private static ObjectNode membership(ObjectNode json, String run, String organization, String user, boolean apart) {
        if (organization != null) {
            json.put("organization_id", run + organization);
        }
        if (user != null) {
            json.put("user_id", run + user);
        }
        return json.put("roles_apart", apart);
    }

    private static ObjectNode roles(ObjectNode json, Set<String> roles) {
        new TreeSet<>(roles).forEach(json.putArray("roles")::add);
        return json;
    }

    private static String role(Event event) {
        return event.roles.isEmpty() ? "admin" : new TreeSet<>(event.roles).first();
    }

    private static Set<String> listed(Event event, String what) {
        return event.others.stream().filter(id -> id.startsWith(what)).collect(Collectors.toCollection(TreeSet::new));
    }

    private static void deliver(List<List<ObjectNode>> senders) {
        List<Callable<Void>> work = new ArrayList<>();
        for (List<ObjectNode> sender : senders) {
            work.add(() -> {
                for (ObjectNode event : sender) {
                    Exchange answer = producer.send("direct:user-changed", exchange -> {
                        exchange.setVariable("provider", "test");
                        exchange.getMessage().setBody(event.deepCopy());
                    });
                    Object refused = answer.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE);
                    if (answer.getException() != null || refused != null) {
                        throw new IllegalStateException(
                                "not applied: " + event + ", reply " + refused + " " + answer.getVariable("reason"),
                                answer.getException());
                    }
                }
                return null;
            });
        }
        try {
            for (Future<Void> sender : THREADS.invokeAll(work)) {
                sender.get();
            }
        } catch (Exception e) {
            throw new IllegalStateException(e); // no AssertionError: trouble is no counterexample
        }
    }

    /** Of each pair: ended, or the time of its profile and its roles. */
    private static Map<String, String> rows(String run) {
        return column(
                "SELECT concat_ws(' ', substr(organization_id, length(?) + 1), substr(user_id, length(?) + 1)) || '='"
                        + " || CASE WHEN deleted_at IS NOT NULL THEN 'ended' ELSE raw_json ->> 'time' || ' '"
                        + " || array_to_string(ARRAY(SELECT r FROM unnest(roles) AS r ORDER BY r), ',')"
                        + " || CASE WHEN role = roles[1] OR cardinality(coalesce(roles, '{}')) = 0 AND role IS NULL THEN '' ELSE ' role ' || role END END"
                        + " FROM neon_auth.memberships_sync WHERE starts_with(id, ?)",
                run,
                run,
                run);
    }

    private static Map<String, String> live(String run) {
        return column(
                "SELECT concat_ws(' ', substr(organization_id, length(?) + 1), substr(user_id, length(?) + 1)) || '=live'"
                        + " FROM neon_auth.memberships_live WHERE starts_with(id, ?)",
                run,
                run,
                run);
    }

    private static Map<String, String> column(String sql, String... parameters) {
        Map<String, String> rows = new TreeMap<>();
        for (String row : database.column(sql, parameters)) {
            rows.put(row.substring(0, row.indexOf('=')), row.substring(row.indexOf('=') + 1));
        }
        return rows;
    }

    /** The rules, for events in the order of their times. */
    private static final class Model {

        private final boolean apart;
        private final Map<String, Integer> profile = new TreeMap<>(); // of a live pair; null: it has ended
        private final Map<String, Set<String>> roles = new TreeMap<>();
        private final Set<String> paused = new TreeSet<>();
        private final Set<String> deleted = new TreeSet<>();

        Model(boolean apart) {
            this.apart = apart;
        }

        void apply(Event event, int time) {
            String pair = event.organization + " " + event.user;
            switch (event.kind) {
                case JOIN -> {
                    profile.put(pair, time);
                    if (!apart) {
                        roles.put(pair, new TreeSet<>(event.roles));
                    }
                }
                case LEAVE -> end(pair);
                case GIVE -> roles.computeIfAbsent(pair, key -> new TreeSet<>()).add(role(event));
                case TAKE -> roles.computeIfAbsent(pair, key -> new TreeSet<>()).remove(role(event));
                case PAUSE -> paused.add(pair);
                case RESUME -> paused.remove(pair);
                case LIST_ORGANIZATION -> list(event.organization + " ", "", listed(event, "u"), event.roles, time);
                case LIST_USER -> list("", " " + event.user, listed(event, "o"), event.roles, time);
                case ORGANIZATION -> deleted.remove(event.organization);
                case ORGANIZATION_DELETED -> deleted.add(event.organization);
                case USER -> deleted.remove(event.user);
                default -> deleted.add(event.user);
            }
        }

        private void end(String pair) {
            profile.put(pair, null);
            roles.remove(pair);
            paused.remove(pair);
        }

        private void list(String before, String after, Set<String> members, Set<String> given, int time) {
            Set<String> pairs =
                    members.stream().map(member -> before + member + after).collect(Collectors.toSet());
            for (String pair : new TreeSet<>(profile.keySet())) {
                if (pair.startsWith(before) && pair.endsWith(after) && !pairs.contains(pair)) {
                    end(pair);
                }
            }
            roles.keySet().removeIf(pair -> pair.startsWith(before) && pair.endsWith(after));
            paused.removeIf(pair -> pair.startsWith(before) && pair.endsWith(after));
            for (String pair : pairs) {
                profile.put(pair, time);
                roles.put(pair, new TreeSet<>(given));
            }
        }

        Map<String, String> rows() {
            Map<String, String> rows = new TreeMap<>();
            profile.forEach((pair, time) -> rows.put(
                    pair, time == null ? "ended" : time + " " + String.join(",", roles.getOrDefault(pair, Set.of()))));
            return rows;
        }

        Map<String, String> live() {
            Map<String, String> live = new TreeMap<>();
            profile.forEach((pair, time) -> {
                if (time != null && !paused.contains(pair) && deleted.stream().noneMatch(pair::contains)) {
                    live.put(pair, "live");
                }
            });
            return live;
        }
    }
}
