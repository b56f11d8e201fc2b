package dev.userssync.bench;

import java.io.IOException;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Ports for servers that need their port before they start. They lie below the range from which systems assign free
 * ports. Otherwise a connection or another server could take the port before the server starts. No port is given twice,
 * neither by this JVM nor by another fork of the same test run. Thread-safe.
 */
public final class Ports {

    // at most; each has a quarter of 20000 to 31999. Linux assigns from 32768 on, others from 49152 on
    private static final int FORKS = 4;
    private static final int COUNT = 12_000 / FORKS;
    private static final int FIRST = 20_000 + COUNT * (Integer.getInteger("surefire.forkNumber", 1) % FORKS);

    private static final AtomicInteger NEXT = new AtomicInteger(ThreadLocalRandom.current().nextInt(COUNT));

    private Ports() {
    }

    /** A port on which nobody listens. */
    public static int free() {
        for (int tried = 0; tried < COUNT; tried++) {
            int port = FIRST + Math.floorMod(NEXT.getAndIncrement(), COUNT);
            try (ServerSocket free = new ServerSocket(port)) {
                return free.getLocalPort();
            } catch (IOException taken) {
                // try the next port
            }
        }
        throw new IllegalStateException("no port is free from " + FIRST + " to " + (FIRST + COUNT - 1));
    }
}
