package dev.userssync.observe;

import dev.userssync.apply.ApplyRecords;
import dev.userssync.apply.MicrobatchComponent;
import dev.userssync.apply.MicrobatchConsumer;
import dev.userssync.settings.KafkaSettings;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Providers;
import org.apache.camel.CamelContext;

/** Registers the gauges of this instance: ages, queue, topic. A scrape reads them. */
public final class Gauges {

    private Gauges() {}

    /** Call it once, when the routes run. */
    public static void register(CamelContext context) {
        Metrics metrics = Metrics.of(context);
        Freshness freshness = Freshness.of(context);
        for (String provider : new Providers(context).on()) {
            metrics.gauge(
                    "users_sync.webhook.age.seconds",
                    "Seconds since the last verified delivery, or since the start",
                    freshness,
                    known -> known.webhookAge(provider),
                    "provider",
                    provider);
        }
        for (String provider : new PollSettings(context).providers()) {
            metrics.gauge(
                    "users_sync.poll.age.seconds",
                    "Seconds since the last complete poll, or since the start",
                    freshness,
                    known -> known.pollAge(provider),
                    "provider",
                    provider);
        }
        if (new KafkaSettings(context).applies()) {
            metrics.gauge(
                    "users_sync.topic.delay.seconds",
                    "Age of the oldest user event that was read from the topic and is not yet in the table",
                    context.getRegistry().lookupByNameAndType("apply-records", ApplyRecords.class),
                    ApplyRecords::delaySeconds);
        }
        MicrobatchComponent batches = context.getComponent("microbatch", MicrobatchComponent.class);
        metrics.gauge("users_sync.queue.depth", "User events that wait for the database", batches, component -> {
            MicrobatchConsumer writer = component.consumer("users");
            return writer == null ? Double.NaN : writer.getPendingExchangesSize();
        });
        metrics.gauge(
                "users_sync.queue.capacity",
                "User events that may wait; the next one is answered 503",
                batches,
                component -> {
                    MicrobatchConsumer writer = component.consumer("users");
                    return writer == null ? Double.NaN : writer.capacity();
                });
    }
}
