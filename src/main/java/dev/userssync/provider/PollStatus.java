package dev.userssync.provider;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * The state of polling one provider on this instance: the counts of users_sync_internal.poll_state at its last write.
 * They are zero or null on an instance that has not polled yet. Thread-safe.
 */
public final class PollStatus {

    private final String provider;
    private volatile Map<?, ?> row = Map.of();
    private volatile long nextLook = System.nanoTime();
    private volatile long lastLook = System.nanoTime();
    private volatile boolean woken;
    private volatile boolean stopped;
    private volatile boolean toAsk = true;
    private long nextRequest = System.nanoTime();
    private long nextProgress = System.nanoTime();

    public PollStatus(String provider) {
        this.provider = provider;
    }

    public String getProvider() {
        return provider;
    }

    /** The running or last job: backfill, reconcile or dry-run. */
    public String getJob() {
        return (String) row.get("job");
    }

    /** The phase of the job: listing, sweep, proving or held; null when the job is done. */
    public String getPhase() {
        return (String) row.get("phase");
    }

    /** Pages of the job. */
    public long getPages() {
        return number("pages");
    }

    /** Users that the job has listed. */
    public long getUsers() {
        return number("users");
    }

    /** The total number of users at the provider; 0 if the provider does not report it. */
    public long getTotal() {
        return number("total");
    }

    public long getAdded() {
        return number("added");
    }

    public long getUpdated() {
        return number("updated");
    }

    public long getDeleted() {
        return number("deleted");
    }

    /** Users that the job repaired after a lost webhook. */
    public long getRepaired() {
        return number("repaired");
    }

    public long getUnknown() {
        return number("unknown");
    }

    public long getPagesTotal() {
        return number("pages_total");
    }

    public long getUsersTotal() {
        return number("users_total");
    }

    /** Users repaired after lost webhooks, ever. If it grows, webhooks are being lost. */
    public long getRepairedTotal() {
        return number("repaired_total");
    }

    /** Users a second since the job began; 0 before its first page. */
    public double getUsersPerSecond() {
        long millis = number("job_millis");
        return millis <= 0 ? 0 : getUsers() * 1000.0 / millis;
    }

    /** The remaining time of the listing; null if the provider reports no total. */
    public Duration getRest() {
        double rate = getUsersPerSecond();
        return getTotal() <= 0 || rate <= 0
                ? null
                : Duration.ofSeconds((long) (Math.max(0, getTotal() - getUsers()) / rate));
    }

    /** The time of the last complete pass or listing, in epoch milliseconds; 0 for never. */
    public long getLastSuccess() {
        return row.get("last_success_at") instanceof java.sql.Timestamp at ? at.getTime() : 0;
    }

    private long number(String column) {
        return row.get(column) instanceof Number number ? number.longValue() : 0;
    }

    public void wrote(Map<?, ?> state) {
        row = state;
    }

    /**
     * @param awake whether the database is awake: then also due every minute, to find what another instance or an
     *         operator wrote into the table
     */
    public boolean isDue(long now, boolean awake) {
        if (stopped || now - nextLook < 0 && !(awake && now - lastLook > TimeUnit.MINUTES.toNanos(1))) {
            return false;
        }
        lastLook = now;
        woken = false;
        return true;
    }

    /** Delays the next look until the given time, unless {@link #wake} was called since the last look was due. */
    public void lookAgainAt(long nanos) {
        nextLook = nanos;
        if (woken) {
            nextLook = System.nanoTime();
        }
    }

    /** Whether there may be users whom the provider's API did not know, and whom users-sync asks for again. */
    boolean isToAsk() {
        return toAsk;
    }

    void setToAsk(boolean some) {
        toAsk = some;
    }

    /** Ends the looking until {@link #wake}. */
    public void stop() {
        stopped = true;
    }

    public void wake() {
        stopped = false;
        woken = true;
        nextLook = System.nanoTime();
    }

    /** Reserves the next request, so that there is at least the given time between two. @return nanoseconds to wait */
    public synchronized long reserve(long now, long between) {
        long start = Math.max(now, nextRequest);
        nextRequest = start + between;
        return start - now;
    }

    /** True at most once in the given time. */
    public synchronized boolean isProgressDue(long now, long between) {
        if (now - nextProgress < 0) {
            return false;
        }
        nextProgress = now + between;
        return true;
    }
}
