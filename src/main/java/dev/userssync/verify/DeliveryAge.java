package dev.userssync.verify;

import java.time.Instant;

/** The age of a delivery: the time that it was signed with, against our clock. Without a bound an old delivery could be sent again for ever. */
final class DeliveryAge {

    private DeliveryAge() {
    }

    /** @throws Refused if the time is more than {@code tolerance} seconds away, both ways */
    static void check(Instant sent, Instant now, long tolerance) {
        long age = now.getEpochSecond() - sent.getEpochSecond();
        if (Math.abs(age) > tolerance) {
            throw new Refused(Refused.Reason.AGE, "the timestamp is " + Math.abs(age) + " s " + (age > 0 ? "old" : "ahead of this machine's clock")
                    + ", " + tolerance + " s are allowed");
        }
    }
}
