package dev.userssync.event;

/** Learns of user events in which U+FFFD stands for characters that Postgres cannot hold; a bean. Called by several threads at a time. */
public interface ReplacementObserver {

    void replaced(String provider);
}
