package dev.userssync.observe;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.settings.ContextBean;
import dev.userssync.settings.Providers;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the events of each provider by outcome, since the last record. As a step, it logs one line per provider. It
 * leaves the counts in the header {@code activity}, a JSON array of the active providers; {@link #recorded} confirms
 * that the database has them. Used by one route at a time.
 */
@BindToRegistry("activity")
public final class Activity extends ContextBean implements Processor {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync.activity");
    private static final JsonMapper JSON = new JsonMapper();

    /** The columns of the table, in the order of the log line. */
    private static final List<String> COUNTS =
            List.of("applied", "duplicate", "stale", "erased", "merged", "ignored", "parked", "refused", "retried");

    private Metrics metrics;
    private Freshness freshness;
    private Map<Count, Long> recorded = Map.of();
    private Map<Count, Long> current = Map.of();
    private Map<Count, Long> logged = Map.of();
    private final Map<String, Instant> webhooks = new HashMap<>();
    private Map<String, Instant> recordedWebhooks = Map.of();

    private record Count(String provider, String what) {}

    @Override
    public void process(Exchange exchange) {
        current = counts();
        TreeSet<String> providers = new TreeSet<>(new Providers(context).withUsers());
        current.keySet().forEach(count -> providers.add(count.provider));
        ArrayNode activity = JSON.createArrayNode();
        for (String provider : providers) {
            LOG.info("{}: {}", provider, line(provider));
            Instant last = freshness.lastWebhook(provider);
            boolean counted = COUNTS.stream().anyMatch(what -> since(recorded, provider, what) > 0);
            if (counted || last != null && !last.equals(recordedWebhooks.get(provider))) {
                ObjectNode row = activity.addObject().put("provider", provider);
                COUNTS.forEach(what -> row.put(what, since(recorded, provider, what)));
                row.put("last_webhook_at", last == null ? null : last.toString());
            }
            if (last != null) {
                webhooks.put(provider, last);
            }
        }
        logged = current;
        exchange.getMessage().setHeader("activity", activity.toString());
    }

    /** Confirms that the counts of the last {@link #process} are in the database. */
    public void recorded() {
        recorded = current;
        recordedWebhooks = Map.copyOf(webhooks);
    }

    private String line(String provider) {
        List<String> parts = new ArrayList<>();
        for (String what : COUNTS) {
            long count = since(logged, provider, what);
            if (count > 0) {
                parts.add(count + " " + what);
            }
        }
        Instant last = freshness.lastWebhook(provider);
        return (parts.isEmpty() ? "nothing in the last minute" : String.join(", ", parts))
                + (last == null
                        ? "; no webhook yet"
                        : "; last webhook " + ago(Duration.between(last, Instant.now())) + " ago");
    }

    private static String ago(Duration age) {
        return age.toMinutes() < 2
                ? Math.max(0, age.toSeconds()) + " s"
                : age.toHours() < 2
                        ? age.toMinutes() + " min"
                        : age.toDays() < 2 ? age.toHours() + " h" : age.toDays() + " d";
    }

    private long since(Map<Count, Long> before, String provider, String what) {
        Count count = new Count(provider, what);
        return current.getOrDefault(count, 0L) - before.getOrDefault(count, 0L);
    }

    private Map<Count, Long> counts() {
        Map<Count, Long> counts = new HashMap<>();
        metrics.decided()
                .forEach((event, count) ->
                        counts.merge(new Count(event.provider(), event.decision()), count.longValue(), Long::sum));
        metrics.refused().forEach((provider, count) -> counts.put(new Count(provider, "refused"), count.longValue()));
        metrics.replied(503)
                .forEach((provider, count) -> counts.put(new Count(provider, "retried"), count.longValue()));
        return counts;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.metrics = Metrics.of(context);
        this.freshness = Freshness.of(context);
    }
}
