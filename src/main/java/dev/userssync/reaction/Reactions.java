package dev.userssync.reaction;

import dev.userssync.database.ChangeHorizon;
import dev.userssync.database.Database;
import dev.userssync.event.Failure;
import dev.userssync.reaction.ChangePage.Change;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.KafkaSettings;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the reactions: decides when to look for changes, hands them out and collects the outcomes. The variable
 * {@code reaction} holds the name. users_sync_internal.reaction decides about the work and its instance. Thread-safe.
 */
@BindToRegistry("reactions")
public final class Reactions extends ContextBean {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");
    /** The owner of this instance's leases, readable for people. */
    private static final String OWNER = ProcessHandle.current().pid() + "-" + UUID.randomUUID();
    /** Seconds for which a dead instance keeps a reaction. The lease is renewed every ten. */
    private static final int LEASE = 30;
    /** Between two looks for changes of other instances, while the database is awake. */
    private static final long OTHERS = TimeUnit.SECONDS.toNanos(1);
    /** After a look that failed. */
    private static final long PAUSE = TimeUnit.SECONDS.toNanos(5);
    /** The exchange property with the change; a route may use all variables. */
    private static final String CHANGE = "UsersSyncChange";

    private static final Pattern STATUS = Pattern.compile("\\bstatusCode: (\\d{3})\\b");

    private final Map<String, Schedule> schedules = new ConcurrentHashMap<>();

    /** When one reaction looks again. */
    private static final class Schedule {
        /** Of the last page. It stays ours when a look or the results fail, unless another instance takes the lease. */
        private volatile String fence = "-1";

        private volatile long lookedAt;
        private volatile long advances = -1;
        private volatile long retryAt;
        private volatile boolean retries;
        private volatile boolean working;
        private volatile boolean failing;
    }

    /** Whether there may be a change. Then this instance works on the reaction until {@link #rest}. */
    public boolean isDue(Exchange exchange) {
        if (new KafkaSettings(context).ingestsOnly()) {
            return false; // it may have no database
        }
        Schedule schedule = schedule(exchange);
        long now = System.nanoTime();
        ChangeHorizon horizon = context.getRegistry().lookupByNameAndType("change-horizon", ChangeHorizon.class);
        boolean due = schedule.failing
                ? now - schedule.lookedAt > PAUSE
                : schedule.advances != horizon.advances()
                        || schedule.retries && now - schedule.retryAt >= 0
                        || now - schedule.lookedAt > OTHERS
                                && Database.of(context).quiet.isAwake();
        if (due) {
            schedule.lookedAt = now;
            schedule.advances = horizon.advances();
            schedule.working = true;
        }
        return due;
    }

    /** Out: the parameters of {@code next-changes.sql}. */
    public void look(Exchange exchange) {
        parameters(exchange).setHeader("owner", OWNER);
    }

    /** Takes the rows of {@code next-changes.sql}. Out: the variable {@code page}, null without changes. */
    public void looked(Exchange exchange) throws Exception {
        List<Map<?, ?>> found = exchange.getMessage().getBody(List.class);
        Schedule schedule = schedule(exchange);
        Map<?, ?> first = found.get(0);
        if (first.get("wake_millis") instanceof Number millis) {
            schedule.retryAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis.longValue());
            schedule.retries = true;
        } else {
            schedule.retries = false;
        }
        if (schedule.failing) {
            schedule.failing = false;
            LOG.info("reaction {}: working again", name(exchange));
        }
        if (first.get("seq") == null) {
            exchange.removeVariable("page");
        } else {
            schedule.fence = first.get("fence").toString();
            exchange.setVariable("page", new ChangePage(found));
        }
    }

    /**
     * In: the body, a change. Out: the body, its content in JSON, and the property {@code UsersSyncNext}, whether it may
     * be handed out now.
     */
    public void take(Exchange exchange) {
        Change change = exchange.getMessage().getBody(Change.class);
        exchange.setProperty(CHANGE, change);
        exchange.setProperty("UsersSyncNext", change.isNext());
        exchange.getMessage().removeHeaders("*");
        exchange.getMessage().setBody(change.content);
    }

    public void done(Exchange exchange) {
        exchange.getProperty(CHANGE, Change.class).done();
    }

    /** Notes the failure of a change, without a value of the row or a part of an address, which may be secret. */
    public void failed(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        Matcher status = STATUS.matcher(String.valueOf(failure.getMessage()));
        exchange.getProperty(CHANGE, Change.class)
                .failed(status.find() ? "answered " + status.group(1) : Failure.safeReason(failure));
    }

    /** Stops the reaction whose change an exchange holds, until an operator resumes it. */
    static void stop(Exchange exchange, String why) {
        LOG.warn(
                "reaction {}: stopped, {}; to resume it: users-sync reactions resume {}",
                name(exchange),
                why,
                name(exchange));
        exchange.getProperty(CHANGE, Change.class).stop(why);
    }

    /** Out: the parameters of {@code changes-done.sql}. */
    public void results(Exchange exchange) {
        ChangePage page = exchange.getVariable("page", ChangePage.class);
        Message message = parameters(exchange);
        message.setHeader("last", Long.toString(page.last()));
        message.setHeader("done", page.done());
        message.setHeader("failed", page.failed());
        message.setHeader("waiting", page.waiting());
        message.setHeader("stopped", page.stopped());
        message.setHeader("retryHours", exchange.getVariable("retryHours", String.class));
    }

    /** Pauses a reaction whose look failed, because the database is unreachable. */
    public void lost(Exchange exchange) {
        Exception failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
        Schedule schedule = schedule(exchange);
        if (!schedule.failing && !Database.covers(context, failure)) {
            LOG.warn("reaction {}: retrying in 5 s: {}", name(exchange), Failure.safeReason(failure));
        }
        schedule.lookedAt = System.nanoTime();
        schedule.failing = true;
    }

    /** Ends the work until something is due. */
    public void rest(Exchange exchange) {
        schedule(exchange).working = false;
    }

    /** Whether this instance works on a reaction now. */
    public boolean isWorking(Exchange exchange) {
        return schedules.values().stream().anyMatch(schedule -> schedule.working);
    }

    /** In: the header {@code name}, a reaction. Whether its route runs in this instance. */
    public boolean hasRoute(Exchange exchange) {
        String timer = "timer://" + exchange.getMessage().getHeader("name", String.class) + "-changes";
        return context.getRoutes().stream()
                .anyMatch(route -> timer.equals(route.getEndpoint().getEndpointBaseUri()));
    }

    /** Out: the parameters of {@code keep-reactions.sql}. */
    public void keep(Exchange exchange) {
        StringJoiner names = new StringJoiner(",", "{", "}");
        schedules.forEach((name, schedule) -> {
            if (schedule.working) {
                names.add("\"" + name.replace("\\", "\\\\").replace("\"", "\\\"") + "\"");
            }
        });
        Message message = exchange.getMessage();
        message.setHeader("owner", OWNER);
        message.setHeader("names", names.toString());
        message.setHeader("leaseSeconds", Integer.toString(LEASE));
    }

    private Message parameters(Exchange exchange) {
        Message message = exchange.getMessage();
        message.removeHeaders("*");
        message.setHeader("reaction", name(exchange));
        message.setHeader("fence", schedule(exchange).fence);
        message.setHeader("leaseSeconds", Integer.toString(LEASE));
        return message;
    }

    private static String name(Exchange exchange) {
        return exchange.getVariable("reaction", String.class);
    }

    private Schedule schedule(Exchange exchange) {
        return schedules.computeIfAbsent(name(exchange), name -> new Schedule());
    }
}
