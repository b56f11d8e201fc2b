package dev.userssync.apply;

import dev.userssync.event.Failure;
import dev.userssync.event.TryLater;
import java.util.concurrent.TimeUnit;

/**
 * Bounds the halving of a failed batch. One guilty event of 500 takes some 20 statements. If nearly all are guilty, the
 * senders of the rest are asked to retry before most stop waiting. If an operator's mistake makes all fail, such as a
 * missing table, more statements would not help.
 */
final class HalvingPatience {

    private static final int MOST_SERVER_FAILURES = 32; // enough to find one guilty event of 500, or two

    private final long timeout;
    private long firstFailure;
    private int serverFailures;
    private Exception over;

    /** @param millis for which a batch is halved, after its first failure */
    HalvingPatience(long millis) {
        timeout = TimeUnit.MILLISECONDS.toNanos(millis);
    }

    void failed(Exception failure) {
        if (firstFailure == 0) {
            firstFailure = System.nanoTime();
        }
        if (!Failure.mayBeOneEvents(failure)) {
            over = failure; // the rest would wait for the same lock or server, one after the other
        } else if (Failure.causedByServer(failure) && ++serverFailures > MOST_SERVER_FAILURES) {
            over = failure;
        } else if (System.nanoTime() - firstFailure > timeout) {
            over = new TryLater(
                    "the database refuses so many events of a batch that the others were not reached in time");
        }
    }

    boolean isOver() {
        return over != null;
    }

    Exception failure() {
        return over;
    }
}
