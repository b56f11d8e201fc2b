package dev.userssync;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Ports;
import dev.userssync.database.Database;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.Certificate;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.Http;
import dev.userssync.testing.ScimApp;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Properties;
import javax.net.ssl.SSLHandshakeException;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.util.ObjectHelper;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * TLS to Postgres, with the server's name verified, and on the webhook port. This Postgres requires TLS and a password.
 */
@Tag("app")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TlsTest {

    private static final String PASSWORD = "first password of the role";
    private static final String NEXT_PASSWORD = "next password of the role";

    private Path directory;
    private Certificate certificate;
    private Certificate anothers;
    private EmbeddedPostgres postgres;

    @BeforeAll
    void aServerWithACertificate() throws Exception {
        directory = Files.createTempDirectory(
                "tls", PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
        certificate = new Certificate(directory, "localhost");
        anothers = new Certificate(directory, "elsewhere.example");
        Path rules = Files.writeString(directory.resolve("hba.conf"), """
                local   all all trust
                host    all postgres samehost trust
                hostssl all app      samehost scram-sha-256
                """);
        postgres = EmbeddedPostgres.builder()
                .setPort(Ports.free())
                .setServerConfig("ssl", "on")
                .setServerConfig("ssl_cert_file", certificate.pem.toString())
                .setServerConfig("ssl_key_file", certificate.keyPem.toString())
                .setServerConfig("hba_file", rules.toString())
                .start();
        execute("CREATE ROLE app LOGIN PASSWORD '" + PASSWORD + "'");
        execute("CREATE DATABASE app OWNER app");
    }

    @AfterAll
    void stop() throws IOException {
        postgres.close();
    }

    private void execute(String sql) throws SQLException {
        try (Connection connection = postgres.getPostgresDatabase().getConnection()) {
            connection.createStatement().execute(sql);
        }
    }

    private Properties settings(String host, String options) {
        Properties settings = TestSettings.with(new TestDatabase(), "generic");
        settings.setProperty("database.url", "postgres://app@" + host + ":" + postgres.getPort() + "/app?" + options);
        settings.setProperty("database.password", PASSWORD);
        return settings;
    }

    private String verified(Certificate root) {
        return "sslmode=verify-full&sslrootcert=" + root.pem;
    }

    private static int deliver(StartedApp app, String id) {
        return new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"" + id + "\"}}")
                .post(app.webhooks("generic"))
                .statusCode();
    }

    private static int createdByScim(String scim, String userName) {
        return ScimApp.send(ScimApp.request(
                        scim,
                        "POST",
                        "/Users",
                        "{\"schemas\": [\"urn:ietf:params:scim:schemas:core:2.0:User\"], \"userName\": \"" + userName
                                + "\"}"))
                .status();
    }

    @Test
    void everyConnectionToTheDatabaseIsEncryptedAndVerified() throws Exception {
        try (StartedApp app = new StartedApp(settings("localhost", verified(certificate)))) {
            assertEquals(204, deliver(app, "u1"));
            try (Connection connection = postgres.getPostgresDatabase().getConnection();
                    ResultSet row = connection
                            .createStatement()
                            .executeQuery("SELECT count(*) FILTER (WHERE ssl), count(*) FILTER (WHERE NOT ssl)"
                                    + " FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'app'")) {
                row.next();
                assertTrue(row.getInt(1) > 0);
                assertEquals(0, row.getInt(2));
            }
        }
    }

    /** The migration connects first, and does not retry for ten seconds. */
    private String refusal(Properties settings) throws IOException {
        try (DefaultCamelContext context = new DefaultCamelContext()) {
            context.getPropertiesComponent().setOverrideProperties(settings);
            Throwable failure = assertThrows(StartupFailure.class, () -> Database.migrate(context));
            assertFalse(failure.getMessage().contains(PASSWORD), failure.getMessage());
            return failure.getMessage();
        }
    }

    @Test
    void aServerThatCannotProveItsNameIsNotSpokenTo() throws IOException {
        assertTrue(
                refusal(settings("localhost", verified(anothers))).contains("unable to find valid certification path"));
        assertTrue(refusal(settings("127.0.0.1", verified(certificate))).contains("127.0.0.1"));
        assertTrue(refusal(settings("localhost", "sslmode=disable")).contains("no pg_hba.conf entry"));
    }

    @Test
    void thePasswordOfTheDatabaseIsRotatedWithoutARestart() throws Exception {
        Path file = Files.writeString(directory.resolve("password"), PASSWORD + "\n");
        Properties settings = settings("localhost", verified(certificate));
        settings.remove("database.password");
        settings.setProperty("database.password.file", file.toString());
        settings.setProperty("scim.webhook.secret", ScimApp.TOKEN);
        String scim = "http://localhost:" + settings.getProperty("camel.server.port") + "/scim/v2";
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(204, deliver(app, "u2"));
            assertEquals(201, createdByScim(scim, "ada"));
            execute("ALTER ROLE app PASSWORD '" + NEXT_PASSWORD + "'");
            Files.writeString(file, NEXT_PASSWORD + "\n");
            await().atMost(Duration.ofSeconds(15))
                    .until(() -> Setting.of(app.main.getCamelContext(), "database.password")
                            .equals(NEXT_PASSWORD));
            // Open connections stay open. After Postgres ends them all, only the new password opens a connection.
            execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
            await().atMost(Duration.ofSeconds(15)).until(() -> deliver(app, "u3") == 204);
            await().atMost(Duration.ofSeconds(15)).until(() -> createdByScim(scim, "bob") == 201);
        } finally {
            execute("ALTER ROLE app PASSWORD '" + PASSWORD + "'");
        }
    }

    private Properties tls() throws IOException {
        Properties settings = TestSettings.with(new TestDatabase(), "generic");
        settings.setProperty("camel.ssl.enabled", "true");
        settings.setProperty("camel.ssl.keyStore", "file:" + certificate.keyStore);
        settings.setProperty(
                "tls.keystore.password.file",
                Files.writeString(directory.resolve("keystore-password"), Certificate.PASSWORD + "\n")
                        .toString());
        return settings;
    }

    @Test
    void webhooksComeOverHttps() throws Exception {
        try (StartedApp app = new StartedApp(tls())) {
            Delivery delivery = new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}");
            HttpRequest.Builder request = HttpRequest.newBuilder(
                            URI.create(app.webhooks("generic").replace("http:", "https:")))
                    .timeout(Duration.ofSeconds(20))
                    .POST(HttpRequest.BodyPublishers.ofString(
                            "{\"type\": \"user.created\", \"data\": {\"id\": \"u1\"}}"));
            delivery.headers().forEach(request::header);
            HttpResponse<String> reply = HttpClient.newBuilder()
                    .sslContext(certificate.trusted())
                    .build()
                    .send(request.build(), HttpResponse.BodyHandlers.ofString());
            assertEquals(204, reply.statusCode());
            assertTrue(reply.sslSession().orElseThrow().getProtocol().matches("TLSv1\\.[23]"));
            HttpClient stranger =
                    HttpClient.newBuilder().sslContext(anothers.trusted()).build();
            assertThrows(
                    SSLHandshakeException.class,
                    () -> stranger.send(request.build(), HttpResponse.BodyHandlers.ofString()));
            assertThrows(
                    java.io.UncheckedIOException.class,
                    () -> delivery.post(app.webhooks("generic")),
                    "not without TLS");
            assertEquals(
                    200,
                    Http.get(app.management("/observe/health")).statusCode(),
                    "the management port is another matter");
        }
    }

    @Test
    void theManagementPortSpeaksTlsToo() throws Exception {
        Properties settings = tls();
        settings.setProperty("camel.management.useGlobalSslContextParameters", "true");
        settings.setProperty("console.password", "correct horse battery staple");
        try (StartedApp app = new StartedApp(settings)) {
            HttpRequest login = HttpRequest.newBuilder(
                            URI.create(app.management("/console/login").replace("http:", "https:")))
                    .timeout(Duration.ofSeconds(20))
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .POST(HttpRequest.BodyPublishers.ofString("password=correct+horse+battery+staple"))
                    .build();
            HttpResponse<String> reply = HttpClient.newBuilder()
                    .sslContext(certificate.trusted())
                    .build()
                    .send(login, HttpResponse.BodyHandlers.ofString());
            assertEquals(303, reply.statusCode());
            assertTrue(
                    reply.headers().firstValue("Set-Cookie").orElseThrow().contains("; Secure"),
                    reply.headers().toString());
            assertThrows(
                    java.io.UncheckedIOException.class,
                    () -> Http.get(app.management("/observe/health")),
                    "not without TLS");
        }
    }

    @Test
    void aKeyStoreThatCannotBeOpenedIsSaidAtTheStart() throws Exception {
        Properties settings = tls();
        settings.setProperty("tls.keystore.password", "another password");
        settings.remove("tls.keystore.password.file");
        StartupFailure failure = assertThrows(StartupFailure.class, () -> start(settings));
        assertTrue(
                failure.getMessage().contains("check TLS_KEYSTORE, a PKCS12 file, and TLS_KEYSTORE_PASSWORD"),
                failure.getMessage());
        assertFalse(failure.getMessage().contains("another password"), failure.getMessage());
    }

    private static void start(Properties settings) {
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(204, deliver(app, "never"));
        } catch (RuntimeException e) {
            throw ObjectHelper.getException(StartupFailure.class, e);
        }
    }
}
