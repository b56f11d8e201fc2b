package dev.userssync.testing;

import static org.awaitility.Awaitility.await;

import java.util.Properties;
import org.apache.camel.test.main.junit5.CamelMainTestSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestInstance;

/** The whole application, started once per test class, on a database of its own. */
@Tag("app")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class RunningApp extends CamelMainTestSupport {

    public final TestDatabase database = new TestDatabase();
    public final Properties settings = TestSettings.with(database, "clerk", "stack-auth", "generic");

    public RunningApp() {
        // not in configureContext: the super constructor calls it before the settings exist
        camelContextConfiguration().withUseOverridePropertiesWithPropertiesComponent(settings);
    }

    /** Stops the application, so that its connections do not disturb later tests. */
    @AfterAll
    public void stopApp() {
        context.stop();
    }

    /**
     * Call it when the console has a password: the application creates indexes in the background, and a TRUNCATE could
     * deadlock with one.
     */
    public void awaitConsoleIndexes() {
        await().until(() -> database.column("""
                SELECT indexrelid FROM pg_index WHERE indrelid = 'neon_auth.users_sync'::regclass AND indisvalid AND indexrelid::regclass::text
                IN ('neon_auth.users_sync_created_at_idx', 'neon_auth.users_sync_id_prefix_idx', 'neon_auth.users_sync_words_idx')""").size() == 3);
    }

    public String webhooks(String provider) {
        return "http://localhost:" + settings.getProperty("camel.server.port") + "/webhooks/" + provider;
    }

    public String management(String path) {
        return "http://localhost:" + settings.getProperty("camel.management.port") + path;
    }
}
