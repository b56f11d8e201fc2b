package dev.userssync.event;

import java.util.concurrent.RejectedExecutionException;

/**
 * Reports that a delivery needs something unavailable, such as a provider's keys. users-sync cannot check the delivery,
 * so it neither refuses nor applies it, and answers 503 with Retry-After. It extends the exception of a full queue,
 * which error-handler names. The message is logged, so it holds no secret and nothing of the delivery.
 */
public final class TryLater extends RejectedExecutionException {

    /** Public for routes. */
    public TryLater(String message) {
        super(message);
    }
}
