package dev.userssync.bench;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Random;

/**
 * Calculates what one machine cannot run: a rate of deliveries on a number of cores, and a provider's retries after an
 * outage. It goes event by event, and takes the costs from {@code bench/README.md}. A model: doors with queues, writers
 * that take the queued events, a database with a number of cores, senders that retry by a schedule. It has no network,
 * no garbage collector and no locks. Single-threaded; the same seed gives the same table.
 * Options: {@code rate} deliveries a minute, {@code door} and {@code row} microseconds an event at the door and in
 * Postgres, {@code commit} microseconds a batch costs Postgres beside its rows, {@code fsync} microseconds a commit
 * waits for the disk, {@code storm-rate} deliveries a second in the storm.
 */
final class Simulation {

    /**
     * From the start of the outage; Svix: https://docs.svix.com/retries. Each except the first with up to a fifth of
     * jitter.
     */
    private static final double[] SVIX = {5, 300, 1800, 7200, 18_000, 36_000, 36_000};
    private static final int LARGEST_BATCH = 500;
    private static final int WRITERS = 2;
    private static final int CAPACITY = 10_000;

    private final double door;
    private final double row;
    private final double commit;
    private final double fsync;
    private final int processes;
    private final int doorCores;
    private final int databaseCores;
    private final Random random = new Random(1);

    private final PriorityQueue<Event> agenda = new PriorityQueue<>();
    private final ArrayDeque<Delivery> atTheDoor = new ArrayDeque<>();
    private final ArrayDeque<Delivery>[] queues;
    private final boolean[] writing;
    private final int[] waiting;
    private final ArrayDeque<Integer> writersInLine = new ArrayDeque<>();
    private int busyDoors;
    private int busyDatabase;
    private double now;
    private double doorTime;
    private double databaseTime;
    private double outageUntil;

    // Results
    private int answered;
    private int refused;
    private int lost;
    private double lastApplied;
    private double longestDelay;
    private double delivered;
    private int largestInASecond;
    private int inThisSecond;
    private long second;
    private double[] latencies = new double[1 << 16];

    private enum Kind { ARRIVES, CHECKED, WRITTEN }

    private record Event(double time, long order, Kind kind, Delivery delivery, int writer, Delivery[] batch) implements Comparable<Event> {

        @Override
        public int compareTo(Event other) {
            int byTime = Double.compare(time, other.time);
            return byTime != 0 ? byTime : Long.compare(order, other.order);
        }
    }

    private static final class Delivery {
        final double first;
        double sent;
        int attempt;

        Delivery(double first) {
            this.first = first;
            this.sent = first;
        }
    }

    private long order;

    @SuppressWarnings("unchecked")
    private Simulation(Map<String, String> options, int processes, int doorCores, int databaseCores) {
        this.door = micros(options, "door", 90);
        this.row = micros(options, "row", 68);
        this.commit = micros(options, "commit", 310);
        this.fsync = micros(options, "fsync", 1000);
        this.processes = processes;
        this.doorCores = doorCores;
        this.databaseCores = databaseCores;
        this.queues = new ArrayDeque[processes * WRITERS];
        this.writing = new boolean[queues.length];
        this.waiting = new int[processes];
        Arrays.setAll(queues, i -> new ArrayDeque<>());
    }

    private static double micros(Map<String, String> options, String name, double measured) {
        return Double.parseDouble(options.getOrDefault(name, Double.toString(measured))) / 1e6;
    }

    static int print(Map<String, String> options) {
        double perMinute = Double.parseDouble(options.getOrDefault("rate", "1000000"));
        System.out.printf("%nSimulated, not measured: %.0f deliveries a minute (%.0f a second) for 20 s%n%n", perMinute, perMinute / 60);
        System.out.printf("%9s %10s %14s %10s %9s %9s %9s %9s %12s%n", "processes", "door cores", "Postgres cores", "204/s", "503", "p50 ms", "p99 ms", "doors busy", "Postgres busy");
        for (int[] machine : new int[][] {{1, 1, 1}, {1, 2, 1}, {2, 2, 1}, {2, 2, 2}, {2, 4, 2}, {4, 4, 2}, {4, 8, 4}}) {
            Simulation simulation = new Simulation(options, machine[0], machine[1], machine[2]);
            simulation.load(perMinute / 60, 20);
            simulation.run(20);
            System.out.printf("%9d %10d %14d %10.0f %8.1f%% %9.1f %9.1f %8.0f%% %12.0f%%%n", machine[0], machine[1], machine[2], simulation.answered / 20.0,
                    100.0 * simulation.refused / Math.max(1, simulation.refused + simulation.answered), simulation.millis(0.5), simulation.millis(0.99),
                    100 * simulation.doorTime / 20 / machine[1], 100 * simulation.databaseTime / 20 / machine[2]);
        }
        storm(options);
        return 0;
    }

    private static void storm(Map<String, String> options) {
        double rate = Double.parseDouble(options.getOrDefault("storm-rate", "1000"));
        System.out.printf("%nSimulated, not measured: Postgres is unreachable while %.0f deliveries a second come in; one process, 2 door cores, 1 Postgres core; retries as Svix'%n%n", rate);
        System.out.printf("%10s %-8s %10s %12s %14s %16s %16s %8s%n", "outage", "mode", "503", "at most/s", "mean delay", "longest delay", "correct after", "lost");
        for (int minutes : new int[] {1, 10, 60}) {
            double outage = minutes * 60.0;
            Simulation direct = new Simulation(options, 1, 2, 1);
            direct.outageUntil = outage;
            direct.load(rate, outage + 60);
            direct.run(Double.MAX_VALUE);
            line(minutes, "direct", direct.refused, direct.largestInASecond, direct.delivered / direct.answered, direct.longestDelay,
                    Math.max(0, direct.lastApplied - outage), direct.lost);
            // The topic holds the events that came in. Then full batches go into the table in the order of arrival,
            // while more events come in. An event that came t seconds after the start has waited (outage - slope * t)
            // seconds.
            double slope = 1 - rate * (direct.row + direct.commit / LARGEST_BATCH);
            double end = Math.min(outage + 60, outage / slope);
            line(minutes, "kafka", 0, (int) Math.ceil(rate), (outage * end - slope * end * end / 2) / (outage + 60), outage, outage / slope - outage, 0);
        }
    }

    private static void line(int minutes, String mode, int refused, int most, double mean, double longest, double again, int lost) {
        System.out.printf("%6d min %-8s %10d %12d %12.0f s %14.0f s %14.0f s %8d%n", minutes, mode, refused, most, mean, longest, again, lost);
    }

    /** Adds deliveries at random, independent times. */
    private void load(double perSecond, double seconds) {
        for (double time = next(perSecond); time < seconds; time += next(perSecond)) {
            add(time, Kind.ARRIVES, new Delivery(time), 0, null);
        }
    }

    private double next(double perSecond) {
        return -Math.log(1 - random.nextDouble()) / perSecond;
    }

    private void add(double time, Kind kind, Delivery delivery, int writer, Delivery[] batch) {
        agenda.add(new Event(time, order++, kind, delivery, writer, batch));
    }

    private void run(double until) {
        while (!agenda.isEmpty() && agenda.peek().time <= until) {
            Event event = agenda.poll();
            now = event.time;
            switch (event.kind) {
                case ARRIVES -> arrives(event.delivery);
                case CHECKED -> checked(event.delivery);
                case WRITTEN -> written(event.writer, event.batch);
            }
        }
    }

    private void arrives(Delivery delivery) {
        if ((long) now != second) {
            second = (long) now;
            inThisSecond = 0;
        }
        largestInASecond = Math.max(largestInASecond, ++inThisSecond);
        delivery.sent = now;
        atTheDoor.add(delivery);
        openDoors();
    }

    private void openDoors() {
        while (busyDoors < doorCores && !atTheDoor.isEmpty()) {
            busyDoors++;
            doorTime += door;
            add(now + door, Kind.CHECKED, atTheDoor.poll(), 0, null);
        }
    }

    private void checked(Delivery delivery) {
        busyDoors--;
        int process = random.nextInt(processes);
        if (now < outageUntil || waiting[process] >= CAPACITY) {
            refuse(delivery);
        } else {
            waiting[process]++;
            int writer = process * WRITERS + random.nextInt(WRITERS);
            queues[writer].add(delivery);
            wake(writer);
        }
        openDoors();
    }

    private void refuse(Delivery delivery) {
        refused++;
        if (delivery.attempt == SVIX.length) {
            lost++;
            return;
        }
        double pause = SVIX[delivery.attempt++] * (1 + 0.2 * random.nextDouble());
        if (outageUntil > 0) { // in a storm; the table of rates counts first attempts only
            add(now + pause, Kind.ARRIVES, delivery, 0, null);
        }
    }

    private void wake(int writer) {
        if (!writing[writer] && !queues[writer].isEmpty()) {
            writing[writer] = true;
            writersInLine.add(writer);
            write();
        }
    }

    /** A writer takes the queued events when its turn comes. */
    private void write() {
        while (busyDatabase < databaseCores && !writersInLine.isEmpty()) {
            int writer = writersInLine.poll();
            Delivery[] batch = new Delivery[Math.min(LARGEST_BATCH, queues[writer].size())];
            for (int i = 0; i < batch.length; i++) {
                batch[i] = queues[writer].poll();
            }
            busyDatabase++;
            waiting[writer / WRITERS] -= batch.length;
            double work = commit + row * batch.length;
            databaseTime += work;
            // While the disk flushes, another writer uses the core.
            add(now + work, Kind.WRITTEN, null, writer, null);
            add(now + work + fsync, Kind.WRITTEN, null, writer, batch);
        }
    }

    private void written(int writer, Delivery[] batch) {
        if (batch == null) {
            busyDatabase--;
            write();
            return;
        }
        for (Delivery delivery : batch) {
            double latency = now - delivery.sent;
            if (answered == latencies.length) {
                latencies = Arrays.copyOf(latencies, 2 * answered);
            }
            latencies[answered++] = latency;
            delivered += now - delivery.first;
            longestDelay = Math.max(longestDelay, now - delivery.first);
            if (delivery.attempt > 0) {
                lastApplied = now;
            }
        }
        writing[writer] = false;
        wake(writer);
    }

    private double millis(double quantile) {
        if (answered == 0) {
            return Double.NaN;
        }
        double[] sorted = Arrays.copyOf(latencies, answered);
        Arrays.sort(sorted);
        return 1000 * sorted[(int) Math.min(answered - 1, quantile * answered)];
    }
}
