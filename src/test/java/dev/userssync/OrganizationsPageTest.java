package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs the SQL of docs/organizations.md as it stands there, in its order, and compares the definitions for ORMs with the tables. */
@Tag("app")
class OrganizationsPageTest {

    private static final TestDatabase DATABASE = new TestDatabase();
    private static String page;
    private static StartedApp app;

    @BeforeAll
    static void start() throws IOException {
        page = Files.readString(Path.of("docs/organizations.md"));
        app = new StartedApp(TestSettings.with(DATABASE));
        DATABASE.execute("""
                INSERT INTO neon_auth.users_sync (id, name, email, deleted_at) VALUES ('user_ada', 'Ada', 'ada@example.com', NULL),
                  ('user_eve', 'Eve', 'eve@example.com', now()), ('user_bob', 'Bob', NULL, NULL);
                INSERT INTO neon_auth.organizations_sync (id, kind, name, slug, parent_id) VALUES ('org_acme', 'organization', 'Acme', 'acme', 'team_2'),
                  ('team_1', 'team', 'One', NULL, 'org_acme'), ('team_2', 'team', 'Two', NULL, 'team_1');
                INSERT INTO neon_auth.memberships_sync (id, organization_id, user_id, role, roles, active) VALUES
                  ('m1', 'org_acme', 'user_ada', 'org:admin', '{org:admin}', true), ('m2', 'org_acme', 'user_eve', 'org:member', '{org:member}', true),
                  ('m3', 'org_acme', 'user_bob', 'org:member', '{org:member}', false), ('m4', 'team_1', 'user_bob', NULL, NULL, true)""");
    }

    @AfterAll
    static void stop() {
        app.close();
    }

    private static List<String> blocks(String language) {
        List<String> blocks = new ArrayList<>();
        Matcher block = Pattern.compile("(?s)```" + language + "\\n(.*?)```").matcher(page);
        while (block.find()) {
            blocks.add(block.group(1));
        }
        return blocks;
    }

    @Test
    void theQueriesSayWhatThePageSays() throws SQLException {
        List<String> answers = new ArrayList<>();
        String role = "app_" + DATABASE.value("SELECT current_database()");
        try (Connection connection = DATABASE.connect();
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE ROLE " + role);
            for (String block : blocks("sql")) {
                if (statement.execute(block.replace("TO app;", "TO " + role + ";"))) {
                    answers.add(rows(statement.getResultSet()));
                }
            }
            statement.execute(
                    "INSERT INTO projects (organization_id, title) VALUES ('org_acme', 'Bridge'), ('team_1', 'Tower')");
            statement.execute("GRANT SELECT ON projects TO " + role + "; SET ROLE " + role);
            connection.setAutoCommit(false);
            for (String user : List.of("user_ada", "user_bob", "user_eve")) {
                statement.execute("SET LOCAL app.user_id = '" + user + "'");
                statement.execute("SELECT title FROM projects");
                answers.add(user + " sees " + rows(statement.getResultSet()));
            }
            connection.rollback();
            statement.execute("RESET ROLE; DROP OWNED BY " + role + "; DROP ROLE " + role);
            connection.commit();
        }
        assertEquals(
                List.of(
                        "user_ada Ada ada@example.com org:admin",
                        "org_acme Acme acme org:admin",
                        "t",
                        "org_acme, team_1, team_2",
                        "user_ada sees Bridge",
                        "user_bob sees Tower",
                        "user_eve sees "),
                answers);
    }

    private static String rows(ResultSet result) throws SQLException {
        List<String> rows = new ArrayList<>();
        while (result.next()) {
            List<String> columns = new ArrayList<>();
            for (int i = 1; i <= result.getMetaData().getColumnCount(); i++) {
                columns.add(result.getString(i));
            }
            rows.add(String.join(" ", columns));
        }
        return String.join(", ", rows);
    }

    @Test
    void theDefinitionsForOrmsNameEveryColumn() {
        String drizzle = blocks("ts").get(0);
        String prisma = blocks("prisma").get(0);
        for (String table : List.of("organizations_sync", "memberships_sync")) {
            List<String> columns = DATABASE.column(
                    "SELECT column_name FROM information_schema.columns WHERE table_schema = 'neon_auth' AND table_name = ? ORDER BY ordinal_position",
                    table);
            assertEquals(9, Math.min(9, columns.size()), table);
            String ofDrizzle = part(drizzle, "table(\"" + table, "});");
            String ofPrisma =
                    part(prisma, "model " + table.substring(0, 1).toUpperCase() + table.substring(1, 5), "@@map");
            assertEquals(
                    columns,
                    Pattern.compile("(?:text|jsonb|boolean|time)\\(\"(\\w+)\"\\)")
                            .matcher(ofDrizzle)
                            .results()
                            .map(found -> found.group(1))
                            .collect(Collectors.toList()));
            for (String column : columns) {
                assertTrue(
                        ofPrisma.contains("@map(\"" + column + "\")")
                                || ofPrisma.matches("(?s).*\\n  " + column + " .*"),
                        table + "." + column);
            }
        }
    }

    private static String part(String text, String from, String to) {
        int start = text.indexOf(from);
        assertTrue(start >= 0, from);
        return text.substring(start, text.indexOf(to, start));
    }
}
