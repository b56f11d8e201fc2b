package dev.userssync.testing;

import java.io.IOException;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** HTTP as bytes on a socket, for requests that client libraries refuse to send. */
public final class RawHttp {

    private RawHttp() {}

    /** Posts JSON with the given headers and extra header lines, unchanged. Returns the whole reply as text. */
    public static String post(String url, String body, Map<String, String> headers, String... lines)
            throws IOException {
        URI uri = URI.create(url);
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        StringBuilder head =
                new StringBuilder("POST " + uri.getRawPath() + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                        + "Content-Type: application/json\r\nContent-Length: " + bytes.length + "\r\n");
        headers.forEach(
                (name, value) -> head.append(name).append(": ").append(value).append("\r\n"));
        for (String line : lines) {
            head.append(line).append("\r\n");
        }
        try (Socket socket = new Socket("localhost", uri.getPort())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write((head + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
            socket.getOutputStream().write(bytes);
            socket.getOutputStream().flush();
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
        }
    }
}
