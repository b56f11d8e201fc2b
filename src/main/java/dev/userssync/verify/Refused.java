package dev.userssync.verify;

/**
 * Refuses a delivery that does not prove its provider, with a reason that a metric counts. The message is logged, so it
 * holds no secret and no body.
 */
public final class Refused extends SecurityException {

    /** The reasons, few enough for a metric's label. */
    public enum Reason {
        /** A header of the signature is missing, doubled or cannot be read. */
        HEADER,
        /** The delivery was signed too long ago, or by a clock that is ahead. */
        AGE,
        /** The signature, token or credentials belong to somebody else, or the body was changed on the way. */
        SIGNATURE,
        /** There is no key for the signature. */
        KEY,
        /** A scheme of your own gave no reason. */
        OTHER;

        public String label() {
            return name().toLowerCase();
        }
    }

    private final Reason reason;

    Refused(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    /** The reason of any security exception. */
    public static Reason reason(Throwable failure) {
        return failure instanceof Refused refused ? refused.reason : Reason.OTHER;
    }
}
