package dev.userssync.observe;

import dev.userssync.settings.PerContext;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.CamelContext;
import org.apache.camel.support.service.ServiceSupport;

/**
 * Knows when each provider last delivered and was last polled, by this instance or, from the database, by any other.
 * Thread-safe, one per Camel context.
 */
public final class Freshness extends ServiceSupport {

    private final Instant start = Instant.now();
    private final Map<String, Instant> webhooks = new ConcurrentHashMap<>();
    private final Map<String, Instant> polls = new ConcurrentHashMap<>();

    public static Freshness of(CamelContext context) {
        return PerContext.of(context, Freshness.class, made -> new Freshness());
    }

    /** Notes a verified delivery. */
    public void webhook(String provider, Instant time) {
        webhooks.merge(provider, time, (known, other) -> known.isAfter(other) ? known : other);
    }

    /** Notes a complete poll: everything that the provider listed before this time is in the table. */
    void poll(String provider, Instant time) {
        polls.merge(provider, time, (known, other) -> known.isAfter(other) ? known : other);
    }

    /** Seconds since the last complete poll or, without one, since the start of this instance. */
    double pollAge(String provider) {
        return age(polls.getOrDefault(provider, start));
    }

    /** The time of the last verified delivery, or null. */
    public Instant lastWebhook(String provider) {
        return webhooks.get(provider);
    }

    /** Seconds since the last verified delivery or, without one, since the start of this instance. */
    double webhookAge(String provider) {
        return age(webhooks.getOrDefault(provider, start));
    }

    private static double age(Instant time) {
        return Math.max(0, System.currentTimeMillis() - time.toEpochMilli())
                / 1000.0; // another instance's clock may be ahead
    }
}
