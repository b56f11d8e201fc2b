package dev.userssync.observe;

import com.fasterxml.jackson.databind.JsonNode;
import dev.userssync.database.Database;
import dev.userssync.event.LineLimit;
import dev.userssync.settings.Setting;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.spi.LoggingEventBuilder;

/**
 * Logs one line about a delivery that was not applied. Provider, delivery and user are fields of the line, for a log in
 * JSON. A profile or a secret never appears. Thread-safe.
 */
@BindToRegistry("delivery-log")
public final class DeliveryLog {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync.deliveries");

    private final LineLimit limit = new LineLimit(LOG);

    /** Call it in the error handler: {@code Failure} sets the variable with the reason. */
    public void parked(Exchange exchange) {
        limit.log(
                provider(exchange),
                "parked",
                exchange.getVariable("safeReason", "", String.class),
                () -> warn(exchange),
                "delivery parked as a dead letter: " + exchange.getVariable("safeReason"));
    }

    public void retryLater(Exchange exchange) {
        Throwable failure = exchange.getException() != null
                ? exchange.getException()
                : exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
        if (Database.covers(exchange.getContext(), failure)) {
            return;
        }
        limit.log(
                provider(exchange),
                "answered 503",
                exchange.getVariable("safeReason", "", String.class),
                () -> warn(exchange),
                "not applied, "
                        + ("user event".equals(exchange.getVariable("holds"))
                                ? "retrying"
                                : "asked the provider to retry in " + Setting.of(exchange.getContext(), "retry.after")
                                        + " s")
                        + ": " + exchange.getVariable("safeReason"));
    }

    /** Logs nothing of the delivery itself, because it is not proved. */
    public void refused(Exchange exchange) {
        warnOfStranger(
                provider(exchange),
                "delivery refused: "
                        + exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class)
                                .getMessage());
    }

    /** Logs a line that any stranger can cause. */
    public void warnOfStranger(String provider, String text) {
        limit.log(provider, "refused", "", () -> LOG.atWarn().addKeyValue("provider", provider), text);
    }

    private static LoggingEventBuilder warn(Exchange exchange) {
        return fields(LOG.atWarn(), exchange, exchange.getMessage().getBody() instanceof JsonNode event ? event : null);
    }

    /** Adds the known fields and omits the others. */
    static LoggingEventBuilder fields(LoggingEventBuilder line, Exchange exchange, JsonNode event) {
        line = field(line, "provider", provider(exchange));
        line = field(line, "delivery", exchange.getVariable("delivery-id", String.class));
        return field(line, "user", event == null ? null : event.path("id").textValue());
    }

    static LoggingEventBuilder field(LoggingEventBuilder line, String name, String value) {
        return value == null || value.isEmpty() ? line : line.addKeyValue(name, value);
    }

    static String provider(Exchange exchange) {
        return exchange.getVariable("provider", "unknown", String.class);
    }
}
