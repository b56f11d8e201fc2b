// Only `camel run` reads this line.
//DEPS org.apache.camel:camel-micrometer-prometheus:4.17.0
package dev.userssync.observe;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.settings.PerContext;
import dev.userssync.verify.Refused;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;
import java.util.stream.Stream;
import org.apache.camel.CamelContext;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.support.service.ServiceSupport;

/**
 * The metrics of this instance, for Prometheus at {@code /observe/metrics}. An event costs one look-up and one
 * increment. Every label has few values: unknown providers and replies share one. Thread-safe, one per Camel context.
 */
public final class Metrics extends ServiceSupport {

    private static final Set<String> TYPES = Set.of("created", "updated", "deleted", "listed");

    private final MeterRegistry registry;
    private final DistributionSummary batchSizes;
    private final Timer commits;
    /** Micrometer references the source of a function counter only weakly. */
    private final List<Object> held = new CopyOnWriteArrayList<>();

    private final List<AutoCloseable> binders = new ArrayList<>();
    private final Map<Event, Counter> events = new ConcurrentHashMap<>();
    private final Map<Reply, Counter> replies = new ConcurrentHashMap<>();
    private final Map<Refusal, Counter> refusals = new ConcurrentHashMap<>();
    private final Map<String, Counter> replaced = new ConcurrentHashMap<>();

    /** The outcome of user events of one provider and one type. */
    public record Event(String provider, String type, String decision) {}

    private record Reply(String provider, int status) {}

    private record Refusal(String provider, String reason) {}

    private Metrics(CamelContext context) {
        registry = registry(context);
        batchSizes = DistributionSummary.builder("users_sync.batch.size")
                .description("Users in a committed batch")
                .serviceLevelObjectives(1, 2, 5, 10, 20, 50, 100, 200, 500)
                .register(registry);
        commits = Timer.builder("users_sync.commit")
                .description("Time from a batch being complete until its commit")
                .serviceLevelObjectives(Stream.of(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000)
                        .map(Duration::ofMillis)
                        .toArray(Duration[]::new))
                .register(registry);
        JvmGcMetrics gc = new JvmGcMetrics();
        binders.add(gc);
        gc.bindTo(registry);
        new JvmMemoryMetrics().bindTo(registry);
        new JvmThreadMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
    }

    /** The metrics of a context. camel-micrometer-prometheus finds the same registry by its name. */
    public static Metrics of(CamelContext context) {
        return PerContext.of(context, Metrics.class, Metrics::new);
    }

    private static MeterRegistry registry(CamelContext context) {
        MeterRegistry registry = context.getRegistry()
                .lookupByNameAndType(MicrometerConstants.METRICS_REGISTRY_NAME, MeterRegistry.class);
        if (registry == null) {
            registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
            context.getRegistry().bind(MicrometerConstants.METRICS_REGISTRY_NAME, registry);
        }
        return registry;
    }

    /**
     * Counts user events.
     *
     * @param type of the user event; all but created, updated and deleted count as {@code other}
     * @param decision applied, duplicate, stale, erased or merged (by the merge rule), ignored, parked or retried (by
     *         the routes)
     */
    void decided(String provider, String type, String decision, long count) {
        Event event = new Event(provider, type, decision);
        events.computeIfAbsent(
                        event,
                        key -> Counter.builder("users_sync.events")
                                .description("User events by outcome")
                                .tags("provider", key.provider, "type", key.type, "decision", key.decision)
                                .register(registry))
                .increment(count);
    }

    /**
     * Maps the many types of providers to those that change a row, and to {@code other}: {@code created} for a user,
     * {@code membership.created} for a membership.
     */
    static String type(JsonNode event) {
        String type = event == null ? null : event.path("type").textValue();
        if (type == null || !TYPES.contains(type)) {
            return "other";
        }
        return event.has("entity") ? event.path("entity").textValue() + "." + type : type;
    }

    void committed(int users, long nanoseconds) {
        batchSizes.record(users);
        commits.record(nanoseconds, TimeUnit.NANOSECONDS);
    }

    /** The number of events since the start, by outcome. */
    public Map<Event, Double> decided() {
        Map<Event, Double> counts = new HashMap<>();
        events.forEach((event, counter) -> counts.put(event, counter.count()));
        return counts;
    }

    /** Counts a reply on the webhook port. */
    public void replied(String provider, int status) {
        replies.computeIfAbsent(
                        new Reply(provider, status),
                        key -> Counter.builder("users_sync.replies")
                                .description("Replies to deliveries, by HTTP status")
                                .tags("provider", key.provider, "status", Integer.toString(key.status))
                                .register(registry))
                .increment();
    }

    /** Counts a delivery that did not prove its provider. */
    void refused(String provider, Refused.Reason reason) {
        refusals.computeIfAbsent(
                        new Refusal(provider, reason.label()),
                        key -> Counter.builder("users_sync.signature_failures")
                                .description("Deliveries that did not prove their provider")
                                .tags("provider", key.provider, "reason", key.reason)
                                .register(registry))
                .increment();
    }

    /** Counts a user event in which U+FFFD stands for characters that Postgres cannot hold. */
    void replaced(String provider) {
        replaced.computeIfAbsent(
                        provider,
                        key -> Counter.builder("users_sync.replaced_characters")
                                .description(
                                        "User events with characters that Postgres cannot hold, replaced by U+FFFD")
                                .tags("provider", key)
                                .register(registry))
                .increment();
    }

    /** The refusals since the start, by provider. */
    Map<String, Double> refused() {
        Map<String, Double> counts = new HashMap<>();
        refusals.forEach((refusal, counter) -> counts.merge(refusal.provider, counter.count(), Double::sum));
        return counts;
    }

    /** The replies of a status since the start, by provider. */
    Map<String, Double> replied(int status) {
        Map<String, Double> counts = new HashMap<>();
        replies.forEach((reply, counter) -> {
            if (reply.status == status) {
                counts.put(reply.provider, counter.count());
            }
        });
        return counts;
    }

    /** Registers a figure that a scrape reads; the registry keeps the source for its whole life. */
    <T> void gauge(String name, String description, T source, ToDoubleFunction<T> value, String... tags) {
        Gauge.builder(name, source, value)
                .description(description)
                .tags(tags)
                .strongReference(true)
                .register(registry);
    }

    /** As {@link #gauge}, for a figure that only grows. */
    <T> void counter(String name, String description, T source, ToDoubleFunction<T> value, String... tags) {
        held.add(source);
        FunctionCounter.builder(name, source, value)
                .description(description)
                .tags(tags)
                .register(registry);
    }

    @Override
    protected void doStop() throws Exception {
        for (AutoCloseable binder : binders) {
            binder.close();
        }
    }
}
