package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Which package may import which: a package stands above all that it imports, and nothing imports back up. */
class PackagesTest {

    private static final Path MAIN = Path.of("src/main/java");
    private static final Path ROOT = MAIN.resolve("dev/userssync");
    private static final int MOST_CLASSES = 20;
    private static final int LONGEST_CLASS = 250;
    private static final Pattern NAMED = Pattern.compile("\\bdev\\.userssync\\.((?:[a-z]\\w*\\.)*)([A-Z]\\w*)");

    /** The root may import all packages. */
    private static final Map<String, Set<String>> MAY_IMPORT = Map.ofEntries(
            Map.entry("settings", Set.of()),
            Map.entry("http", Set.of()),
            Map.entry("routes", Set.of("settings")),
            Map.entry("database", Set.of("settings")),
            Map.entry("event", Set.of("settings", "database")),
            Map.entry("payload", Set.of("settings", "event")),
            Map.entry("verify", Set.of("settings", "event", "http")),
            Map.entry("provider", Set.of("settings", "event", "payload", "http", "database")),
            Map.entry("apply", Set.of("event")),
            Map.entry("resource", Set.of("event")),
            Map.entry("client", Set.of("settings", "event", "database")),
            Map.entry("scim", Set.of("settings", "event", "payload", "database", "resource", "client")),
            Map.entry("reaction", Set.of("settings", "event", "verify", "database")),
            Map.entry("command", Set.of("settings", "database")),
            Map.entry("observe", Set.of("settings", "event", "verify", "apply", "database")),
            Map.entry("management", Set.of("settings", "event", "verify", "provider", "database", "observe", "client")),
            Map.entry("console", Set.of("settings", "event", "database", "observe", "management")));

    private static List<Path> sources() throws IOException {
        try (Stream<Path> files = Files.walk(ROOT)) {
            return files.filter(file -> file.toString().endsWith(".java"))
                    .sorted()
                    .toList();
        }
    }

    /** "" for the root. */
    private static String packageOf(Path source) {
        return ROOT.relativize(source).getNameCount() == 1
                ? ""
                : ROOT.relativize(source).getName(0).toString();
    }

    @Test
    void nothingRunsBackUp() throws IOException {
        List<String> upwards = new ArrayList<>();
        Set<String> used = new TreeSet<>();
        for (Path source : sources()) {
            String from = packageOf(source);
            assertTrue(from.isEmpty() || MAY_IMPORT.containsKey(from), "no entry for the package " + from);
            Matcher named = NAMED.matcher(Files.readString(source).replaceAll("(?s)/\\*.*?\\*/", ""));
            while (named.find()) {
                String to = named.group(1).replace(".", "");
                if (!from.isEmpty() && !to.equals(from)) {
                    used.add(from + " imports " + to);
                    if (!MAY_IMPORT.get(from).contains(to)) {
                        upwards.add(source + " names " + named.group());
                    }
                }
            }
        }
        assertEquals(List.of(), upwards);
        Set<String> allowed = new TreeSet<>();
        MAY_IMPORT.forEach((from, all) -> all.forEach(to -> allowed.add(from + " imports " + to)));
        assertEquals(allowed, used, "the table allows an import that no class needs");
    }

    @Test
    void noCircle() {
        Map<String, Integer> floors = new TreeMap<>();
        MAY_IMPORT.keySet().forEach(name -> floor(name, floors, List.of()));
        assertEquals(MAY_IMPORT.size(), floors.size());
    }

    private static int floor(String name, Map<String, Integer> floors, List<String> above) {
        assertTrue(!above.contains(name), () -> "a circle: " + above + " " + name);
        List<String> path = Stream.concat(above.stream(), Stream.of(name)).toList();
        int floor = MAY_IMPORT.get(name).stream()
                .mapToInt(below -> floor(below, floors, path) + 1)
                .max()
                .orElse(1);
        floors.put(name, floor);
        return floor;
    }

    @Test
    void packagesAndClassesStaySmall() throws IOException {
        Map<String, Integer> classes = new TreeMap<>();
        List<String> tooLong = new ArrayList<>();
        for (Path source : sources()) {
            if (source.endsWith("package-info.java")) {
                continue;
            }
            classes.merge(packageOf(source), 1, Integer::sum);
            long lines = Files.readString(source).lines().count();
            if (lines > LONGEST_CLASS) {
                tooLong.add(source + " " + lines);
            }
        }
        assertEquals(List.of(), tooLong);
        assertEquals(
                List.of(),
                classes.entrySet().stream()
                        .filter(one -> one.getValue() > MOST_CLASSES)
                        .toList());
        for (String name : MAY_IMPORT.keySet()) {
            assertTrue(Files.exists(ROOT.resolve(name).resolve("package-info.java")), name);
        }
    }

    @Test
    void theClassesThatRoutesNameExist() throws IOException {
        List<String> missing = new ArrayList<>();
        int count = 0;
        try (Stream<Path> files = Files.walk(Path.of("routes"))) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Matcher named = NAMED.matcher(Files.readString(file));
                while (named.find()) {
                    count++;
                    if (!Files.exists(
                            ROOT.resolve(named.group(1).replace('.', '/')).resolve(named.group(2) + ".java"))) {
                        missing.add(file + " names " + named.group());
                    }
                }
            }
        }
        assertTrue(count >= 8, count + " classes are named");
        assertEquals(List.of(), missing);
    }
}
