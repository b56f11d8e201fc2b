package dev.userssync.provider;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.FakeApis;
import dev.userssync.testing.PolledApp;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** A hundred thousand users arrive within minutes, a second listing is faster, and the log reports progress. */
@Tag("long")
class LargeBackfillTest extends PolledApp {

    private static final int USERS = 100_000;

    LargeBackfillTest() {
        super("stytch", FakeApis::stytch); // pages of a thousand, and a total
        settings.setProperty("stytch.api.key", "client:secret");
        settings.setProperty("poll.tick", "200");
    }

    @Test
    void aHundredThousandUsers() {
        api.createMany("user_", USERS);
        api.largestPage = Integer.MAX_VALUE;
        long start = System.nanoTime();
        list();
        await().atMost(Duration.ofMinutes(4))
                .until(() ->
                        state("backfilled_at IS NOT NULL AND phase IS NULL").equals("t"));
        Duration backfill = Duration.ofNanos(System.nanoTime() - start);
        assertEquals(Integer.toString(USERS), database.value("SELECT count(*) FROM neon_auth.users_live"));
        assertEquals(Integer.toString(USERS), state("added"));
        assertTrue(
                log.lines().stream()
                        .anyMatch(
                                line -> line.matches(
                                        "(?s).*stytch: backfill has listed \\d+ of 100000 users in \\d+ pages, \\d+ a second, about \\d+ s to go.*")),
                log.lines()::toString);

        String before = state("started_at");
        start = System.nanoTime();
        list();
        await().atMost(Duration.ofMinutes(4))
                .until(() ->
                        state("phase IS NULL AND started_at > '" + before + "'").equals("t"));
        Duration reconcile = Duration.ofNanos(System.nanoTime() - start);
        System.out.printf(
                "%d users: backfill %d a second, reconcile %d a second%n",
                USERS, USERS * 1000L / backfill.toMillis(), USERS * 1000L / reconcile.toMillis());
        assertTrue(
                reconcile.compareTo(backfill) < 0,
                "unchanged users are not written: backfill " + backfill + ", reconcile " + reconcile);
    }
}
