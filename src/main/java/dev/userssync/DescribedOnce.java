package dev.userssync;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.ParameterMetaData;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import javax.sql.DataSource;

/**
 * A data source that asks the server only once how many parameters a statement has. camel-jdbc asks before each execution, and the
 * question makes pgjdbc forget the prepared statement: Postgres then parses and plans it twice a batch, about a millisecond of its
 * time. Thread-safe.
 */
final class DescribedOnce {

    private final Map<String, Integer> parameters = new ConcurrentHashMap<>();

    private DescribedOnce() {
    }

    /** @param networkTimeout after how many milliseconds without an answer a connection is given up; 0 leaves it as the source has it */
    static DataSource of(DataSource source, int networkTimeout) {
        DescribedOnce described = new DescribedOnce();
        return proxy(DataSource.class, (self, method, arguments) -> {
            Object answer = invoke(source, method, arguments);
            if (!(answer instanceof Connection connection)) {
                return answer;
            }
            if (networkTimeout > 0) {
                connection.setNetworkTimeout(Runnable::run, networkTimeout); // until it is given back to the pool
            }
            return described.connection(connection);
        });
    }

    private Connection connection(Connection connection) {
        return proxy(Connection.class, (self, method, arguments) -> {
            Object answer = invoke(connection, method, arguments);
            return answer instanceof PreparedStatement statement ? statement(statement, (String) arguments[0]) : answer;
        });
    }

    private PreparedStatement statement(PreparedStatement statement, String sql) {
        return proxy(PreparedStatement.class, (self, method, arguments) ->
                method.getName().equals("getParameterMetaData") ? counted(statement, sql) : invoke(statement, method, arguments));
    }

    /** Knows the count alone. */
    private ParameterMetaData counted(PreparedStatement statement, String sql) throws SQLException {
        Integer known = parameters.get(sql);
        int count = known != null ? known : statement.getParameterMetaData().getParameterCount();
        if (known == null) {
            parameters.put(sql, count); // the routes run a dozen statements, not more
        }
        return proxy(ParameterMetaData.class, (self, method, arguments) -> {
            if (method.getName().equals("getParameterCount")) {
                return count;
            }
            throw new UnsupportedOperationException(method.getName());
        });
    }

    private static Object invoke(Object target, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(target, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(DescribedOnce.class.getClassLoader(), new Class<?>[] {type}, handler));
    }
}
