package dev.userssync.provider;

import dev.userssync.testing.FakeApi.User;
import dev.userssync.testing.FakeApis;
import java.time.Instant;

/** The deliveries carry no time: users-sync fetches each user from the provider. */
class BothInputsOfStackAuthTest extends BothInputs {

    BothInputsOfStackAuthTest() {
        super("stack-auth", FakeApis::stackAuth);
        settings.setProperty("stack-auth.project.id", "project");
    }

    @Override
    String body(String type, User user, Instant time) {
        return "{\"type\": \"user." + type + "\", \"data\": "
                + (type.equals("deleted")
                        ? "{\"id\": \"" + user.id() + "\", \"teams\": []}"
                        : FakeApis.stackAuthUser(user))
                + "}";
    }
}
