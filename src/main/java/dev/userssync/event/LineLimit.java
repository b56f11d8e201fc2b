package dev.userssync.event;

import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Writes at most sixty log lines a minute for each provider, kind and reason, so that neither strangers nor a broken
 * mapping fill the disk, and a new reason is always logged. The last line announces that more follow. Metrics count
 * everything. Thread-safe.
 */
public final class LineLimit {

    private static final int LINES = 60;
    /** Reasons that are told apart in a minute; all further ones count as one. */
    private static final int REASONS = 1_000;

    private static final long MINUTE = 60_000_000_000L;

    private final Logger log;
    private final Map<String, Integer> lines = new HashMap<>();
    private long minute = System.nanoTime();

    public LineLimit(Logger log) {
        this.log = log;
    }

    /**
     * @param kind the lines that are limited together, such as "parked"; it ends the sentence "more deliveries are ..."
     * @param reason what else is limited on its own; "" where a stranger could invent reasons
     * @param line made only if it is written
     */
    public void log(String provider, String kind, String reason, Supplier<LoggingEventBuilder> line, String text) {
        int number = number(provider + " " + kind, reason);
        if (number <= LINES) {
            line.get().log("{}: {}", provider, text);
        } else if (number == LINES + 1) {
            log.atWarn()
                    .addKeyValue("provider", provider)
                    .log("{}: more deliveries are {} than are logged in this minute; all are counted", provider, kind);
        }
    }

    /** The number of the line in its minute. */
    private synchronized int number(String kind, String reason) {
        if (System.nanoTime() - minute > MINUTE) {
            minute = System.nanoTime();
            lines.clear();
        }
        String known = kind + " " + reason;
        return lines.merge(lines.size() < REASONS || lines.containsKey(known) ? known : kind, 1, Integer::sum);
    }
}
