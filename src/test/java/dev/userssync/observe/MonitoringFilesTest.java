package dev.userssync.observe;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.userssync.bench.Ports;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The dashboard and the alerts in docs/monitoring use only metrics that the running application exposes. */
class MonitoringFilesTest extends RunningApp {

    private static final Path FILES = Path.of("docs/monitoring");
    private static final Pattern SERIES =
            Pattern.compile("\\b((?:users_sync|jvm|process|system)_[a-z_]+)\\b(\\{[^}]*})?");
    private static final Pattern LABEL = Pattern.compile("([a-z_]+)=~?\"");
    private static final Pattern GROUPING = Pattern.compile("\\bby \\(([^)]*)\\)");
    /** Prometheus adds these labels to every target. */
    private static final Set<String> OF_PROMETHEUS = Set.of("job", "instance");

    /** Metric names, each with its labels. */
    private final Map<String, Set<String>> exposed = new HashMap<>();

    MonitoringFilesTest() {
        settings.setProperty("clerk.api.key", "sk_test_nobody_there");
        settings.setProperty("poll.tick", "100");
        settings.setProperty("clerk.api.url", "http://localhost:" + Ports.free());
    }

    @BeforeEach
    void scrape() {
        String user =
                "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\", \"created_at\": \"2026-01-01T00:00:00Z\"}}";
        assertEquals(204, new Delivery(user).post(webhooks("generic")).statusCode());
        assertEquals(
                401,
                new Delivery(user)
                        .signed(TestSettings.SECRET, 1)
                        .post(webhooks("generic"))
                        .statusCode());
        database.execute(
                "INSERT INTO users_sync_internal.reaction (name, seq) VALUES ('welcome', 0) ON CONFLICT DO NOTHING");
        System.gc(); // before the first collection there are no figures of pauses
        await().atMost(Duration.ofSeconds(20)).until(() -> {
            String metrics = Http.get(management("/observe/metrics")).body();
            return metrics.contains("users_sync_repaired_rows_total")
                    && metrics.contains("users_sync_reaction_stopped")
                    && metrics.contains("jvm_gc_pause_seconds_sum");
        });
        for (String line : Http.get(management("/observe/metrics"))
                .body()
                .lines()
                .filter(line -> !line.startsWith("#"))
                .toList()) {
            Matcher name = Pattern.compile("^([a-z_]+)(\\{.*})?").matcher(line);
            assertTrue(name.find(), line);
            Set<String> labels = exposed.computeIfAbsent(name.group(1), key -> new HashSet<>());
            Matcher label = LABEL.matcher(name.group(2) == null ? "" : name.group(2));
            while (label.find()) {
                labels.add(label.group(1));
            }
        }
    }

    private static List<String> dashboard() throws IOException {
        List<String> expressions = new ArrayList<>();
        JsonNode dashboard = new ObjectMapper()
                .readTree(FILES.resolve("grafana-dashboard.json").toFile());
        dashboard
                .path("panels")
                .forEach(panel -> panel.path("targets")
                        .forEach(target -> expressions.add(target.path("expr").asText())));
        assertFalse(expressions.isEmpty());
        return expressions;
    }

    private static List<JsonNode> alerts() throws IOException {
        List<JsonNode> rules = new ArrayList<>();
        new ObjectMapper(new YAMLFactory())
                .readTree(FILES.resolve("prometheus-alerts.yaml").toFile())
                .path("groups")
                .forEach(group -> group.path("rules").forEach(rules::add));
        assertFalse(rules.isEmpty());
        return rules;
    }

    @Test
    void everyExpressionAsksForSeriesThatAreThere() throws IOException {
        List<String> expressions = new ArrayList<>(dashboard());
        alerts().forEach(alert -> expressions.add(alert.path("expr").asText()));
        for (String expression : expressions) {
            Set<String> labelsOfAll = new HashSet<>(OF_PROMETHEUS);
            labelsOfAll.add("le");
            Matcher series = SERIES.matcher(expression);
            int found = 0;
            while (series.find()) {
                found++;
                Set<String> labels = exposed.get(series.group(1));
                assertTrue(labels != null, series.group(1) + " is not exposed; it stands in " + expression);
                labelsOfAll.addAll(labels);
                Matcher label = LABEL.matcher(series.group(2) == null ? "" : series.group(2));
                while (label.find()) {
                    assertTrue(
                            labels.contains(label.group(1)) || OF_PROMETHEUS.contains(label.group(1)),
                            label.group(1) + " in " + expression);
                }
            }
            assertTrue(found > 0, expression);
            Matcher grouping = GROUPING.matcher(expression);
            while (grouping.find()) {
                for (String label : grouping.group(1).split(",\\s*")) {
                    assertTrue(labelsOfAll.contains(label), label + " in " + expression);
                }
            }
        }
    }

    @Test
    void theDashboardShowsEveryMetricOfUsersSync() throws IOException {
        String all = String.join("\n", dashboard());
        Set<String> missing = new TreeSet<>();
        for (String name : exposed.keySet()) {
            String base = name.replaceFirst("_(bucket|count|sum|max)$", "");
            if (name.startsWith("users_sync_") && !all.contains(base)) {
                missing.add(name);
            }
        }
        assertEquals(Set.of(), missing);
    }

    @Test
    void everyAlertSaysWhatItMeansAndWhatToDo() throws IOException {
        for (JsonNode alert : alerts()) {
            String name = alert.path("alert").asText();
            assertTrue(name.startsWith("UsersSync"), name);
            assertFalse(alert.at("/annotations/summary").asText().isBlank(), name);
            assertFalse(alert.at("/annotations/description").asText().isBlank(), name);
            assertTrue(
                    Set.of("page", "warn").contains(alert.at("/labels/severity").asText()), name);
        }
    }
}
