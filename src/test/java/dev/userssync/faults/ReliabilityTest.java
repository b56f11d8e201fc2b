package dev.userssync.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** docs/reliability.md holds the result of every scenario of the fault suite. */
class ReliabilityTest {

    @Test
    void theTableNamesEveryScenarioAndNoOther() throws IOException {
        assertEquals(
                Stream.of(Fault.values()).map(fault -> fault.title).collect(Collectors.toCollection(TreeSet::new)),
                new TreeSet<>(ReliabilityTable.stands().keySet()),
                "run mvn verify -Pfaults");
    }

    @Test
    void everyRowIsOfTheScenarioAsItIsAndHasLostNothing() throws IOException {
        Map<String, String> rows = ReliabilityTable.stands();
        for (Fault fault : Fault.values()) {
            String row = rows.get(fault.title);
            assertTrue(row.startsWith("| " + fault.title + " | " + fault.what + " | "), row);
            assertTrue(row.contains("**left out**") || row.matches(".* \\| 0 \\| 0 \\| [\\d.]+ s \\|"), row);
        }
    }

    @Test
    void theReadmeLeadsToIt() throws IOException {
        assertTrue(Files.readString(Path.of("README.md")).contains("(docs/reliability.md)"));
    }
}
