package dev.userssync.testing;

import static org.awaitility.Awaitility.await;

import dev.userssync.bench.KafkaBroker;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** A topic on a broker of its own, and the profile kafka for applications that use the topic. */
public final class KafkaTopic implements AutoCloseable {

    public static final String NAME = "users-sync.user-events";
    public static final String GROUP = "users-sync";

    public final KafkaBroker broker;

    public KafkaTopic(int partitions) {
        try {
            broker = new KafkaBroker(Files.createTempDirectory(Path.of("target").toAbsolutePath(), "kafka"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        broker.topic(NAME, partitions);
    }

    /** The settings of {@code config/application-kafka.properties}, for an application in this JVM. */
    public Properties profile(String role) {
        Properties settings = new Properties();
        try (Reader file = Files.newBufferedReader(Path.of("config/application-kafka.properties"))) {
            settings.load(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        settings.setProperty("camel.component.kafka.brokers", broker.url());
        settings.setProperty("kafka.role", role);
        return settings;
    }

    public Properties settings(TestDatabase database, String role, String... providers) {
        Properties settings = TestSettings.with(database, providers);
        settings.putAll(profile(role));
        return settings;
    }

    /** Waits until the table holds every acknowledged delivery, and the consumer has committed its offsets. */
    public void awaitEmpty(Duration atMost) {
        await().atMost(atMost).until(() -> broker.lag(NAME, GROUP), lag -> lag == 0);
    }

    /** Sends a record that does not come from users-sync. */
    public void put(String key, byte[] value) {
        try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", broker.url()), new ByteArraySerializer(), new ByteArraySerializer())) {
            producer.send(new ProducerRecord<>(NAME, key == null ? null : key.getBytes(), value))
                    .get();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        broker.close();
    }
}
