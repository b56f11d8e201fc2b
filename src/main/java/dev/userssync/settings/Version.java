package dev.userssync.settings;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The version in pom.xml. Maven writes it into a resource; {@code camel run} has no resources, and reads pom.xml in the clone. */
public final class Version {

    private static final String RESOURCE = "META-INF/users-sync.version";
    private static final Path POM = Path.of("pom.xml");
    private static final Pattern OURS =
            Pattern.compile("<artifactId>users-sync</artifactId>\\s*<version>([^<]+)</version>");

    private Version() {}

    /** @return "unknown" without resource and pom.xml */
    public static String current() {
        try (InputStream resource = Version.class.getClassLoader().getResourceAsStream(RESOURCE)) {
            if (resource != null) {
                return new String(resource.readAllBytes(), StandardCharsets.UTF_8).strip();
            }
            Matcher pom = OURS.matcher(Files.exists(POM) ? Files.readString(POM) : "");
            return pom.find() ? pom.group(1) : "unknown";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
