package dev.userssync.verify;

/** A delivery that is not proved to come from its provider, with a reason that can be counted. The message is logged: no secret, no body. */
public final class Refused extends SecurityException {

    /** The few reasons that a metric may carry. */
    public enum Reason {
        /** A header of the signature is missing, doubled or cannot be read. */
        HEADER,
        /** Signed too long ago, or by a clock that is ahead. */
        AGE,
        /** The signature, token or credentials are those of somebody else, or the body was changed on the way. */
        SIGNATURE,
        /** The key that the provider names cannot be had. */
        KEY,
        /** Said by a scheme of your own that names no reason. */
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
