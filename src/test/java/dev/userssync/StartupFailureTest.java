package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.userssync.testing.AppProcess;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * An operator's mistake ends the start with exit code 1 and one line that says what to change. The line holds no stack
 * trace and no secret.
 */
@Tag("app")
class StartupFailureTest {

    private static final String UNREADABLE =
            "DATABASE_URL cannot be read: write postgres://user:password@host:port/database or"
                    + " jdbc:postgresql://host:port/database?user=...&password=..., special characters percent-encoded";

    @TempDir
    private Path directory;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                // takes 10 s: users-sync waits for a database that starts together with it
                "DATABASE_URL | postgres://app:s3cret@localhost:1/db | the database jdbc:postgresql://localhost:1/db cannot be reached: Connection"
                        + " refused; check DATABASE_URL, DATABASE_USER and DATABASE_PASSWORD",
                "DATABASE_URL | mysql://app:s3cret@localhost/db | DATABASE_URL must start with jdbc:postgresql:// or postgres://",
                "DATABASE_URL | postgres://app:s3cret@localhost:port/db | " + UNREADABLE,
                "DATABASE_URL | postgres://app:100%s3cret@localhost/db | " + UNREADABLE,
                "DATABASE_URL | jdbc:postgresql://app:s3cret@localhost:5432/db | " + UNREADABLE,
                "DATABASE_URL | jdbc:postgresql://localhost?user=app&password=s3cret | " + UNREADABLE,
                "CLERK_WEBHOOK_SECRET | whsec_s3cret! | CLERK_WEBHOOK_SECRET: key 1 is not base64; expected whsec_, whpk_ or whsk_ and base64,"
                        + " as the provider shows it",
                "GENERIC_TIME_PATH | 'now | todate' | 'GENERIC_TIME_PATH uses todate/0, which is not a function of jq 1.6 in users-sync; it is now | todate'",
                "OKTA_WEBHOOK_SECRET | , | OKTA_WEBHOOK_SECRET: no secret is set",
                "CLERK_WEBHOOK_SECRET | whsec_s3cret== | CLERK_WEBHOOK_SECRET: key 1 is too short: 4 bytes, at least 16 are needed",
                "PORT | abc | PORT must be a port number, not abc",
                "OKTA_API_KEY | s3cret | OKTA_API_URL must be the address of the provider's API, such as https://api.example.com, when OKTA_API_KEY is set",
            })
    void oneLineSaysWhatToChange(String setting, String value, String line) {
        String[] settings = setting.equals("DATABASE_URL")
                ? new String[] {setting, value}
                : new String[] {setting, value, "DATABASE_URL", new TestDatabase().url()
                }; // an existing database is ready sooner
        try (AppProcess app = new AppProcess(directory.resolve("data"), settings)) {
            assertEquals(line, app.refusal());
            assertFalse((app.output() + app.errors()).contains("s3cret"), app.output() + app.errors());
        }
    }

    @Test
    void twoProvidersThatCouldClaimTheSameIds() {
        try (AppProcess app = new AppProcess(
                directory.resolve("data"),
                "CLERK_WEBHOOK_SECRET",
                TestSettings.SECRET,
                "GENERIC_WEBHOOK_SECRET",
                TestSettings.SECRET)) {
            assertEquals(
                    "clerk and generic could claim the same ids: set CLERK_ID_PREFIX=clerk: and GENERIC_ID_PREFIX=generic:, or choose prefixes of which none starts"
                            + " with another; or set SHARED_IDS=true if their ids never collide. Users already in the table keep their ids: read docs/providers.md first",
                    app.refusal());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"SQL_ASCII", "LATIN1"})
    void aDatabaseThatCannotHoldEveryName(String encoding) {
        TestDatabase server = new TestDatabase();
        String name = "in_" + encoding.toLowerCase(Locale.ROOT);
        server.execute("CREATE DATABASE " + name + " ENCODING '" + encoding
                + "' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
        String url = server.url().replaceFirst("/test_\\d+", "/" + name);
        try (AppProcess app = new AppProcess(directory.resolve("data"), "DATABASE_URL", url)) {
            assertEquals(
                    "the database " + url.replaceFirst("\\?.*", "") + " has the encoding " + encoding
                            + ", and users-sync needs UTF8: use a database made with"
                            + " CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
                    app.refusal());
        } finally {
            server.execute("DROP DATABASE " + name); // fails if a connection is left
        }
    }
}
