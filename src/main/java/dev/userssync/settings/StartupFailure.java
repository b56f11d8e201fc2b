package dev.userssync.settings;

import org.apache.camel.VetoCamelContextStartException;

/**
 * A problem that the operator must fix before users-sync can start. The message is one line: what happened, to what,
 * what to do. Its cause is Camel's veto: if a component or a route throws it, the start ends with that line instead of
 * a stack trace.
 */
public final class StartupFailure extends RuntimeException {

    public StartupFailure(String message) {
        super(message, new VetoCamelContextStartException(message, null, true));
    }
}
