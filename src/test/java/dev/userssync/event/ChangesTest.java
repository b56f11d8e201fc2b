package dev.userssync.event;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

/** The change feed: what an application reads in neon_auth.user_changes, and that no number appears late. */
class ChangesTest extends RunningApp {

    private static final Instant START =
            Instant.now().minus(Duration.ofDays(60)).truncatedTo(ChronoUnit.SECONDS);

    ChangesTest() {
        settings.setProperty("clerk.organizations", "off");
        settings.setProperty("shared.ids", "true");
    }

    @BeforeEach
    void empty() {
        database.execute("TRUNCATE neon_auth.users_sync, neon_auth.organizations_sync, neon_auth.memberships_sync,"
                + " users_sync_internal.membership_roles, users_sync_internal.membership_scope, users_sync_internal.tombstone,"
                + " users_sync_internal.organization_tombstone, users_sync_internal.membership_tombstone,"
                + " users_sync_internal.event_log");
    }

    private void post(String type, String data, int minutes) {
        assertEquals(
                204,
                new Delivery("{\"type\": \"" + type + "\", \"timestamp\": \"" + START.plus(Duration.ofMinutes(minutes))
                                + "\", \"data\": " + data + "}")
                        .post(webhooks("generic"))
                        .statusCode());
    }

    /** The changes that an application reads, once it may read all that were given a number. */
    private List<String> changes() {
        await().until(() -> database.value("SELECT (SELECT seq FROM users_sync_internal.change_horizon)"
                        + " >= coalesce((SELECT max(seq) FROM users_sync_internal.event_log), 0)")
                .equals("t"));
        return database.column(
                "SELECT concat_ws(' ', entity, id, kind, columns, provider) FROM neon_auth.user_changes ORDER BY seq");
    }

    @Test
    void everyKindOfChangeIsReported() {
        post("user.created", "{\"id\": \"u1\", \"name\": \"Sam\"}", 1);
        post("user.updated", "{\"id\": \"u1\", \"name\": \"Sam Patel\"}", 2);
        post("user.updated", "{\"id\": \"u1\", \"name\": \"Sam Patel\"}", 2); // a duplicate
        post("user.updated", "{\"id\": \"u1\", \"name\": \"Samuel\"}", 1); // stale
        post("user.deleted", "{\"id\": \"u1\"}", 3);
        post("user.updated", "{\"id\": \"u1\", \"name\": \"Sam Patel\"}", 4);
        post("user.deleted", "{\"id\": \"u2\"}", 5);
        post("organization.created", "{\"id\": \"o1\", \"name\": \"Acme\"}", 6);
        post("membership.created", "{\"organization_id\": \"o1\", \"user_id\": \"u1\", \"role\": \"admin\"}", 7);
        post("membership.listed", "{\"organization_id\": \"o1\", \"members\": []}", 8);
        assertEquals(
                List.of(
                        "user u1 created generic",
                        "user u1 updated {raw_json,name,updated_at} generic",
                        "user u1 deleted {deleted_at} generic",
                        "user u1 restored {deleted_at,updated_at} generic",
                        "user u2 deleted generic",
                        "organization o1 created generic",
                        "membership o1:u1 created generic",
                        "membership o1:u1 deleted {deleted_at} generic"),
                changes());
        assertEquals(
                "t",
                database.value("SELECT bool_and(version = timestamptz '" + START
                        + "' + interval '5 minutes') FROM neon_auth.user_changes WHERE id = 'u2'"));
    }

    @Test
    void aBareRowOfTheApplicationIsCreatedWhenItsEventFillsIt() {
        database.value("SELECT neon_auth.ensure_user('early')");
        post("user.updated", "{\"id\": \"early\", \"name\": \"Sam\"}", 1);
        post("user.updated", "{\"id\": \"early\", \"name\": \"Sam Patel\"}", 2);
        assertEquals(
                List.of("user early created generic", "user early updated {raw_json,name,updated_at} generic"),
                changes());
    }

    @Test
    void anErasedUserLeavesTheErasureAndAPurgedOneTheLot() throws Exception {
        post("user.created", "{\"id\": \"gone\", \"name\": \"Sam\"}", 1);
        post("membership.created", "{\"organization_id\": \"o1\", \"user_id\": \"gone\"}", 2);
        post("user.deleted", "{\"id\": \"old\"}", 3);
        context.createFluentProducerTemplate()
                .to("direct:erase-user")
                .withHeader("id", "gone")
                .request(String.class);
        context.createFluentProducerTemplate()
                .to("direct:purge-users")
                .withHeader("days", "30")
                .request(String.class);
        assertEquals(
                List.of("user old deleted generic", "user gone erased", "membership o1:gone erased", "user old purged"),
                changes());
    }

    @Test
    void noNumberAppearsLate() throws Exception {
        try (Connection slow = database.connect();
                Connection quick = database.connect();
                Statement first = slow.createStatement();
                Statement second = quick.createStatement()) {
            slow.setAutoCommit(false);
            first.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name) VALUES ('slow', '{}', 'a')");
            second.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name) VALUES ('quick', '{}', 'a')");
            assertEquals("f", database.value("SELECT users_sync_internal.advance_changes()"));
            assertEquals(
                    "0",
                    database.value("SELECT count(*) FROM neon_auth.user_changes"),
                    "a lower number is not committed");
            slow.commit();
        }
        assertEquals("t", database.value("SELECT users_sync_internal.advance_changes()"));
        assertEquals(List.of("user slow created", "user quick created"), changes());
        try (Connection failed = database.connect();
                Statement statement = failed.createStatement()) {
            failed.setAutoCommit(false);
            statement.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name) VALUES ('never', '{}', 'a')");
            failed.rollback();
        }
        assertEquals(
                "t",
                database.value("SELECT users_sync_internal.advance_changes()"),
                "a number that is never used holds nobody up");
    }

    @Test
    void aReaderWithItsOwnCursorMissesNothingWhileSeveralWrite() throws Exception {
        int writers = 4;
        int each = 300;
        List<Thread> threads = new ArrayList<>();
        List<String> seen = new ArrayList<>();
        AtomicBoolean failed = new AtomicBoolean();
        for (int w = 0; w < writers; w++) {
            int writer = w;
            threads.add(new Thread(() -> {
                try (Connection connection = database.connect();
                        Statement statement = connection.createStatement()) {
                    connection.setAutoCommit(false);
                    for (int i = 0; i < each; i++) {
                        statement.execute("INSERT INTO neon_auth.users_sync (id, raw_json, name) VALUES ('w" + writer
                                + "-" + i + "', '{}', 'a')" + (i % 3 == 0 ? "; SELECT pg_sleep(0.002)" : ""));
                        if (i % 10 == 9) {
                            connection.rollback();
                        } else {
                            connection.commit();
                        }
                    }
                } catch (SQLException e) {
                    failed.set(true);
                }
            }));
        }
        threads.forEach(Thread::start);
        long cursor = 0;
        int expected = writers * each * 9 / 10;
        Instant end = Instant.now().plusSeconds(60);
        while (seen.size() < expected && Instant.now().isBefore(end)) {
            database.value("SELECT users_sync_internal.advance_changes()");
            for (String row : database.column("SELECT seq || ' ' || id FROM neon_auth.user_changes WHERE seq > "
                    + cursor + " ORDER BY seq LIMIT 7")) {
                cursor = Long.parseLong(row.split(" ")[0]);
                seen.add(row.split(" ")[1]);
            }
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(false, failed.get());
        assertEquals(expected, seen.size());
        assertEquals(
                database.column("SELECT id FROM neon_auth.users_sync ORDER BY id"),
                seen.stream().sorted().toList());
    }

    @Test
    void aListenerIsWokenWhenItCanReadTheChange() throws Exception {
        try (Connection listener = database.connect();
                Statement statement = listener.createStatement()) {
            statement.execute("LISTEN users_sync");
            post("user.created", "{\"id\": \"u1\", \"name\": \"Sam\"}", 1);
            PGNotification[] notifications = listener.unwrap(PGConnection.class).getNotifications(10_000);
            assertNotNull(notifications);
            assertEquals(
                    "u1",
                    database.value("SELECT id FROM neon_auth.user_changes WHERE seq <= "
                            + notifications[notifications.length - 1].getParameter() + " ORDER BY seq DESC LIMIT 1"));
        }
    }

    @Test
    void aRoleThatMayOnlyWriteUsersMayStillWriteThem() {
        database.execute(
                "CREATE ROLE changes_writer; GRANT USAGE ON SCHEMA neon_auth TO changes_writer;"
                        + " GRANT INSERT, SELECT, UPDATE ON neon_auth.users_sync TO changes_writer; GRANT SELECT ON neon_auth.user_changes TO changes_writer");
        try {
            database.execute(
                    "BEGIN; SET LOCAL ROLE changes_writer; INSERT INTO neon_auth.users_sync (id, raw_json, name) VALUES ('own', '{}', 'a'); COMMIT");
            database.value("SELECT users_sync_internal.advance_changes()");
            assertEquals(List.of("user own created"), changes());
        } finally {
            database.execute("DROP OWNED BY changes_writer; DROP ROLE changes_writer");
        }
        assertNull(database.value("SELECT provider FROM neon_auth.user_changes"));
    }
}
