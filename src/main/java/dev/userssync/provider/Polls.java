package dev.userssync.provider;

import dev.userssync.database.Database;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The part of polling that is a matter of clocks: when it is worth while to look for work, how quickly a provider may be asked, and how
 * far a job has come. What is done, and by which instance, is decided in users_sync_internal.poll_state. Thread-safe.
 */
@BindToRegistry("polls")
public final class Polls {

    /** Who holds a lease; for people. */
    static final String OWNER = ProcessHandle.current().pid() + "-" + UUID.randomUUID();
    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final long PROGRESS = TimeUnit.SECONDS.toNanos(10);

    private final Map<String, PollStatus> statuses = new ConcurrentHashMap<>();
    /** For tests, whose providers are fakes. */
    public volatile boolean unlimited;

    /** The name under which this instance holds leases. */
    public String owner() {
        return OWNER;
    }

    /** Whether a look at poll_state may find something to do. */
    public boolean isDue(Exchange exchange) {
        return status(provider(exchange)).isDue(System.nanoTime(), Database.of(exchange.getContext()).quiet.isAwake());
    }

    /** After the look: the row becomes the variables of the poll. */
    public void looked(Exchange exchange) {
        Map<?, ?> look = exchange.getMessage().getBody(Map.class);
        Object unit = look == null ? null : look.get("unit");
        exchange.setVariable("unit", unit);
        if (look != null) {
            status(provider(exchange)).setToAsk(Boolean.TRUE.equals(look.get("to_ask")));
        }
        if (unit != null) {
            for (String variable : new String[] {"fence", "job", "since", "asked", "failures"}) {
                exchange.setVariable(variable, look.get(variable));
            }
            exchange.setVariable("cursor", look.get("cursor") == null ? "{}" : look.get("cursor"));
        } else if (look != null && look.get("idle_millis") != null) {
            long millis = Math.max(0, ((Number) look.get("idle_millis")).longValue());
            status(provider(exchange)).lookAgainAt(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
        }
    }

    /** A user is to be asked for again within seconds: look when. */
    public void noted(Exchange exchange) {
        status(provider(exchange)).setToAsk(true);
        wake(provider(exchange));
    }

    /** Whether a user who was found may be one of those who are asked for again; as of the last look at the database. */
    public boolean mayBeAsked(Exchange exchange) {
        return status(provider(exchange)).isToAsk();
    }

    /** An operator has asked for something: look at the next tick. */
    public void wake(String provider) {
        status(provider).wake();
    }

    /** Waits until the provider may be asked again, so that one instance stays within {@code requestsPerMinute}. */
    public void pace(Exchange exchange) throws InterruptedException {
        if (unlimited) {
            return;
        }
        long between = TimeUnit.MINUTES.toNanos(1) / exchange.getVariable("requestsPerMinute", Integer.class);
        TimeUnit.NANOSECONDS.sleep(status(provider(exchange)).reserve(System.nanoTime(), between));
    }

    /** The database is away: nobody looks there for the seconds in the variable {@code pause}. */
    public void lost(Exchange exchange) {
        status(provider(exchange)).lookAgainAt(System.nanoTime() + TimeUnit.SECONDS.toNanos(exchange.getVariable("pause", Long.class)));
    }

    /** After a page: the body is its provider's row of poll_state. */
    public void wrote(Exchange exchange) {
        Map<?, ?> row = exchange.getMessage().getBody(Map.class);
        if (row == null) {
            return; // another instance has the lease now
        }
        PollStatus status = status((String) row.get("provider"));
        status.wrote(row);
        if (row.get("job_millis") != null && status.isProgressDue(System.nanoTime(), PROGRESS)) {
            Duration rest = status.getRest();
            LOG.info("{}: {} has listed {}{} users in {} pages, {} a second{}", status.getProvider(), status.getJob(), status.getUsers(),
                    status.getTotal() > 0 ? " of " + status.getTotal() : "", status.getPages(), Math.round(status.getUsersPerSecond()),
                    rest == null ? "" : ", about " + rest.toSeconds() + " s to go");
        }
    }

    /** Of every provider that is polled by this instance. */
    public Collection<PollStatus> all() {
        return statuses.values();
    }

    private static String provider(Exchange exchange) {
        return exchange.getVariable("provider", String.class);
    }

    PollStatus status(String provider) {
        return statuses.computeIfAbsent(provider, PollStatus::new);
    }
}
