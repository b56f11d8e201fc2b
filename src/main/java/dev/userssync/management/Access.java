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
 * Decides about requests on the management port. With CONSOLE_PASSWORD, it accepts anybody who knows the password.
 * Without it, only callers on this machine; they may show or remove personal data only in the profile dev. Thread-safe.
 */
public final class Access {

    /** How many wrong passwords may wait for their answer at the same time, each for a second. */
    private static final int GUESSES = 5;

    private final CamelContext context;
    private final boolean dev;
    private final AtomicInteger guesses = new AtomicInteger();

    public Access(CamelContext context) {
        this.context = context;
        dev = "dev".equals(context.getCamelContextExtension().getProfile());
    }

    /** The current password, because CONSOLE_PASSWORD_FILE may have changed; empty if there is none. */
    public String password() {
        return Setting.of(context, "console.password");
    }

    public boolean hasPassword() {
        return !password().isEmpty();
    }

    /** Whether the console is on. Its pages show personal data. */
    public boolean isConsoleOn() {
        return dev || hasPassword();
    }

    public boolean isPassword(String given) {
        return hasPassword() && given != null && MessageDigest.isEqual(hash(password()), hash(given));
    }

    /**
     * While too many guesses are pending, passwords are not checked; an instant refusal would leak that a guess is
     * wrong.
     */
    public boolean isBusyWithGuesses() {
        return guesses.get() >= GUESSES;
    }

    /** Answers a wrong password after a second. */
    public void wrongPassword(Vertx vertx, Runnable answer) {
        guesses.incrementAndGet();
        vertx.setTimer(1_000, later -> {
            guesses.decrementAndGet();
            answer.run();
        });
    }

    /** Whether the request brings a password that is checked. */
    boolean isGuess(HttpServerRequest request) {
        return hasPassword() && request.getHeader("Authorization") != null;
    }

    /**
     * Checks a request of the command line or of curl.
     *
     * @param personal whether it shows or removes personal data
     * @return why it is refused and what to do, or null if it may pass
     */
    String refusal(HttpServerRequest request, boolean personal) {
        if (hasPassword()) {
            return isPassword(basicPassword(request))
                    ? null
                    : "the password is missing or wrong: curl -u :$CONSOLE_PASSWORD ...";
        }
        if (!isLocal(request)) {
            return "without CONSOLE_PASSWORD only this machine has access: set CONSOLE_PASSWORD";
        }
        return personal && !dev
                ? "this command handles personal data: set CONSOLE_PASSWORD for users-sync and for this command"
                : null;
    }

    /** The password of basic authentication; the user name does not matter. */
    private static String basicPassword(HttpServerRequest request) {
        String header = request.getHeader("Authorization");
        if (header == null || !header.regionMatches(true, 0, "Basic ", 0, 6)) {
            return null;
        }
        try {
            String credentials =
                    new String(Base64.getDecoder().decode(header.substring(6).strip()), StandardCharsets.UTF_8);
            return credentials.substring(credentials.indexOf(':') + 1);
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    /**
     * Whether the request comes from this machine, and not through a program on it. A browser with a foreign page sends
     * Origin, or a Host of that page's choice (DNS rebinding). A proxy names its client.
     */
    public static boolean isLocal(HttpServerRequest request) {
        try {
            return InetAddress.getByName(request.remoteAddress().hostAddress()).isLoopbackAddress()
                    && request.authority() != null
                    && List.of("localhost", "127.0.0.1", "::1", "[::1]")
                            .contains(request.authority().host())
                    && (request.getHeader("Origin") == null || isSameOrigin(request))
                    && request.getHeader("Forwarded") == null
                    && request.getHeader("X-Forwarded-For") == null;
        } catch (UnknownHostException e) {
            return false;
        }
    }

    /** Whether a page of this host and port sent the request; true if the browser sends no origin. */
    public static boolean isSameOrigin(HttpServerRequest request) {
        String site = request.getHeader("Sec-Fetch-Site");
        String origin = request.getHeader("Origin");
        return (site == null || site.equals("same-origin") || site.equals("none"))
                && (origin == null
                        || origin.matches("https?://.*")
                                && origin.replaceFirst("https?://", "").equals(request.getHeader("Host")));
    }

    /** A hash of fixed length, so that a comparison leaks no length. */
    private static byte[] hash(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
