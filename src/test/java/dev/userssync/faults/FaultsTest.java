package dev.userssync.faults;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The fault suite, {@code mvn verify -Pfaults}: runs every scenario for its full duration. The results become the table
 * of docs/reliability.md.
 */
@Tag("app")
@Tag("faults")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FaultsTest {

    private final ReliabilityTable table = new ReliabilityTable();

    @TempDir
    private Path directory;

    /** All scenarios, or those named by {@code -Dfaults=POSTGRES_CUT,LOCK_HELD}. */
    static Set<Fault> faults() {
        String only = System.getProperty("faults", "");
        return only.isEmpty()
                ? EnumSet.allOf(Fault.class)
                : Stream.of(only.split(",")).map(Fault::valueOf).collect(Collectors.toCollection(TreeSet::new));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void nothingAcknowledgedIsLostAndNothingIsWrong(Fault fault) throws Exception {
        try {
            FaultRun.Result result = play(
                    fault,
                    Files.createDirectories(directory.resolve(fault.name())),
                    Duration.ofSeconds(fault == Fault.LOCK_HELD ? 30 : 10));
            table.put(fault, result);
            if (fault.compareTo(Fault.SERIALIZATION_FAILURES) <= 0) { // only the database fails
                assertEquals(0, result.unanswered(), "senders gave up after 15 seconds");
            }
        } catch (FaultRun.LeftOut e) {
            table.leftOut(fault, e.getMessage());
            abort(fault.title + " was left out: " + e.getMessage());
        }
    }

    static FaultRun.Result play(Fault fault, Path directory, Duration lasts) throws Exception {
        try (FaultRun run = new FaultRun(directory, lasts)) {
            try {
                fault.play(run);
                FaultRun.Result result = run.end();
                assertTrue(fault.replies().containsAll(result.replies().keySet()), result::toString);
                return result;
            } catch (Throwable e) {
                System.err.println(fault + "\n" + run.logs());
                throw e;
            }
        }
    }

    @AfterAll
    void write() throws Exception {
        table.write();
    }
}
