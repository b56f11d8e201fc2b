package dev.userssync.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.userssync.testing.AppProcess;
import dev.userssync.testing.PostgresServer;
import dev.userssync.testing.ReceivingEndpoint;
import dev.userssync.testing.ReceivingEndpoint.Message;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Each reaction receives every change at least once and, per user, in order, whatever dies: an instance, Postgres or the
 * receiving endpoint. What the endpoint keeps equals the table.
 */
@Tag("app")
@Tag("faults")
class ReactionCrashTest {

    private static final String WEBHOOKS = "webhooks";
    /** The path of the second reaction, and its name. */
    private static final String SECOND = "second";

    @TempDir
    private Path directory;

    private PostgresServer postgres;
    private ReceivingEndpoint endpoint;
    private final AtomicReferenceArray<AppProcess> apps = new AtomicReferenceArray<>(2);

    /** What one reaction has posted. */
    private static final class Received {
        private final Map<String, Long> lastOfUser = new HashMap<>();
        private final Map<String, JsonNode> rows = new HashMap<>();
        private final Set<Long> seen = new HashSet<>();
        private int messages;
    }

    @BeforeEach
    void start() throws Exception {
        postgres = new PostgresServer(directory.resolve("postgres"));
        endpoint = new ReceivingEndpoint(directory.resolve("messages"));
        endpoint.start();
        Files.writeString(directory.resolve("second.camel.yaml"), """
                - route:
                    id: second
                    from:
                      uri: kamelet:user-changes-source?name=%s
                      steps:
                        - convertBodyTo: {type: String}
                        - to:
                            uri: "%s"
                            parameters: {httpMethod: POST, connectTimeout: 5000, responseTimeout: 15000}
                """.formatted(SECOND, endpoint.url(SECOND)));
        apps.set(0, app());
        apps.set(1, app());
        apps.get(0).awaitRunning();
        apps.get(1).awaitRunning();
        await().until(() -> postgres.column("SELECT name FROM users_sync_internal.reaction ORDER BY name")
                .equals(List.of(SECOND, "webhook-out")));
    }

    private AppProcess app() {
        return new AppProcess(
                directory.resolve("data"),
                "GENERIC_WEBHOOK_SECRET",
                TestSettings.SECRET,
                "DATABASE_URL",
                "postgres://app@localhost:" + postgres.port() + "/app",
                "WEBHOOK_OUT_URL",
                endpoint.url(WEBHOOKS),
                "WEBHOOK_OUT_SECRET",
                TestSettings.SECRET,
                "CAMEL_MAIN_ROUTES_INCLUDE_PATTERN",
                "file:routes/**/*.camel.yaml,file:" + directory.resolve("second.camel.yaml"));
    }

    @AfterEach
    void stop() throws Exception {
        apps.get(0).close();
        apps.get(1).close();
        endpoint.close();
        postgres.close();
    }

    @Test
    void everyChangeArrivesInOrderWhateverDies() throws Exception {
        play(2_000, Duration.ofSeconds(2), true);
    }

    /** As many changes as {@code -Dchanges=} says. */
    @Test
    void everyOneOf200000ChangesArrivesInOrderWhateverDies() throws Exception {
        play(Integer.getInteger("changes", 200_000), Duration.ofSeconds(15), false);
    }

    /** @param endLeases a killed instance does not keep its reactions for half a minute */
    private void play(int changes, Duration betweenKills, boolean endLeases) throws Exception {
        Instant start = Instant.now();
        int kills = 0;
        ChangingUsers users = new ChangingUsers(i -> apps.get(i % 2).webhooks("generic"));
        try (users) {
            do {
                pause(betweenKills);
                kill(kills++, endLeases);
            } while (kills < 4
                    || count("SELECT count(*) FROM users_sync_internal.event_log WHERE seq IS NOT NULL") < changes);
        }
        Instant sent = Instant.now();
        while (!isDone()) {
            if (Instant.now().isAfter(sent.plus(Duration.ofMinutes(30)))) {
                throw new AssertionError(
                        postgres.column("SELECT r || ' ' || (SELECT count(*) FROM users_sync_internal.reaction_retry)"
                                        + " FROM users_sync_internal.reaction AS r")
                                + apps.get(0).output());
            }
            pause(betweenKills);
            if (!isDone()) {
                kill(kills++, endLeases);
            }
        }
        Instant done = Instant.now();
        System.out.printf(
                "%d changes of %d users, sent in %d s, received after %d s, %d kills: %s%n",
                count("SELECT count(*) FROM users_sync_internal.event_log WHERE seq IS NOT NULL"),
                users.newest.size(),
                Duration.between(start, sent).toSeconds(),
                Duration.between(start, done).toSeconds(),
                kills,
                check(users));
    }

    private static void pause(Duration pause) {
        long end = System.nanoTime() + pause.toNanos();
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime()); // between two kills
        }
    }

    private void kill(int which, boolean endLeases) throws Exception {
        System.out.println(
                "DEBUG " + Instant.now() + " kill " + which % 4 + " "
                        + count("SELECT count(*) FROM users_sync_internal.event_log WHERE seq IS NOT NULL") + " "
                        + postgres.column(
                                "SELECT r || ' ' || (SELECT count(*) FROM users_sync_internal.reaction_retry AS x WHERE x.name = r.name) FROM users_sync_internal.reaction AS r"));
        switch (which % 4) {
            case 0 -> startAgain(0, endLeases);
            case 1 -> {
                endpoint.kill();
                pause(Duration.ofMillis(500));
                endpoint.start();
            }
            case 2 -> startAgain(1, endLeases);
            default -> {
                postgres.kill();
                pause(Duration.ofMillis(500));
                postgres.start();
            }
        }
    }

    private void startAgain(int instance, boolean endLeases) {
        AppProcess dead = apps.get(instance);
        dead.kill();
        if (endLeases) {
            postgres.execute(
                    "app",
                    "UPDATE users_sync_internal.reaction SET lease_until = now() WHERE lease_owner LIKE '" + dead.pid()
                            + "-%'");
        }
        dead.close();
        AppProcess next = app();
        apps.set(instance, next);
        next.awaitRunning();
    }

    private boolean isDone() {
        return count(
                        "SELECT count(*) FROM users_sync_internal.reaction AS r"
                                + " WHERE r.seq >= (SELECT max(seq) FROM users_sync_internal.event_log)"
                                + " AND NOT EXISTS (SELECT FROM users_sync_internal.reaction_retry AS retry WHERE retry.name = r.name)")
                == 2;
    }

    private long count(String sql) {
        return Long.parseLong(postgres.column(sql).get(0));
    }

    /** Returns the number of messages of each reaction. */
    private Map<String, Integer> check(ChangingUsers users) {
        Map<Long, String> changes = new HashMap<>();
        for (String change : postgres.column("SELECT concat_ws(' ', seq, coalesce(entity, 'user'), user_id, kind)"
                + " FROM users_sync_internal.event_log WHERE seq IS NOT NULL")) {
            changes.put(Long.valueOf(change.substring(0, change.indexOf(' '))), change);
        }
        Map<String, Received> reactions = new TreeMap<>();
        List<String> wrong = new ArrayList<>();
        endpoint.read(message -> {
            if (!describe(message).equals(changes.get(message.seq()))
                    || message.refused() != null
                    || message.path().equals(WEBHOOKS) && !("change_" + message.seq()).equals(message.webhookId())) {
                wrong.add("invented: " + message);
            }
            Received received = reactions.computeIfAbsent(message.path(), path -> new Received());
            received.messages++;
            if (received.seen.add(message.seq())
                    && received.lastOfUser.getOrDefault(message.id(), 0L) > message.seq()) {
                wrong.add("late: " + message);
            }
            if (received.lastOfUser.merge(message.id(), message.seq(), Math::max) == message.seq()) {
                received.rows.put(message.id(), message.row());
            }
        });
        assertEquals(List.of(), wrong.stream().limit(20).toList(), wrong.size() + " wrong messages");
        assertEquals(Set.of(SECOND, WEBHOOKS), reactions.keySet());
        Set<String> table = new TreeSet<>(
                postgres
                        .column("SELECT to_jsonb(u) - 'raw_json' - 'created_at' FROM neon_auth.users_sync AS u")
                        .stream()
                        .map(ReactionCrashTest::json)
                        .map(ReactionCrashTest::row)
                        .toList());
        reactions.forEach((reaction, received) -> {
            Set<Long> lost = new TreeSet<>(changes.keySet());
            lost.removeAll(received.seen);
            assertEquals(
                    List.of(), lost.stream().limit(20).toList(), lost.size() + " changes never reached " + reaction);
            Set<String> kept = received.rows.values().stream()
                    .map(ReactionCrashTest::row)
                    .collect(Collectors.toCollection(TreeSet::new));
            assertEquals(table, kept, reaction);
        });
        Set<String> newest = new TreeSet<>();
        users.newest.forEach((id, version) -> newest.add(id + " " + ChangingUsers.time(version)));
        assertEquals(
                newest,
                new TreeSet<>(table.stream().map(ReactionCrashTest::newest).toList()));
        return reactions.entrySet().stream()
                .collect(Collectors.toMap(Map.Entry::getKey, one -> one.getValue().messages));
    }

    private static String describe(Message message) {
        return message.seq() + " " + message.entity() + " " + message.id() + " " + message.kind();
    }

    private static JsonNode json(String text) {
        try {
            return new ObjectMapper().readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A row as text, whatever the time zone of its times. */
    private static String row(JsonNode row) {
        return String.join(
                "|",
                row.path("id").asText(),
                row.path("name").asText(),
                row.path("email").asText(),
                time(row.path("deleted_at")),
                time(row.path("updated_at")));
    }

    private static String time(JsonNode time) {
        return time.isNull()
                ? ""
                : OffsetDateTime.parse(time.asText()).toInstant().toString();
    }

    /** The user of a row, and the version that the row shows. */
    private static String newest(String row) {
        String[] columns = row.split("\\|", -1);
        return columns[0] + " "
                + Stream.of(columns[3], columns[4])
                        .filter(time -> !time.isEmpty())
                        .map(Instant::parse)
                        .max(Comparator.naturalOrder())
                        .orElseThrow();
    }
}
