package dev.userssync.event;

import java.time.Duration;

/**
 * A provider's API did not give what it was asked for. The message is for the log: what happened and, where the operator can help,
 * what to do; nothing of the answer's body.
 */
public final class ApiFailure extends RuntimeException {

    private final int status;
    private final Duration retryAfter;

    /**
     * @param status the HTTP status, or 0 if the answer itself was wrong
     * @param retryAfter how long the provider asks us to stay away, or null
     */
    public ApiFailure(int status, Duration retryAfter, String message) {
        super(message);
        this.status = status;
        this.retryAfter = retryAfter;
    }

    /** For routes: the answer was 2xx, but not what was asked for. */
    public ApiFailure(String message) {
        this(0, null, message);
    }

    public int getStatus() {
        return status;
    }

    public Duration getRetryAfter() {
        return retryAfter;
    }

    /** There is no such user: not yet, or not any more. Only repeated it proves a deletion. */
    public boolean isGone() {
        return status == 404 || status == 410;
    }

    /** The provider refuses the question itself, such as a cursor that it no longer knows. */
    public boolean isRefused() {
        return status == 400 || status == 404 || status == 410 || status == 422;
    }
}
