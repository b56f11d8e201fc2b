package dev.userssync.settings;

import org.apache.camel.VetoCamelContextStartException;

/**
 * Something that the operator must change before users-sync can start. The message is one line that says what. Its cause is Camel's
 * veto: a start that a component or a route stops with it ends with that line instead of a stack trace.
 */
public final class StartupFailure extends RuntimeException {

    public StartupFailure(String message) {
        super(message, new VetoCamelContextStartException(message, null, true));
    }
}
