package dev.userssync.client;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The bearer token of a SCIM client: {@code ussc_} and 256 random bits. Only its SHA-256 is stored. The time of a look-up
 * by the hash tells nothing of a token. Stateless.
 */
public final class ClientToken {

    private static final String PREFIX = "ussc_";
    /** The form of a token, so that other strings cost no look-up in the database. */
    private static final Pattern BEARER =
            Pattern.compile("\\s*Bearer\\s+(" + PREFIX + "[A-Za-z0-9_-]{43})\\s*", Pattern.CASE_INSENSITIVE);

    private static final SecureRandom RANDOM = new SecureRandom();

    private ClientToken() {}

    public static String make() {
        byte[] bits = new byte[32];
        RANDOM.nextBytes(bits);
        return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bits);
    }

    public static String hash(String token) {
        try {
            return HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(token.getBytes(StandardCharsets.UTF_8)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e); // every JDK has it
        }
    }

    /** @param authorization all headers of this name; null if they are not one bearer token of this form */
    static String in(List<String> authorization) {
        if (authorization.size() != 1) {
            return null;
        }
        Matcher bearer = BEARER.matcher(authorization.get(0));
        return bearer.matches() ? bearer.group(1) : null;
    }
}
