package dev.userssync.apply;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.spi.ExecutorServiceManager;

/**
 * Continues the routes of the callers after their commit, in threads of its own: a slow step there does not keep the
 * writer from the next batch. Callers start in the order of their commits.
 * <p>
 * Own code, because a pool wakes a thread for each task, which costs more than a reply. Here one thread takes what has
 * queued up. Only if steps are slow, the number of threads doubles every 20 ms, up to a bound. A caller that waits
 * inside such a step gets a thread at once: the threads below the bound may all be waiting for such callers.
 * Thread-safe.
 */
final class Callers {

    private static final long LOOK_MILLIS = 20;
    private static final long QUICK_MILLIS = 5;
    private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> false);

    private final ExecutorServiceManager manager;
    private final ExecutorService threads;
    private final ScheduledExecutorService clock;
    private final int most;
    private final Queue<WaitingEvent> queue = new ConcurrentLinkedQueue<>();
    private final AtomicInteger waiting = new AtomicInteger();
    private final AtomicInteger running = new AtomicInteger();
    private final AtomicInteger taken = new AtomicInteger();
    private final AtomicBoolean watching = new AtomicBoolean();
    private int takenAtLastLook;
    private volatile boolean slow;
    private volatile long lastTaken = System.nanoTime();

    /** @param most threads, beside those of callers inside a step */
    Callers(ExecutorServiceManager manager, String name, int most) {
        this.manager = manager;
        this.most = most;
        threads = manager.newCachedThreadPool(this, name);
        clock = manager.newSingleThreadScheduledExecutor(this, name + "-clock");
    }

    /** Whether this thread runs a step after a commit. */
    static boolean isInside() {
        return INSIDE.get();
    }

    void proceed(WaitingEvent caller) {
        if (caller.inside) {
            try {
                threads.execute(() -> proceedNow(caller));
                return;
            } catch (RejectedExecutionException e) {
                // it stops: below, as all others
            }
        }
        if (waiting.getAndIncrement() == 0) {
            lastTaken = System.nanoTime();
        }
        queue.add(caller);
        start(1);
    }

    /**
     * Lets the writer wait until the callers of its batch have continued, for 5 ms at most. Meanwhile events queue up, and
     * the next batch is larger. Without it, c=64 takes more and smaller batches. It does not wait while steps are slow.
     */
    synchronized void awaitQuick() {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(QUICK_MILLIS);
        while (!slow && waiting.get() > 0) {
            long left = TimeUnit.NANOSECONDS.toMillis(end - System.nanoTime());
            if (left <= 0) {
                slow = true;
                return;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private synchronized void allContinued() {
        slow = false;
        notifyAll();
    }

    /** How many callers wait for a thread. */
    int waiting() {
        return waiting.get();
    }

    /** Seconds for which no caller has got a thread although one waits; 0 if none waits. */
    long stuckSeconds() {
        return waiting.get() == 0 ? 0 : TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - lastTaken);
    }

    private void start(int wanted) {
        int now;
        while ((now = running.get()) < wanted && !queue.isEmpty()) {
            if (running.compareAndSet(now, now + 1)) {
                try {
                    threads.execute(this::run);
                } catch (RejectedExecutionException e) {
                    running.decrementAndGet();
                    return; // it stops, and close() continues them
                }
            }
        }
        if (now > 0 && !watching.get() && watching.compareAndSet(false, true)) {
            watch();
        }
    }

    private void run() {
        try {
            for (WaitingEvent next = queue.poll(); next != null; next = queue.poll()) {
                waiting.decrementAndGet();
                taken.incrementAndGet();
                lastTaken = System.nanoTime();
                proceedNow(next);
            }
            allContinued();
        } finally {
            running.decrementAndGet();
            start(1); // also for a caller that came after the last look, and after an Error
        }
    }

    private static void proceedNow(WaitingEvent caller) {
        INSIDE.set(true);
        try {
            caller.proceed();
        } finally {
            INSIDE.set(false);
        }
    }

    private void watch() {
        try {
            clock.schedule(this::look, LOOK_MILLIS, TimeUnit.MILLISECONDS);
        } catch (RejectedExecutionException e) {
            watching.set(false); // it stops
        }
    }

    private void look() {
        int since = taken.get() - takenAtLastLook;
        takenAtLastLook += since;
        int now = running.get();
        if (now == 0) {
            watching.set(false);
            start(1); // a caller may have come in between
            return;
        }
        if (since < 2 * now) { // quick steps are hundreds
            start(Math.min(most, 2 * now));
        }
        watch();
    }

    /** Continues all callers, then ends. */
    void close() {
        manager.shutdownNow(clock);
        manager.shutdownGraceful(threads, 5_000);
        for (WaitingEvent next = queue.poll(); next != null; next = queue.poll()) {
            waiting.decrementAndGet();
            next.proceed();
        }
    }
}
