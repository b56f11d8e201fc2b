package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.CapturedLog;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.RunningApp;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.stream.Stream;
import org.apache.camel.Exchange;
import org.apache.camel.component.direct.DirectConsumerNotAvailableException;
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
        settings.setProperty("camel.component.kamelet.location", "file:" + routes + "/kamelets");
    }

    private static Path copyOfRoutes() {
        try (Stream<Path> files = Files.walk(Path.of("routes"))) {
            // `mvn clean` deletes the folder: the application still watches it when the test ends.
            Path copy = Files.createTempDirectory(Path.of("target").toAbsolutePath(), "routes");
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Path target = copy.resolve(Path.of("routes").relativize(file));
                Files.createDirectories(target.getParent());
                Files.writeString(
                        target, Files.readString(file).replace("resource:file:routes/", "resource:file:" + copy + "/"));
            }
            return copy;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private String nameAfterDelivery() {
        await().atMost(Duration.ofSeconds(30)).until(() -> deliver("generic") == 204);
        return database.value("SELECT name FROM neon_auth.users_sync WHERE id = 'u1'");
    }

    private int deliver(String provider) {
        return new Delivery("""
                {"type": "user.created", "data": {"id": "u1", "name": "Jane"}}
                """).post(webhooks(provider)).statusCode();
    }

    /** Without a wait: the routes never stopped. */
    private void assertAllProvidersAnswer() {
        for (String provider : List.of("generic", "clerk", "stack-auth")) {
            assertEquals(204, deliver(provider), provider);
        }
    }

    private static void awaitLine(CapturedLog log, String text) {
        await().atMost(Duration.ofMinutes(1)).until(() -> log.lines().stream().anyMatch(line -> line.contains(text)));
    }

    private void edit(String file, String before, String after) throws IOException {
        Path path = routes.resolve(file);
        String text = Files.readString(path);
        assertTrue(text.contains(before), text);
        Files.writeString(path, text.replace(before, after));
    }

    private static final String BAD_SAVES = """
            providers/generic.camel.yaml | steps: | steps | generic.camel.yaml:10: could not find expected ':'
            providers/generic.camel.yaml | setBody: | setBoddy: | generic.camel.yaml:10: Unknown node id: setBoddy
            providers/generic.camel.yaml | ltrimstr("user.") | ltrimstr("user." | generic.camel.yaml:
            providers/clerk.camel.yaml | provider: clerk | provder: clerk | sets provder of the kamelet user-webhook-source, which has no such parameter: did you mean provider?
            providers/clerk.camel.yaml | provider: clerk | provider: clerk, algoritm: sha256 | clerk.camel.yaml:8: mapping values are not allowed here
            providers/clerk.camel.yaml | id: clerk | id: generic | the id generic is also that of a route in
            user-created.camel.yaml | {{user-events.to}} | nothing:users | user-created.camel.yaml:7: No endpoint could be found for: nothing://users
            user-created.camel.yaml | {{user-events.to}} | direct:merge-onne | user-created.camel.yaml:7: the route user-created sends to direct:merge-onne, but no route starts with it: did you mean direct:merge-one?
            user-created.camel.yaml | {{user-events.to}} | microbatch:users?shard=1 | user-created.camel.yaml:7
            user-changed.camel.yaml | ref: user-event | ref: user-evnt | user-changed.camel.yaml:
            user-changed.camel.yaml | == 'created'" | == 'created" | user-changed.camel.yaml:
            kamelets/user-webhook-source.kamelet.yaml | process: | proces: | user-webhook-source.kamelet.yaml:
            kamelets/user-webhook-source.kamelet.yaml | direct:user-changed | direct:user-changd | user-webhook-source.kamelet.yaml:
            kamelets/sql-action.kamelet.yaml | outputType: "{{ | outptType: "{{ | sql-action.kamelet.yaml:
            kamelets/sql-action.kamelet.yaml | /sql/ | /sqll/ | sql-action.kamelet.yaml:
            """;

    @Test
    void aBadSaveStopsNothing() throws IOException {
        assertAllProvidersAnswer();
        CapturedLog log = new CapturedLog();
        Path edited = null;
        String original = null;
        for (String save : BAD_SAVES.lines().toList()) {
            String[] parts = save.split(" \\| ");
            if (edited != null) {
                Files.writeString(edited, original); // with the next save at once: users-sync takes a folder that rests
            }
            edited = routes.resolve(parts[0]);
            original = Files.readString(edited);
            log.clear();
            edit(parts[0], parts[1], parts[2]);
            awaitLine(log, "are not reloaded");
            assertTrue(String.join("\n", log.lines()).contains(parts[3]), () -> save + log.lines());
            assertAllProvidersAnswer();
        }
        log.clear();
        Files.writeString(edited, original);
        awaitLine(log, "are those that run");
        assertAllProvidersAnswer();
    }

    /** A route of an integrator in a new folder, and a name that changes in three files. */
    @Test
    void severalFilesAreTakenTogether() throws IOException {
        CapturedLog log = new CapturedLog();
        Path own = routes.resolve("own/welcome.camel.yaml");
        Files.createDirectories(own.getParent());
        Files.writeString(own, """
                - route:
                    id: welcome
                    errorHandler: {noErrorHandler: {}}
                    from:
                      uri: direct:welcome
                      steps:
                        - toD: "direct:${header.next}"
                """);
        Files.writeString(routes.resolve("sql/operators/count-users.sql"), "SELECT 42 AS total");
        edit("user-created.camel.yaml", "direct:user-created", "direct:user-appeared");
        edit("user-changed.camel.yaml", "direct:user-created", "direct:user-appeared");
        edit("polling/user-gone.camel.yaml", "direct:user-created", "direct:user-appeared");
        awaitLine(log, "reloaded the routes");
        assertAllProvidersAnswer();

        assertEquals("42", template.requestBody("direct:count-users", null, String.class));

        long start = System.nanoTime();
        Exchange asked =
                template.request("direct:welcome", one -> one.getMessage().setHeader("next", "nowhere"));
        assertInstanceOf(DirectConsumerNotAvailableException.class, asked.getException());
        assertTrue(Duration.ofNanos(System.nanoTime() - start).toSeconds() < 10, "a wait for 30 s, as Camel's default");

        log.clear();
        Files.delete(own);
        awaitLine(log, "reloaded the routes");
        assertNull(context.getRoute("welcome"));
        assertAllProvidersAnswer();

        log.clear();
        Path created = routes.resolve("user-created.camel.yaml");
        String text = Files.readString(created);
        Files.delete(created);
        awaitLine(log, "sends to direct:user-appeared, but no route starts with it");
        assertAllProvidersAnswer();
        log.clear();
        Files.writeString(created, text);
        awaitLine(log, "are those that run");
    }

    /** Two consumers of one name: Camel finds it only when it starts the second. */
    @Test
    void theRoutesReturnIfTheNewOnesCannotStart() throws IOException {
        CapturedLog log = new CapturedLog();
        Path second = Files.writeString(routes.resolve("second.camel.yaml"), """
                - route:
                    id: second
                    from:
                      uri: direct:merge-one
                      steps:
                        - stop: {}
                """);
        awaitLine(log, "are not reloaded");
        assertAllProvidersAnswer();
        log.clear();
        Files.delete(second);
        awaitLine(log, "are those that run");
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
