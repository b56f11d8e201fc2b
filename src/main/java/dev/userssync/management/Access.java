package dev.userssync.management;

import dev.userssync.settings.Setting;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerRequest;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.CamelContext;

/**
 * Who may act on the management port. With CONSOLE_PASSWORD: whoever knows it. Without: somebody on this machine, and nobody else; and
 * what shows or removes personal data only in the profile dev. Thread-safe.
 */
public final class Access {

    /** How many wrong passwords may be waiting for their answer at the same time, each for a second. */
    private static final int GUESSES = 5;

    private final CamelContext context;
    private final boolean dev;
    private final AtomicInteger guesses = new AtomicInteger();

    public Access(CamelContext context) {
        this.context = context;
        dev = "dev".equals(context.getCamelContextExtension().getProfile());
    }

    /** As it is now: CONSOLE_PASSWORD_FILE may have changed. Empty: there is none. */
    String password() {
        return Setting.of(context, "console.password");
    }

    boolean hasPassword() {
        return !password().isEmpty();
    }

    /** Whether there is a console at all: pages show personal data. */
    public boolean isConsoleOn() {
        return dev || hasPassword();
    }

    boolean isPassword(String given) {
        return hasPassword() && given != null && MessageDigest.isEqual(hash(password()), hash(given));
    }

    /** Then a password is not even looked at: to be refused at once would say that it is wrong. */
    boolean isBusyWithGuesses() {
        return guesses.get() >= GUESSES;
    }

    /** Answers a wrong password after a second. */
    void wrongPassword(Vertx vertx, Runnable answer) {
        guesses.incrementAndGet();
        vertx.setTimer(1_000, later -> {
            guesses.decrementAndGet();
            answer.run();
        });
    }

    /** Whether a password comes with the request, and it is one that counts. */
    boolean isGuess(HttpServerRequest request) {
        return hasPassword() && request.getHeader("Authorization") != null;
    }

    /**
     * Whether a request of the command line, or of curl, is refused.
     *
     * @param personal it shows or removes personal data
     * @return what to do about it, or null: it may pass
     */
    String refusal(HttpServerRequest request, boolean personal) {
        if (hasPassword()) {
            return isPassword(basicPassword(request)) ? null : "the password is missing or wrong: curl -u :$CONSOLE_PASSWORD ...";
        }
        if (!isLocal(request)) {
            return "only from this machine, unless CONSOLE_PASSWORD is set";
        }
        return personal && !dev ? "set CONSOLE_PASSWORD for users-sync and for this command: it concerns personal data" : null;
    }

    /** The user name of basic authentication does not matter. */
    private static String basicPassword(HttpServerRequest request) {
        String header = request.getHeader("Authorization");
        if (header == null || !header.regionMatches(true, 0, "Basic ", 0, 6)) {
            return null;
        }
        try {
            String credentials = new String(Base64.getDecoder().decode(header.substring(6).strip()), StandardCharsets.UTF_8);
            return credentials.substring(credentials.indexOf(':') + 1);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * From this machine, and not from elsewhere through something on it: a browser that shows a foreign page sends Origin, or a Host of that
     * page's choice (DNS rebinding), and a proxy says for whom it asks.
     */
    static boolean isLocal(HttpServerRequest request) {
        try {
            return InetAddress.getByName(request.remoteAddress().hostAddress()).isLoopbackAddress()
                    && request.authority() != null
                    && List.of("localhost", "127.0.0.1", "::1", "[::1]").contains(request.authority().host())
                    && (request.getHeader("Origin") == null || isSameOrigin(request))
                    && request.getHeader("Forwarded") == null && request.getHeader("X-Forwarded-For") == null;
        } catch (UnknownHostException e) {
            return false;
        }
    }

    /** Whether a page of this very host and port sent it; true where the browser does not tell. */
    static boolean isSameOrigin(HttpServerRequest request) {
        String site = request.getHeader("Sec-Fetch-Site");
        String origin = request.getHeader("Origin");
        return (site == null || site.equals("same-origin") || site.equals("none"))
                && (origin == null || origin.matches("https?://.*") && origin.replaceFirst("https?://", "").equals(request.getHeader("Host")));
    }

    /** Of one length whatever is given, so that comparing them tells nothing. */
    private static byte[] hash(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
