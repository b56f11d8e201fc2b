package dev.userssync.management;

import dev.userssync.database.SqlState;
import java.sql.Timestamp;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.camel.CamelContext;
import org.apache.camel.CamelExecutionException;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.util.ObjectHelper;
import org.postgresql.util.PSQLException;

/**
 * Calls the routes in routes/operators, for console and commands. Results are maps, lists and plain values.
 * Thread-safe.
 */
public final class OperatorRoutes {

    private final ProducerTemplate producer;

    public OperatorRoutes(CamelContext context) {
        this.producer = context.createProducerTemplate();
    }

    /**
     * @param headers names and values in turn; a value may be null
     * @throws IllegalArgumentException if a value holds U+0000, which Postgres cannot store, or if a function of ours
     *         refuses the request
     */
    public Object ask(String route, Object... headers) throws Exception {
        Map<String, Object> all = new LinkedHashMap<>();
        for (int i = 0; i < headers.length; i += 2) {
            if (headers[i + 1] instanceof String text && text.indexOf(0) >= 0) {
                throw new IllegalArgumentException(headers[i] + " holds the character U+0000");
            }
            all.put((String) headers[i], headers[i + 1]);
        }
        try {
            return plain(producer.requestBodyAndHeaders("direct:" + route, null, all));
        } catch (CamelExecutionException e) {
            PSQLException refusal = ObjectHelper.getException(PSQLException.class, e);
            if (refusal != null && SqlState.isRefusal(SqlState.of(refusal))) {
                throw new IllegalArgumentException(
                        refusal.getServerErrorMessage().getMessage());
            }
            throw e.getCause() instanceof Exception cause ? cause : e;
        }
    }

    @SuppressWarnings("unchecked")
    public List<Map<String, Object>> rows(String route, Object... headers) throws Exception {
        return (List<Map<String, Object>>) ask(route, headers);
    }

    /** The only row, or an empty map. */
    @SuppressWarnings("unchecked")
    public Map<String, Object> row(String route, Object... headers) throws Exception {
        return ask(route, headers) instanceof Map<?, ?> row ? (Map<String, Object>) row : Map.of();
    }

    /** A value without types of the driver; times as ISO 8601 in UTC. */
    private static Object plain(Object value) {
        if (value instanceof Map<?, ?> map) {
            Map<Object, Object> plain = new LinkedHashMap<>();
            map.forEach((key, entry) -> plain.put(key, plain(entry)));
            return plain;
        }
        if (value instanceof List<?> list) {
            List<Object> plain = new ArrayList<>();
            list.forEach(entry -> plain.add(plain(entry)));
            return plain;
        }
        return value instanceof Timestamp time ? time.toInstant().toString() : value;
    }
}
