package dev.userssync.verify;

import java.time.Instant;

/**
 * Bounds the age of a delivery: its signed time against our clock. Without a bound, an attacker could resend an old
 * delivery for ever.
 */
final class DeliveryAge {

    private DeliveryAge() {}

    /** @throws Refused if the time is more than {@code tolerance} seconds in the past or the future */
    static void check(Instant sent, Instant now, long tolerance) {
        long age = now.getEpochSecond() - sent.getEpochSecond();
        if (Math.abs(age) > tolerance) {
            throw new Refused(
                    Refused.Reason.AGE,
                    "the timestamp is " + Math.abs(age) + " s " + (age > 0 ? "old" : "ahead of this machine's clock")
                            + ", " + tolerance + " s are allowed");
        }
    }
}
