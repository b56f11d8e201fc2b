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
 * Times the polling: when to look for work, how fast to call a provider, and the progress of a job.
 * users_sync_internal.poll_state decides about the work and its instance. Thread-safe.
 */
@BindToRegistry("polls")
public final class Polls {

    /** The owner of this instance's leases, readable for people. */
    static final String OWNER = ProcessHandle.current().pid() + "-" + UUID.randomUUID();

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    private static final long PROGRESS = TimeUnit.SECONDS.toNanos(10);

    private final Map<String, PollStatus> statuses = new ConcurrentHashMap<>();
    /** Turns pacing off, for tests with fake providers. */
    public volatile boolean unlimited;

    /** The name under which this instance holds leases. */
    public String owner() {
        return OWNER;
    }

    /** Whether a look at poll_state may find something to do. */
    public boolean isDue(Exchange exchange) {
        return status(poller(exchange))
                .isDue(
                        System.nanoTime(),
                        Database.of(exchange.getContext()).quiet.isAwake());
    }

    /** Takes the row of a look and sets the variables of the poll. */
    public void looked(Exchange exchange) {
        Map<?, ?> look = exchange.getMessage().getBody(Map.class);
        Object unit = look == null ? null : look.get("unit");
        exchange.setVariable("unit", unit);
        if (look != null) {
            status(poller(exchange)).setToAsk(Boolean.TRUE.equals(look.get("to_ask")));
        }
        if (unit != null) {
            for (String variable : new String[] {"fence", "job", "since", "asked", "failures"}) {
                exchange.setVariable(variable, look.get(variable));
            }
            exchange.setVariable("cursor", look.get("cursor") == null ? "{}" : look.get("cursor"));
        } else if (look != null && look.get("idle_millis") != null) {
            long millis = Math.max(0, ((Number) look.get("idle_millis")).longValue());
            status(poller(exchange)).lookAgainAt(System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis));
        }
    }

    /** Schedules a look for a user whom users-sync asks for again within seconds. */
    public void noted(Exchange exchange) {
        status(provider(exchange)).setToAsk(true);
        wake(provider(exchange));
    }

    /** Whether a found user may be one whom users-sync asks for again, as of the last look at the database. */
    public boolean mayBeAsked(Exchange exchange) {
        return status(provider(exchange)).isToAsk();
    }

    /** Looks at the next tick, because an operator requested a job. */
    public void wake(String poller) {
        status(poller).wake();
    }

    /** Looks no more, until the next start or until an operator requests a job. */
    public void stop(Exchange exchange) {
        status(poller(exchange)).stop();
    }

    /** Waits until the next request is allowed, so that one instance stays within {@code requestsPerMinute}. */
    public void pace(Exchange exchange) throws InterruptedException {
        if (unlimited) {
            return;
        }
        long between = TimeUnit.MINUTES.toNanos(1) / exchange.getVariable("requestsPerMinute", Integer.class);
        TimeUnit.NANOSECONDS.sleep(status(provider(exchange)).reserve(System.nanoTime(), between));
    }

    /** Stops looking for the seconds in the variable {@code pause}, because the database is unreachable. */
    public void lost(Exchange exchange) {
        status(poller(exchange))
                .lookAgainAt(System.nanoTime() + TimeUnit.SECONDS.toNanos(exchange.getVariable("pause", Long.class)));
    }

    /** Takes the provider's row of poll_state after a page, as body. */
    public void wrote(Exchange exchange) {
        Map<?, ?> row = exchange.getMessage().getBody(Map.class);
        if (row == null) {
            return; // another instance now has the lease
        }
        PollStatus status = status((String) row.get("provider"));
        status.wrote(row);
        if (row.get("job_millis") != null && status.isProgressDue(System.nanoTime(), PROGRESS)) {
            Duration rest = status.getRest();
            LOG.info(
                    "{}: {} has listed {}{} {} in {} pages, {} a second{}",
                    status.getProvider(),
                    status.getJob(),
                    status.getUsers(),
                    status.getTotal() > 0 ? " of " + status.getTotal() : "",
                    exchange.getVariable("noun"),
                    status.getPages(),
                    Math.round(status.getUsersPerSecond()),
                    rest == null ? "" : ", about " + rest.toSeconds() + " s to go");
        }
    }

    /** The status of every provider that this instance polls. */
    public Collection<PollStatus> all() {
        return statuses.values();
    }

    /** The name under which poll_state knows the poller: the provider or, of its organizations, provider:organizations. */
    static String poller(Exchange exchange) {
        String poller = exchange.getVariable("poller", String.class);
        return poller != null ? poller : provider(exchange);
    }

    private static String provider(Exchange exchange) {
        return exchange.getVariable("provider", String.class);
    }

    PollStatus status(String provider) {
        return statuses.computeIfAbsent(provider, PollStatus::new);
    }
}
