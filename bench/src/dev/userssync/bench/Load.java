package dev.userssync.bench;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Map;
import java.util.TreeMap;

/**
 * One thread that sends requests over kept connections to ports of this machine and measures each answer. Closed loop:
 * a connection sends its next request when it has the answer. Open loop: requests are due at a fixed rate, and latency
 * counts from the due time.
 */
final class Load {

    /** The count of each status, the requests sent, and their times. */
    record Result(int sent, int[] status, double seconds, long[] sortedMicros, Map<Integer, Integer> statuses) {

        double perSecond() {
            return statuses.getOrDefault(204, 0) / seconds;
        }

        double millis(double quantile) {
            return sortedMicros.length == 0 ? Double.NaN : sortedMicros[(int) Math.min(sortedMicros.length - 1, quantile * sortedMicros.length)] / 1e3;
        }
    }

    private static final class Connection {
        SocketChannel channel;
        SelectionKey key;
        ByteBuffer out;
        final ByteBuffer in = ByteBuffer.allocate(16384);
        int request = -1;
        long since;
    }

    private final int[] ports;
    private int connections;

    /** @param ports of servers that share the load; connections go to each in turn */
    Load(int... ports) {
        this.ports = ports;
    }

    Result closed(byte[][] requests, int concurrency, double seconds) throws IOException {
        return run(requests, concurrency, seconds, 0);
    }

    /** @param rate requests a second */
    Result open(byte[][] requests, int connections, double seconds, double rate) throws IOException {
        return run(requests, connections, seconds, rate);
    }

    private Result run(byte[][] requests, int concurrency, double seconds, double rate) throws IOException {
        int[] status = new int[requests.length];
        long[] micros = new long[requests.length];
        int answered = 0;
        int next = 0;
        try (Selector selector = Selector.open()) {
            ArrayDeque<Connection> idle = new ArrayDeque<>();
            for (int i = 0; i < concurrency; i++) {
                idle.add(connect(selector));
            }
            long begin = System.nanoTime();
            long end = begin + (long) (seconds * 1e9);
            long patience = end + 60_000_000_000L; // a slower answer counts as none
            int busy = 0;
            while (true) {
                long now = System.nanoTime();
                boolean over = now >= end || next == requests.length;
                while (!over && !idle.isEmpty()) {
                    long due = rate == 0 ? now : begin + (long) (next / rate * 1e9);
                    if (due > now) {
                        break;
                    }
                    Connection connection = idle.poll();
                    send(connection, requests[next], next++, due);
                    busy++;
                    over = next == requests.length;
                }
                if (over && busy == 0 || now > patience) {
                    break;
                }
                if (rate > 0 && !idle.isEmpty() && !over) {
                    selector.selectNow();
                } else {
                    selector.select(100);
                }
                for (Iterator<SelectionKey> keys = selector.selectedKeys().iterator(); keys.hasNext();) {
                    SelectionKey key = keys.next();
                    keys.remove();
                    Connection connection = (Connection) key.attachment();
                    int code = ready(connection);
                    if (code != 0) {
                        status[connection.request] = Math.max(code, 0);
                        if (code > 0) {
                            micros[answered++] = (System.nanoTime() - connection.since) / 1000;
                        } else {
                            key.cancel();
                            connection.channel.close();
                            connection = connect(selector);
                        }
                        busy--;
                        idle.add(connection);
                    }
                }
            }
            double took = (System.nanoTime() - begin) / 1e9;
            selector.keys().forEach(key -> {
                try {
                    key.channel().close();
                } catch (IOException e) {
                    throw new java.io.UncheckedIOException(e);
                }
            });
            long[] sorted = Arrays.copyOf(micros, answered);
            Arrays.sort(sorted);
            Map<Integer, Integer> statuses = new TreeMap<>();
            for (int i = 0; i < next; i++) {
                statuses.merge(status[i], 1, Integer::sum);
            }
            return new Result(next, status, took, sorted, statuses);
        }
    }

    private Connection connect(Selector selector) throws IOException {
        Connection connection = new Connection();
        connection.channel = SocketChannel.open(new InetSocketAddress("127.0.0.1", ports[connections++ % ports.length]));
        connection.channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
        connection.channel.configureBlocking(false);
        connection.key = connection.channel.register(selector, SelectionKey.OP_READ, connection);
        return connection;
    }

    private static void send(Connection connection, byte[] request, int number, long since) throws IOException {
        connection.out = ByteBuffer.wrap(request);
        connection.request = number;
        connection.since = since;
        connection.in.clear();
        write(connection);
    }

    private static void write(Connection connection) throws IOException {
        connection.channel.write(connection.out);
        connection.key.interestOps(connection.out.hasRemaining() ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ);
    }

    /** The status of a complete answer, 0 before it is complete, -1 after a broken connection. */
    private static int ready(Connection connection) {
        try {
            if (connection.key.isWritable()) {
                write(connection);
            }
            if (!connection.key.isReadable()) {
                return 0;
            }
            if (connection.channel.read(connection.in) < 0) {
                return connection.request < 0 ? 0 : -1;
            }
        } catch (IOException e) {
            return -1;
        }
        String head = new String(connection.in.array(), 0, connection.in.position(), StandardCharsets.ISO_8859_1);
        int body = head.indexOf("\r\n\r\n") + 4;
        if (body < 4) {
            return 0;
        }
        int length = head.toLowerCase().indexOf("content-length:");
        int expected = length < 0 || length > body ? 0 : Integer.parseInt(head.substring(length + 15, head.indexOf('\r', length)).trim());
        return head.length() < body + expected ? 0 : Integer.parseInt(head.substring(9, 12));
    }
}
