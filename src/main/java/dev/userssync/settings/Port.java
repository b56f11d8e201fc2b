package dev.userssync.settings;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import org.apache.camel.CamelContext;

/** Tells whether a TCP port is free. */
public final class Port {

    private Port() {
    }

    /**
     * Camel only warns when a port is taken, and goes on without a listener.
     *
     * @throws StartupFailure if the port of the setting is taken
     */
    public static void requireFree(CamelContext context, String setting, String variable) {
        String port = Setting.of(context, setting);
        if (!isFree(Integer.parseInt(port))) {
            throw new StartupFailure("port " + port + " is in use: stop what uses it, or set " + variable + " to another port");
        }
    }

    /** Binds without listening: a caller in that moment would be let in, and cut off. */
    public static boolean isFree(int port) {
        try (Socket socket = new Socket()) {
            socket.setReuseAddress(true); // as a server's: connections that have been closed do not keep the port
            socket.bind(new InetSocketAddress(port));
            return true;
        } catch (IOException taken) {
            return false;
        }
    }
}
