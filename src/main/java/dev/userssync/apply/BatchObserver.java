package dev.userssync.apply;

/** Told of every batch that {@code microbatch:} has committed; a bean. Called by several writers at the same time. */
public interface BatchObserver {

    /**
     * @param users how many the batch held, one event each
     * @param nanoseconds from the batch being complete until its commit, retries included
     */
    void committed(int users, long nanoseconds);
}
