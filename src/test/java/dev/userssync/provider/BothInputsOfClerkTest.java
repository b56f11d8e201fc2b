package dev.userssync.provider;

import dev.userssync.testing.FakeApi.User;
import dev.userssync.testing.FakeApis;
import java.time.Duration;
import java.time.Instant;
import org.junit.jupiter.api.Test;

/** The deliveries carry the time of every change. */
class BothInputsOfClerkTest extends BothInputs {

    BothInputsOfClerkTest() {
        super("clerk", FakeApis::clerk);
    }

    @Override
    String body(String type, User user, Instant time) {
        return "{\"type\": \"user." + type + "\", \"timestamp\": " + time.toEpochMilli() + ", \"data\": "
                + (type.equals("deleted")
                        ? "{\"id\": \"" + user.id() + "\", \"deleted\": true}"
                        : FakeApis.clerkUser(user))
                + "}";
    }

    @Test
    void theTableIsWhatTheProviderHas() throws Exception {
        run(Duration.ofSeconds(5));
    }
}
