package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.Clock;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.temporal.ChronoUnit;

/** Reads the times of mappings: epoch milliseconds, epoch seconds (below 10^11) or ISO 8601 with offset. */
final class EventTime {

    private static final Instant EARLIEST = Instant.parse("2000-01-01T00:00:00Z");
    private static final Duration AHEAD = Duration.ofDays(1);
    private static final BigDecimal FIRST_MILLISECONDS = BigDecimal.valueOf(100_000_000_000L);

    private EventTime() {}

    /**
     * @return ISO 8601 in UTC, cut to Postgres' microseconds; null if the field is missing or null
     * @throws InvalidUserEvent if it is not a time, or is before the year 2000 or more than a day ahead
     */
    static String of(JsonNode event, String field, Clock clock) {
        JsonNode value = event.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return null;
        }
        Instant time = instant(value, field);
        if (time.isBefore(EARLIEST) || time.isAfter(clock.instant().plus(AHEAD))) {
            throw new InvalidUserEvent(field + " is before the year 2000 or more than a day ahead: " + time);
        }
        return time.truncatedTo(ChronoUnit.MICROS).toString();
    }

    static Instant instant(JsonNode value, String field) {
        if (value.isNumber()) {
            return ofEpoch(value.decimalValue(), field);
        }
        if (!value.isTextual()) {
            throw new InvalidUserEvent(field + " is neither a number nor text");
        }
        try {
            return OffsetDateTime.parse(value.textValue().strip()).toInstant();
        } catch (DateTimeException e) {
            throw new InvalidUserEvent(field + " is not a time of ISO 8601 with offset");
        }
    }

    private static Instant ofEpoch(BigDecimal number, String field) {
        if (number.precision() - number.scale() > 15) { // also avoids writing out 1e999999999
            throw new InvalidUserEvent(field + " is not an epoch time: too large");
        }
        BigDecimal seconds = number.compareTo(FIRST_MILLISECONDS) < 0 ? number : number.movePointLeft(3);
        BigDecimal whole = seconds.setScale(0, RoundingMode.FLOOR);
        return Instant.ofEpochSecond(
                whole.longValue(), seconds.subtract(whole).movePointRight(9).longValue());
    }
}
