package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.userssync.testing.Http;
import dev.userssync.testing.RunningApp;
import dev.userssync.testing.Sources;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.camel.component.platform.http.PlatformHttpEndpoint;
import org.apache.camel.processor.saga.SagaProcessor;
import org.junit.jupiter.api.Test;

/**
 * Camel 4.17.0 has known flaws. The configuration uses none of the affected features; these tests keep that so. The
 * list: docs/security.md.
 */
class AdvisoriesTest extends RunningApp {

    private static Map<String, String> files(String folder) throws IOException {
        try (Stream<Path> files = Files.walk(Path.of(folder))) {
            Map<String, String> texts = new TreeMap<>();
            for (Path file : files.filter(file -> file.toString().matches(".*\\.(yaml|properties)"))
                    .toList()) {
                texts.put(file.toString(), Files.readString(file));
            }
            assertFalse(texts.isEmpty());
            return texts;
        }
    }

    private static List<String> thatContain(String pattern) throws IOException {
        Map<String, String> all = files("routes");
        all.putAll(files("config"));
        return all.entrySet().stream()
                .filter(file -> file.getValue()
                        .lines()
                        .filter(line -> !line.strip().startsWith("#"))
                        .anyMatch(line -> line.matches(".*" + pattern + ".*")))
                .map(Map.Entry::getKey)
                .toList();
    }

    private List<PlatformHttpEndpoint> listeners() {
        List<PlatformHttpEndpoint> endpoints = context.getEndpoints().stream()
                .filter(PlatformHttpEndpoint.class::isInstance)
                .map(PlatformHttpEndpoint.class::cast)
                .toList();
        assertTrue(endpoints.size() > 2);
        return endpoints;
    }

    /** CVE-2026-40022: setting a path for a server with authentication leaves everything outside that path open. */
    @Test
    void noServerHasAPathOrCamelsAuthentication() throws IOException {
        assertEquals(List.of(), thatContain("camel\\.(server|management)\\.(path|authentication\\w*)\\s*=.*"));
    }

    /** CVE-2026-78164: Camel resolves the header CamelHttpUri like a setting. */
    @Test
    void noRouteSetsTheAddressOfARequestFromAHeader() throws IOException {
        assertEquals(List.of(), thatContain("CamelHttpUri"));
        assertEquals(List.of(), thatContain("toD: *(http|\\$\\{|\"\\$\\{)"));
    }

    /** CVE-2026-85251: camel-http sends credentials to the host of a redirect. */
    @Test
    void noRedirectIsFollowed() throws IOException {
        assertEquals(List.of(), thatContain("(?i)followRedirects"));
    }

    /** CVE-2026-85316: a path that begins with "proxy" turns a consumer into a proxy. */
    @Test
    void noPathIsAProxy() {
        listeners()
                .forEach(endpoint -> assertFalse(
                        endpoint.isHttpProxy()
                                || endpoint.getPath().replaceFirst("^/+", "").startsWith("proxy"),
                        endpoint.getPath()));
    }

    /** CVE-2026-84176: with CORS on, Camel allows any origin, with credentials. */
    @Test
    void noOriginIsAllowed() {
        for (String url : List.of(
                webhooks("generic"),
                management("/observe/health"),
                management("/admin/status"),
                management("/console/users"))) {
            HttpResponse<String> reply = Http.get(url, "Origin", "https://evil.example");
            assertEquals(
                    List.of(),
                    reply.headers().map().keySet().stream()
                            .filter(name -> name.toLowerCase().startsWith("access-control"))
                            .toList(),
                    url);
        }
    }

    /**
     * CVE-2026-49098, 46585, 46587, 46588, 48203, 49099: HTTP requests can bring in headers that steer a component
     * (kafka.* and the like). The exchange of a delivery holds no such header. Okta's one-time question is the
     * exception; it drops the headers after the verification.
     */
    @Test
    void noHeaderComesInFromOutside() throws IOException {
        for (Map.Entry<String, String> file : files("routes").entrySet()) {
            if (file.getValue().contains("uri: platform-http:")
                    && !file.getKey().endsWith("okta-challenge.camel.yaml")) {
                assertTrue(file.getValue().contains("headerFilterStrategy: \"#no-headers\""), file.getKey());
            }
        }
        String challenge = Files.readString(Path.of("routes/providers/okta-challenge.camel.yaml"));
        assertTrue(challenge.indexOf("verify:header") < challenge.indexOf("removeHeaders: {pattern: \"*\"}"));
    }

    /** CVE-2026-85312: the request header Long-Running-Action joins a saga of another client. */
    @Test
    void noSagaInRoutes() throws IOException {
        assertEquals(List.of(), thatContain("(?i)(saga\\b|Long-Running-Action)"));
        assertTrue(context.getRoutes().size() > 50, "the routes are loaded");
        assertTrue(context.getRoutes().stream()
                .flatMap(route -> route.filter("*").stream())
                .noneMatch(SagaProcessor.class::isInstance));
    }

    /**
     * CVE-2026-54515 and CVE-2026-68497: jackson-databind lets JSON harm the classes that it is bound to. users-sync
     * binds JSON to no class.
     */
    @Test
    void jsonIsReadAsATreeOnly() throws IOException {
        assertEquals(
                List.of(),
                sourcesThatContain(
                        "@Json(Type|Ignore|Create|Prop)|[dD]efaultTyping|treeToValue|convertValue|XMLGregorianCalendar"));
        assertEquals(List.of("JsonBody.java"), sourcesThatContain("readValue"));
        assertTrue(Files.readString(Sources.of("src/main/java", "JsonBody")).contains("readerFor(JsonNode.class)"));
    }

    /**
     * CVE-2026-1002, 6860, 15075 and 15076: Vert.x' static files, server names in TLS, and HTTP clients. users-sync
     * uses only its plain server.
     */
    @Test
    void vertxIsAServerAndNoMore() throws IOException {
        assertEquals(List.of(), sourcesThatContain("StaticHandler|setSni|createHttpClient|WebClient"));
        assertEquals(List.of(), thatContain("(?i)(vertx-http|\\bsni)"));
    }

    /**
     * CVE-2026-33870: Netty ends a chunk's head within quoted text, so a proxy may see one request where Netty sees
     * two. Each request must be signed.
     */
    @Test
    void aRequestWithinAnotherIsNoneThatIsTrusted() throws IOException {
        String head = "POST /webhooks/generic HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
        try (Socket socket =
                new Socket("localhost", URI.create(webhooks("generic")).getPort())) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream()
                    .write((head + "Transfer-Encoding: chunked\r\n\r\n1;a=\"\r\nx\r\n0\r\n\r\n" + head
                                    + "Connection: close\r\nContent-Length: 2\r\n\r\n{}\"\r\n0\r\n\r\n")
                            .getBytes(StandardCharsets.ISO_8859_1));
            socket.shutdownOutput();
            String replies = new String(socket.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            assertTrue(
                    replies.isEmpty() || replies.startsWith("HTTP/1.1 4"),
                    replies); // a Netty that refuses the chunk closes the connection
            assertFalse(replies.contains("HTTP/1.1 2"), replies);
        }
        assertEquals("0", database.value("SELECT count(*) FROM neon_auth.users_sync"));
    }

    /**
     * CVE-2026-33871: headers that never end. The server must close the connection long before its limit for slow
     * clients does.
     */
    @Test
    void aFloodOfContinuationsEndsTheConnection() throws IOException {
        try (Socket socket =
                new Socket("localhost", URI.create(webhooks("generic")).getPort())) {
            socket.setSoTimeout(5_000);
            OutputStream out = socket.getOutputStream();
            out.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
            out.write(frame(4, 0, 0)); // SETTINGS
            out.write(frame(1, 0, 1)); // HEADERS of stream 1, to be continued
            try {
                for (int i = 0; i < 1_000; i++) {
                    out.write(frame(9, 0, 1)); // CONTINUATION, empty
                }
                out.flush();
            } catch (SocketException e) {
                return; // closed already
            }
            assertTrue(endsWithGoAway(new DataInputStream(socket.getInputStream())), "the connection stays open");
        }
    }

    private static byte[] frame(int type, int flags, int stream) {
        return new byte[] {0, 0, 0, (byte) type, (byte) flags, 0, 0, 0, (byte) stream};
    }

    private static boolean endsWithGoAway(DataInputStream in) throws IOException {
        try {
            while (true) {
                int length = in.readUnsignedByte() << 16 | in.readUnsignedShort();
                int type = in.readUnsignedByte();
                in.skipNBytes(5 + length);
                if (type == 7) {
                    return true;
                }
            }
        } catch (SocketTimeoutException e) {
            return false;
        } catch (EOFException | SocketException e) {
            return true;
        }
    }

    private static List<String> sourcesThatContain(String pattern) throws IOException {
        try (Stream<Path> sources = Files.walk(Path.of("src/main/java"))) {
            List<Path> all =
                    sources.filter(file -> file.toString().endsWith(".java")).toList();
            assertTrue(all.size() > 50);
            List<String> found = new ArrayList<>();
            for (Path file : all) {
                if (Pattern.compile(pattern).matcher(Files.readString(file)).find()) {
                    found.add(file.getFileName().toString());
                }
            }
            return found;
        }
    }

    /**
     * Found by trial: with useStreaming the largest body has no limit, and the static handler serves the working
     * directory, settings included.
     */
    @Test
    void noStreamingAndNoStaticFiles() throws IOException {
        assertEquals(List.of(), thatContain("(?i)useStreaming|staticEnabled"));
        listeners().forEach(endpoint -> assertFalse(endpoint.isUseStreaming(), endpoint.getPath()));
        for (String path : List.of(
                "config/application.properties",
                "application.properties",
                "pom.xml",
                "../config/application.properties",
                "index.html")) {
            assertEquals(
                    404, Http.get(webhooks("x").replace("webhooks/x", path)).statusCode(), path);
            assertEquals(404, Http.get(management("/" + path)).statusCode(), path);
        }
    }

    /** CAMEL-25462: Camel ignores the settings of the management server when it shares the webhook port. */
    @Test
    void theManagementPortIsAnother() {
        assertFalse(settings.getProperty("camel.management.port").equals(settings.getProperty("camel.server.port")));
        for (String path :
                List.of("/observe/health", "/observe/metrics", "/admin/status", "/console/users", "/sample/generic")) {
            assertEquals(
                    404, Http.get(webhooks("x").replace("/webhooks/x", path)).statusCode(), path);
        }
    }
}
