package dev.userssync.console;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * The session of the console as a signed cookie: {@code <end in epoch seconds>.<random>.<HMAC-SHA256>}. The server
 * stores nothing, so every instance with the same password accepts the cookie, even after a restart. The CSRF token of
 * a form is another HMAC over the cookie. Own code: vertx-web's session and CSRF handlers keep state in one instance,
 * or refuse the form of a second tab. Thread-safe.
 */
public final class ConsoleSession {

    static final String COOKIE = "users-sync-console";
    static final Duration LENGTH = Duration.ofHours(8);

    /** Slows down guessing the password from a stolen cookie; OWASP's number for PBKDF2 with SHA-256. */
    private static final int ROUNDS = 600_000;

    private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

    private final SecretKeySpec key;
    private final Clock clock;
    private final SecureRandom random = new SecureRandom();

    /** @param password of the console, or null for a random key, which ends with this process */
    public ConsoleSession(String password, Clock clock) {
        this.clock = clock;
        byte[] secret = new byte[32];
        random.nextBytes(secret);
        if (password != null) {
            try {
                secret = SecretKeyFactory.getInstance("PBKDF2WithHmacSHA256")
                        .generateSecret(new PBEKeySpec(
                                password.toCharArray(),
                                "users-sync console".getBytes(StandardCharsets.UTF_8),
                                ROUNDS,
                                256))
                        .getEncoded();
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        }
        key = new SecretKeySpec(secret, "HmacSHA256");
    }

    /** The value of a new cookie. */
    String open() {
        byte[] nonce = new byte[16];
        random.nextBytes(nonce);
        String content = clock.instant().plus(LENGTH).getEpochSecond() + "." + BASE64.encodeToString(nonce);
        return content + "." + hmac("session " + content);
    }

    boolean isOpen(String cookie) {
        int end = cookie == null ? -1 : cookie.lastIndexOf('.');
        if (end < 0 || !cookie.matches("\\d{1,12}\\.[\\w-]+\\.[\\w-]+")) {
            return false;
        }
        return isEqual(hmac("session " + cookie.substring(0, end)), cookie.substring(end + 1))
                && Long.parseLong(cookie.substring(0, cookie.indexOf('.')))
                        > clock.instant().getEpochSecond();
    }

    /** The token that a form of this session must send back. */
    String csrf(String cookie) {
        return hmac("csrf " + cookie);
    }

    boolean isCsrf(String cookie, String token) {
        return token != null && isEqual(csrf(cookie), token);
    }

    private String hmac(String text) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return BASE64.encodeToString(mac.doFinal(text.getBytes(StandardCharsets.UTF_8)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean isEqual(String one, String other) {
        return MessageDigest.isEqual(one.getBytes(StandardCharsets.UTF_8), other.getBytes(StandardCharsets.UTF_8));
    }
}
