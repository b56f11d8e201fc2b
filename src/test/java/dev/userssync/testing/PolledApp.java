package dev.userssync.testing;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.provider.Polls;
import dev.userssync.settings.Providers;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.awaitility.core.ConditionTimeoutException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;

/** The whole application with one provider, whose API is a fake. Polls run only when a test asks for them. */
public abstract class PolledApp extends RunningApp {

    public static final String ROWS = "SELECT id || ' ' || name FROM neon_auth.users_live ORDER BY id COLLATE \"C\"";

    public final String provider;
    public final FakeApi api;
    public final CapturedLog log = new CapturedLog();

    public PolledApp(String provider, FakeApi.Speech speech) {
        this.provider = provider;
        api = new FakeApi(speech);
        for (String other : Set.copyOf(settings.stringPropertyNames())) {
            if (other.endsWith(Providers.SECRET)) {
                settings.remove(other);
            }
        }
        settings.setProperty(provider + ".webhook.secret", TestSettings.SECRET);
        settings.setProperty(provider + ".api.key", FakeApis.KEY);
        settings.setProperty(provider + ".api.url", api.url());
        settings.setProperty(provider + ".organizations", "off"); // a test of its own: OrganizationPollsTest
        settings.setProperty("poll.interval", "1h");
        settings.setProperty("poll.tick", "20");
        settings.setProperty("reconcile.max-deletes", "20");
    }

    private Polls polls() {
        return context().getRegistry().lookupByNameAndType("polls", Polls.class);
    }

    @BeforeEach
    public void nothingYet() {
        polls().unlimited = true;
        await().until(() -> database.column(
                        "SELECT provider FROM users_sync_internal.poll_state WHERE lease_until > now()")
                .isEmpty());
        api.reset();
        api.largestPage = 50;
        log.clear();
        await().until(() -> !database.column("SELECT provider FROM users_sync_internal.poll_state")
                .isEmpty());
        database.execute(
                "TRUNCATE neon_auth.users_sync CASCADE; TRUNCATE users_sync_internal.sweep_seen, users_sync_internal.dead_letter, users_sync_internal.user_to_ask;"
                        // a later fence, so that work of the previous test cannot write any more
                        + "WITH old AS (DELETE FROM users_sync_internal.poll_state RETURNING provider, fence)"
                        + " INSERT INTO users_sync_internal.poll_state (provider, fence, changes_due, listing_due)"
                        + " SELECT provider, fence + 1, 'infinity', 'infinity' FROM old");
    }

    @AfterAll
    public void closeApi() {
        api.close();
    }

    /** Wakes the job that is due: the backfill, else a reconcile. */
    public void list() {
        wake("listing_due = now()");
    }

    public void readChanges() {
        wake("changes_due = now()");
    }

    public void wake(String change) {
        database.execute("UPDATE users_sync_internal.poll_state SET " + change);
        polls().wake(provider);
    }

    /** A column of poll_state. */
    public String state(String column) {
        return database.value("SELECT " + column + " FROM users_sync_internal.poll_state");
    }

    public void awaitState(String condition) {
        awaitState(condition, Duration.ofSeconds(20));
    }

    public void awaitState(String condition, Duration longest) {
        try {
            await().atMost(longest).pollInterval(Duration.ofMillis(20)).until(() -> "t".equals(state(condition)));
        } catch (ConditionTimeoutException e) {
            throw new AssertionError(
                    condition + " is not so: " + state("to_jsonb(poll_state)") + "\n" + api.requests(), e);
        }
    }

    public void backfill() {
        list();
        awaitState("backfilled_at IS NOT NULL AND phase IS NULL");
    }

    /** Waits until the due work has failed, and cuts the pause after it short. */
    public void awaitFailure() {
        awaitState("last_error IS NOT NULL AND changes_failures + listing_failures > 0");
        wake("listing_due = now()");
    }

    /** Runs one more complete job. */
    public void reconcile() {
        String before = state("started_at");
        list();
        awaitState("phase IS NULL AND started_at > '" + before + "'");
    }

    public void assertTableIsTrue() {
        assertEquals(api.truth(), database.column(ROWS));
    }

    /** The counts listed, added, updated, deleted, repaired and unknown of the last job. */
    public List<Long> report() {
        return List.of("listed", "added", "updated", "deleted", "repaired", "unknown").stream()
                .map(count -> Long.valueOf(state("last_report ->> '" + count + "'")))
                .toList();
    }

    public HttpResponse<String> post(String path) {
        return new Delivery("").post(management(path));
    }

    public int requests(String path) {
        return (int) api.requests().stream()
                .filter(request -> request.path().equals(path))
                .count();
    }
}
