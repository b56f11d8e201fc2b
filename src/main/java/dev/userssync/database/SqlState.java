package dev.userssync.database;

import java.sql.SQLException;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.camel.util.ObjectHelper;

/**
 * Classifies failures by SQLState, for all of users-sync. pgjdbc throws PSQLException for nearly everything, so the
 * class of an exception says nothing. Stateless.
 *
 * @see <a href="https://www.postgresql.org/docs/current/errcodes-appendix.html">Postgres' SQLStates</a>
 */
public final class SqlState {

    /** Another session held a lock for longer than the statement waits. */
    public static final String LOCKED = "55P03";
    /** The statement took longer than its limit. */
    public static final String TIMED_OUT = "57014";

    static final String READ_ONLY = "25006";
    /** The server, the database or the role has no free connection. */
    static final String TOO_MANY_CONNECTIONS = "53300";

    /**
     * A pooler gave the session to another client: the name of a prepared statement is unknown, or belongs to another
     * statement.
     */
    private static final Set<String> NAME_LOST = Set.of("26000", "42P05");
    /** 08 connection, 57P01 to 57P03 shutdown and start-up. */
    private static final Pattern UNREACHABLE = Pattern.compile("08...|57P0[123]");
    /** The class with which the SQL functions of users-sync refuse a request, with a message for people. */
    private static final String REFUSAL = "US";
    /**
     * 08 connection, 40001 serialization, 40P01 deadlock, 53 out of resources, 55P03 lock timeout, 57014 statement
     * timeout, 57P0x shutdown and start-up, 25006 read-only (a failover), and a name that a pooler lost.
     */
    private static final Pattern TRANSIENT = Pattern.compile("08...|40001|40P01|53...|57P0.");

    private static final Set<String> ALSO_TRANSIENT = Set.of(LOCKED, TIMED_OUT, READ_ONLY);
    /**
     * States that an operator must fix, or that do not depend on a row: 0A feature (also a cached plan that no longer
     * fits), 25 and 26 transaction and statement, 28 login, 3D and 3F missing database or schema, 40, 42 missing right,
     * table, column or function, 55, 57, 58 system, F0 configuration, HV foreign server, XX internal. Every other state
     * belongs to a row or to a trigger that refuses it.
     */
    private static final Pattern SERVER = Pattern.compile("(08|0A|25|26|28|3D|3F|40|42|53|55|57|58|F0|HV|XX)...");
    /**
     * The server's message only quotes names of tables, columns, functions and roles. A syntax error, 42601, quotes the
     * statement.
     */
    private static final Pattern NAMES = Pattern.compile("42(?!601)...|3F...");

    private SqlState() {}

    /** The state of the first SQLException among the causes; "" if there is none, or it has no state. */
    public static String of(Throwable failure) {
        SQLException sql = ObjectHelper.getException(SQLException.class, failure);
        return sql == null || sql.getSQLState() == null ? "" : sql.getSQLState();
    }

    /** Whether a quick retry is worthwhile. */
    public static boolean isTransient(String state) {
        return TRANSIENT.matcher(state).matches() || ALSO_TRANSIENT.contains(state) || isNameLost(state);
    }

    /** Whether an operator must fix something, or the server has a fault: no row is the cause. */
    public static boolean isServers(String state) {
        return SERVER.matcher(state).matches();
    }

    /** Whether the row is the cause, or a constraint or trigger refuses it. A retry would fail again. */
    public static boolean isRows(String state) {
        return !state.isEmpty() && !isServers(state);
    }

    /** Whether the server's message may be logged: it holds no value of a row. */
    public static boolean quotesNamesOnly(String state) {
        return NAMES.matcher(state).matches();
    }

    /** Whether a function of users-sync refuses a request; its message is for people. */
    public static boolean isRefusal(String state) {
        return state.startsWith(REFUSAL);
    }

    static boolean isUnreachable(String state) {
        return UNREACHABLE.matcher(state).matches();
    }

    static boolean isNameLost(String state) {
        return NAME_LOST.contains(state);
    }
}
