package dev.userssync.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The table of scenarios and results in docs/reliability.md, between two comments. A scenario that did not run keeps
 * its row.
 */
final class ReliabilityTable {

    private static final Path FILE = Path.of("docs/reliability.md");
    private static final String BEGIN = "<!-- results of mvn verify -Pfaults -->\n";
    private static final String END = "<!-- end of results -->";
    private static final String HEAD = """
            | scenario | what happens | acknowledged | other replies | no reply | lost | wrong | works again after |
            |---|---|---|---|---|---|---|---|
            """;

    private final Map<Fault, String> rows = new EnumMap<>(Fault.class);

    void put(Fault fault, FaultRun.Result result) {
        String others = result.replies().entrySet().stream()
                .filter(reply -> !reply.getKey().equals("204"))
                .map(reply -> reply.getValue() + " × " + reply.getKey())
                .collect(Collectors.joining("; "));
        rows.put(
                fault,
                row(
                        fault,
                        "%d | %s | %d | %d | %d | %.1f s"
                                .formatted(
                                        result.replies().getOrDefault("204", 0),
                                        others.isEmpty() ? "none" : others,
                                        result.unanswered(),
                                        result.lost(),
                                        result.wrong(),
                                        result.recovery().toMillis() / 1000.0)));
    }

    /** A scenario that could not run here. The table says so. */
    void leftOut(Fault fault, String why) {
        rows.put(fault, row(fault, "**left out**: " + why + " | | | | | "));
    }

    private static String row(Fault fault, String results) {
        return "| " + fault.title + " | " + fault.what + " | " + results + " |\n";
    }

    void write() throws IOException {
        String page = Files.readString(FILE);
        int begin = page.indexOf(BEGIN) + BEGIN.length();
        int end = page.indexOf(END);
        StringBuilder table = new StringBuilder(HEAD);
        for (Fault fault : Fault.values()) {
            table.append(rows.getOrDefault(
                    fault,
                    page.substring(begin, end)
                            .lines()
                            .filter(line -> line.startsWith("| " + fault.title + " |"))
                            .findFirst()
                            .map(line -> line + "\n")
                            .orElse("")));
        }
        Files.writeString(FILE, page.substring(0, begin) + table + page.substring(end));
    }

    /** The current rows of the file, by title. */
    static Map<String, String> stands() throws IOException {
        String page = Files.readString(FILE);
        return page.substring(page.indexOf(BEGIN), page.indexOf(END))
                .lines()
                .skip(3)
                .collect(Collectors.toMap(line -> line.split(" \\| ")[0].substring(2), line -> line));
    }
}
