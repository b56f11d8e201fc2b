package dev.userssync.database;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.settings.Version;
import dev.userssync.testing.AppProcess;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.FakeApi;
import dev.userssync.testing.FakeApis;
import dev.userssync.testing.TestDatabase;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The application with only a directory: its data survives every way in which the application can end. */
@Tag("app")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EmbeddedDatabaseTest {

    @TempDir
    private static Path directory;

    /** Most tests share one data directory, because creating one takes seconds. */
    private AppProcess app;

    private Path data() {
        return directory.resolve("data");
    }

    @AfterAll
    void close() {
        if (app != null) {
            app.close();
        }
    }

    private AppProcess running() {
        if (app == null || !app.isAlive()) {
            app = AppProcess.running(data());
        }
        return app;
    }

    /** Leaves the data directory as an application leaves it that shut down cleanly. */
    private void stopped() {
        running().stop();
        assertEquals(143, app.exitCode(), "128 + SIGTERM");
    }

    private static int deliver(AppProcess to, String id) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"" + id + "\", \"name\": \"Jane\"}}")
                .post(to.webhooks("generic"))
                .statusCode();
    }

    private static List<String> names(AppProcess of, String id) {
        return of.column("SELECT name FROM neon_auth.users_sync WHERE id = '" + id + "'");
    }

    @Test
    void theFirstStartExplainsItself() {
        try (AppProcess first = new AppProcess(directory.resolve("first")).awaitRunning()) {
            assertTrue(first.output().contains("users-sync is running, version " + Version.current()), first.output());
            for (String setting : List.of(
                    "CLERK_WEBHOOK_SECRET", "GENERIC_WEBHOOK_SECRET", "SCIM_WEBHOOK_SECRET", "KINDE_JWKS_URL")) {
                assertTrue(first.output().contains("set " + setting + " to turn it on"), first.output());
            }
            assertTrue(Pattern.compile("""
                    user.created -> 204
                    .*"name": "Ada Lovelace".*"deleted_at": null.*
                      user.updated -> 204
                    .*"name": "Ada King".*"deleted_at": null.*
                      user.deleted -> 204
                    .*"name": "Ada King".*"deleted_at": "2026-03-01.*
                    """).matcher(first.output()).find(), first.output());
            assertEquals(
                    List.of("Ada King, deleted at 2026-03-01 12:00:00+00"),
                    first.column("SELECT concat(name, ', deleted at ', deleted_at) FROM neon_auth.users_sync"));
            assertEquals(List.of("on"), first.column("SHOW fsync"));
            assertEquals(List.of("on"), first.column("SHOW synchronous_commit"));
            assertEquals("", first.errors());
        }
    }

    @Test
    void theSampleIsOffAsSoonAsAProviderIsOn() {
        assertFalse(running().output().contains("sample"), app.output());
        assertEquals(404, new Delivery("{}").post(app.webhooks("sample")).statusCode());
    }

    /** A provider without webhooks is configured, and its users are the only ones. */
    @Test
    void aProviderThatIsOnlyPolledIsAProvider() {
        try (FakeApi clerk = new FakeApi(FakeApis::clerk)) {
            clerk.create("user_1", "user_2", "user_3");
            try (AppProcess app = new AppProcess(
                            directory.resolve("polled"),
                            "CLERK_API_KEY",
                            FakeApis.KEY,
                            "CLERK_API_URL",
                            clerk.url(),
                            "POLL_INTERVAL",
                            "1s",
                            "RECONCILE_INTERVAL",
                            "1s",
                            "RECONCILE_MAX_SHARE",
                            "100")
                    .awaitRunning()) {
                assertFalse(app.output().contains("No provider is configured"), app.output());
                assertTrue(
                        app.output()
                                .contains("on   polled, without webhooks: set CLERK_WEBHOOK_SECRET to turn them on"),
                        app.output());
                await().atMost(Duration.ofSeconds(60))
                        .until(
                                () -> app.column("SELECT id FROM neon_auth.users_sync ORDER BY id"),
                                List.of("user_1", "user_2", "user_3")::equals);
            }
        }
    }

    @Test
    void rowsSurviveAStop() {
        assertEquals(204, deliver(running(), "before-stop"));
        stopped();
        assertEquals(List.of("Jane"), names(running(), "before-stop"));
        assertFalse(app.output().contains("earlier run"), "Postgres was stopped too");
    }

    @Test
    void rowsSurviveAKill() {
        assertEquals(204, deliver(running(), "before-kill"));
        ProcessHandle orphan = app.postgres();
        app.kill();
        assertTrue(orphan.isAlive());
        assertEquals(List.of("Jane"), names(running(), "before-kill"));
        assertTrue(
                app.output()
                        .contains(
                                "Stopping the Postgres (process " + orphan.pid() + ") that an earlier run left behind"),
                app.output());
        assertFalse(orphan.isAlive());
    }

    @Test
    void thePidFileOfAProcessThatIsGoneIsRemoved() throws Exception {
        stopped();
        Process gone = new ProcessBuilder("true").start();
        gone.waitFor();
        leavePidFile(gone.pid());
        assertEquals(204, deliver(running(), "after-stale-pid"));
    }

    @Test
    void thePidFileMayNameAnotherProgramByNow() throws Exception {
        stopped();
        leavePidFile(ProcessHandle.current().pid());
        assertEquals(204, deliver(running(), "after-other-program"));
    }

    @Test
    void thePidFileMayNameSomebodyElsesPostgresByNow() throws Exception {
        stopped();
        try (Connection other = new TestDatabase().connect()) {
            ResultSet backend = other.createStatement().executeQuery("SELECT pg_backend_pid()");
            backend.next();
            leavePidFile(backend.getLong(1));
            assertEquals(204, deliver(running(), "after-other-postgres"));
            assertTrue(other.isValid(5));
        }
    }

    /**
     * As Postgres writes it: pid, data directory, start time, port, socket directory, address, shared memory, state.
     */
    private void leavePidFile(long pid) throws IOException {
        Path postgres = data().resolve("postgres");
        Files.writeString(
                postgres.resolve("postmaster.pid"),
                pid + "\n" + postgres + "\n1700000000\n15432\n/tmp\nlocalhost\n  1 1\nready   \n");
    }

    @Test
    void aSecondInstanceOnTheDirectoryIsRefusedAndTheFirstGoesOn() throws IOException {
        running();
        try (AppProcess second = new AppProcess(data())) {
            assertEquals(
                    "another users-sync uses the embedded database in " + data().toRealPath()
                            + ": stop it first, or set DATA_DIR"
                            + " to another directory, or DATABASE_URL to a Postgres that both can use",
                    second.refusal());
            assertEquals(204, deliver(app, "after-second-instance"));
        }
    }

    @Test
    void theDirectoryOfAnotherPostgresVersionIsLeftAlone() throws IOException {
        Path postgres = Files.createDirectories(directory.resolve("old/postgres"));
        Files.writeString(postgres.resolve("PG_VERSION"), "17\n");
        try (AppProcess newer = new AppProcess(directory.resolve("old"))) {
            assertEquals(
                    "the embedded database in " + postgres.toRealPath()
                            + " was made by Postgres 17, this is 18: dump and restore it"
                            + " with pg_dump, or set DATA_DIR to another directory",
                    newer.refusal());
        }
        assertEquals(List.of("PG_VERSION"), List.of(postgres.toFile().list()));
    }

    @Test
    void aDirectoryThatCannotBeUsedIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("file"), "not a directory");
        try (AppProcess misled = new AppProcess(file)) {
            assertEquals(
                    "the embedded database in " + file + " cannot be started: FileAlreadyExistsException, " + file
                            + "; set DATA_DIR to a writable directory, or DATABASE_URL to a Postgres of your own",
                    misled.refusal());
        }
    }

    /**
     * A container is killed in its first seconds: initdb dies too and leaves a directory from which Postgres cannot
     * start.
     */
    @Test
    void anInterruptedFirstStartDoesNotPreventTheNext() {
        Path interrupted = interruptedFirstStart();
        try (AppProcess next = AppProcess.running(interrupted)) {
            assertEquals(204, deliver(next, "after-interrupted-start"));
        }
    }

    /** initdb needs a fraction of a second. If it finishes before the kill, the next try uses another directory. */
    private Path interruptedFirstStart() {
        for (int i = 0; i < 10; i++) {
            Path interrupted = directory.resolve("interrupted" + i);
            try (AppProcess first = new AppProcess(interrupted)) {
                await().atMost(Duration.ofSeconds(30))
                        .pollDelay(Duration.ZERO)
                        .pollInterval(Duration.ofMillis(2))
                        .until(() -> Files.exists(interrupted.resolve("postgres/PG_VERSION")));
            }
            if (!Files.exists(interrupted.resolve("postgres/postmaster.pid"))) {
                return interrupted;
            }
        }
        throw new AssertionError("killed too late ten times");
    }
}
