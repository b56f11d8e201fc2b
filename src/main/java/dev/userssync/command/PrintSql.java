package dev.userssync.command;

import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Prints the SQL that creates the tables, for review or for another role to run. Needs no database. */
@Command(
        name = "print-sql",
        description = "Prints the SQL that creates and upgrades the tables, in order. Does not run it.")
public final class PrintSql implements Callable<Integer> {

    private static final String ROLE = "app-role.sql";
    /** Flyway's own table, as Flyway creates it. */
    private static final String HISTORY = """
            CREATE TABLE IF NOT EXISTS users_sync_internal.flyway_schema_history (
              installed_rank INTEGER NOT NULL CONSTRAINT flyway_schema_history_pk PRIMARY KEY,
              version        VARCHAR(50),
              description    VARCHAR(200) NOT NULL,
              type           VARCHAR(20) NOT NULL,
              script         VARCHAR(1000) NOT NULL,
              checksum       INTEGER,
              installed_by   VARCHAR(100) NOT NULL,
              installed_on   TIMESTAMP NOT NULL DEFAULT now(),
              execution_time INTEGER NOT NULL,
              success        BOOLEAN NOT NULL
            );
            CREATE INDEX IF NOT EXISTS flyway_schema_history_s_idx ON users_sync_internal.flyway_schema_history (success);
            """;

    private static final String HISTORY_ROW =
            "INSERT INTO users_sync_internal.flyway_schema_history SELECT coalesce(max(installed_rank), 0) + 1,"
                    + " '%s', '%s', 'SQL', '%s', %d, current_user, now(), 0, true FROM users_sync_internal.flyway_schema_history;%n";
    private static final Path SOURCES = Path.of("src/main/resources/db/migration");

    @CommandLine.Spec
    private CommandLine.Model.CommandSpec spec;

    @Option(names = "--console", description = "Also print the indexes that users-sync makes while the console is on.")
    private boolean console;

    @Option(
            names = "--role",
            paramLabel = "<name>",
            description = {
                "Print instead the grants for the role with which users-sync runs, if another role",
                "owns the tables; see DATABASE_MIGRATE."
            })
    private String role;

    @Option(
            names = {"-h", "--help"},
            usageHelp = true,
            description = "Show this help.")
    private boolean help;

    @Override
    public Integer call() throws IOException {
        if (role != null) {
            print("-- " + ROLE, read("db/" + ROLE).replace("${role}", role.replace("\"", "\"\"")));
            return 0;
        }
        spec.commandLine().getOut().println("BEGIN;\nCREATE SCHEMA IF NOT EXISTS users_sync_internal;");
        StringBuilder history = new StringBuilder();
        for (String name : names()) {
            String sql = read("db/migration/" + name);
            print("-- " + name, sql);
            history.append(HISTORY_ROW.formatted(
                    name.replaceFirst("V(\\d+)__.*", "$1"),
                    name.replaceFirst("V\\d+__(.*)\\.sql", "$1").replace('_', ' '),
                    name,
                    checksum(sql)));
        }
        print(
                "-- The history that users-sync finds at its next start: these migrations are done.",
                HISTORY + history + "COMMIT;");
        if (console) {
            print("-- While the console is on", Files.readString(Path.of("routes/sql/console-indexes.sql")));
        }
        return 0;
    }

    /** Flyway's checksum: the CRC of the lines without their line ends. */
    static int checksum(String sql) {
        CRC32 crc = new CRC32();
        sql.lines().forEach(line -> crc.update(line.getBytes(StandardCharsets.UTF_8)));
        return (int) crc.getValue();
    }

    private void print(String title, String sql) {
        spec.commandLine().getOut().println(title);
        spec.commandLine().getOut().println(sql);
    }

    /** The migrations, in Flyway's order. */
    private static List<String> names() throws IOException {
        URL first = PrintSql.class.getClassLoader().getResource("db/migration/V1__users_sync.sql");
        try {
            if (first != null && first.getProtocol().equals("jar")) {
                try (FileSystem jar =
                        FileSystems.newFileSystem(URI.create(first.toString().replaceFirst("!.*", "")), Map.of())) {
                    return sorted(jar.getPath("db/migration"));
                }
            }
            return sorted(first == null ? SOURCES : Path.of(first.toURI()).getParent());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<String> sorted(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.matches("V\\d+__.*\\.sql"))
                    .sorted(Comparator.comparingInt(name -> Integer.parseInt(name.replaceFirst("V(\\d+)__.*", "$1"))))
                    .toList();
        }
    }

    private static String read(String resource) throws IOException {
        try (InputStream file = PrintSql.class.getClassLoader().getResourceAsStream(resource)) {
            return file == null
                    ? Files.readString(Path.of("src/main/resources", resource))
                    : new String(file.readAllBytes(), StandardCharsets.UTF_8);
        }
    }
}
