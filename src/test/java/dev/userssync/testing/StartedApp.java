package dev.userssync.testing;

import dev.userssync.database.Database;
import java.util.Properties;
import org.apache.camel.main.Main;

/** The whole application, for tests that start and stop it themselves. */
public final class StartedApp implements AutoCloseable {

    public final Main main = new Main();
    private final Properties settings;

    /** @throws RuntimeException the failure of the start; nothing keeps running then */
    public StartedApp(Properties settings) {
        this.settings = settings;
        main.setOverrideProperties(settings);
        try {
            main.start();
        } catch (RuntimeException e) {
            Database.closeOf(main.getCamelContext());
            main.stop();
            throw e;
        }
    }

    public String webhooks(String provider) {
        return "http://localhost:" + settings.getProperty("camel.server.port") + "/webhooks/" + provider;
    }

    public String management(String path) {
        return "http://localhost:" + settings.getProperty("camel.management.port") + path;
    }

    @Override
    public void close() {
        main.stop();
    }
}
