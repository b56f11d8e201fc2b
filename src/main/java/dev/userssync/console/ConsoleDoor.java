package dev.userssync.console;

import dev.userssync.management.Access;
import io.vertx.core.http.Cookie;
import io.vertx.core.http.CookieSameSite;
import io.vertx.ext.web.RoutingContext;
import java.time.Clock;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Guards the console: the password, its sessions, and the headers that protect a page from misuse. Thread-safe. */
final class ConsoleDoor {

    private static final Logger LOG = LoggerFactory.getLogger(ConsoleDoor.class);

    private final Access access;
    private volatile ConsoleSession session;
    private volatile String sessionPassword;

    ConsoleDoor(Access access) {
        this.access = access;
    }

    /** Forbids inline script and style, content from elsewhere, frames, and caching in the browser. */
    void secure(RoutingContext request) {
        request.response()
                .headers()
                .set(
                        "Content-Security-Policy",
                        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
                                + " form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
                .set("X-Content-Type-Options", "nosniff")
                .set("X-Frame-Options", "DENY")
                .set("Referrer-Policy", "same-origin")
                .set("Cross-Origin-Opener-Policy", "same-origin")
                .set("Cross-Origin-Resource-Policy", "same-origin")
                .set("Cache-Control", "no-store");
        if (!access.isConsoleOn()) {
            request.response().setStatusCode(404).end("The console is off: set CONSOLE_PASSWORD.\n");
        } else if (!access.hasPassword() && !Access.isLocal(request.request())) {
            request.response()
                    .setStatusCode(403)
                    .end("Without CONSOLE_PASSWORD only this machine can open the console: set CONSOLE_PASSWORD.\n");
        } else {
            request.next();
        }
    }

    /** The sessions of the current password. A new password ends the old sessions. */
    ConsoleSession session() {
        String password = access.password();
        if (session == null || !password.equals(sessionPassword)) {
            synchronized (this) {
                if (session == null || !password.equals(sessionPassword)) {
                    session = new ConsoleSession(password.isEmpty() ? null : password, Clock.systemUTC());
                    sessionPassword = password;
                }
            }
        }
        return session;
    }

    static String cookie(RoutingContext request) {
        Cookie cookie = request.request().getCookie(ConsoleSession.COOKIE);
        return cookie == null ? null : cookie.getValue();
    }

    /** Opens a session. */
    String open(RoutingContext request) {
        String value = session().open();
        request.response().addCookie(newCookie(request, value).setMaxAge(ConsoleSession.LENGTH.toSeconds()));
        return value;
    }

    static Cookie newCookie(RoutingContext request, String value) {
        return Cookie.cookie(ConsoleSession.COOKIE, value)
                .setPath("/console")
                .setHttpOnly(true)
                .setSameSite(CookieSameSite.STRICT)
                .setSecure(request.request().isSSL()
                        || "https".equalsIgnoreCase(request.request().getHeader("X-Forwarded-Proto")));
    }

    void login(RoutingContext request, Console console) {
        if (!Access.isSameOrigin(request.request())) {
            request.response().setStatusCode(403).end("This form did not come from the console.\n");
        } else if (access.isBusyWithGuesses()) {
            console.html(
                    request,
                    429,
                    "login",
                    Map.of("message", "Too many wrong passwords. Wait a few seconds, then try again."));
        } else if (access.isPassword(request.request().getFormAttribute("password"))) {
            request.vertx()
                    .executeBlocking(() -> open(request), false)
                    .onComplete(opened -> Console.redirect(request, "/console/users"));
        } else {
            access.wrongPassword(request.vertx(), () -> {
                LOG.warn(
                        "Wrong password for the console, from {}",
                        request.request().remoteAddress().hostAddress());
                console.html(request, 401, "login", Map.of("message", "Wrong password."));
            });
        }
    }
}
