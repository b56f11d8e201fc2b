package dev.userssync.event;

/** A verified delivery that cannot become a user event. The message says why, without any of the user's data: it is logged. */
public final class InvalidUserEvent extends IllegalArgumentException {

    public InvalidUserEvent(String message) {
        super(message);
    }
}
