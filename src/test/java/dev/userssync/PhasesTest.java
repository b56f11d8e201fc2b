package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Sources;
import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.platform.commons.annotation.Testable;
import org.junit.platform.commons.support.AnnotationSupport;
import org.junit.platform.commons.support.HierarchyTraversalMode;
import org.junit.platform.commons.support.ReflectionSupport;

/** Every test runs in one of the two phases of pom.xml: {@code mvn test}, or the part that {@code mvn verify} adds. */
class PhasesTest {

    private static final Pattern RUN_BY_NAME =
            Pattern.compile("\\w+(Test|Properties|InABrowser)"); // the includes of pom.xml
    private static final Set<String> PROFILES =
            Set.of("keycloak", "better-auth", "kafka", "pgbouncer", "browser", "long", "faults");
    private static final Pattern STARTS_SOMETHING = Pattern.compile(
            "\\b(new (StartedApp|AppProcess|TestDatabase|PostgresServer|PgBouncer|KeycloakServer|CamelCli"
                    + "|KafkaTopic|KafkaBroker|FaultRun|Bench|Main|ProcessBuilder)\\(|EmbeddedPostgres\\.|AppProcess\\.running|FaultsTest\\.|extends \\w*App\\b)");

    private static List<Class<?>> testClasses() throws Exception {
        Path compiled = Path.of(PhasesTest.class
                .getProtectionDomain()
                .getCodeSource()
                .getLocation()
                .toURI());
        List<Class<?>> tests = new ArrayList<>();
        try (Stream<Path> files = Files.walk(compiled)) {
            for (Path file : files.filter(one -> one.toString().endsWith(".class"))
                    .sorted()
                    .toList()) {
                String name = compiled.relativize(file)
                        .toString()
                        .replaceAll("\\.class$", "")
                        .replace(file.getFileSystem().getSeparator(), ".");
                Class<?> type = Class.forName(name, false, PhasesTest.class.getClassLoader());
                if (!Modifier.isAbstract(type.getModifiers())
                        && type.getEnclosingClass() == null
                        && !ReflectionSupport.findMethods(
                                        type,
                                        method -> AnnotationSupport.isAnnotated(method, Testable.class),
                                        HierarchyTraversalMode.TOP_DOWN)
                                .isEmpty()) {
                    tests.add(type);
                }
            }
        }
        assertTrue(tests.size() > 80, tests.toString());
        return tests;
    }

    /** JUnit and jqwik each read only their own tag annotation. */
    private static Set<String> tags(Class<?> type) {
        Set<String> tags = new TreeSet<>();
        if (AnnotationSupport.findAnnotatedMethods(type, Property.class, HierarchyTraversalMode.TOP_DOWN)
                .isEmpty()) {
            AnnotationSupport.findRepeatableAnnotations(type, Tag.class).forEach(tag -> tags.add(tag.value()));
        } else {
            AnnotationSupport.findRepeatableAnnotations(type, net.jqwik.api.Tag.class)
                    .forEach(tag -> tags.add(tag.value()));
        }
        return tags;
    }

    @Test
    void theirNamesAreThoseThatMavenRuns() throws Exception {
        List<String> unknown = testClasses().stream()
                .map(Class::getSimpleName)
                .filter(name -> !RUN_BY_NAME.matcher(name).matches())
                .toList();
        assertEquals(List.of("LogOfTheRun"), unknown, "LogOfTheRun has an execution of its own");
    }

    @Test
    void whatStartsSomethingIsTagged() throws Exception {
        List<String> wrong = new ArrayList<>();
        for (Class<?> type : testClasses()) {
            boolean starts = false;
            for (Class<?> one = type;
                    one != Object.class && one.getName().startsWith("dev.userssync.");
                    one = one.getSuperclass()) {
                Path source = Sources.of("src", one.getSimpleName());
                starts |= source != null
                        && STARTS_SOMETHING.matcher(Files.readString(source)).find();
            }
            Set<String> tags = tags(type);
            if (starts && !tags.contains("app") || !starts && tags.contains("app")) {
                wrong.add(type.getSimpleName() + (starts ? " lacks" : " does not need") + " the tag app");
            }
            if (tags.stream()
                    .anyMatch(tag ->
                            !PROFILES.contains(tag) && !Set.of("app", "fast").contains(tag))) {
                wrong.add(type.getSimpleName() + " has a tag that pom.xml does not know: " + tags);
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void thePhasesTakeEachTestOnce() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        for (String line : List.of(
                "<fast.tests>!app | fast</fast.tests>",
                "<app.tests>app &amp; !fast</app.tests>",
                "<include>**/*Test.java</include>",
                "<include>**/*Properties.java</include>",
                "<include>**/*InABrowser.java</include>")) {
            assertTrue(pom.contains(line), line);
        }
        for (String profile : PROFILES) {
            assertTrue(pom.contains("<id>" + profile + "</id>"), profile);
        }
    }
}
