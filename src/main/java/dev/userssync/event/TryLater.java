package dev.userssync.event;

import java.util.concurrent.RejectedExecutionException;

/**
 * Something that a delivery needs is not there now (a provider's keys): whether it is genuine cannot be told, so it is neither refused nor
 * applied. Answered 503 with Retry-After, like a full queue, whose exception it extends: error-handler names that one. The message is logged: no
 * secret, nothing of the delivery.
 */
public final class TryLater extends RejectedExecutionException {

    /** Public for routes. */
    public TryLater(String message) {
        super(message);
    }
}
