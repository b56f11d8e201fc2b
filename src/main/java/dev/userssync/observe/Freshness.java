package dev.userssync.observe;

import dev.userssync.settings.PerContext;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.CamelContext;
import org.apache.camel.support.service.ServiceSupport;

/**
 * How old the truth is: when each provider was last heard of, by this instance or, as the database tells, by another one. Thread-safe,
 * one a Camel context.
 */
public final class Freshness extends ServiceSupport {

    private final Instant start = Instant.now();
    private final Map<String, Instant> webhooks = new ConcurrentHashMap<>();
    private final Map<String, Instant> polls = new ConcurrentHashMap<>();

    public static Freshness of(CamelContext context) {
        return PerContext.of(context, Freshness.class, made -> new Freshness());
    }

    /** A verified delivery came in. */
    public void webhook(String provider, Instant time) {
        webhooks.merge(provider, time, (known, other) -> known.isAfter(other) ? known : other);
    }

    /** Everything that the provider had told before is in the table. */
    void poll(String provider, Instant time) {
        polls.merge(provider, time, (known, other) -> known.isAfter(other) ? known : other);
    }

    /** Seconds since the last complete poll; where none is known, since the start of this instance. */
    double pollAge(String provider) {
        return age(polls.getOrDefault(provider, start));
    }

    /** The last verified delivery, or null: none is known. */
    public Instant lastWebhook(String provider) {
        return webhooks.get(provider);
    }

    /** Seconds since the last verified delivery; where none is known, since the start of this instance. */
    double webhookAge(String provider) {
        return age(webhooks.getOrDefault(provider, start));
    }

    private static double age(Instant time) {
        return Math.max(0, System.currentTimeMillis() - time.toEpochMilli()) / 1000.0; // another instance's clock may be ahead
    }
}
