package dev.userssync.management;

import dev.userssync.database.Database;
import dev.userssync.database.SqlState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;

/**
 * Reads a page of users. In: the headers {@code q} (the start of an id, or of words of name and address), {@code state}
 * (live, deleted), {@code prefix} (of ids), {@code afterTime} and {@code afterId} (the last row of the page before),
 * all optional. Out: at most 51 rows. In Java, because the statement needs settings of its own: a timeout, memory, and
 * a plan for its values. Thread-safe.
 */
@BindToRegistry("user-search")
public final class UserSearch implements Processor {

    private static final Path LIST = Path.of("routes/sql/operators/list-users.sql");
    private static final Path SEARCH = Path.of("routes/sql/operators/search-users.sql");
    private static final Pattern PARAMETER = Pattern.compile("(?<!:):([a-zA-Z]+)");
    /**
     * Measured: with Postgres' default of 4 MB, the bitmaps of two frequent words become lossy, and the search takes
     * ten times as long.
     */
    private static final String SETTINGS =
            "SET LOCAL statement_timeout = '5s'; SET LOCAL work_mem = '64MB'; SET LOCAL plan_cache_mode = force_custom_plan";

    /** @throws IllegalArgumentException if the search would read too many users */
    @Override
    public void process(Exchange exchange) throws Exception {
        Message message = exchange.getMessage();
        Map<String, String> parameters = new HashMap<>();
        for (String name : List.of("state", "afterTime", "afterId")) {
            parameters.put(name, message.getHeader(name, String.class));
        }
        String prefix = message.getHeader("prefix", String.class);
        parameters.put("idPattern", prefix == null ? null : beginsWith(prefix));
        String q = message.getHeader("q", String.class);
        boolean search = q != null && !q.isBlank();
        if (search) {
            addSearch(parameters, q.strip());
        }
        try (Connection connection = Database.of(exchange.getContext()).connection()) {
            connection.setAutoCommit(false);
            try (Statement settings = connection.createStatement()) {
                settings.execute(SETTINGS);
                message.setBody(rows(connection, withoutComments(search ? SEARCH : LIST), parameters));
                connection.commit();
            } finally {
                connection.rollback();
                connection.setAutoCommit(true);
            }
        } catch (SQLException e) {
            if (SqlState.TIMED_OUT.equals(e.getSQLState())) {
                throw new IllegalArgumentException(
                        "too many users match: type more of the name, the address or the id");
            }
            throw e;
        }
    }

    private static void addSearch(Map<String, String> parameters, String q) {
        boolean address = q.contains("@") && !q.contains(" ");
        // The part before the @ is the most selective: all addresses of a host share the words after it.
        String words = address && q.indexOf('@') > 0 ? q.substring(0, q.indexOf('@')) : q;
        parameters.put(
                "words",
                Arrays.stream(words.split("[^\\p{L}\\p{N}]+"))
                        .filter(word -> !word.isEmpty())
                        .map(word -> "'" + word + "':*")
                        .collect(Collectors.joining(" & ")));
        parameters.put("emailPattern", !address ? null : (q.startsWith("@") ? "%" : "") + beginsWith(q.toLowerCase()));
        parameters.put("startsLike", beginsWith(q));
    }

    private static String beginsWith(String text) {
        return text.replaceAll("([%_\\\\])", "\\\\$1") + "%";
    }

    private static String withoutComments(Path file) throws IOException {
        return Files.readString(file).replaceAll("(?m)^--.*$", "");
    }

    private static List<Map<String, Object>> rows(Connection connection, String sql, Map<String, String> parameters)
            throws SQLException {
        List<String> names = new ArrayList<>();
        Matcher parameter = PARAMETER.matcher(sql);
        String prepared = parameter.replaceAll(found -> {
            names.add(found.group(1));
            return "?";
        });
        try (PreparedStatement select = connection.prepareStatement(prepared)) {
            for (int i = 0; i < names.size(); i++) {
                select.setString(i + 1, parameters.get(names.get(i)));
            }
            List<Map<String, Object>> rows = new ArrayList<>();
            ResultSet found = select.executeQuery();
            while (found.next()) {
                Map<String, Object> row = new LinkedHashMap<>();
                for (int i = 1; i <= found.getMetaData().getColumnCount(); i++) {
                    row.put(found.getMetaData().getColumnLabel(i), found.getObject(i));
                }
                rows.add(row);
            }
            return rows;
        }
    }
}
