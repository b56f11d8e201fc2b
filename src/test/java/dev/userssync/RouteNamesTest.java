package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A misspelled name in an integrator's own route ends the start, in every profile. */
@Tag("app")
class RouteNamesTest {

    @TempDir
    private Path own;

    private String refusal(String from, String to) throws IOException {
        Path file = Files.writeString(own.resolve("own.camel.yaml"), """
                - route:
                    id: own
                    from:
                      uri: %s
                      steps:
                        - to: %s
                """.formatted(from, to));
        Properties settings = TestSettings.with(new TestDatabase(), "generic");
        settings.setProperty("camel.main.routesIncludePattern", "file:routes/**/*.camel.yaml,file:" + file);
        RuntimeException failure = assertThrows(RuntimeException.class, () -> new StartedApp(settings).close());
        Throwable cause = failure;
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause.getMessage().replace(file.toString(), "own.camel.yaml");
    }

    @Test
    void aTargetThatNoRouteStartsWith() throws IOException {
        assertEquals(
                "own.camel.yaml:6: the route own sends to direct:user-chnaged, but no route starts with it: did you mean direct:user-changed?",
                refusal("direct:own", "direct:user-chnaged"));
    }

    @Test
    void aParameterThatAKameletDoesNotHave() throws IOException {
        assertEquals(
                "own.camel.yaml:6: the route own sets outputTyp of the kamelet sql-action, which has no such parameter: did you mean outputType?"
                        + " It has statement, outputType, database",
                refusal("direct:own", "kamelet:sql-action?statement=operators/find-user.sql&outputTyp=SelectList"));
    }

    @Test
    void aRequiredParameterThatIsMisspelled() throws IOException {
        assertEquals(
                "own.camel.yaml:6: the route own sets provdier of the kamelet provider-api-action, which has no such parameter: did you mean provider?"
                        + " It has provider, credentials, method",
                refusal("direct:own", "kamelet:provider-api-action?provdier=acme"));
    }
}
