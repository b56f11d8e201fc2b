package dev.userssync.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The benchmark still runs and finds the rows right. The test asserts no figure: these machines are noisy. */
@Tag("app")
class BenchTest {

    @Test
    void contendersAreMeasuredAndTheirRowsVerified() throws Exception {
        assertEquals(
                0,
                new Bench("seconds=1", "warmup=0", "concurrency=16", "users=200", "contenders=users-sync,vertx").run());
    }
}
