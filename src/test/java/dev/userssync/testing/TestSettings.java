package dev.userssync.testing;

import dev.userssync.bench.Ports;
import java.util.Properties;

/** The settings under which tests run the real application: a database of its own and free ports. */
public final class TestSettings {

    /** 32 bytes; the secret of every provider in tests. */
    public static final String SECRET = "whsec_dGhlIHNlY3JldCBvZiBldmVyeSBwcm92aWRlciBpbiB0ZXN0cw==";

    private TestSettings() {}

    public static Properties with(TestDatabase database, String... providers) {
        Properties settings = new Properties();
        settings.setProperty("database.url", database.url());
        settings.setProperty("shared.ids", "true"); // several providers with invented users share the table
        int port = Ports.free();
        settings.setProperty("camel.server.port", Integer.toString(port));
        settings.setProperty("camel.beans.httpPort.bindPort", Integer.toString(port));
        settings.setProperty("camel.management.port", Integer.toString(Ports.free()));
        settings.setProperty("poll.tick", "3600000"); // polls run only when a test wants them
        settings.setProperty("poll.second-look", "300ms"); // instead of a minute
        for (String provider : providers) {
            settings.setProperty(provider + ".webhook.secret", SECRET);
        }
        return settings;
    }
}
