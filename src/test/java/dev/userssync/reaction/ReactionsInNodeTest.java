package dev.userssync.reaction;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Ports;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The examples of docs/reactions.md in Node: an application that listens, and one that verifies webhooks with the
 * reference library. The Maven profile better-auth installs their packages into target/better-auth.
 */
@Tag("better-auth")
class ReactionsInNodeTest extends RunningApp {

    private static final Path HOME = Path.of("target/better-auth");
    private static final String SECRET = "whsec_bmV3IG5ldyBuZXcgbmV3IG5ldyBuZXcgbmV3IG5ldyE=";

    private final int port = Ports.free();
    private final List<Process> processes = new ArrayList<>();

    ReactionsInNodeTest() {
        settings.setProperty("webhook-out.url", "http://localhost:" + port + "/");
        settings.setProperty("webhook-out.secret", SECRET);
        settings.setProperty("clerk.organizations", "off");
    }

    private Path start(String script, Map<String, String> environment) throws IOException {
        Files.copy(
                Path.of("docs/reactions").resolve(script), HOME.resolve(script), StandardCopyOption.REPLACE_EXISTING);
        Path log = HOME.resolve(script + ".log");
        ProcessBuilder node = new ProcessBuilder("node", script)
                .directory(HOME.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile());
        node.environment().putAll(environment);
        processes.add(node.start());
        return log;
    }

    @AfterAll
    void stopNode() throws InterruptedException {
        for (Process process : processes) {
            process.destroy();
            process.waitFor(10, TimeUnit.SECONDS);
        }
    }

    private void post(String type, String id) {
        assertEquals(
                204,
                new Delivery("{\"type\": \"user." + type + "\", \"data\": {\"id\": \"" + id + "\"}}")
                        .post(webhooks("generic"))
                        .statusCode());
    }

    private static boolean ends(Path log, String... lines) {
        try {
            List<String> written = Files.readAllLines(log);
            return written.size() == lines.length
                    && List.of(lines).stream()
                            .allMatch(line ->
                                    written.get(List.of(lines).indexOf(line)).endsWith(line));
        } catch (IOException e) {
            return false;
        }
    }

    @Test
    void anApplicationListensAndAnotherOneReceivesWebhooks() throws Exception {
        Path listener =
                start("listen.mjs", Map.of("DATABASE_URL", database.url().replace("jdbc:", "")));
        await().atMost(Duration.ofSeconds(30))
                .until(() -> database.column(
                                "SELECT to_regclass('feed_cursor') IS NOT NULL AND EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'COMMIT')")
                        .equals(List.of("t")));
        Path receiver = start("receive.mjs", Map.of("WEBHOOK_OUT_SECRET", SECRET, "PORT", Integer.toString(port)));
        post("created", "u1");
        post("deleted", "u1");
        await().atMost(Duration.ofSeconds(30)).until(() -> ends(listener, "user u1 created", "user u1 deleted"));
        await().atMost(Duration.ofSeconds(30)).until(() -> ends(receiver, "user.created u1", "user.deleted u1"));
        assertTrue(processes.stream().allMatch(Process::isAlive));
        assertEquals(
                "2",
                database.value(
                        "SELECT count(*) FROM neon_auth.user_changes, feed_cursor AS c WHERE user_changes.seq <= c.seq"));
    }
}
