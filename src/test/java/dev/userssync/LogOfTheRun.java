package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * Maven runs it after all tests, in a JVM of its own. The log of the tests, at debug, must hold no address of a fixture
 * and no secret.
 */
class LogOfTheRun {

    private static final Path LOG = Path.of("target/test-run.log");
    private static final Pattern ADDRESS = Pattern.compile("[\\w.+-]+@[\\w-]+(?:\\.[\\w-]+)+");
    private static final Pattern SECRET_SETTING =
            Pattern.compile("(?m)^\\S*(?:secret|password|api\\.key|token)\\s*=\\s*(\\S{8,})$");

    @Test
    void itHoldsNoAddressAndNoSecret() throws IOException {
        // users-sync logs the id of a user, and some providers make an address part of the id.
        String log = Files.readString(LOG).replaceAll("\\buser=[^},]*", "user=");
        assertTrue(
                log.contains("users-sync is running") && log.contains(" event applied"),
                "tests ran before, and events were logged");
        List<String> found = new ArrayList<>();
        for (String secret : secrets()) {
            if (log.contains(secret)) {
                found.add(secret);
            }
        }
        assertEquals(List.of(), found);
    }

    private static Set<String> secrets() throws IOException {
        Set<String> secrets = new TreeSet<>();
        secrets.add(TestSettings.SECRET);
        secrets.add(TestSettings.SECRET.substring("whsec_".length()));
        try (Stream<Path> files = Files.walk(Path.of("src/test/resources"))) {
            // The demonstration shows its invented user on purpose.
            for (Path file : files.filter(Files::isRegularFile)
                    .filter(file -> !file.startsWith("src/test/resources/sample"))
                    .toList()) {
                String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
                addAll(
                        secrets,
                        file.toString().endsWith(".properties") ? SECRET_SETTING.matcher(text) : ADDRESS.matcher(text));
            }
        }
        assertTrue(secrets.size() > 5, "fixtures were read: " + secrets);
        return secrets;
    }

    private static void addAll(Set<String> secrets, Matcher matcher) {
        while (matcher.find()) {
            secrets.add(matcher.group(matcher.groupCount() == 1 ? 1 : 0));
        }
    }
}
