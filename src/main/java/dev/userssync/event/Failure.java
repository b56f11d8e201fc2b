package dev.userssync.event;

import dev.userssync.database.SqlState;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.util.ObjectHelper;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/**
 * Classifies the failure of a delivery by its {@link SqlState}. As a step it sets the variables {@code sqlState},
 * {@code reason} (for the dead-letter table: with the server's message, which may quote the row) and {@code safeReason}
 * (for the log: SQLState and the names of table, constraint and function, no user data). Thread-safe.
 */
@BindToRegistry("failure")
public final class Failure implements Processor {

    private static final int LONGEST_REASON = 500;
    private static final int LONGEST_MESSAGE = 300; // leaves room for the place

    /** A line of the context that names a function and no value. Other lines quote dynamic SQL. */
    private static final Pattern FUNCTION = Pattern.compile("(?m)^(PL/\\S+ function \\S.*|SQL function \".*)$");

    private static final String TYPE = "((?i:null|boolean|number|string|array|object))";
    /**
     * The messages of jackson-jq; the groups hold no value of the document. The argument of error() may hold one, so it
     * is not here.
     */
    private static final List<Pattern> JQ = List.of(
            Pattern.compile("^(Function [\\w:]{1,80}/\\d+ does not exist)$"),
            Pattern.compile("^(Cannot iterate over) " + TYPE + "\\b"),
            Pattern.compile("^(Cannot index) " + TYPE + " with\\b"),
            Pattern.compile("^(Cannot use) " + TYPE + "\\b.* (as object key)$"),
            Pattern.compile("^" + TYPE + "\\b.* (and) " + TYPE
                    + "\\b.* (cannot be (?:added|subtracted|multiplied|divided))\\b"),
            Pattern.compile(
                    "^" + TYPE
                            + "\\b.* (cannot be (?:parsed as a number|reversed|negated|matched|\\w{1,9}-formatted)|has no (?:keys|length))\\b"),
            Pattern.compile("^(failed to parse) " + TYPE + "\\b.* (as json)$"),
            Pattern.compile("^(\\w{1,40}\\(\\) requires string inputs|split input and separator must be strings)$"),
            Pattern.compile("^(\\w{1,40}(?:/\\d|\\(\\))? is not applicable to) " + TYPE + "\\b"),
            Pattern.compile("^(cannot accept) " + TYPE + "\\b.* (as \\w+ argument of \\w{1,40}(?:/\\d)?)(?:;|$)"),
            Pattern.compile("^(\\$\\w{1,40} is not defined)$"));

    /** Whether the row is at fault, or a constraint or trigger refuses it. A retry would fail again. */
    public boolean isRowError(Exchange exchange) {
        return causedByRow(failure(exchange));
    }

    /**
     * Whether the event itself caused the failure. Then it is parked, and the other events of the batch are applied.
     */
    public static boolean causedByRow(Exception failure) {
        return SqlState.isRows(SqlState.of(failure));
    }

    public static boolean causedByServer(Exception failure) {
        return SqlState.isServers(SqlState.of(failure));
    }

    /** Whether a quick retry is worthwhile. */
    public boolean isTransient(Exchange exchange) {
        return passes(failure(exchange));
    }

    private static boolean passes(Exception failure) {
        return SqlState.isTransient(SqlState.of(failure));
    }

    /**
     * Whether one event of the batch may be the cause, so that each is tried alone. False if the database or users-sync
     * is unreachable, busy or stopping: then all events fail alike.
     */
    public static boolean mayBeOneEvents(Exception failure) {
        SQLException sql = ObjectHelper.getException(SQLException.class, failure);
        if (sql != null) {
            return sql.getSQLState() != null && !passes(failure);
        }
        return ObjectHelper.getException(RejectedExecutionException.class, failure) == null
                && ObjectHelper.getException(VirtualMachineError.class, failure) == null;
    }

    /**
     * Whether another transaction held a lock for as long as Postgres waits. Then one retry follows, so that the
     * senders are answered before they stop waiting.
     */
    public boolean isLocked(Exchange exchange) {
        return SqlState.of(failure(exchange)).equals(SqlState.LOCKED);
    }

    @Override
    public void process(Exchange exchange) {
        Exception failure = failure(exchange);
        String state = SqlState.of(failure);
        exchange.setVariable("sqlState", state.isEmpty() ? null : state);
        exchange.setVariable("reason", reason(failure));
        exchange.setVariable("safeReason", safeReason(failure));
    }

    private static String reason(Exception failure) {
        String message = String.valueOf(failure.getMessage());
        if (failure instanceof InvalidUserEvent || failure.getMessage() == null) {
            return printable(message, LONGEST_REASON);
        }
        return printable(
                kind(failure) + ": " + printable(message, LONGEST_MESSAGE) + place(server(failure)), LONGEST_REASON);
    }

    /**
     * The reason for log lines: what happened and where, without a value of the row. It includes the server's message
     * only if that can name nothing but tables, columns, functions and roles: class 42, unless a trigger's RAISE wrote
     * it or it quotes SQL.
     */
    public static String safeReason(Exception failure) {
        if (failure instanceof InvalidUserEvent || failure instanceof ApiFailure || failure instanceof TryLater) {
            return failure.getMessage();
        }
        ServerErrorMessage server = server(failure);
        boolean names = server != null
                && SqlState.quotesNamesOnly(SqlState.of(failure))
                && !"exec_stmt_raise".equals(server.getRoutine());
        String mapping = ofMapping(failure);
        return printable(
                (mapping == null ? kind(failure) : mapping) + (names ? ": " + server.getMessage() : "") + place(server),
                LONGEST_REASON);
    }

    /**
     * The message of jq without the values that it quotes: only its functions and types. Null if the failure is not
     * jq's. The class is compared by name, because it is missing when the Camel CLI compiles.
     */
    public static String ofMapping(Throwable failure) {
        Throwable root = root(failure);
        if (!root.getClass().getName().startsWith("net.thisptr.jackson.jq.")) {
            return null;
        }
        String message = String.valueOf(root.getMessage());
        for (Pattern pattern : JQ) {
            Matcher known = pattern.matcher(message);
            if (known.find()) {
                StringBuilder said = new StringBuilder("the mapping failed:");
                for (int group = 1; group <= known.groupCount(); group++) {
                    said.append(known.group(group) == null ? "" : " " + known.group(group));
                }
                return said.toString();
            }
        }
        return "the mapping failed with a " + root.getClass().getSimpleName();
    }

    private static Throwable root(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        return root;
    }

    private static String kind(Exception failure) {
        String state = SqlState.of(failure);
        String kind = state.isEmpty() ? root(failure).getClass().getSimpleName() : "SQLState " + state;
        return failure.getClass().getName().startsWith("org.apache.kafka.")
                ? "the brokers of Kafka did not take the event, " + kind
                : kind;
    }

    /** The place of the failure, from the server's message: table, constraint, functions, from the inside out. */
    private static String place(ServerErrorMessage server) {
        if (server == null) {
            return "";
        }
        StringBuilder place = new StringBuilder();
        if (server.getTable() != null) {
            place.append(", table ").append(server.getSchema()).append('.').append(server.getTable());
        }
        if (server.getColumn() != null) {
            place.append(", column ").append(server.getColumn());
        }
        if (server.getConstraint() != null) {
            place.append(", constraint ").append(server.getConstraint());
        }
        Matcher function = FUNCTION.matcher(server.getWhere() == null ? "" : server.getWhere());
        while (function.find()) {
            place.append(", ").append(function.group());
        }
        return place.toString();
    }

    private static ServerErrorMessage server(Exception failure) {
        PSQLException error = ObjectHelper.getException(PSQLException.class, failure);
        return error == null ? null : error.getServerErrorMessage();
    }

    private static Exception failure(Exchange exchange) {
        Exception failure = exchange.getException();
        return failure != null ? failure : exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Exception.class);
    }

    /** Removes control characters and lone surrogates, which Postgres refuses. A message may quote the body. */
    private static String printable(String message, int longest) {
        String line = message.replaceAll("[\\p{Cntrl}\\p{Cs}]+", " ");
        return line.substring(0, Math.min(line.length(), longest));
    }
}
