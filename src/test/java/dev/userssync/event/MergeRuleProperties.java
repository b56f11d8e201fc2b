package dev.userssync.event;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Data;
import net.jqwik.api.ForAll;
import net.jqwik.api.FromData;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Table;
import net.jqwik.api.Tag;
import net.jqwik.api.Tuple;
import net.jqwik.api.Tuple.Tuple3;
import net.jqwik.api.lifecycle.AfterContainer;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.apache.camel.Exchange;
import org.apache.camel.ProducerTemplate;

/**
 * Sends random histories through the real routes into the real table: duplicated, in any order, by one or several
 * senders. {@link User#after} states the merge rule, and the table must agree.
 */
@Tag("app")
class MergeRuleProperties {

    private static App app;

    @BeforeContainer
    static void start() {
        app = new App(Path.of("routes"));
    }

    @AfterContainer
    static void stop() {
        app.close();
    }

    @Property(tries = 100)
    void everyOrderOfAVersionedHistoryEndsAlike(
            @ForAll("versioned") List<List<Event>> histories, @ForAll Random random) {
        checkConvergence(app, histories, random);
    }

    @Property(tries = 100)
    void arrivalDecidesBetweenTiesAndUnversionedEvents(
            @ForAll("mixed") List<List<Event>> histories, @ForAll Random random) {
        checkArrival(app, histories, random);
    }

    @Property(tries = 40)
    void theSecondDeliveryOfAVersionedHistoryWritesNothing(
            @ForAll("versioned") List<List<Event>> histories, @ForAll Random random) {
        checkSecondDelivery(app, histories, random);
    }

    /** All three properties, for minutes. */
    @Property(tries = 3_000)
    @Tag("long")
    void thousandsOfHistoriesEndAsTheRuleSays(
            @ForAll("versioned") List<List<Event>> versioned,
            @ForAll("mixed") List<List<Event>> mixed,
            @ForAll Random random) {
        checkConvergence(app, versioned, random);
        checkArrival(app, mixed, random);
        checkSecondDelivery(app, versioned, random);
    }

    /** Keeps the three properties honest: each of these rules is wrong, and the properties must notice. */
    @Property
    @FromData("brokenRules")
    void aBrokenRuleIsFoundOut(@ForAll String flaw, @ForAll String rule, @ForAll String broken) throws IOException {
        try (App brokenApp = new App(brokenRoutes(rule, broken))) {
            assertThrows(
                    AssertionError.class,
                    () -> {
                        for (int seed = 0; seed < 300; seed++) { // the best-hidden flaw takes about ten
                            checkConvergence(brokenApp, versioned().sample(), new Random(seed));
                            checkArrival(brokenApp, mixed().sample(), new Random(seed));
                            checkSecondDelivery(brokenApp, versioned().sample(), new Random(seed));
                        }
                    },
                    flaw);
        }
    }

    @Data
    Iterable<Tuple3<String, String, String>> brokenRules() {
        String versioned = "coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL";
        String profileWins =
                "users_sync_internal.profile_wins(excluded.updated_at, excluded.created_at, excluded.deleted_at, u.updated_at, u.created_at)";
        String revives = "users_sync_internal.revives(excluded.updated_at, excluded.created_at, u.deleted_at)";
        return Table.of(
                Tuple.of(
                        "a stale profile overwrites",
                        profileWins,
                        "(excluded.deleted_at IS NULL OR " + versioned + ")"),
                Tuple.of("any upsert brings a deleted user back", revives + " THEN NULL", "true THEN NULL"),
                Tuple.of(
                        "an upsert wins the tie with a delete",
                        revives,
                        "coalesce(excluded.updated_at, excluded.created_at) >= u.deleted_at"),
                Tuple.of(
                        "a delete loses the tie with an upsert",
                        "users_sync_internal.deletion_wins(excluded.deleted_at, u.updated_at, u.created_at)",
                        "excluded.deleted_at > coalesce(u.updated_at, u.created_at, '-infinity')"),
                Tuple.of("an unversioned upsert takes the version away", "AND " + versioned, ""),
                Tuple.of(
                        "created_at is lost",
                        "THEN coalesce(excluded.created_at, u.created_at) ELSE",
                        "THEN excluded.created_at ELSE"),
                Tuple.of(
                        "a stale event does not tell created_at",
                        "ELSE u.created_at IS NULL AND excluded.created_at IS NOT NULL END",
                        "ELSE false END"),
                Tuple.of("every duplicate writes the row again", "WHERE CASE", "WHERE true OR CASE"));
    }

    private static void checkConvergence(App app, List<List<Event>> histories, Random random) {
        String run = app.newRun();
        List<List<Arrival>> senders = senders(run, histories, random);
        app.deliver(senders);
        for (int i = 0; i < histories.size(); i++) {
            List<Event> inOrder = histories.get(i).stream()
                    .sorted(Comparator.comparing(Event::version))
                    .toList();
            assertEquals(User.after(inOrder), app.user(run + i), () -> "of " + inOrder + " sent as " + senders);
        }
    }

    private static void checkArrival(App app, List<List<Event>> histories, Random random) {
        String run = app.newRun();
        List<List<Arrival>> senders = senders(run, histories, random);
        app.deliver(senders);
        for (int i = 0; i < histories.size(); i++) {
            String id = run + i;
            List<List<Event>> sent = senders.stream()
                    .map(sender -> sender.stream()
                            .filter(arrival -> arrival.id.equals(id))
                            .map(Arrival::event)
                            .toList())
                    .toList();
            Set<User> allowed = new HashSet<>();
            collectEnds(null, sent, allowed);
            User end = app.user(id);
            assertTrue(allowed.contains(end), () -> end + " instead of one of " + allowed + " after " + sent);
        }
    }

    private static void checkSecondDelivery(App app, List<List<Event>> histories, Random random) {
        String run = app.newRun();
        app.deliver(senders(run, histories, random));
        List<String> written = app.rowVersions(run);
        List<List<Arrival>> senders = senders(run, histories, random);
        app.deliver(senders);
        assertEquals(written, app.rowVersions(run), () -> "written again by " + senders);
    }

    /**
     * Every end that the rule allows. A sender waits for each answer, so its own order holds. Between senders any order
     * may occur.
     */
    private static void collectEnds(User user, List<List<Event>> sent, Set<User> ends) {
        boolean done = true;
        for (int i = 0; i < sent.size(); i++) {
            List<Event> line = sent.get(i);
            if (!line.isEmpty()) {
                done = false;
                List<List<Event>> rest = new ArrayList<>(sent);
                rest.set(i, line.subList(1, line.size()));
                collectEnds(User.after(user, line.get(0)), rest, ends);
            }
        }
        if (done) {
            ends.add(user);
        }
    }

    /**
     * Times are ticks: 10 is the database's now. The other ticks lie two hours apart around it, up to 18 hours ahead.
     */
    private static final int NOW = 10;

    record Event(boolean delete, String name, Integer created, Integer updated, Integer deleted) {

        Integer version() {
            return delete ? deleted : updated != null ? updated : created;
        }
    }

    /** A row, or null without one. The profile is only the name: email and raw_json derive from it. */
    record User(String name, Integer created, Integer updated, Integer deleted) {

        Integer version() {
            return updated != null ? updated : created;
        }

        static User after(List<Event> events) {
            User user = null;
            for (Event event : events) {
                user = after(user, event);
            }
            return user;
        }

        static User after(User user, Event event) {
            Integer version = event.version();
            if (event.delete) {
                if (user == null) {
                    return new User(null, null, null, version != null ? version : NOW); // the delete came first
                } else if (version == null) {
                    return user.deletedAt(user.deleted != null ? user.deleted : NOW);
                } else if (user.version() == null || version >= user.version()) { // on a tie the delete wins
                    return user.deletedAt(user.deleted != null ? Math.max(user.deleted, version) : version);
                }
                return user;
            }
            if (user == null) {
                return new User(event.name, event.created, event.updated, null);
            } else if (version == null) {
                return new User(event.name, user.created, user.updated, user.deleted);
            }
            Integer deleted = user.deleted != null && version > user.deleted ? null : user.deleted;
            return user.version() == null || version >= user.version()
                    ? new User(event.name, event.created != null ? event.created : user.created, event.updated, deleted)
                    : new User(user.name, user.created != null ? user.created : event.created, user.updated, deleted);
        }

        private User deletedAt(int tick) {
            return new User(name, created, updated, tick);
        }
    }

    /**
     * Histories of one to five users; all versions of a user are distinct. The creation of a user is one fact: either
     * all events that carry a creation time carry the same, or every event carries one (of a user that was created
     * again). If some carried different times and others none, the rule "a stale event may fill it" would depend on the
     * order.
     */
    @Provide
    Arbitrary<List<List<Event>>> versioned() {
        Arbitrary<Event> delete = ticks().map(MergeRuleProperties::delete);
        Arbitrary<List<Event>> told = ticks().flatMap(born -> events(
                6,
                delete,
                Combinators.combine(names(), ticks(), Arbitraries.of(true, false))
                        .as((name, version, tells) -> upsert(name, tells ? born : null, version)),
                names().map(name -> upsert(name, born, null))));
        Arbitrary<List<Event>> createdAgain = events(
                6,
                delete,
                Combinators.combine(names(), ticks(), Arbitraries.of(true, false))
                        .as((name, version, first) ->
                                first ? upsert(name, version, null) : upsert(name, version - version % 3, version)));
        return Arbitraries.oneOf(told, createdAgain).list().ofMinSize(1).ofMaxSize(5);
    }

    /** The same with ties and with events that carry no version. Fewer ticks make collisions likely. */
    @Provide
    Arbitrary<List<List<Event>>> mixed() {
        Arbitrary<Integer> close = Arbitraries.of(8, 9, 11, 12);
        return close.flatMap(born -> Arbitraries.oneOf(
                                close.injectNull(0.3).map(MergeRuleProperties::delete),
                                Combinators.combine(names(), close.injectNull(0.3), Arbitraries.of(true, false))
                                        .as((name, version, tells) -> upsert(name, tells ? born : null, version)))
                        .list()
                        .ofMinSize(1)
                        .ofMaxSize(5))
                .list()
                .ofMinSize(1)
                .ofMaxSize(5);
    }

    @SafeVarargs
    private static Arbitrary<List<Event>> events(int atMost, Arbitrary<Event>... kinds) {
        return Arbitraries.oneOf(List.of(kinds))
                .list()
                .uniqueElements(Event::version)
                .ofMinSize(1)
                .ofMaxSize(atMost);
    }

    private static Arbitrary<Integer> ticks() {
        return Arbitraries.integers().between(1, 19).filter(tick -> tick != NOW);
    }

    private static Arbitrary<String> names() {
        return Arbitraries.of("Ada", "Bea", "Cy");
    }

    private static Event upsert(String name, Integer created, Integer updated) {
        return new Event(false, name, created, updated, null);
    }

    private static Event delete(Integer deleted) {
        return new Event(true, null, null, null, deleted);
    }

    record Arrival(String id, Event event) {}

    /** Every event once or more, shuffled, and dealt to one sender or to several. */
    private static List<List<Arrival>> senders(String run, List<List<Event>> histories, Random random) {
        List<Arrival> arrivals = new ArrayList<>();
        for (int i = 0; i < histories.size(); i++) {
            for (Event event : histories.get(i)) {
                arrivals.addAll(Collections.nCopies(random.nextInt(3) == 0 ? 2 : 1, new Arrival(run + i, event)));
            }
        }
        Collections.shuffle(arrivals, random);
        List<List<Arrival>> senders = new ArrayList<>();
        for (int i = random.nextBoolean() ? 1 : App.SENDERS; i > 0; i--) {
            senders.add(new ArrayList<>());
        }
        for (int i = 0; i < arrivals.size(); i++) {
            senders.get(i % senders.size()).add(arrivals.get(i));
        }
        return senders;
    }

    /** A copy of the routes with one rule of the SQL replaced. */
    private static Path brokenRoutes(String rule, String broken) throws IOException {
        Path copy = Files.createTempDirectory(Files.createDirectories(Path.of("target")), "broken-routes");
        try (var files = Files.walk(Path.of("routes"))) {
            for (Path file : (Iterable<Path>) files.filter(Files::isRegularFile)::iterator) {
                String text = Files.readString(file);
                if (file.endsWith("apply-batch.sql")) {
                    assertTrue(text.contains(rule), () -> "the SQL has changed, break it in another way than: " + rule);
                }
                Path to = copy.resolve(Path.of("routes").relativize(file));
                Files.createDirectories(to.getParent());
                Files.writeString(
                        to, text.replace("file:routes/", "file:" + copy + "/").replace(rule, broken));
            }
        }
        return copy;
    }

    /** The application with the given routes, its database, and its senders. */
    private static final class App implements AutoCloseable {

        static final int SENDERS = 3;

        private final Instant now = Instant.now().truncatedTo(ChronoUnit.MICROS);
        private final AtomicInteger runs = new AtomicInteger();
        private final ExecutorService threads = Executors.newFixedThreadPool(SENDERS);
        private final TestDatabase database = new TestDatabase();
        private final StartedApp started;
        private final ProducerTemplate producer;

        App(Path routes) {
            Properties settings = TestSettings.with(database);
            settings.setProperty("camel.main.routesIncludePattern", "file:" + routes + "/**/*.camel.yaml");
            started = new StartedApp(settings);
            producer = started.main.getCamelContext().createProducerTemplate();
        }

        /** A prefix of ids that no earlier run has used. */
        String newRun() {
            return "run " + runs.incrementAndGet() + " user ";
        }

        void deliver(List<List<Arrival>> senders) {
            try {
                for (Future<Void> sender :
                        threads.invokeAll(senders.stream().map(this::sender).toList())) {
                    sender.get();
                }
            } catch (Exception e) {
                // not an AssertionError: a failure of the setup is no counterexample
                throw new IllegalStateException(e);
            }
        }

        private Callable<Void> sender(List<Arrival> arrivals) {
            return () -> {
                for (Arrival arrival : arrivals) {
                    Exchange answer = producer.send("direct:user-changed", exchange -> {
                        exchange.setVariable("provider", "test");
                        exchange.getMessage().setBody(json(arrival));
                    });
                    Object refused = answer.getMessage().getHeader(Exchange.HTTP_RESPONSE_CODE);
                    if (answer.getException() != null || refused != null) { // an applied event has neither
                        throw new IllegalStateException(
                                "not applied: " + arrival + ", reply " + refused, answer.getException());
                    }
                }
                return null;
            };
        }

        private ObjectNode json(Arrival arrival) {
            Event event = arrival.event;
            ObjectNode json = JsonNodeFactory.instance.objectNode();
            json.put("type", event.delete ? "deleted" : event.updated == null ? "created" : "updated");
            json.put("id", arrival.id);
            json.put("name", event.name);
            json.put("email", email(event.name));
            json.put("created_at", time(event.created));
            json.put("updated_at", time(event.updated));
            json.put("deleted_at", time(event.deleted));
            json.putObject("raw").put("id", arrival.id).put("name", event.name).put("email", email(event.name));
            return json;
        }

        /** Cy has no email: a value that becomes null must become null in the row. */
        private static String email(String name) {
            return name == null || name.equals("Cy") ? null : name.toLowerCase() + "@example.com";
        }

        User user(String id) {
            try (var connection = database.connect();
                    var query = connection.prepareStatement(
                            "SELECT name, created_at, updated_at, deleted_at, email, raw_json = CASE WHEN name IS NULL THEN jsonb_build_object('id', id)"
                                    + " ELSE jsonb_build_object('id', id, 'name', name, 'email', email) END FROM neon_auth.users_sync WHERE id = ?")) {
                query.setString(1, id);
                ResultSet row = query.executeQuery();
                assertTrue(row.next(), () -> "no row of " + id);
                String name = row.getString(1);
                assertEquals(email(name), row.getString(5), "email");
                assertTrue(row.getBoolean(6), "raw_json does not match name and email");
                return new User(name, tick(row, 2), tick(row, 3), tick(row, 4));
            } catch (SQLException e) {
                throw new IllegalStateException(e);
            }
        }

        /** Postgres changes these with every write, even of equal values. */
        List<String> rowVersions(String run) {
            return database.column(
                    "SELECT concat_ws(' ', id, xmin, ctid) FROM neon_auth.users_sync WHERE starts_with(id, ?) ORDER BY id",
                    run);
        }

        private String time(Integer tick) {
            return tick == null
                    ? null
                    : now.plus(Duration.ofHours(2L * (tick - NOW))).toString();
        }

        private Integer tick(ResultSet row, int column) throws SQLException {
            OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
            if (time == null) {
                return null;
            }
            int tick = NOW
                    + Math.round(Duration.between(now, time.toInstant()).toMillis()
                            / (float) Duration.ofHours(2).toMillis());
            assertTrue(
                    tick == NOW || time.toInstant().equals(Instant.parse(time(tick))),
                    () -> "a time that nobody sent: " + time);
            return tick;
        }

        @Override
        public void close() {
            threads.shutdown();
            started.close();
        }
    }
}
