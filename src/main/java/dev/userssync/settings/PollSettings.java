package dev.userssync.settings;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import org.apache.camel.CamelContext;
import org.apache.camel.util.TimeUtils;

/**
 * The settings of the pollers, checked at each read. Immutable and thread-safe.
 */
public final class PollSettings {

    private static final Duration SHORTEST = Duration.ofSeconds(1);

    private final CamelContext context;

    public PollSettings(CamelContext context) {
        this.context = context;
    }

    /** @throws StartupFailure if a setting cannot be used; the message names it and never shows a key */
    public void check() {
        numbers();
    }

    /** The polled providers, which are those with an API key, sorted by name. */
    public TreeSet<String> providers() {
        TreeSet<String> providers = new TreeSet<>();
        for (String name : context.getPropertiesComponent()
                .loadProperties(key -> key.endsWith(Providers.API_KEY))
                .stringPropertyNames()) {
            if (!setting(name).isEmpty()) {
                providers.add(name.substring(0, name.length() - Providers.API_KEY.length()));
            }
        }
        return providers;
    }

    /** The name of the poller of a provider's organizations. */
    public static String organizations(String provider) {
        return provider + ":organizations";
    }

    public boolean isPolled(String provider) {
        return !setting(provider + Providers.API_KEY).isEmpty();
    }

    /** The parameters of the pollers' SQL: seconds, counts, percentages and booleans. */
    public Map<String, Object> numbers() {
        Map<String, Object> numbers = new LinkedHashMap<>();
        numbers.put("pollSeconds", seconds("poll.interval", "POLL_INTERVAL"));
        numbers.put("leaseSeconds", seconds("poll.lease", "POLL_LEASE"));
        numbers.put("reconcileSeconds", seconds("reconcile.interval", "RECONCILE_INTERVAL"));
        numbers.put("againSeconds", again());
        numbers.put(
                "maxDeletes",
                Integer.toString(number("reconcile.max-deletes", "RECONCILE_MAX_DELETES", Integer.MAX_VALUE)));
        numbers.put("maxShare", Integer.toString(number("reconcile.max-share", "RECONCILE_MAX_SHARE", 100)));
        numbers.put("backfillProviderWins", Boolean.toString(flag("backfill.provider-wins", "BACKFILL_PROVIDER_WINS")));
        return numbers;
    }

    public String prefix(String provider) {
        return setting(provider + Providers.ID_PREFIX);
    }

    String setting(String name) {
        return Setting.of(context, name);
    }

    /** Seconds that a 404 must last before it deletes. Only tests set it, so as not to wait a minute. */
    private double again() {
        return TimeUtils.toMilliSeconds(setting("poll.second-look")) / 1000.0;
    }

    private double seconds(String name, String env) {
        String text = setting(name);
        try {
            Duration duration = Duration.ofMillis(TimeUtils.toMilliSeconds(text));
            if (duration.compareTo(SHORTEST) >= 0) {
                return duration.toMillis() / 1000.0;
            }
        } catch (RuntimeException e) {
            // reported below
        }
        throw new StartupFailure(env + " must be a time of at least a second, such as 30s, 5m or 1h; it is " + text);
    }

    private boolean flag(String name, String env) {
        String text = setting(name);
        if (!text.matches("true|false")) {
            throw new StartupFailure(env + " must be true or false; it is " + text);
        }
        return text.equals("true");
    }

    private int number(String name, String env, int most) {
        String text = setting(name);
        try {
            int number = Integer.parseInt(text);
            if (number >= 0 && number <= most) {
                return number;
            }
        } catch (NumberFormatException e) {
            // reported below
        }
        throw new StartupFailure(
                env + " must be a whole number from 0" + (most == 100 ? " to 100 (percent)" : "") + "; it is " + text);
    }
}
