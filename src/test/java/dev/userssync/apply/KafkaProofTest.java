package dev.userssync.apply;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Deliveries;
import dev.userssync.bench.KafkaBroker;
import dev.userssync.bench.Ports;
import dev.userssync.testing.AppProcess;
import dev.userssync.testing.CamelCli;
import dev.userssync.testing.Delivery;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.KafkaTopic;
import dev.userssync.testing.Rows;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * Broker, consumer or database dies in the middle of a stream: every delivery that was answered 204 reaches the table.
 * {@code mvn verify -Pkafka}.
 */
@Tag("app")
@Tag("kafka")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class KafkaProofTest {

    private static final String RETRY = "503, Retry-After 30";
    private static final Duration PATIENCE = Duration.ofSeconds(90);

    @TempDir
    private static Path directory;

    private final KafkaTopic topic = new KafkaTopic(4);
    private final TestDatabase database = new TestDatabase();
    private final DeliveryStream stream =
            new DeliveryStream(16, version -> (int) (version * 2654435761L % 300 & 0x7fffffff));

    @AfterAll
    void close() {
        topic.close();
    }

    private StartedApp app(String role) {
        return new StartedApp(topic.settings(database, role, "generic"));
    }

    /** Runs in a JVM of its own, with the profile and its settings from the environment. */
    private AppProcess process(String role, String... settings) {
        List<String> all = new ArrayList<>(List.of(
                "CAMEL_MAIN_PROFILE",
                "kafka",
                "KAFKA_BROKERS",
                topic.broker.url(),
                "KAFKA_ROLE",
                role,
                "KAFKA_CONSUMERS",
                "1",
                "DATABASE_URL",
                database.url(),
                "GENERIC_WEBHOOK_SECRET",
                TestSettings.SECRET));
        all.addAll(List.of(settings));
        return new AppProcess(directory.resolve("data"), all.toArray(String[]::new));
    }

    private void assertNothingIsLost() {
        topic.awaitEmpty(PATIENCE);
        assertEquals(
                Map.of(),
                stream.lost(database.column(DeliveryStream.ROWS + " WHERE raw_json ->> 'version' IS NOT NULL")));
        assertEquals("0", database.value("SELECT count(*) FROM users_sync_internal.dead_letter"));
    }

    @Test
    void theBrokerIsKilledAndStartedUnderLoad() throws Exception {
        try (StartedApp app = app("both");
                DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"))) {
            for (int kill = 0; kill < 3; kill++) {
                deliveries.await("204", deliveries.replies.getOrDefault("204", 0) + 500);
                topic.broker.kill();
                deliveries.await(RETRY, deliveries.replies.getOrDefault(RETRY, 0) + 16);
                topic.broker.start();
            }
            deliveries.await("204", deliveries.replies.get("204") + 500);
            deliveries.close();
            assertEquals(Set.of("204", RETRY), deliveries.replies.keySet());
            assertNothingIsLost();
        }
    }

    @Test
    void theConsumerIsKilledInTheMiddleOfABatch() throws Exception {
        try (StartedApp door = app("ingest");
                AppProcess first = process("apply");
                AppProcess second = process("apply");
                DeliveryStream.Deliveries deliveries = stream.new Deliveries(door.webhooks("generic"))) {
            first.awaitRunning();
            second.awaitRunning();
            await().atMost(PATIENCE).until(() -> topic.broker.members(KafkaTopic.GROUP), members -> members == 2);
            deliveries.await("204", 1000);
            try (Connection lock = database.connect()) {
                lock.setAutoCommit(false);
                lock.createStatement().execute("LOCK TABLE neon_auth.users_sync IN SHARE MODE");
                await().atMost(PATIENCE)
                        .until(() -> !database.value("SELECT count(*) FROM pg_locks WHERE NOT granted")
                                .equals("0"));
                deliveries.await("204", deliveries.replies.get("204") + 500); // the door keeps working
                first.kill();
                lock.commit();
            }
            deliveries.await("204", deliveries.replies.get("204") + 500);
            deliveries.close();
            assertEquals(Set.of("204"), deliveries.replies.keySet());
            assertNothingIsLost();
        }
    }

    @Test
    void consumersComeAndGoUnderLoad() throws Exception {
        try (StartedApp door = app("ingest");
                DeliveryStream.Deliveries deliveries = stream.new Deliveries(door.webhooks("generic"))) {
            List<StartedApp> consumers = new ArrayList<>();
            try {
                for (int count = 1; count <= 3; count += 2) {
                    while (consumers.size() < count) {
                        Properties settings = topic.settings(database, "apply");
                        settings.setProperty("kafka.consumers", "1");
                        consumers.add(new StartedApp(settings));
                    }
                    awaitMembers(count);
                    deliveries.await("204", deliveries.replies.getOrDefault("204", 0) + 2000);
                }
                consumers.remove(0).close();
                awaitMembers(2);
                deliveries.await("204", deliveries.replies.get("204") + 2000);
                deliveries.close();
                assertEquals(Set.of("204"), deliveries.replies.keySet());
                assertNothingIsLost();
            } finally {
                consumers.forEach(StartedApp::close);
            }
        }
    }

    private void awaitMembers(int count) {
        await().atMost(PATIENCE).until(() -> topic.broker.members(KafkaTopic.GROUP), members -> members == count);
    }

    private static EmbeddedPostgres postgres(int port) throws IOException {
        return EmbeddedPostgres.builder()
                .setDataDirectory(directory.resolve("postgres"))
                .setCleanDataDirectory(false)
                .setPort(port)
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .start();
    }

    /** A door starts while the broker is down. */
    @Test
    void postgresIsDownForAMinuteWhileDeliveriesAreAnswered() throws Exception {
        long seconds = Long.getLong("kafka.outage.seconds", 60);
        EmbeddedPostgres postgres = postgres(Ports.free());
        try (KafkaTopic own = new KafkaTopic(2)) {
            Properties settings = own.settings(database, "both", "generic");
            Properties second = own.settings(database, "ingest", "generic");
            settings.setProperty("database.url", postgres.getJdbcUrl("postgres", "postgres"));
            second.setProperty("database.url", postgres.getJdbcUrl("postgres", "postgres"));
            try (StartedApp app = new StartedApp(settings)) {
                try (DeliveryStream.Deliveries deliveries = stream.new Deliveries(app.webhooks("generic"))) {
                    deliveries.await("204", 500);
                    postgres.close();
                    long away = System.nanoTime() + Duration.ofSeconds(seconds).toNanos();
                    try (StartedApp started = new StartedApp(second);
                            DeliveryStream.Deliveries others = stream.new Deliveries(started.webhooks("generic"))) {
                        others.await("204", 500);
                        others.close();
                        assertEquals(Set.of("204"), others.replies.keySet());
                    }
                    while (System.nanoTime() < away) {
                        LockSupport.parkNanos(away - System.nanoTime()); // the outage
                    }
                    postgres = postgres(postgres.getPort());
                    deliveries.await("204", deliveries.replies.get("204") + 500);
                    deliveries.close();
                    assertEquals(Set.of("204"), deliveries.replies.keySet());
                }
                own.awaitEmpty(PATIENCE);
            }
            List<String> rows;
            try (Connection connection = postgres.getPostgresDatabase().getConnection()) {
                rows = Rows.column(connection, DeliveryStream.ROWS);
            }
            assertEquals(Map.of(), stream.lost(rows));
        } finally {
            postgres.close();
        }
    }

    @Test
    void encryptionAndPasswordComeFromTheEnvironment() throws Exception {
        Path keys = directory.resolve("broker.p12");
        Path trusted = directory.resolve("trusted.p12");
        keytool(
                "-genkeypair",
                "-alias",
                "broker",
                "-keyalg",
                "EC",
                "-dname",
                "CN=broker",
                "-ext",
                "san=ip:127.0.0.1",
                "-validity",
                "2",
                "-keystore",
                keys.toString(),
                "-storepass",
                "changeit");
        Path certificate = directory.resolve("broker.pem");
        keytool(
                "-exportcert",
                "-alias",
                "broker",
                "-rfc",
                "-file",
                certificate.toString(),
                "-keystore",
                keys.toString(),
                "-storepass",
                "changeit");
        keytool(
                "-importcert",
                "-noprompt",
                "-alias",
                "broker",
                "-file",
                certificate.toString(),
                "-keystore",
                trusted.toString(),
                "-storepass",
                "changeit");
        String login =
                "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"app\" password=\"app-password\"";
        Map<String, String> client = Map.of(
                "security.protocol",
                "SASL_SSL",
                "sasl.mechanism",
                "PLAIN",
                "sasl.jaas.config",
                login + ";",
                "ssl.truststore.location",
                trusted.toString(),
                "ssl.truststore.password",
                "changeit",
                "ssl.truststore.type",
                "PKCS12");
        try (KafkaBroker broker = new KafkaBroker(
                directory.resolve("secure"),
                "SASL_SSL",
                Map.of(
                        "sasl.enabled.mechanisms",
                        "PLAIN",
                        "sasl.mechanism.inter.broker.protocol",
                        "PLAIN",
                        "listener.name.sasl_ssl.plain.sasl.jaas.config",
                        login + " user_app=\"app-password\";",
                        "ssl.keystore.location",
                        keys.toString(),
                        "ssl.keystore.password",
                        "changeit",
                        "ssl.keystore.type",
                        "PKCS12",
                        "ssl.truststore.location",
                        trusted.toString(),
                        "ssl.truststore.password",
                        "changeit",
                        "ssl.truststore.type",
                        "PKCS12"),
                client)) {
            broker.topic(KafkaTopic.NAME, 1);
            try (AppProcess app = process(
                    "both",
                    "KAFKA_BROKERS",
                    broker.url(),
                    "CAMEL_COMPONENT_KAFKA_SECURITY_PROTOCOL",
                    "SASL_SSL",
                    "CAMEL_COMPONENT_KAFKA_SASL_MECHANISM",
                    "PLAIN",
                    "CAMEL_COMPONENT_KAFKA_SASL_JAAS_CONFIG",
                    login + ";",
                    "CAMEL_COMPONENT_KAFKA_SSL_TRUSTSTORE_LOCATION",
                    trusted.toString(),
                    "CAMEL_COMPONENT_KAFKA_SSL_TRUSTSTORE_PASSWORD",
                    "changeit",
                    "CAMEL_COMPONENT_KAFKA_SSL_TRUSTSTORE_TYPE",
                    "PKCS12")) {
                app.awaitRunning();
                Delivery delivery = new Delivery(
                        "{\"type\": \"user.created\", \"data\": {\"id\": \"secure\", \"name\": \"Jane\"}}");
                await().atMost(PATIENCE)
                        .until(() -> delivery.post(app.webhooks("generic")).statusCode() == 204);
                await().atMost(PATIENCE)
                        .until(
                                () -> database.column("SELECT name FROM neon_auth.users_sync WHERE id = 'secure'"),
                                List.of("Jane")::equals);
                assertTrue(!(app.output() + app.errors()).contains("app-password"), app.output());
            }
        }
    }

    private static void keytool(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        Process keytool = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(directory.resolve("keytool.log").toFile())
                .start();
        assertTrue(keytool.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, keytool.exitValue(), () -> {
            try {
                return Files.readString(directory.resolve("keytool.log"));
            } catch (IOException e) {
                return e.toString();
            }
        });
    }

    @Test
    void theCamelCliRunsTheProfile() throws Exception {
        int port = Ports.free();
        Path clone = Files.createDirectory(directory.resolve("clone"));
        try (CamelCli camel = new CamelCli(
                clone,
                Map.of(
                        "KAFKA_BROKERS",
                        topic.broker.url(),
                        "DATABASE_URL",
                        database.url(),
                        "GENERIC_WEBHOOK_SECRET",
                        TestSettings.SECRET,
                        "PORT",
                        Integer.toString(port),
                        "MANAGEMENT_PORT",
                        Integer.toString(Ports.free())),
                "--profile=kafka")) {
            Delivery delivery =
                    new Delivery("{\"type\": \"user.created\", \"data\": {\"id\": \"cli\", \"name\": \"Jane\"}}");
            // On a busy machine the first connection to the brokers may take longer than a provider waits.
            await().atMost(PATIENCE)
                    .until(() -> delivery.post("http://localhost:" + port + "/webhooks/generic")
                                    .statusCode()
                            == 204);
            await().atMost(PATIENCE)
                    .until(
                            () -> database.column("SELECT name FROM neon_auth.users_sync WHERE id = 'cli'"),
                            List.of("Jane")::equals);
            assertTrue(
                    camel.read("camel.log").contains("user events come from " + KafkaTopic.NAME),
                    camel.read("camel.log"));
        }
    }

    @Test
    void settingsThatCannotWorkAreRefused() {
        try (AppProcess role = process("reader");
                AppProcess brokers = process("both", "KAFKA_BROKERS", "");
                AppProcess embedded = process("both", "DATABASE_URL", "")) {
            assertTrue(role.refusal().startsWith("KAFKA_ROLE must be ingest"));
            assertTrue(brokers.refusal().startsWith("KAFKA_BROKERS must name brokers"));
            assertTrue(embedded.refusal().startsWith("DATABASE_URL must be set in the profile kafka"));
        }
    }
}
