package dev.userssync.bench;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.Uuid;

/**
 * A real Apache Kafka broker for tests and the benchmark, controller and broker in one (KRaft). It runs in a process of
 * its own, on this machine only. It can be killed and restarted on the same port and data. Its class path comes from
 * {@code src/test/kafka/pom.xml}.
 */
public final class KafkaBroker implements AutoCloseable {

    private static final Path POM = Path.of("src/test/kafka/pom.xml");

    private final Path directory;
    private final Map<String, String> client;
    private final List<String> jvm;
    private final int port = Ports.free();
    private Process process;

    /** A broker without encryption and passwords. */
    public KafkaBroker(Path directory) {
        this(directory, "PLAINTEXT", Map.of(), Map.of());
    }

    /**
     * A broker for the benchmark, with both JIT compilers. It creates the topic first: a consumer that missed it would
     * look again only after minutes.
     */
    static KafkaBroker warm(String topic, int partitions) {
        try {
            KafkaBroker broker = new KafkaBroker(Files.createTempDirectory(Path.of("target").toAbsolutePath(), "kafka"), "PLAINTEXT", Map.of(), Map.of(), List.of());
            broker.topic(topic, partitions);
            return broker;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Formats the storage and starts the broker.
     *
     * @param protocol of the listener for clients
     * @param server settings of the broker in addition to its own
     * @param client settings with which {@link #topic} and {@link #lag} connect
     */
    public KafkaBroker(Path directory, String protocol, Map<String, String> server, Map<String, String> client) {
        this(directory, protocol, server, client, List.of("-XX:TieredStopAtLevel=1")); // starts faster
    }

    private KafkaBroker(Path directory, String protocol, Map<String, String> server, Map<String, String> client, List<String> jvm) {
        this.jvm = jvm;
        this.directory = directory;
        this.client = client;
        int controller = Ports.free();
        Map<String, String> settings = new HashMap<>(Map.of("process.roles", "broker,controller", "node.id", "1",
                "controller.quorum.voters", "1@127.0.0.1:" + controller,
                "listeners", protocol + "://127.0.0.1:" + port + ",CONTROLLER://127.0.0.1:" + controller,
                "listener.security.protocol.map", "CONTROLLER:PLAINTEXT," + protocol + ":" + protocol,
                "controller.listener.names", "CONTROLLER", "inter.broker.listener.name", protocol,
                "log.dirs", directory.resolve("data").toString(), "offsets.topic.replication.factor", "1"));
        settings.putAll(Map.of("offsets.topic.num.partitions", "4", "group.initial.rebalance.delay.ms", "0", "auto.create.topics.enable", "false",
                "transaction.state.log.replication.factor", "1", "transaction.state.log.min.isr", "1"));
        settings.putAll(server);
        List<String> lines = settings.entrySet().stream().map(setting -> setting.getKey() + "=" + setting.getValue()).toList();
        try {
            Files.createDirectories(directory);
            Files.write(directory.resolve("server.properties"), lines);
            Process format = java("kafka.tools.StorageTool", "format", "-t", Uuid.randomUuid().toString(), "-c", directory.resolve("server.properties").toString());
            if (format.waitFor() != 0) {
                throw new IOException("the storage cannot be formatted:\n" + log());
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::kill));
        start();
    }

    /** Starts the broker again on the same port and data. Returns when it accepts connections. */
    public void start() {
        try {
            process = java("kafka.Kafka", directory.resolve("server.properties").toString());
            long patience = System.nanoTime() + Duration.ofSeconds(60).toNanos();
            while (!listens()) {
                if (!process.isAlive() || System.nanoTime() > patience) {
                    throw new IOException("the broker does not start:\n" + log());
                }
                Thread.sleep(100);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Sends SIGKILL. */
    public void kill() {
        if (process != null) {
            process.destroyForcibly();
            try {
                process.waitFor(30, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** Pauses the broker until {@link #thaw}; connections stay open. */
    public void freeze() {
        signal("-STOP");
    }

    public void thaw() {
        signal("-CONT");
    }

    private void signal(String signal) {
        try {
            new ProcessBuilder("kill", signal, Long.toString(process.pid())).start().waitFor();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    public String url() {
        return "127.0.0.1:" + port;
    }

    /** Processor time so far, in seconds. */
    public double cpuSeconds() {
        return process.info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
    }

    public void topic(String name, int partitions) {
        try (Admin admin = admin()) {
            admin.createTopics(List.of(new NewTopic(name, partitions, (short) 1))).all().get(30, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new IllegalStateException("topic " + name + " cannot be made\n" + log(), e);
        }
    }

    /** The number of records in the topic that the group has not acknowledged. */
    public long lag(String topic, String group) {
        try (Admin admin = admin()) {
            Map<TopicPartition, OffsetSpec> ends = new HashMap<>();
            admin.describeTopics(List.of(topic)).allTopicNames().get(10, TimeUnit.SECONDS).get(topic).partitions()
                    .forEach(partition -> ends.put(new TopicPartition(topic, partition.partition()), OffsetSpec.latest()));
            var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get(10, TimeUnit.SECONDS);
            long lag = 0;
            for (var end : admin.listOffsets(ends).all().get(10, TimeUnit.SECONDS).entrySet()) {
                lag += end.getValue().offset() - (committed.get(end.getKey()) == null ? 0 : committed.get(end.getKey()).offset());
            }
            return lag;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** The number of members in the group. */
    public int members(String group) {
        try (Admin admin = admin()) {
            return admin.describeConsumerGroups(List.of(group)).all().get(10, TimeUnit.SECONDS).get(group).members().size();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private Admin admin() {
        Map<String, Object> settings = new HashMap<>(client);
        settings.put("bootstrap.servers", url());
        return Admin.create(settings);
    }

    private boolean listens() {
        try (Socket socket = new Socket()) {
            socket.connect(new InetSocketAddress("127.0.0.1", port), 1000);
            return socket.getLocalPort() != port; // otherwise the socket connected to itself
        } catch (IOException e) {
            return false;
        }
    }

    private Process java(String... command) throws IOException, InterruptedException {
        List<String> java = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-Xmx512m", "-XX:+UseSerialGC"));
        java.addAll(jvm);
        java.addAll(List.of("-cp", classPath()));
        java.addAll(List.of(command));
        return new ProcessBuilder(java).redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.appendTo(directory.resolve("broker.log").toFile())).start();
    }

    /** Maven resolves the class path once, until {@code mvn clean}. */
    private static synchronized String classPath() throws IOException, InterruptedException {
        Path known = Path.of("target/kafka-broker.classpath");
        if (!Files.exists(known) || Files.getLastModifiedTime(known).compareTo(Files.getLastModifiedTime(POM)) < 0) {
            Path log = Path.of("target/kafka-broker.maven.log");
            Process maven = new ProcessBuilder(System.getProperty("maven.executable", "mvn"), "-q", "-B", "-ntp", "-f", POM.toString(),
                    "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath", "-Dmdep.outputFile=" + known.toAbsolutePath())
                    .redirectErrorStream(true).redirectOutput(log.toFile()).start();
            if (maven.waitFor() != 0) {
                throw new IOException("the class path of the broker cannot be had:\n" + Files.readString(log));
            }
        }
        return Files.readString(known).strip().replace(":", File.pathSeparator);
    }

    private String log() {
        try {
            return Files.readString(directory.resolve("broker.log"));
        } catch (IOException e) {
            return "";
        }
    }

    @Override
    public void close() {
        kill();
    }
}
