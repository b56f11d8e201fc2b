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
 * Publishes the figures of the route measure-database, most of them as gauges {@code users_sync_<figure>{provider}}.
 * In: rows {@code {figure, provider, value}}. A figure without a row is 0; all are NaN while the database is
 * unreachable. Thread-safe.
 */
@BindToRegistry("database-figures")
public final class DatabaseFigures extends ContextBean implements Processor {

    private static final Map<String, String> DESCRIPTIONS = Map.of(
            "dead_letters", "Parked deliveries",
            "users", "Rows of the table, including deleted users; an estimate of the database",
            "repaired_rows", "Rows that a poll or a reconcile repaired after a webhook was lost",
            "users_to_ask", "Users whom the provider's API did not know, and whom users-sync asks for again",
            "lease_holder", "1: this instance polled the provider last",
            "poll_held", "1: the brake holds the deletions of a reconcile until you confirm or dismiss it");
    /** The figures that only grow. */
    private static final Set<String> COUNTERS = Set.of("repaired_rows");

    private final Map<Figure, AtomicReference<Double>> figures = new ConcurrentHashMap<>();
    private static final long FRESH = TimeUnit.SECONDS.toNanos(5);

    private volatile long measured;
    private Metrics metrics;
    private Freshness freshness;

    private record Figure(String name, String provider) {}

    @Override
    public void process(Exchange exchange) {
        Map<Figure, Double> read = new HashMap<>();
        for (Map<String, Object> row : rows(exchange)) {
            Figure figure = new Figure((String) row.get("figure"), (String) row.get("provider"));
            double value = ((Number) row.get("value")).doubleValue();
            if (figure.name.equals("last_webhook")) {
                freshness.webhook(figure.provider, Instant.ofEpochMilli(Math.round(value * 1000)));
            } else if (figure.name.equals("poll_age")) {
                freshness.poll(figure.provider, Instant.now().minusMillis(Math.round(value * 1000)));
            } else {
                read.put(figure, value);
            }
        }
        read.keySet().forEach(this::gauge);
        figures.forEach((figure, value) -> value.set(read.getOrDefault(figure, 0.0)));
    }

    /** Asks the database, unless it was asked within the last five seconds or may sleep. Then the last figures stay. */
    public synchronized void measure() {
        long now = System.nanoTime();
        if (measured != 0
                && (now - measured < FRESH || !Database.of(context).quiet.isAwake())) {
            return;
        }
        measured = now;
        context.createFluentProducerTemplate().to("direct:measure-database").send();
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
            String[] tags = key.provider.isEmpty() ? new String[0] : new String[] {"provider", key.provider};
            if (COUNTERS.contains(key.name)) {
                metrics.counter(
                        "users_sync." + key.name, DESCRIPTIONS.get(key.name), value, AtomicReference::get, tags);
            } else {
                metrics.gauge("users_sync." + key.name, DESCRIPTIONS.get(key.name), value, AtomicReference::get, tags);
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
