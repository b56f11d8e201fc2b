package dev.userssync.observe;

import dev.userssync.database.Database;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.PollSettings;
import dev.userssync.settings.Providers;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Publishes the figures of the route measure-database, most of them as gauges {@code users_sync_<figure>{provider}} or
 * {@code users_sync_reaction_<figure>{reaction}}. In: rows {@code {figure, label, value}}. A figure without a row is 0; all are NaN while the database is
 * unreachable. Thread-safe.
 */
@BindToRegistry("database-figures")
public final class DatabaseFigures extends ContextBean implements Processor {

    private static final Map<String, String> DESCRIPTIONS = Map.ofEntries(
            Map.entry("dead_letters", "Parked deliveries"),
            Map.entry("users", "Rows of the table, including deleted users; an estimate of the database"),
            Map.entry("repaired_rows", "Rows that a poll or a reconcile repaired after a webhook was lost"),
            Map.entry("users_to_ask", "Users whom the provider's API did not know, and whom users-sync asks for again"),
            Map.entry("lease_holder", "1: this instance polled the provider last"),
            Map.entry("poll_held", "1: the brake holds the deletions of a reconcile until you confirm or dismiss it"),
            Map.entry("change_feed_lag_seconds", "Age of the oldest change that readers of the feed do not see yet"),
            Map.entry("reaction_lag_seconds", "Age of the oldest change that is neither done nor dead"),
            Map.entry("reaction_waiting", "Changes that wait for another attempt"),
            Map.entry("reaction_dead", "Changes that are not tried again until you replay them"),
            Map.entry("reaction_stopped", "1: no change is delivered until you resume the reaction"));
    /** The figures that only grow. */
    private static final Set<String> COUNTERS = Set.of("repaired_rows");
    /** The figures that grow with the time until they are 0. */
    private static final Set<String> LAGS = Set.of("change_feed_lag_seconds", "reaction_lag_seconds");

    private final Map<Figure, AtomicReference<Double>> figures = new ConcurrentHashMap<>();
    private static final long FRESH = TimeUnit.SECONDS.toNanos(5);
    /** While the database may sleep, but a reaction lags: it retries its changes at least as often. */
    private static final long LAGGING = TimeUnit.MINUTES.toNanos(5);

    private volatile long measured;
    private Metrics metrics;
    private Freshness freshness;

    private record Figure(String name, String label) {}

    @Override
    public void process(Exchange exchange) {
        Map<Figure, Double> read = new HashMap<>();
        for (Map<String, Object> row : rows(exchange)) {
            Figure figure = new Figure((String) row.get("figure"), (String) row.get("label"));
            double value = ((Number) row.get("value")).doubleValue();
            if (figure.name.equals("last_webhook")) {
                freshness.webhook(figure.label, Instant.ofEpochMilli(Math.round(value * 1000)));
            } else if (figure.name.equals("poll_age")) {
                freshness.poll(figure.label, Instant.now().minusMillis(Math.round(value * 1000)));
            } else {
                read.put(figure, value);
            }
        }
        read.keySet().forEach(this::gauge);
        figures.forEach((figure, value) -> value.set(read.getOrDefault(figure, 0.0)));
    }

    /**
     * Asks the database, unless it was asked within the last five seconds or may sleep. Then the last figures stay, and
     * lags grow.
     */
    public synchronized void measure() {
        long now = System.nanoTime();
        long pause = Database.of(context).quiet.isAwake() ? FRESH : isLagging() ? LAGGING : Long.MAX_VALUE;
        if (measured != 0 && now - measured < pause) {
            return;
        }
        measured = now;
        context.createFluentProducerTemplate().to("direct:measure-database").send();
    }

    private boolean isLagging() {
        return figures.entrySet().stream()
                .anyMatch(one ->
                        LAGS.contains(one.getKey().name) && one.getValue().get() > 0 && !isStopped(one.getKey().label));
    }

    private boolean isStopped(String reaction) {
        AtomicReference<Double> stopped = figures.get(new Figure("reaction_stopped", reaction));
        return stopped != null && stopped.get() > 0;
    }

    private double age() {
        return measured == 0 ? Double.NaN : (System.nanoTime() - measured) / 1e9;
    }

    /** Marks all figures as unknown, because the database did not answer. */
    public void unknown() {
        figures.forEach((figure, value) -> {
            if (!COUNTERS.contains(figure.name)) {
                value.set(Double.NaN);
            }
        });
    }

    private void gauge(Figure figure) {
        figures.computeIfAbsent(figure, key -> {
            AtomicReference<Double> value = new AtomicReference<>(0.0);
            String[] tags = key.label.isEmpty()
                    ? new String[0]
                    : new String[] {key.name.startsWith("reaction_") ? "reaction" : "provider", key.label};
            if (COUNTERS.contains(key.name)) {
                metrics.counter(
                        "users_sync." + key.name, DESCRIPTIONS.get(key.name), value, AtomicReference::get, tags);
            } else {
                metrics.gauge(
                        "users_sync." + key.name,
                        DESCRIPTIONS.get(key.name),
                        value,
                        LAGS.contains(key.name)
                                ? lag -> lag.get() > 0 ? lag.get() + age() : lag.get()
                                : AtomicReference::get,
                        tags);
            }
            return value;
        });
    }

    @SuppressWarnings("unchecked")
    private static List<Map<String, Object>> rows(Exchange exchange) {
        return exchange.getMessage().getBody(List.class);
    }

    @Override
    public void setCamelContext(CamelContext context) {
        boolean known = this.context != null;
        super.setCamelContext(context);
        this.metrics = Metrics.of(context);
        this.freshness = Freshness.of(context);
        new Providers(context).withUsers().forEach(provider -> gauge(new Figure("dead_letters", provider)));
        new PollSettings(context).providers().forEach(provider -> gauge(new Figure("users_to_ask", provider)));
        gauge(new Figure("users", ""));
        gauge(new Figure("change_feed_lag_seconds", ""));
        if (known) {
            return; // the Camel CLI injects twice
        }
        metrics.gauge(
                "users_sync.figures.age.seconds",
                "Seconds since users-sync read the figures from the database; it reads none while the database may sleep",
                this,
                DatabaseFigures::age);
    }
}
