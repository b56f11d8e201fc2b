package dev.userssync.provider;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.Timestamp;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The clocks and counts of one provider's poller. */
class PollStatusTest {

    private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

    private final PollStatus status = new PollStatus("clerk");
    private final long now = System.nanoTime() + SECOND;

    @Test
    void requestsKeepTheirDistance() {
        assertEquals(0, status.reserve(now, SECOND));
        assertEquals(SECOND, status.reserve(now, SECOND));
        assertEquals(2 * SECOND, status.reserve(now, SECOND));
        assertEquals(0, status.reserve(now + 10 * SECOND, SECOND), "unused permits do not accumulate");
        assertEquals(SECOND, status.reserve(now + 10 * SECOND, SECOND));
    }

    @Test
    void aLookThatFoundNothingIsRepeatedWhenItSaysSo() {
        assertTrue(status.isDue(now, false));
        status.lookAgainAt(now + SECOND);
        assertFalse(status.isDue(now, false));
        assertTrue(status.isDue(now + SECOND, false));
    }

    @Test
    void whoeverWakesThePollerDuringALookIsHeard() {
        assertTrue(status.isDue(now, false));
        status.wake();
        status.lookAgainAt(now + 60 * SECOND);
        assertTrue(status.isDue(System.nanoTime(), false));
        status.lookAgainAt(now + 60 * SECOND);
        assertFalse(status.isDue(now, false), "once");
    }

    @Test
    void countsAreThoseOfTheRow() {
        assertEquals(0, status.getUsers());
        assertNull(status.getRest());
        status.wrote(Map.of(
                "job",
                "backfill",
                "users",
                500L,
                "total",
                2000L,
                "pages",
                5L,
                "job_millis",
                1000,
                "repaired_total",
                3L,
                "last_success_at",
                new Timestamp(1_700_000_000_000L)));
        assertEquals("backfill", status.getJob());
        assertEquals(5, status.getPages());
        assertEquals(500.0, status.getUsersPerSecond());
        assertEquals(Duration.ofSeconds(3), status.getRest());
        assertEquals(3, status.getRepairedTotal());
        assertEquals(1_700_000_000_000L, status.getLastSuccess());
    }

    @Test
    void progressIsToldOnceInAWhile() {
        assertTrue(status.isProgressDue(now, 10 * SECOND));
        assertFalse(status.isProgressDue(now + 9 * SECOND, 10 * SECOND));
        assertTrue(status.isProgressDue(now + 10 * SECOND, 10 * SECOND));
    }
}
