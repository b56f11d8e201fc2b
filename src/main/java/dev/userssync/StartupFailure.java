package dev.userssync;

/** Something that the operator must change before users-sync can start. The message is one line that says what. */
public final class StartupFailure extends RuntimeException {

    StartupFailure(String message) {
        super(message);
    }
}
