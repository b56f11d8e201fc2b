package dev.userssync.settings;

import java.util.List;
import org.apache.camel.CamelContext;

/** The numbers of days for which data is kept. Immutable and thread-safe. */
public final class RetentionSettings {

    private static final List<String> SETTINGS = List.of("event-log.days", "dead-letter.days", "purge.days");

    private final CamelContext context;

    public RetentionSettings(CamelContext context) {
        this.context = context;
    }

    /**
     * @throws StartupFailure if one is not a whole number of days; only the holdback may be empty: deleted users stay
     *         for ever
     */
    public void check() {
        for (String setting : SETTINGS) {
            String days = Setting.of(context, setting);
            if (!days.matches("[1-9]\\d{0,4}") && !(days.isEmpty() && setting.equals("purge.days"))) {
                throw new StartupFailure(Setting.variable(setting) + " must be a number of days from 1 to 99999"
                        + (setting.equals("purge.days") ? ", or empty: deleted users are kept for ever" : "")
                        + "; it is " + days);
            }
        }
    }
}
