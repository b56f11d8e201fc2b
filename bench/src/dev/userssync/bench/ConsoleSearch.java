package dev.userssync.bench;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Times the console's list and search over many users through the console's HTTP route, and measures what the indexes
 * cost the writer. The users make the search hard: every tenth has the same first name, every fourth the same host, and
 * each address holds a unique word.
 */
final class ConsoleSearch {

    private static final int TRIES = 15;
    private static final double BOUND_MILLIS = 200;
    private static final String PASSWORD = "bench";
    private static final String ROWS = """
            INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at, deleted_at, updated_at)
            SELECT %1$s || substr(md5(i::text), 1, 24), jsonb_build_object('id', i, 'profile', repeat(md5(i::text), 20)),
                   (ARRAY['Jane','Sam','Alex','Maria','Wei','Olu','Fatima','Bob','Ana','Kai'])[1 + i %% 10] || ' '
                     || initcap(translate(substr(md5((i %% 50000)::text), 1, 7), '0123456789', 'ghijklmnop')),
                   lower((ARRAY['Jane','Sam','Alex','Maria','Wei','Olu','Fatima','Bob','Ana','Kai'])[1 + i %% 10]) || i || '@'
                     || (ARRAY['example','startup','mail','corp'])[1 + i %% 4] || '.dev',
                   now() - i * interval '37 seconds', CASE WHEN i %% 20 = 0 THEN now() END, now()
              FROM generate_series(?, ?) AS i
            """;

    private final HttpClient http = HttpClient.newHttpClient();
    private final String base;

    private ConsoleSearch(int management) {
        base = "http://localhost:" + management + "/admin/users";
    }

    /** @return the number of searches with a median over 200 ms */
    static int measure(Postgres postgres, int users) throws Exception {
        try (postgres) {
            insert(postgres, "'user_'", 1, users);
            postgres.execute("VACUUM ANALYZE neon_auth.users_sync");
            System.out.printf("new users without the indexes  %6.1f us of Postgres each%n", costOfNew(postgres, "'a_'"));
            System.out.printf("updates without the indexes    %6.1f us%n", costOfUpdates(postgres, users));
            int slow;
            try (Contender server = new Contender("users-sync", postgres, Map.of("CONSOLE_PASSWORD", PASSWORD))) {
                long start = System.nanoTime();
                awaitIndexes(postgres);
                System.out.printf("the indexes are made in        %6.1f s, beside the running writer%n", (System.nanoTime() - start) / 1e9);
                postgres.execute("VACUUM ANALYZE neon_auth.users_sync");
                slow = new ConsoleSearch(server.management).search();
            }
            System.out.printf("new users with the indexes     %6.1f us of Postgres each%n", costOfNew(postgres, "'b_'"));
            System.out.printf("updates with the indexes       %6.1f us%n", costOfUpdates(postgres, users));
            return slow;
        }
    }

    private static void insert(Postgres postgres, String prefix, int from, int to) throws SQLException {
        try (Connection connection = postgres.connect(); PreparedStatement insert = connection.prepareStatement(ROWS.formatted(prefix))) {
            insert.setInt(1, from);
            insert.setInt(2, to);
            insert.execute();
        }
    }

    private static double costOfNew(Postgres postgres, String prefix) throws SQLException {
        postgres.execute("CHECKPOINT");
        int count = 20_000;
        double before = postgres.cpuSeconds();
        for (int i = 0; i < count; i += 100) {
            insert(postgres, prefix, 10_000_000 + i, 10_000_000 + i + 99);
        }
        return (postgres.cpuSeconds() - before) * 1e6 / count;
    }

    /** Updates of profiles, as most updates are: name and address stay. */
    private static double costOfUpdates(Postgres postgres, int users) throws SQLException {
        postgres.execute("CHECKPOINT");
        int count = 20_000;
        double before = postgres.cpuSeconds();
        try (Connection connection = postgres.connect(); PreparedStatement update = connection.prepareStatement("""
                UPDATE neon_auth.users_sync AS u SET raw_json = u.raw_json || jsonb_build_object('seen', ?), updated_at = now()
                  FROM generate_series(1, 100) AS i WHERE u.id = 'user_' || substr(md5(((i * 7919 + ?) % ? + 1)::text), 1, 24)""")) {
            for (int i = 0; i < count; i += 100) {
                update.setInt(1, i);
                update.setInt(2, i);
                update.setInt(3, users);
                update.execute();
            }
        }
        return (postgres.cpuSeconds() - before) * 1e6 / count;
    }

    private static void awaitIndexes(Postgres postgres) throws SQLException, InterruptedException {
        try (Connection connection = postgres.connect()) {
            while (true) {
                var ready = connection.createStatement().executeQuery("SELECT count(*) = 3 FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                        + " WHERE i.indisvalid AND c.relname IN ('users_sync_created_at_idx', 'users_sync_id_prefix_idx', 'users_sync_words_idx')");
                ready.next();
                if (ready.getBoolean(1)) {
                    return;
                }
                Thread.sleep(200);
            }
        }
    }

    private int search() throws IOException, InterruptedException {
        Map<String, String> queries = new LinkedHashMap<>();
        queries.put("first page", "");
        queries.put("deleted", "state=deleted");
        queries.put("a frequent first name", "q=jane");
        queries.put("the same, deleted", "q=jane&state=deleted");
        queries.put("a host of a quarter", "q=startup");
        queries.put("one letter", "q=j");
        queries.put("a rare name", "q=jane777770");
        queries.put("nobody", "q=zzzzqqq");
        queries.put("a name and part of another", "q=jane+ab");
        queries.put("two names that never meet", "q=jane+olu");
        queries.put("an address", "q=" + encode("sam400001@startup.dev"));
        queries.put("the beginning of an id", "q=user_c4ca4");
        queries.put("an id", "q=user_c4ca4238a0b923820dcc509a");
        String deep = "afterTime=" + encode("2020-01-01T00:00:00Z") + "&afterId=x";
        queries.put("far behind", deep);
        queries.put("far behind, a frequent name", "q=jane&" + deep);
        System.out.printf("%-30s %5s %10s %10s%n", "asked for", "rows", "median ms", "longest ms");
        int slow = 0;
        for (Map.Entry<String, String> query : queries.entrySet()) {
            double[] times = new double[TRIES];
            int rows = 0;
            for (int i = 0; i < TRIES; i++) {
                long start = System.nanoTime();
                String answer = get(query.getValue());
                times[i] = (System.nanoTime() - start) / 1e6;
                rows = answer.split("\"id\"", -1).length - 1;
            }
            Arrays.sort(times);
            boolean tooSlow = times[TRIES / 2] > BOUND_MILLIS;
            slow += tooSlow ? 1 : 0;
            System.out.printf("%-30s %5d %10.1f %10.1f %s%n", query.getKey(), rows, times[TRIES / 2], times[TRIES - 1], tooSlow ? "more than 200 ms" : "");
        }
        walk();
        return slow;
    }

    /** Reads page after page to the end, or 200 pages. */
    private void walk() throws IOException, InterruptedException {
        Pattern last = Pattern.compile("\"id\":\"([^\"]+)\"[^}]*\"created_at\":\"([^\"]+)\"[^}]*}(?=[^}]*}]$)");
        String query = "";
        double longest = 0;
        int pages = 0;
        for (; pages < 200; pages++) {
            long start = System.nanoTime();
            Matcher row = last.matcher(get(query).strip());
            longest = Math.max(longest, (System.nanoTime() - start) / 1e6);
            if (!row.find()) {
                break;
            }
            query = "afterTime=" + encode(row.group(2)) + "&afterId=" + encode(row.group(1));
        }
        System.out.printf("%-30s %5s %10s %10.1f%n", pages + " pages, one after the other", "", "", longest);
    }

    private String get(String query) throws IOException, InterruptedException {
        HttpResponse<String> answer = http.send(HttpRequest.newBuilder(URI.create(base + "?" + query))
                .header("Authorization", "Basic " + Base64.getEncoder().encodeToString(("bench:" + PASSWORD).getBytes(StandardCharsets.UTF_8))).build(),
                HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException(answer.statusCode() + " " + answer.body());
        }
        return answer.body();
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
