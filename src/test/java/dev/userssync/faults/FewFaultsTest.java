package dev.userssync.faults;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The part of the fault suite that every {@code mvn verify} runs, shortened: one fault of Postgres, and one of the
 * provider's network.
 */
@Tag("app")
class FewFaultsTest {

    @TempDir
    private Path directory;

    @ParameterizedTest
    @EnumSource(
            value = Fault.class,
            names = {"POSTGRES_REPLIES_LOST", "DELIVERIES_TRUNCATED"})
    void nothingAcknowledgedIsLostAndNothingIsWrong(Fault fault) throws Exception {
        FaultsTest.play(fault, directory, Duration.ofMillis(500));
    }
}
