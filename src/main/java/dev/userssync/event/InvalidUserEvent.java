package dev.userssync.event;

/**
 * Reports a verified delivery that cannot become a user event. The message is logged, so it gives the reason without
 * any of the user's data.
 */
public final class InvalidUserEvent extends IllegalArgumentException {

    public InvalidUserEvent(String message) {
        super(message);
    }
}
