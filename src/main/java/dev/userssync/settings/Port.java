package dev.userssync.settings;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import org.apache.camel.CamelContext;

/** Checks whether a TCP port is free. */
public final class Port {

    private Port() {}

    /**
     * Stops the start if a port is taken. Camel would only warn, and run without a listener.
     *
     * @throws StartupFailure if the port of the setting is taken
     */
    public static void requireFree(CamelContext context, String setting, String variable) {
        String port = Setting.of(context, setting);
        if (!isFree(Integer.parseInt(port))) {
            throw new StartupFailure(
                    "port " + port + " is in use: stop what uses it, or set " + variable + " to another port");
        }
    }

    /** Binds without listening: a listener would accept a client in that moment and then cut it off. */
    public static boolean isFree(int port) {
        try (Socket socket = new Socket()) {
            socket.setReuseAddress(true); // like a server: closed connections do not keep the port
            socket.bind(new InetSocketAddress(port));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
