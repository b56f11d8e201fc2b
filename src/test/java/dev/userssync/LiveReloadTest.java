package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Properties;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Profile dev: an integrator edits or breaks a provider's mapping, and the running application follows. */
class LiveReloadTest extends RunningApp {

    private final Path routes = copyOfRoutes();

    LiveReloadTest() {
        Properties dev = new Properties();
        try (Reader file = Files.newBufferedReader(Path.of("config/application-dev.properties"))) {
            dev.load(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        settings.putAll(dev);
        settings.setProperty("camel.main.routesReloadDirectory", routes.toString());
        settings.setProperty("camel.main.routesIncludePattern", "file:" + routes + "/**/*.camel.yaml");
    }

    private static Path copyOfRoutes() {
        try (Stream<Path> files = Files.walk(Path.of("routes"))) {
            // `mvn clean` deletes the folder: the application still watches it when the test ends.
            Path copy = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "routes");
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path target = copy.resolve(Path.of("routes").relativize(file));
                Files.createDirectories(target.getParent());
                Files.copy(file, target);
            }
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** While Camel replaces a route, its path answers 404 for a moment. */
    private String nameAfterDelivery() {
        await().atMost(Duration.ofSeconds(30))
                .until(() -> new Delivery("""
                {"type": "user.updated", "data": {"id": "u1", "name": "Jane"}}
                """).post(webhooks("generic")).statusCode() == 204);
        return database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u1'");
    }

    @Test
    void anEditedMappingIsLiveWithoutARestart() throws IOException {
        assertEquals("Jane", nameAfterDelivery());
        Path generic = routes.resolve("providers/generic.camel.yaml");
        String original = Files.readString(generic);

        Files.writeString(generic, original.replace("name: ({{generic.name.path}})", "name: \"Mapped\""));
        await().atMost(Duration.ofSeconds(30)).until(() -> nameAfterDelivery().equals("Mapped"));

        Files.writeString(generic, original);
        await().atMost(Duration.ofSeconds(30)).until(() -> nameAfterDelivery().equals("Jane"));
    }

    @Test
    void anEditedFunctionIsLiveWithoutARestart() throws IOException {
        Path generic = routes.resolve("providers/generic.camel.yaml");
        String original = Files.readString(generic);
        Files.writeString(
                generic,
                original.replace("name: ({{generic.name.path}})", "name: ([{{generic.name.path}}, \"Doe\"] | words)"));
        await().atMost(Duration.ofSeconds(30)).until(() -> nameAfterDelivery().equals("Jane Doe"));

        Path functions = routes.resolve("jq/functions.jq");
        String before = Files.readString(functions);
        Files.writeString(functions, before + "def words: filled | join(\"-\");\n");
        await().atMost(Duration.ofSeconds(30)).until(() -> nameAfterDelivery().equals("Jane-Doe"));

        Files.writeString(functions, before + "def words: filled | join(;\n"); // invalid jq: the functions stay
        Files.writeString(generic, original);
        await().atMost(Duration.ofSeconds(30)).until(() -> nameAfterDelivery().equals("Jane"));
        Files.writeString(functions, before);
    }
}
