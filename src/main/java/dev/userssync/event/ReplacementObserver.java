package dev.userssync.event;

/**
 * Observes user events in which U+FFFD replaced characters that Postgres cannot store; a bean. Called by several
 * threads at a time.
 */
public interface ReplacementObserver {

    void replaced(String provider);
}
