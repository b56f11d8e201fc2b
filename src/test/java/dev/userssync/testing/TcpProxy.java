package dev.userssync.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * A network that tests can break: forwards TCP connections to a port of this machine. On demand it delays, cuts,
 * resets, truncates, slows down or swallows their bytes. Thread-safe.
 */
public final class TcpProxy implements AutoCloseable {

    /** The fate of the bytes. A connection that met one of the last four never recovers, as in a real network. */
    public enum Trouble {
        NONE,
        /** Each piece arrives this number of milliseconds later. */
        DELAYED,
        /** This number of bytes arrives every twentieth of a second. */
        SLOW,
        /**
         * Bytes are taken and never arrive. New connections seem open, but lose their bytes too. Old connections are
         * lost for ever, also idle ones.
         */
        BLACK_HOLE,
        /** The connection ends cleanly (FIN) instead of carrying the bytes. */
        CUT,
        /** The connection is reset (RST) instead of carrying the bytes. */
        RESET,
        /** Half of the bytes arrive, then the connection ends cleanly (FIN). */
        TRUNCATED
    }

    /** The direction of the affected bytes. */
    public enum Way {
        TO_SERVER,
        TO_CLIENT,
        BOTH
    }

    private record Weather(Trouble trouble, Way way, int amount) {

        public Trouble on(Way other) {
            return way == Way.BOTH || way == other ? trouble : Trouble.NONE;
        }
    }

    private static final Weather FAIR = new Weather(Trouble.NONE, Way.BOTH, 0);

    private final ServerSocket server;
    private final ExecutorService threads = Executors.newCachedThreadPool(task -> {
        Thread thread = new Thread(task, "tcp-proxy");
        thread.setDaemon(true);
        return thread;
    });
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
    private volatile int target;
    private volatile Weather weather = FAIR;

    public TcpProxy(int target) {
        this.target = target;
        try {
            server = new ServerSocket(0, 1000, InetAddress.getByName("localhost"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        threads.execute(this::accept);
    }

    public int port() {
        return server.getLocalPort();
    }

    /** @param amount milliseconds or bytes, for a trouble that needs a number */
    public void fail(Trouble trouble, Way way, int amount) {
        weather = new Weather(trouble, way, amount);
        if (way == Way.BOTH && (trouble == Trouble.CUT || trouble == Trouble.RESET)) {
            connections.forEach(connection -> connection.end(trouble == Trouble.RESET)); // also idle ones
        } else if (trouble == Trouble.BLACK_HOLE) {
            connections.forEach(connection -> connection.swallowed = true);
        }
    }

    public void fail(Trouble trouble) {
        fail(trouble, Way.BOTH, 0);
    }

    /** New connections work again. */
    public void heal() {
        weather = FAIR;
    }

    /** Forwards new connections to another server, and ends the connections to the old one. */
    public void switchTo(int port) {
        target = port;
        connections.forEach(connection -> connection.end(false));
    }

    private void accept() {
        while (!server.isClosed()) {
            try {
                Socket client = server.accept();
                threads.execute(() -> connect(client));
            } catch (IOException e) {
                // closed, or no file descriptor is free for a moment
            }
        }
    }

    private void connect(Socket client) {
        try {
            Connection connection = new Connection(client, new Socket("localhost", target));
            connections.add(connection);
            threads.execute(() -> connection.pump(Way.TO_SERVER));
            connection.pump(Way.TO_CLIENT);
        } catch (IOException e) {
            closeQuietly(client, false);
        }
    }

    private static void closeQuietly(Socket socket, boolean reset) {
        try (socket) {
            if (reset) {
                socket.setSoLinger(true, 0);
            }
        } catch (IOException e) {
            // closed already
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        connections.forEach(connection -> connection.end(false));
        threads.shutdown();
    }

    private final class Connection {

        private final Socket client;
        private final Socket upstream;
        private volatile boolean swallowed;

        public Connection(Socket client, Socket upstream) throws IOException {
            this.client = client;
            this.upstream = upstream;
            client.setTcpNoDelay(true);
            upstream.setTcpNoDelay(true);
        }

        public void end(boolean reset) {
            connections.remove(this);
            closeQuietly(client, reset);
            closeQuietly(upstream, reset);
        }

        public void pump(Way way) {
            byte[] buffer = new byte[16_384];
            boolean reset = false;
            try {
                InputStream in = (way == Way.TO_SERVER ? client : upstream).getInputStream();
                OutputStream out = (way == Way.TO_SERVER ? upstream : client).getOutputStream();
                for (int length; (length = in.read(buffer)) >= 0; ) {
                    Weather now = weather;
                    Trouble trouble = now.on(way);
                    swallowed |= trouble == Trouble.BLACK_HOLE;
                    if (swallowed) {
                        continue;
                    }
                    switch (trouble) {
                        case CUT -> {
                            return;
                        }
                        case RESET -> {
                            reset = true;
                            return;
                        }
                        case TRUNCATED -> {
                            out.write(buffer, 0, length / 2);
                            return;
                        }
                        case SLOW -> {
                            for (int sent = 0; sent < length; sent += now.amount) {
                                pause(50);
                                out.write(buffer, sent, Math.min(now.amount, length - sent));
                            }
                        }
                        case DELAYED -> {
                            pause(now.amount);
                            out.write(buffer, 0, length);
                        }
                        default -> out.write(buffer, 0, length);
                    }
                }
            } catch (IOException e) {
                // one side has gone, so close the other
            } finally {
                if (!swallowed) {
                    end(reset);
                } else if (way == Way.TO_SERVER) {
                    end(true); // nobody waits for this connection any more
                }
            }
        }

        private void pause(int millis) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis)); // the delay itself
        }
    }
}
