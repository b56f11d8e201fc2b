package dev.userssync.database;

import com.zaxxer.hikari.HikariDataSource;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import javax.sql.DataSource;

/**
 * A data source that asks the server only once how many parameters a statement has. camel-jdbc asks before each
 * execution, and the question makes pgjdbc forget the prepared statement. Postgres would then parse and plan it twice
 * per batch, which takes about a millisecond. Each statement also carries its limits, see {@link ServerConnections}:
 * one round trip, one transaction, and no session state. Thread-safe.
 */
final class DescribedOnce {

    private final Map<String, Integer> parameters = new ConcurrentHashMap<>();

    private final ServerConnections server;

    private DescribedOnce(ServerConnections server) {
        this.server = server;
    }

    /**
     * @param open opens a connection of the source
     * @param networkTimeout milliseconds without an answer after which a connection is closed; 0 keeps the timeout of
     *         the source
     */
    static DataSource of(
            HikariDataSource source, ServerConnections server, Callable<Connection> open, int networkTimeout) {
        DescribedOnce described = new DescribedOnce(server);
        return proxy(DataSource.class, (self, method, arguments) -> {
            if (!method.getName().equals("getConnection")) {
                return invoke(source, method, arguments);
            }
            Connection connection = open.call();
            if (networkTimeout > 0) {
                connection.setNetworkTimeout(Runnable::run, networkTimeout); // until the connection returns to the pool
            }
            return described.connection(connection, source);
        });
    }

    private Connection connection(Connection connection, HikariDataSource source) {
        String limits = server.limits();
        return proxy(Connection.class, (self, method, arguments) -> {
            try {
                if (method.getName().equals("prepareStatement") && arguments.length == 1) {
                    String sql = (String) arguments[0];
                    PreparedStatement statement = connection.prepareStatement(limits + sql);
                    return limited(PreparedStatement.class, statement, limits, () -> counted(connection, sql), source);
                }
                Object answer = invoke(connection, method, arguments);
                return answer instanceof Statement statement && !(answer instanceof PreparedStatement)
                        ? limited(Statement.class, statement, limits, null, source)
                        : answer;
            } catch (SQLException e) {
                throw failed(e, source);
            }
        });
    }

    /** Runs the limits before the caller's statement, and hides their result. */
    private <T extends Statement> T limited(
            Class<T> type,
            T statement,
            String limits,
            Callable<ParameterMetaData> parameters,
            HikariDataSource source) {
        return proxy(type, (self, method, arguments) -> {
            try {
                boolean prepared = arguments == null || arguments.length == 0;
                switch (method.getName()) {
                    case "getParameterMetaData":
                        return parameters.call();
                    case "execute", "executeQuery", "executeUpdate":
                        if (prepared) {
                            ((PreparedStatement) statement).execute();
                        } else {
                            statement.execute(limits + arguments[0]);
                        }
                        boolean rows = statement.getMoreResults();
                        return method.getName().equals("execute")
                                ? rows
                                : method.getName().equals("executeQuery")
                                        ? statement.getResultSet()
                                        : (Object) statement.getUpdateCount();
                    default:
                        return invoke(statement, method, arguments);
                }
            } catch (SQLException e) {
                throw failed(e, source);
            }
        });
    }

    private SQLException failed(SQLException failure, HikariDataSource source) {
        if (server.lostNames(failure)) {
            source.getHikariPoolMXBean().softEvictConnections(); // new connections prepare nothing
        }
        return failure;
    }

    /** Metadata that knows only the count. */
    private ParameterMetaData counted(Connection connection, String sql) throws SQLException {
        Integer known = parameters.get(sql);
        if (known == null) {
            try (PreparedStatement statement = connection.prepareStatement(sql)) {
                known = statement.getParameterMetaData().getParameterCount();
                parameters.put(sql, known); // the routes run a few dozen statements
            }
        }
        int count = known;
        return proxy(ParameterMetaData.class, (self, method, arguments) -> {
            if (method.getName().equals("getParameterCount")) {
                return count;
            }
            throw new UnsupportedOperationException(method.getName());
        });
    }

    static Object invoke(Object target, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(DescribedOnce.class.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
