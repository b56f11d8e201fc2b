package dev.userssync.apply;

/** Observes every batch that {@code microbatch:} has committed; a bean. Several writers call it at the same time. */
public interface BatchObserver {

    /**
     * @param users the number of users in the batch, with one event each
     * @param nanoseconds from the batch being complete until its commit, retries included
     */
    void committed(int users, long nanoseconds);
}
