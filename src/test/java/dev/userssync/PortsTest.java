package dev.userssync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.userssync.bench.Ports;
import dev.userssync.settings.Port;
import dev.userssync.settings.StartupFailure;
import dev.userssync.testing.Http;
import dev.userssync.testing.StartedApp;
import dev.userssync.testing.TestDatabase;
import dev.userssync.testing.TestSettings;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Properties;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Both ports before and after the start. */
@Tag("app")
class PortsTest {

    private final Properties settings = TestSettings.with(new TestDatabase(), "generic");

    private int port(String setting) {
        return Integer.parseInt(settings.getProperty(setting));
    }

    @ParameterizedTest
    @CsvSource({"camel.server.port, PORT", "camel.management.port, MANAGEMENT_PORT"})
    void oneThatIsInUseIsRefused(String setting, String variable) throws IOException {
        try (ServerSocket other = new ServerSocket(port(setting), 1, InetAddress.getLoopbackAddress())) {
            StartupFailure failure = assertThrows(StartupFailure.class, () -> new StartedApp(settings).close());
            assertEquals(
                    "port " + other.getLocalPort() + " is in use: stop what uses it, or set " + variable
                            + " to another port",
                    failure.getMessage());
        }
    }

    @Test
    void oneThatWasClosedAMomentAgoIsFree() throws IOException {
        try (ServerSocket before = new ServerSocket(port("camel.server.port"));
                Socket client = new Socket("localhost", before.getLocalPort())) {
            before.accept().close(); // closed first, so this end of the connection lingers
            assertEquals(-1, client.getInputStream().read());
        }
        try (StartedApp app = new StartedApp(settings)) {
            assertEquals(
                    401,
                    Http.post(app.webhooks("generic"), "{}", "content-type", "application/json")
                            .statusCode());
        }
    }

    @Test
    void nobodyIsLetInWhileOneIsChecked() throws Exception {
        int port = Ports.free();
        FutureTask<Integer> checks = new FutureTask<>(() -> {
            for (int i = 0; i < 5000; i++) {
                Port.isFree(port);
            }
            return port;
        });
        new Thread(checks).start();
        while (!checks.isDone()) {
            try (Socket socket = new Socket("localhost", port)) {
                assertEquals(
                        port,
                        socket.getLocalPort(),
                        "another process listens, or the system assigned the port to the test's own socket");
            } catch (ConnectException refused) {
                Thread.onSpinWait();
            }
        }
    }
}
