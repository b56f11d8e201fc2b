package dev.userssync.event;

import java.time.Duration;

/**
 * Reports that a provider's API did not answer as expected. The message is for the log: what happened and, if the
 * operator can help, what to do. It quotes nothing of the answer's body.
 */
public final class ApiFailure extends RuntimeException {

    private final int status;
    private final Duration retryAfter;

    /**
     * @param status the HTTP status, or 0 if the answer itself was wrong
     * @param retryAfter the pause that the provider asks for, or null
     */
    public ApiFailure(int status, Duration retryAfter, String message) {
        super(message);
        this.status = status;
        this.retryAfter = retryAfter;
    }

    /** For routes: the answer was 2xx, but wrong. */
    public ApiFailure(String message) {
        this(0, null, message);
    }

    public int getStatus() {
        return status;
    }

    public Duration getRetryAfter() {
        return retryAfter;
    }

    /** Whether the provider does not know the user: not yet, or no longer. Only a repeated answer proves a deletion. */
    public boolean isGone() {
        return status == 404 || status == 410;
    }

    /** Whether the provider refuses the request itself, such as an unknown cursor. */
    public boolean isRefused() {
        return status == 400 || status == 404 || status == 410 || status == 422;
    }
}
