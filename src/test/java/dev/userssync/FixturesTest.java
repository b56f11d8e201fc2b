package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.management.SampleSender;
import dev.userssync.settings.Providers;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.PrivateKeys;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.TestSettings;
import dev.userssync.verify.VerificationScheme;
import dev.userssync.verify.VerifyComponent;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Posts every {@code <provider>/<event>.json} under src/test/resources to the running application, signed with the
 * provider's own scheme. The reply and the row must match the {@code <event>.expected.json} beside it.
 * {@code <provider>/settings.properties} turns the provider on; {@code "after": [...]} names deliveries to post first.
 * {@code organizations} and {@code memberships} are the rows of the other tables, none if the key is missing.
 * A new pair and a new provider need no Java.
 */
@Tag("fast")
class FixturesTest extends RunningApp {

    private static final Path FIXTURES = Path.of("src/test/resources");
    private static final ObjectMapper JSON =
            new ObjectMapper().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS);

    private final PrivateKeys privateKeys = new PrivateKeys();

    FixturesTest() throws IOException {
        privateKeys.addTo(settings);
        settings.setProperty("sample.webhook.secret", TestSettings.SECRET);
        try (DirectoryStream<Path> files = Files.newDirectoryStream(FIXTURES, "*")) {
            for (Path folder : files) {
                Path own = folder.resolve("settings.properties");
                if (Files.exists(own)) {
                    settings.load(Files.newBufferedReader(own));
                }
            }
        }
    }

    @AfterAll
    void close() {
        privateKeys.close();
    }

    /** Signs a document as the provider would. */
    interface Signer {
        VerificationScheme.Signed sign(byte[] document) throws GeneralSecurityException;
    }

    /** Signs with the provider's own scheme. If only the provider has the private key, a test key signs. */
    private Signer signer(String provider) {
        return privateKeys.has(provider)
                ? document -> privateKeys.sign(provider, document)
                : context.getComponent("verify", VerifyComponent.class).scheme(provider)::sign;
    }

    static List<Path> deliveries() throws IOException {
        try (Stream<Path> files = Files.walk(FIXTURES, 2)) {
            List<Path> deliveries = files.filter(file -> file.toString().endsWith(".json"))
                    .filter(file -> !file.toString().endsWith(".expected.json"))
                    .map(FIXTURES::relativize)
                    .filter(file -> file.getNameCount() == 2)
                    .sorted()
                    .toList();
            assertTrue(deliveries.size() > 20, "fixtures are missing: " + deliveries);
            return deliveries;
        }
    }

    @ParameterizedTest
    @MethodSource("deliveries")
    void aDeliveryGivesItsReplyAndItsRow(Path delivery) throws Exception {
        JsonNode expected = JSON.readTree(FIXTURES.resolve(delivery.toString().replace(".json", ".expected.json"))
                .toFile());
        database.execute("DELETE FROM neon_auth.users_sync; DELETE FROM neon_auth.organizations_sync;"
                + " DELETE FROM neon_auth.memberships_sync; DELETE FROM users_sync_internal.membership_roles;"
                + " DELETE FROM users_sync_internal.membership_scope"); // quicker than TRUNCATE for a few rows
        for (JsonNode earlier : expected.path("after")) {
            assertEquals(204, post(delivery.resolveSibling(earlier.textValue() + ".json")));
        }
        assertEquals(expected.path("reply").intValue(), post(delivery));
        assertEquals(rows(expected), table("users_sync"));
        assertEquals(list(expected.path("organizations")), table("organizations_sync"));
        assertEquals(list(expected.path("memberships")), table("memberships_sync"));
    }

    private List<JsonNode> table(String name) throws IOException {
        List<JsonNode> rows = new ArrayList<>();
        for (String row : database.column(
                "SELECT to_jsonb(r) - 'older_fields' FROM neon_auth." + name + " r ORDER BY id COLLATE \"C\"")) {
            rows.add(normal(JSON.readTree(row)));
        }
        return rows;
    }

    private static List<JsonNode> list(JsonNode expected) {
        List<JsonNode> rows = new ArrayList<>();
        expected.forEach(row -> rows.add(normal(row)));
        return rows;
    }

    /** One row, none (null), or an array of rows in order of their ids, for a delivery with events of several users. */
    private static List<JsonNode> rows(JsonNode expected) {
        List<JsonNode> rows = new ArrayList<>();
        if (expected.path("row").isObject()) {
            rows.add(normal(expected.path("row")));
        }
        rows.addAll(list(expected.path("rows")));
        int users = (expected.has("row") ? 1 : 0) + (expected.has("rows") ? 1 : 0);
        boolean others = expected.has("organizations") || expected.has("memberships");
        assertTrue(
                users == 1 || users == 0 && others, "set either row or rows; neither means that no user is expected");
        return rows;
    }

    private int post(Path delivery) throws Exception {
        String provider = delivery.getName(0).toString();
        return new Delivery(signer(provider).sign(Files.readAllBytes(FIXTURES.resolve(delivery))))
                .post(webhooks(provider))
                .statusCode();
    }

    @Test
    void theSampleSenderPlaysEveryProvider() throws Exception {
        for (String provider : new Providers(context)
                .on().stream().filter(provider -> !privateKeys.has(provider)).toList()) {
            String report = new SampleSender(context).send(provider);
            long events = List.of("user.created", "user.updated", "user.deleted").stream()
                    .filter(event -> Files.exists(FIXTURES.resolve(provider).resolve(event + ".json")))
                    .count();
            assertEquals(
                    events,
                    report.lines().filter(line -> line.endsWith(" -> 204")).count(),
                    report);
            assertEquals(
                    events,
                    report.lines()
                            .filter(line -> line.contains("\"id\": \"sample_"))
                            .count(),
                    report);
        }
    }

    @ParameterizedTest
    @MethodSource("deliveries")
    void everyDeliveryHasAnExpectation(Path delivery) {
        assertTrue(Files.exists(FIXTURES.resolve(delivery.toString().replace(".json", ".expected.json"))));
    }

    /** Times as instants; "now" for a deletion that the database dated. */
    private static JsonNode normal(JsonNode row) {
        ObjectNode normal = row.deepCopy();
        for (String column : List.of("created_at", "updated_at", "deleted_at")) {
            String time = row.path(column).textValue();
            if (time != null && !time.equals("now")) {
                Instant instant = OffsetDateTime.parse(time).toInstant();
                boolean now = Duration.between(instant, Instant.now()).abs().compareTo(Duration.ofMinutes(1)) < 0;
                normal.put(column, now ? "now" : instant.toString());
            }
        }
        return normal;
    }
}
