package dev.userssync.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.PostgresServer;
import dev.userssync.testing.TcpProxy.Trouble;
import dev.userssync.testing.TcpProxy.Way;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * The scenarios of the fault suite. Each breaks something under load and repairs it again. {@link FaultRun} compares
 * the acknowledged deliveries with the table.
 */
public enum Fault {
    POSTGRES_CUT("Postgres cut off", "every connection to Postgres ends, and new ones end at once", run -> {
        run.loaded();
        run.toPostgres.fail(Trouble.CUT);
        run.suffer();
        run.toPostgres.heal();
        run.recover();
    }),

    POSTGRES_RESET("Postgres reset", "every connection to Postgres is reset (RST), and so are new ones", run -> {
        run.loaded();
        run.toPostgres.fail(Trouble.RESET);
        run.suffer();
        run.toPostgres.heal();
        run.recover();
    }),

    POSTGRES_REPLIES_LOST(
            "Postgres' replies lost",
            "statements arrive and commit, but the connection is reset before users-sync hears of it",
            run -> {
                run.loaded();
                run.toPostgres.fail(Trouble.RESET, Way.TO_CLIENT, 0);
                run.suffer();
                run.toPostgres.heal();
                run.recover();
            }),

    POSTGRES_TRUNCATED(
            "Postgres' replies truncated", "half of what Postgres answers arrives, then the connection ends", run -> {
                run.loaded();
                run.toPostgres.fail(Trouble.TRUNCATED, Way.TO_CLIENT, 0);
                run.suffer();
                run.toPostgres.heal();
                run.recover();
            }),

    POSTGRES_BLACK_HOLED(
            "Postgres black-holed",
            "the network takes every byte to and from Postgres and delivers none; connections that met it stay dead",
            run -> {
                run.loaded();
                run.toPostgres.fail(Trouble.BLACK_HOLE);
                run.suffer();
                run.toPostgres.heal();
                run.recover();
            }),

    POSTGRES_DELAYED("Postgres far away", "every message to and from Postgres takes 300 ms", run -> {
        run.loaded();
        run.toPostgres.fail(Trouble.DELAYED, Way.BOTH, 300);
        run.endure();
        run.toPostgres.heal();
        run.recover();
    }),

    POSTGRES_RESTARTED("Postgres restarted", "Postgres is stopped and started again", run -> {
        run.loaded();
        run.postgres.stop();
        run.suffer();
        run.postgres.start();
        run.recover();
    }),

    POSTGRES_CRASHED(
            "Postgres crashed", "Postgres stops at once and recovers from its log when it starts again", run -> {
                run.loaded();
                run.postgres.crash();
                run.suffer();
                run.postgres.start();
                run.recover();
            }),

    POSTGRES_READ_ONLY(
            "Postgres read-only",
            "new sessions are read-only, as on a standby; those that were opened meanwhile stay so",
            run -> {
                run.loaded();
                run.postgres.execute("postgres", "ALTER DATABASE app SET default_transaction_read_only = on");
                run.postgres.endConnectionsOf("users-sync");
                run.suffer();
                run.postgres.execute(
                        "postgres",
                        "ALTER DATABASE app RESET default_transaction_read_only"); // open sessions stay read-only
                run.recover();
            }),

    POSTGRES_FAILED_OVER(
            "Postgres failed over", "the server stops, and one with its data takes over on another port", run -> {
                run.loaded();
                PostgresServer other = run.postgres.failOver(run.directory.resolve("failed-over"));
                run.toPostgres.switchTo(other.port());
                run.postgres = other;
                run.recover();
            }),

    LOCK_HELD("lock held by somebody else", "another session holds a lock on the table", run -> {
        run.loaded();
        try (Connection other = run.postgres.connect("app")) {
            other.setAutoCommit(false);
            other.createStatement().execute("LOCK TABLE neon_auth.users_sync IN EXCLUSIVE MODE");
            await().until(() -> !run.postgres
                    .column("SELECT 1 FROM pg_locks WHERE NOT granted")
                    .isEmpty());
            run.endure();
            other.rollback();
        }
        run.recover();
    }),

    STATEMENT_TIMEOUT(
            "statement timeout",
            "Postgres ends every statement after a second, and a lock is held that takes longer",
            run -> {
                run.postgres.execute("postgres", "ALTER ROLE app SET statement_timeout = '1s'");
                run.loaded();
                try (Connection other = run.postgres.connect("app")) {
                    other.setAutoCommit(false);
                    other.createStatement().execute("LOCK TABLE neon_auth.users_sync IN EXCLUSIVE MODE");
                    run.suffer();
                    other.rollback();
                }
                run.recover();
            }),

    OUT_OF_CONNECTIONS("out of connections", "others take every connection that Postgres allows", run -> {
        run.loaded();
        List<Connection> others = new ArrayList<>();
        try {
            run.postgres.execute(
                    // of 100, so that the test itself still gets a connection
                    "postgres", "ALTER ROLE app CONNECTION LIMIT 90");
            do {
                run.postgres.endConnectionsOf("users-sync");
                for (boolean free = true; free; ) {
                    try {
                        others.add(run.postgres.connectAsApp());
                    } catch (SQLException e) {
                        assertEquals("53300", e.getSQLState());
                        free = false;
                    }
                }
            } while (!run.postgres
                    .column("SELECT 1 FROM pg_stat_activity WHERE application_name = 'users-sync'")
                    .isEmpty());
            run.suffer();
        } finally {
            for (Connection other : others) {
                other.close();
            }
        }
        run.recover();
    }),

    TRIGGER_REFUSES(
            "a trigger refuses some users",
            "a trigger of the application's raises an exception for every tenth user: their events are parked, nobody else notices",
            run -> {
                run.loaded();
                run.refusedBecause = "no user of this kind";
                run.postgres.execute("app", """
                CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  IF NEW.id LIKE '%7' THEN RAISE EXCEPTION 'no user of this kind'; END IF;
                  RETURN NULL;
                END $$""");
                run.postgres.execute(
                        "app",
                        "CREATE TRIGGER refuse AFTER INSERT OR UPDATE ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION refuse()");
                await().until(() -> !run.postgres
                        .column("SELECT 1 FROM users_sync_internal.dead_letter")
                        .isEmpty());
                run.endure();
                run.postgres.execute("app", "DROP TRIGGER refuse ON neon_auth.users_sync");
                run.recover();
            }),

    TRIGGER_LACKS_A_RIGHT(
            "a trigger lacks a right",
            "a trigger of the application's writes to a table that the role of users-sync may not write to, until it may",
            run -> {
                run.loaded();
                run.postgres.execute("app", "CREATE TABLE audit (user_id TEXT)");
                run.postgres.execute("app", """
                CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                  INSERT INTO public.audit VALUES (NEW.id);
                  RETURN NULL;
                END $$""");
                run.postgres.execute(
                        "app",
                        "CREATE TRIGGER audit AFTER INSERT OR UPDATE ON neon_auth.users_sync FOR EACH ROW EXECUTE FUNCTION audit()");
                run.suffer();
                run.postgres.execute("app", "GRANT INSERT ON audit TO app");
                run.recover();
            }),

    POSTGRES_RESTARTED_BEHIND_POOLER(
            "Postgres restarted behind a pooler",
            "users-sync reaches Postgres through PgBouncer in transaction mode; Postgres is stopped and started again",
            run -> {
                run.behindPooler();
                run.loaded();
                run.postgres.stop();
                run.suffer();
                run.postgres.start();
                run.recover();
            }),

    POOLER_KILLED("pooler killed", "PgBouncer in transaction mode is killed, and another one takes its place", run -> {
        run.behindPooler();
        run.loaded();
        run.pooler.close();
        run.suffer();
        run.behindPooler();
        run.recover();
    }),

    SERIALIZATION_FAILURES(
            "serialization failures",
            "every transaction is serializable, two instances write the same users, and somebody else writes one of them in between",
            run -> {
                run.postgres.execute(
                        "postgres", "ALTER DATABASE app SET default_transaction_isolation = 'serializable'");
                run.start(2);
                run.load();
                String failures = "SELECT xact_rollback FROM pg_stat_database WHERE datname = 'app'";
                long before = Long.parseLong(run.postgres.column(failures).get(0));
                for (int i = 0; i < 10; i++) {
                    try (Connection other = run.postgres.connect("app")) {
                        other.setAutoCommit(false);
                        other.setTransactionIsolation(
                                Connection.TRANSACTION_READ_COMMITTED); // this transaction always gets through
                        await().until(() -> other.createStatement()
                                        .executeUpdate("UPDATE neon_auth.users_sync SET name = name WHERE id = 'user0'")
                                == 1);
                        await().until(() -> !run.postgres
                                .column("SELECT 1 FROM pg_locks WHERE NOT granted")
                                .isEmpty());
                        other.commit(); // the waiting statement cannot be serialized now
                    }
                }
                await().until(() -> Long.parseLong(run.postgres.column(failures).get(0)) >= before + 10);
                run.postgres.execute("postgres", "ALTER DATABASE app RESET default_transaction_isolation");
                run.postgres.endConnectionsOf("users-sync");
                run.recover();
            }),

    APP_KILLED("users-sync killed", "kill -9 under load, then started again", run -> {
        run.loaded();
        run.apps.get(0).kill();
        run.suffer();
        run.startAgain(0);
        run.recover();
    }),

    APP_STOPPED("users-sync stopped", "SIGTERM under load, then started again", run -> {
        run.loaded();
        run.apps.get(0).stop();
        assertEquals(143, run.apps.get(0).exitCode(), "128 + SIGTERM");
        run.suffer();
        run.startAgain(0);
        run.recover();
    }),

    TWO_INSTANCES("two instances, one killed", "both write the same users; one is killed -9 and started again", run -> {
        run.start(2);
        run.load();
        run.apps.get(1).kill();
        run.suffer();
        run.startAgain(1);
        run.recover();
    }),

    FOUR_INSTANCES(
            "four instances, Postgres reset",
            "all write the same users while every connection to Postgres is reset",
            run -> {
                run.start(4);
                run.load();
                run.toPostgres.fail(Trouble.RESET);
                run.suffer();
                run.toPostgres.heal();
                run.recover();
            }),

    DELIVERIES_CUT("deliveries cut", "connections between provider and users-sync end in the middle", run -> {
        run.loaded();
        run.toApps.get(0).fail(Trouble.CUT);
        run.suffer();
        run.toApps.get(0).heal();
        run.recover();
    }),

    DELIVERIES_TRUNCATED("deliveries truncated", "half of each delivery arrives, then the connection ends", run -> {
        run.loaded();
        run.toApps.get(0).fail(Trouble.TRUNCATED, Way.TO_SERVER, 0);
        run.suffer();
        run.toApps.get(0).heal();
        run.recover();
    }),

    REPLIES_TRUNCATED(
            "replies lost", "deliveries arrive and are applied, but half of each reply gets to the provider", run -> {
                run.loaded();
                run.toApps.get(0).fail(Trouble.TRUNCATED, Way.TO_CLIENT, 0);
                run.suffer();
                run.toApps.get(0).heal();
                run.recover();
            }),

    DELIVERIES_SLOW("deliveries slow", "deliveries arrive at 400 bytes a second", run -> {
        run.loaded();
        run.toApps.get(0).fail(Trouble.SLOW, Way.TO_SERVER, 20);
        run.endure();
        run.toApps.get(0).heal();
        run.recover();
    }),

    DISK_FULL("disk full", "the file system that holds the table is full", run -> {
        run.start(1);
        Path small = run.smallFileSystem(64);
        run.postgres.execute(
                "app", "CREATE TABLESPACE small LOCATION '" + Files.createDirectory(small.resolve("table")) + "'");
        run.postgres.execute("app", "ALTER TABLE neon_auth.users_sync SET TABLESPACE small");
        run.load();
        Path ballast = small.resolve("ballast");
        try (OutputStream full = Files.newOutputStream(ballast)) {
            while (true) {
                full.write(new byte[4096]);
            }
        } catch (IOException e) {
            // full
        }
        run.suffer();
        Files.delete(ballast);
        run.recover();
    }),

    OUT_OF_FILE_DESCRIPTORS(
            "out of file descriptors",
            "somebody opens connections until users-sync may open no further file, and all others have to connect anew",
            run -> {
                run.start(1, "sh", "-c", "ulimit -n 600; exec \"$@\"", "sh");
                run.load();
                List<Socket> others = new ArrayList<>();
                try {
                    for (int i = 0; i < 600; i++) {
                        others.add(new Socket("localhost", run.apps.get(0).port()));
                    }
                    run.toApps.get(0).switchTo(run.apps.get(0).port());
                    run.suffer();
                } finally {
                    for (Socket other : others) {
                        other.close();
                    }
                }
                run.recover();
            }),

    CLOCK_JUMPS(
            "clock jumps",
            "the clock of users-sync is an hour ahead, then right again: signatures seem to be old meanwhile",
            run -> {
                Path offset = Files.writeString(run.directory.resolve("offset"), "+0");
                run.start(
                        1,
                        "env",
                        "LD_PRELOAD=" + FaultRun.faketime(),
                        "FAKETIME_TIMESTAMP_FILE=" + offset,
                        "FAKETIME_CACHE_DURATION=1",
                        "FAKETIME_DONT_FAKE_MONOTONIC=1",
                        "FAKETIME_FORCE_MONOTONIC_FIX=0");
                run.load();
                Files.writeString(offset, "+1h");
                run.suffer();
                Files.writeString(offset, "+0");
                run.recover();
            },
            "401");

    /** The title in the table of docs/reliability.md. */
    public final String title;
    /** What happens, for readers of the table. */
    public final String what;

    private final Scenario scenario;
    private final Set<String> replies = new TreeSet<>(Set.of("204", "503, Retry-After 30"));

    Fault(String title, String what, Scenario scenario, String... otherReplies) {
        this.title = title;
        this.what = what;
        this.scenario = scenario;
        replies.addAll(Set.of(otherReplies));
    }

    private interface Scenario {

        void play(FaultRun run) throws Exception;
    }

    public void play(FaultRun run) throws Exception {
        scenario.play(run);
    }

    /** The replies that a provider may get during the fault. */
    public Set<String> replies() {
        return replies;
    }
}
