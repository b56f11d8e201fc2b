package dev.userssync.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/**
 * Measures users-sync beside its peers, in one run on one machine: {@code compare} (the default), {@code rows},
 * {@code soak}, {@code overload}, {@code warmup}, {@code backfill}.
 * Options: {@code seconds=10 warmup=20 concurrency=1,16,64,256 contenders=users-sync,fastify,express,vertx,pgbench
 * users=20000 jvm="..." postgres=/usr/lib/postgresql/15 compression=lz4 before=../another-checkout}.
 * A contender with a wrong row afterwards gets no figure.
 */
public final class Bench {

    private static final String TOPIC = "users-sync.user-events";

    private final Map<String, String> options;
    private final int users;
    private final double seconds;
    private final double warmup;

    Bench(String... args) {
        options = new LinkedHashMap<>(Map.of("mode", "compare", "seconds", "10", "warmup", "20", "concurrency", "1,16,64,256",
                "contenders", "users-sync,fastify,express,vertx,pgbench", "users", "20000", "jvm", ""));
        for (String arg : args) {
            String[] option = arg.split("=", 2);
            options.put(option.length == 1 ? "mode" : option[0], option[option.length - 1]);
        }
        users = Integer.parseInt(options.get("users"));
        seconds = Double.parseDouble(options.get("seconds"));
        warmup = Double.parseDouble(options.get("warmup"));
    }

    public static void main(String[] args) throws Exception {
        System.exit(new Bench(args).run() == 0 ? 0 : 1);
    }

    /** @return the number of wrong rows */
    int run() throws Exception {
        System.out.printf("%s, %d processors, JDK %s, %d users%n", System.getProperty("os.name"), Runtime.getRuntime().availableProcessors(),
                Runtime.version(), users);
        return switch (options.get("mode")) {
            case "compare" -> compare();
            case "rows" -> rows();
            case "partitioned" -> partitioned();
            case "soak" -> soak();
            case "overload" -> overload();
            case "warmup" -> warmup();
            case "backfill" -> backfill();
            case "simulate" -> Simulation.print(options);
            case "console" -> ConsoleSearch.measure(migrated(), users);
            default -> throw new IllegalArgumentException("modes are compare, rows, partitioned, simulate, soak, overload, warmup, backfill and console");
        };
    }

    private String[] jvm() {
        return options.get("jvm").isBlank() ? new String[0] : options.get("jvm").trim().split("\\s+");
    }

    private int compare() throws Exception {
        int wrong = 0;
        List<Integer> concurrencies = Arrays.stream(options.get("concurrency").split(",")).map(Integer::valueOf).toList();
        System.out.printf("%-12s %5s %9s %9s %9s %12s %12s %8s %s%n", "contender", "c", "req/s", "p50 ms", "p99 ms", "server us", "postgres us", "RSS MB", "rows");
        for (String name : options.get("contenders").split(",")) {
            if (name.equals("pgbench")) {
                pgbench();
                continue;
            }
            if (!Contender.NAMES.containsKey(name)) {
                throw new IllegalArgumentException("contenders are " + Contender.NAMES.keySet() + " and pgbench");
            }
            installPeers(name);
            try (Postgres postgres = migratedBy(name); KafkaBroker broker = name.startsWith("users-sync-kafka") ? KafkaBroker.warm(TOPIC, partitions()) : null;
                    Contender server = new Contender(name, checkout(name), postgres, broker == null ? Map.of() : profile(broker, name.endsWith("door") ? "ingest" : "both"), jvm());
                    Contender second = name.endsWith("two") ? new Contender(name, postgres, jvm()) : null) {
                List<Contender> servers = second == null ? List.of(server) : List.of(server, second);
                KafkaBroker emptied = name.endsWith("door") ? null : broker;
                Deliveries deliveries = new Deliveries(users);
                Load load = new Load(servers.stream().mapToInt(each -> each.port).toArray());
                if (warmup > 0) {
                    settle(deliveries, load, server, 64, warmup);
                }
                List<String> lines = new ArrayList<>();
                for (int concurrency : concurrencies) {
                    awaitApplied(emptied);
                    postgres.execute("CHECKPOINT");
                    byte[][] requests = deliveries.next(pool(), server.port);
                    double serverCpu = sum(servers, Contender::cpuSeconds);
                    double postgresCpu = postgres.cpuSeconds();
                    double brokerCpu = broker == null ? 0 : broker.cpuSeconds();
                    Load.Result result = load.closed(requests, concurrency, seconds);
                    // Events that wait in the topic are part of an event's cost. The rate counts the answers.
                    String applied = awaitApplied(emptied);
                    if (broker != null) {
                        applied += ", broker %.0f us".formatted((broker.cpuSeconds() - brokerCpu) * 1e6 / result.sent());
                    }
                    serverCpu = sum(servers, Contender::cpuSeconds) - serverCpu;
                    postgresCpu = postgres.cpuSeconds() - postgresCpu;
                    deliveries.settle(result.sent(), result.status());
                    if (result.perSecond() == 0) {
                        throw new IOException(name + " acknowledged nothing: " + result.statuses());
                    }
                    lines.add("%-12s %5d %9.0f %9.2f %9.2f %12.0f %12.0f %8.0f %%s%s%n".formatted(name, concurrency, result.perSecond(), result.millis(0.5),
                            result.millis(0.99), serverCpu * 1e6 / result.sent(), postgresCpu * 1e6 / result.sent(), sum(servers, Contender::residentMegabytes),
                            (result.statuses().keySet().equals(java.util.Set.of(204)) ? "" : " " + result.statuses()) + applied));
                }
                if (name.endsWith("door")) {
                    try (Contender applier = new Contender("users-sync-kafka", postgres, profile(broker, "apply"), jvm())) {
                        lines.add(name + " %s" + awaitApplied(broker) + ", by another process that was cold%n");
                    }
                }
                int wrongHere;
                try (Connection connection = postgres.connect()) {
                    wrongHere = deliveries.wrongRows(connection);
                }
                wrong += wrongHere;
                if (wrongHere > 0) {
                    System.out.printf("%-12s %d rows are wrong: no figure%n", name, wrongHere);
                } else {
                    lines.forEach(line -> System.out.printf(line, "verified"));
                }
            }
        }
        return wrong;
    }

    private static double sum(List<Contender> servers, ToDoubleFunction<Contender> figure) {
        return servers.stream().mapToDouble(figure).sum();
    }

    private int partitions() {
        return Integer.parseInt(options.getOrDefault("partitions", "4"));
    }

    private static Map<String, String> profile(KafkaBroker broker, String role) {
        return Map.of("CAMEL_MAIN_PROFILE", "kafka", "KAFKA_BROKERS", broker.url(), "KAFKA_ROLE", role);
    }

    /** Waits until the topic, if there is one, is empty. Prints how many events waited, and how long the drain took. */
    private static String awaitApplied(KafkaBroker broker) throws InterruptedException {
        if (broker == null) {
            return "";
        }
        long begin = System.nanoTime();
        long backlog = broker.lag(TOPIC, "users-sync");
        for (long left = backlog; left > 0; left = broker.lag(TOPIC, "users-sync")) {
            if (System.nanoTime() - begin > 600_000_000_000L) {
                throw new IllegalStateException(left + " events are still in the topic after 10 minutes");
            }
            Thread.sleep(50);
        }
        return ", then %d applied in %.1f s".formatted(backlog, (System.nanoTime() - begin) / 1e9);
    }

    /** Enough requests for the fastest contender; a stage ends early without any left. */
    private int pool() {
        return (int) (Math.max(seconds, 1) * 25_000);
    }

    private Load.Result settle(Deliveries deliveries, Load load, Contender server, int concurrency, double duration) throws Exception {
        Load.Result result = null;
        for (double rest = duration; rest > 0; rest -= 10) { // signed in portions, within the tolerance
            result = load.closed(deliveries.next((int) (Math.min(rest, 10) * 25_000) + 100, server.port), concurrency, Math.min(rest, 10));
            deliveries.settle(result.sent(), result.status());
        }
        return result;
    }

    private Postgres postgres() throws Exception {
        return new Postgres(options.getOrDefault("postgres", ""));
    }

    /** A database with the tables that users-sync itself creates. */
    private Postgres migrated() throws Exception {
        return migratedBy("users-sync");
    }

    private Postgres migratedBy(String contender) throws Exception {
        Postgres postgres = postgres();
        String migrator = contender.equals("users-sync-before") ? contender : "users-sync";
        new Contender(migrator, checkout(migrator), postgres, Map.of()).close();
        if (options.containsKey("compression")) {
            postgres.execute("ALTER TABLE neon_auth.users_sync ALTER raw_json SET COMPRESSION " + options.get("compression"));
        }
        return postgres;
    }

    private Path checkout(String contender) {
        if (!contender.equals("users-sync-before")) {
            return Path.of("");
        }
        if (!options.containsKey("before")) {
            throw new IllegalArgumentException("before= names no checkout: build the commit to compare with in a checkout of its own, by its bench/run, and name its folder");
        }
        return Path.of(options.get("before"));
    }

    private static void installPeers(String name) throws IOException, InterruptedException {
        if (Files.exists(Path.of("bench/peers/" + name + ".mjs")) && !Files.exists(Path.of("bench/peers/node_modules"))) {
            Process npm = new ProcessBuilder("npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--silent")
                    .directory(Path.of("bench/peers").toFile()).inheritIO().start();
            if (npm.waitFor() != 0) {
                throw new IOException("npm install failed in bench/peers: Node 20 or newer is needed for this contender");
            }
        }
    }

    /** The bare statement without a server in front of it, if Postgres' own load generator is installed. */
    private void pgbench() throws Exception {
        Path script = Files.createTempFile("upsert", ".sql");
        Files.writeString(script, """
                \\set user random(1, %d)
                \\set version random(1, 1000000000)
                INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, updated_at)
                VALUES ('user_' || :user, CAST('%s' AS jsonb), 'n' || :version, 'e', now(), to_timestamp(:version))
                ON CONFLICT (id) DO UPDATE SET raw_json = excluded.raw_json, name = excluded.name, updated_at = excluded.updated_at
                WHERE u.updated_at <= excluded.updated_at;
                """.formatted(users, Profiles.json(1, 1_700_000_000_000L, 1_700_000_000_000L).replace(":", ": "))); // pgbench takes :name for a variable
        try (Postgres postgres = migrated()) {
            for (String concurrency : options.get("concurrency").split(",")) {
                double cpu = postgres.cpuSeconds();
                Process pgbench;
                try {
                    pgbench = new ProcessBuilder("pgbench", "-n", "-M", "prepared", "-f", script.toString(), "-c", Integer.toString(Math.min(64, Integer.parseInt(concurrency))),
                            "-T", Integer.toString((int) Math.max(1, seconds)), "-h", "127.0.0.1", "-p", Integer.toString(postgres.port()), "-U", "postgres", "postgres")
                            .redirectErrorStream(true).start();
                } catch (IOException e) {
                    System.out.println("pgbench      is not installed");
                    return;
                }
                String output = new String(pgbench.getInputStream().readAllBytes());
                pgbench.waitFor(60, TimeUnit.SECONDS);
                double perSecond = output.lines().filter(line -> line.startsWith("tps")).mapToDouble(line -> Double.parseDouble(line.split(" ")[2])).findFirst()
                        .orElseThrow(() -> new IOException(output.lines().limit(5).collect(java.util.stream.Collectors.joining("\n"))));
                double latency = output.lines().filter(line -> line.startsWith("latency average")).mapToDouble(line -> Double.parseDouble(line.split(" ")[3])).findFirst().orElse(0);
                System.out.printf("%-12s %5s %9.0f %9.2f %9s %12s %12.0f %8s %s%n", "pgbench", concurrency, perSecond, latency, "", "",
                        (postgres.cpuSeconds() - cpu) * 1e6 / (perSecond * seconds), "", "average latency; at most 64 clients");
            }
        }
    }

    /** The same load on tables of growing size. */
    private int rows() throws Exception {
        int wrong = 0;
        for (String count : options.getOrDefault("rows", "20000,5000000").split(",")) {
            try (Postgres postgres = migrated()) {
                seed(postgres, Long.parseLong(count));
                try (Contender server = new Contender("users-sync", postgres, jvm())) {
                    Deliveries deliveries = new Deliveries(users);
                    Load load = new Load(server.port);
                    settle(deliveries, load, server, 64, warmup);
                    Load.Result result = settle(deliveries, load, server, 64, seconds);
                    int wrongHere;
                    try (Connection connection = postgres.connect()) {
                        wrongHere = deliveries.wrongRows(connection);
                    }
                    wrong += wrongHere;
                    System.out.printf("%10s rows: %6.0f req/s, p50 %.2f ms, p99 %.2f ms, %d rows wrong%n", count, result.perSecond(), result.millis(0.5),
                            result.millis(0.99), wrongHere);
                }
            }
        }
        return wrong;
    }

    /**
     * Fills ten million short rows, a million at a time, into the partitions of docs/partitioned-users-sync.sql, and
     * runs the load on them.
     */
    private int partitioned() throws Exception {
        long count = Long.parseLong(options.getOrDefault("rows", "10000000"));
        long portion = Math.min(count, 1_000_000);
        try (Postgres postgres = postgres()) {
            postgres.execute(Files.readString(Path.of("docs/partitioned-users-sync.sql")));
            new Contender("users-sync", postgres).close();
            long begin = System.nanoTime();
            for (long first = 1; first <= count; first += portion) {
                postgres.execute("""
                        INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at, updated_at)
                        SELECT id, jsonb_build_object('id', id, 'name', 'Name ' || n, 'email', 'user' || n || '@mail.example.com', 'plan', 'free', 'seats', n %% 50),
                               'Name ' || n, 'user' || n || '@mail.example.com', now() - interval '1 year', now() - interval '1 year'
                          FROM (SELECT n, 'user_' || md5(n::text) AS id FROM generate_series(%d::bigint, %d) n) AS users
                        """.formatted(first, Math.min(count, first + portion - 1)));
                System.out.printf("%d rows after %.0f s%n", Math.min(count, first + portion - 1), (System.nanoTime() - begin) / 1e9);
            }
            begin = System.nanoTime();
            postgres.execute("VACUUM ANALYZE neon_auth.users_sync");
            postgres.execute("CHECKPOINT");
            System.out.printf("vacuumed, analysed and flushed after %.0f s more%n", (System.nanoTime() - begin) / 1e9);
            try (Connection connection = postgres.connect(); var sizes = connection.createStatement().executeQuery("SELECT count(*),"
                    + " pg_size_pretty(sum(pg_table_size(inhrelid))), pg_size_pretty(sum(pg_indexes_size(inhrelid)))"
                    + " FROM pg_inherits WHERE inhparent = 'neon_auth.users_sync'::regclass")) {
                sizes.next();
                System.out.printf("%s partitions, rows %s, indexes %s%n", sizes.getString(1), sizes.getString(2), sizes.getString(3));
            }
            try (Contender server = new Contender("users-sync", postgres, jvm())) {
                Deliveries deliveries = new Deliveries(users);
                Load load = new Load(server.port);
                settle(deliveries, load, server, 64, warmup);
                byte[][] requests = deliveries.next(pool(), server.port);
                double cpu = postgres.cpuSeconds();
                Load.Result result = load.closed(requests, 64, seconds);
                double micros = (postgres.cpuSeconds() - cpu) * 1e6 / result.sent();
                deliveries.settle(result.sent(), result.status());
                try (Connection connection = postgres.connect()) {
                    int wrong = deliveries.wrongRows(connection);
                    System.out.printf("%10d rows in partitions: %6.0f req/s, p50 %.2f ms, p99 %.2f ms, Postgres %.0f us an event, %d rows wrong%n", count,
                            result.perSecond(), result.millis(0.5), result.millis(0.99), micros, wrong);
                    return wrong;
                }
            }
        }
    }

    /** Adds other users with similar profiles, and spreads the users of the load among them. */
    private static void seed(Postgres postgres, long count) throws Exception {
        String profile = Profiles.json(1, 1_700_000_000_000L, 1_700_000_000_000L).replace("'", "''");
        postgres.execute("""
                INSERT INTO neon_auth.users_sync (id, raw_json, name, email, created_at, updated_at)
                SELECT 'user_' || md5(n::text), jsonb_set('%s', '{id}', to_jsonb('user_' || md5(n::text))), 'Name ' || n, 'user' || n || '@mail.example.com',
                       now() - interval '1 year', now() - interval '1 year' FROM generate_series(1, %d) n;
                """.formatted(profile, count));
        postgres.execute("VACUUM ANALYZE neon_auth.users_sync");
        postgres.execute("CHECKPOINT");
    }

    /** The database side of a first fill: the event path, as a poller uses it, against COPY and one merge. */
    private int backfill() throws Exception {
        int rows = (int) (seconds * 10_000);
        long created = 1_700_000_000_000L;
        double copied;
        try (Postgres postgres = migrated(); Connection connection = postgres.connect()) {
            connection.createStatement().execute("CREATE UNLOGGED TABLE staging (id text, raw jsonb, name text, email text, created timestamptz, updated timestamptz)");
            long begin = System.nanoTime();
            var copy = connection.unwrap(org.postgresql.PGConnection.class).getCopyAPI().copyIn("COPY staging FROM STDIN");
            for (int user = 0; user < rows; user++) {
                byte[] line = "%s\t%s\t%s\t%s\t%tFT%<tTZ\t%<tFT%<tTZ\n".formatted(Profiles.id(user), Profiles.json(user, created, created), Profiles.name(user, created),
                        Profiles.email(user), new java.util.Date(created)).getBytes(java.nio.charset.StandardCharsets.UTF_8);
                copy.writeToCopy(line, 0, line.length);
            }
            copy.endCopy();
            connection.createStatement().execute("""
                    INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, updated_at)
                    SELECT id, raw, name, email, created, updated FROM staging ORDER BY id COLLATE "C"
                    ON CONFLICT (id) DO UPDATE SET raw_json = excluded.raw_json, name = excluded.name, email = excluded.email, updated_at = excluded.updated_at
                    WHERE u.updated_at <= excluded.updated_at""");
            copied = rows / ((System.nanoTime() - begin) / 1e9);
            System.out.printf("COPY and merge     %7.0f rows/s%n", copied);
        }
        try (Postgres postgres = migrated()) {
            org.apache.camel.main.Main app = new org.apache.camel.main.Main();
            java.util.Properties settings = new java.util.Properties();
            settings.setProperty("database.url", postgres.url());
            settings.setProperty("generic.webhook.secret", Deliveries.SECRET);
            for (String port : new String[] {"camel.server.port", "camel.management.port"}) {
                settings.setProperty(port, Integer.toString(Ports.free()));
            }
            settings.setProperty("camel.beans.httpPort.bindPort", settings.getProperty("camel.server.port"));
            app.setOverrideProperties(settings);
            app.start();
            try {
                var producer = app.getCamelContext().createProducerTemplate();
                var json = new com.fasterxml.jackson.databind.ObjectMapper();
                var senders = java.util.concurrent.Executors.newFixedThreadPool(64);
                for (int round = 0; round < 2; round++) { // the first round warms up
                    postgres.execute("TRUNCATE neon_auth.users_sync");
                    long begin = System.nanoTime();
                    var sent = new ArrayList<java.util.concurrent.Future<?>>();
                    for (int i = 0; i < rows; i++) {
                        int user = i;
                        sent.add(senders.submit(() -> producer.send("direct:user-changed", exchange -> {
                            exchange.setVariable("provider", "bench");
                            exchange.getMessage().setBody(json.createObjectNode().put("type", "created").put("id", Profiles.id(user))
                                    .put("name", Profiles.name(user, created)).put("email", Profiles.email(user)).put("created_at", created)
                                    .set("raw", json.readTree(Profiles.json(user, created, created))));
                        })));
                    }
                    for (var each : sent) {
                        each.get();
                    }
                    double perSecond = rows / ((System.nanoTime() - begin) / 1e9);
                    System.out.printf("through the routes %7.0f rows/s = %.2f of that%s%n", perSecond, perSecond / copied, round == 0 ? " (cold)" : "");
                }
                senders.shutdown();
            } finally {
                app.stop();
            }
            try (Connection connection = postgres.connect(); var count = connection.createStatement().executeQuery("SELECT count(*) FROM neon_auth.users_sync")) {
                count.next();
                return rows - count.getInt(1);
            }
        }
    }

    /** Measures how soon after its start users-sync is fast. */
    private int warmup() throws Exception {
        try (Postgres postgres = migrated(); Contender server = new Contender("users-sync", postgres, jvm())) {
            Deliveries deliveries = new Deliveries(users);
            Load load = new Load(server.port);
            for (double second = 0; second < seconds; second += 2) {
                double cpu = server.cpuSeconds();
                Load.Result result = settle(deliveries, load, server, 64, 2);
                System.out.printf("%3.0f s to %3.0f s of load: %6.0f req/s, p99 %.1f ms, %.0f us of the server an event%n", second, second + 2, result.perSecond(),
                        result.millis(0.99), (server.cpuSeconds() - cpu) * 1e6 / result.sent());
            }
            try (Connection connection = postgres.connect()) {
                return deliveries.wrongRows(connection);
            }
        }
    }

    /** Runs minutes of even load: memory, pauses and latency must not drift. */
    private int soak() throws Exception {
        Path gc = Path.of("target/bench-gc.log");
        Files.deleteIfExists(gc);
        List<String> jvm = new ArrayList<>(List.of(jvm()));
        jvm.add("-Xlog:gc:file=" + gc + ":uptime");
        try (Postgres postgres = migrated(); Contender server = new Contender("users-sync", postgres, jvm.toArray(String[]::new))) {
            Deliveries deliveries = new Deliveries(users);
            Load load = new Load(server.port);
            settle(deliveries, load, server, 64, warmup);
            double rate = Double.parseDouble(options.getOrDefault("rate", "2000"));
            for (double minute = 1; minute <= Math.max(1, seconds / 60); minute++) {
                double duration = Math.min(60, seconds);
                Load.Result result = load.open(deliveries.next((int) (rate * duration), server.port), 64, duration + 5, rate);
                deliveries.settle(result.sent(), result.status());
                System.out.printf("minute %2.0f: %5.0f req/s, p50 %.2f ms, p99 %.2f ms, RSS %.0f MB, %s%n", minute, result.perSecond(), result.millis(0.5),
                        result.millis(0.99), server.residentMegabytes(), result.statuses());
            }
            double[] pauses = Files.readAllLines(gc).stream().filter(line -> line.contains("Pause")).mapToDouble(
                    line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1).replace("ms", ""))).sorted().toArray();
            if (pauses.length > 0) {
                System.out.printf("%d GC pauses, median %.1f ms, longest %.1f ms%n", pauses.length, pauses[pauses.length / 2], pauses[pauses.length - 1]);
            }
            try (Connection connection = postgres.connect()) {
                int wrong = deliveries.wrongRows(connection);
                System.out.printf("%d rows wrong%n", wrong);
                return wrong;
            }
        }
    }

    /**
     * Offers twice the sustained rate. users-sync must refuse without breaking, lose nothing acknowledged, and recover
     * at once.
     */
    private int overload() throws Exception {
        try (Postgres postgres = migrated(); Contender server = new Contender("users-sync", postgres, jvm())) {
            Deliveries deliveries = new Deliveries(users);
            Load load = new Load(server.port);
            settle(deliveries, load, server, 256, warmup);
            double sustained = settle(deliveries, load, server, 256, seconds).perSecond();
            System.out.printf("sustained   %6.0f req/s%n", sustained);
            double rate = 2 * sustained;
            Load.Result over = load.open(deliveries.next((int) (rate * seconds), server.port), Integer.parseInt(options.getOrDefault("connections", "12000")), seconds, rate);
            deliveries.settle(over.sent(), over.status());
            System.out.printf("offered     %6.0f req/s for %.0f s: %s, p50 %.0f ms, p99 %.0f ms, RSS %.0f MB%n", rate, seconds, over.statuses(), over.millis(0.5),
                    over.millis(0.99), server.residentMegabytes());
            for (int second = 1; second <= 5; second++) {
                Load.Result after = settle(deliveries, load, server, 64, 1);
                System.out.printf("%d s later   %6.0f req/s, p99 %.1f ms, %s%n", second, after.perSecond(), after.millis(0.99), after.statuses());
            }
            try (Connection connection = postgres.connect()) {
                int wrong = deliveries.wrongRows(connection);
                System.out.printf("%d acknowledged events lost%n", wrong);
                return wrong;
            }
        }
    }
}
