package dev.userssync.faults;

import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.bench.Deliveries;
import dev.userssync.testing.AppProcess;
import dev.userssync.testing.DeliveryStream;
import dev.userssync.testing.PgBouncer;
import dev.userssync.testing.PostgresServer;
import dev.userssync.testing.TcpProxy;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/**
 * One running scenario of the fault suite: a Postgres of its own, and one or several users-sync in processes of their
 * own. One network lies between users-sync and Postgres, another between provider and users-sync; both can be broken.
 * The deliveries never pause.
 */
final class FaultRun implements AutoCloseable {

    private static final int SENDERS = 16;
    private static final int HOT_USERS = 100;
    private static final int ENOUGH = 300;

    final Path directory;
    final TcpProxy toPostgres;
    final List<AppProcess> apps = new ArrayList<>();
    final List<TcpProxy> toApps = new ArrayList<>();
    PostgresServer postgres;
    /** Between the network and Postgres, in scenarios with a pooler. */
    PgBouncer pooler;

    DeliveryStream.Deliveries deliveries;
    /** The text in the reason of every dead letter that the scenario causes on purpose. */
    String refusedBecause = "nothing is refused";
    /**
     * Every other delivery updates one of a few users, and the rest create one user each: later events cannot hide a
     * loss there.
     */
    private final DeliveryStream stream =
            new DeliveryStream(SENDERS, version -> version % 2 == 0 ? version / 2 % HOT_USERS : version);

    private final Duration lasts;
    private Duration recovery;
    private Path mounted;

    /** @param lasts duration of a fault that does not end by itself */
    FaultRun(Path directory, Duration lasts) throws IOException {
        this.directory = directory;
        this.lasts = lasts;
        postgres = new PostgresServer(directory.resolve("postgres"));
        toPostgres = new TcpProxy(postgres.port());
    }

    /**
     * @param lost acknowledged, but not in the table
     * @param wrong rows that nobody sent, and valid deliveries that were parked
     */
    record Result(Map<String, Integer> replies, int unanswered, int lost, int wrong, Duration recovery) {}

    /** Starts instances, each behind a network of its own. */
    void start(int instances, String... launcher) {
        for (int i = 0; i < instances; i++) {
            AppProcess app = app(launcher);
            apps.add(app);
            toApps.add(new TcpProxy(app.port()));
        }
        apps.forEach(AppProcess::awaitRunning);
    }

    /** Puts PgBouncer in transaction mode between users-sync and Postgres. */
    void behindPooler() throws IOException {
        if (!PgBouncer.isInstalled()) {
            throw new LeftOut("needs pgbouncer on the PATH or in /usr/sbin");
        }
        pooler = new PgBouncer(
                directory, "transaction", URI.create("postgresql://localhost:" + postgres.port() + "/app"));
        toPostgres.switchTo(pooler.port());
    }

    private AppProcess app(String... launcher) {
        return new AppProcess(
                List.of(launcher),
                directory.resolve("data"),
                "GENERIC_WEBHOOK_SECRET",
                TestSettings.SECRET,
                "DATABASE_URL",
                "postgres://app@localhost:" + toPostgres.port() + "/app");
    }

    /** Starts another process in place of a dead one. */
    void startAgain(int instance) {
        apps.get(instance).close();
        apps.set(instance, app().awaitRunning());
        toApps.get(instance).switchTo(apps.get(instance).port());
    }

    /** Starts the deliveries, and waits for {@code ENOUGH} acknowledged ones. */
    void load() {
        deliveries = stream.new Deliveries(toApps.stream()
                .map(proxy -> "http://localhost:" + proxy.port() + "/webhooks/generic")
                .toArray(String[]::new));
        deliveries.await("204", ENOUGH);
    }

    /** Starts one instance, and then the deliveries. */
    void loaded() {
        start(1);
        load();
    }

    /** Waits until the fault shows, then for its duration. */
    void suffer() {
        int before = deliveries.notAcknowledged();
        await().atMost(Duration.ofSeconds(90)).until(() -> deliveries.notAcknowledged() > before);
        endure();
    }

    /** Waits for the duration of the fault. */
    void endure() {
        long end = System.nanoTime() + lasts.toNanos();
        while (System.nanoTime() < end) {
            LockSupport.parkNanos(end - System.nanoTime()); // the duration of the fault
        }
    }

    /** The fault is over: measures the time to the next acknowledged delivery, then waits for many. */
    void recover() {
        recovery = deliveries.untilAcknowledged();
        deliveries.await("204", deliveries.replies.get("204") + ENOUGH);
    }

    /** Ends the deliveries and compares. Afterwards every running instance must accept each user's newest version. */
    Result end() throws Exception {
        deliveries.close();
        List<String> rows = postgres.column(DeliveryStream.ROWS);
        Map<String, Integer> lost = stream.lost(rows);
        List<String> wrong = new ArrayList<>(stream.wrong(rows));
        wrong.addAll(postgres.column("SELECT 'parked: ' || reason FROM users_sync_internal.dead_letter WHERE position('"
                + refusedBecause + "' IN reason) = 0"));
        postgres.column(
                        "SELECT coalesce(letter #>> '{data,id}', letter ->> 'id') FROM (SELECT convert_from(body, 'UTF8')::jsonb AS letter"
                                + " FROM users_sync_internal.dead_letter) AS letters")
                .forEach(lost::remove);
        assertTrue(rows.size() >= ENOUGH / 2, rows.size() + " rows");
        Result result = new Result(
                new TreeMap<>(deliveries.replies), deliveries.unanswered.get(), lost.size(), wrong.size(), recovery);
        assertEquals(Map.of(), lost, "acknowledged and lost");
        assertEquals(List.of(), wrong, "wrong");
        return result;
    }

    /** The log of the instances, for a failed scenario. */
    String logs() {
        StringBuilder logs = new StringBuilder();
        apps.forEach(app -> {
            String output = app.output();
            logs.append(output, Math.max(0, output.length() - 5_000), output.length())
                    .append(app.errors())
                    .append("\n---\n");
        });
        return logs.toString();
    }

    @Override
    public void close() throws Exception {
        try {
            toPostgres.heal();
            for (TcpProxy proxy : toApps) {
                proxy.heal();
            }
            if (deliveries != null) {
                deliveries.close();
            }
        } finally {
            apps.forEach(AppProcess::close);
            for (TcpProxy proxy : toApps) {
                proxy.close();
            }
            toPostgres.close();
            if (pooler != null) {
                pooler.close();
            }
            postgres.close();
            if (mounted != null) {
                command("umount", mounted.toString());
            }
        }
    }

    /** This machine cannot play the scenario. */
    static final class LeftOut extends RuntimeException {

        LeftOut(String why) {
            super(why);
        }
    }

    /** Mounts a file system of this size in memory. */
    Path smallFileSystem(int megabytes) throws Exception {
        Path directory = Files.createDirectory(this.directory.resolve("small"));
        if (!command("mount", "-t", "tmpfs", "-o", "size=" + megabytes + "m", "tmpfs", directory.toString())) {
            throw new LeftOut("needs Linux and a user who may mount a small file system");
        }
        mounted = directory;
        return directory;
    }

    /** The library that shows a process a false time. */
    static Path faketime() {
        try (Stream<Path> files =
                Files.find(Path.of("/usr/lib"), 3, (file, attributes) -> file.endsWith("libfaketimeMT.so.1"))) {
            return files.findFirst().orElseThrow(() -> new LeftOut("needs libfaketime under /usr/lib"));
        } catch (IOException | UncheckedIOException e) {
            throw new LeftOut("needs libfaketime under /usr/lib");
        }
    }

    private static boolean command(String... command) throws Exception {
        try {
            return new ProcessBuilder(command)
                            .redirectErrorStream(true)
                            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                            .start()
                            .waitFor()
                    == 0;
        } catch (IOException e) {
            return false; // this command does not exist
        }
    }
}
