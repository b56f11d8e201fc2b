package dev.userssync.verify;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Verifies and signs with the keys of one provider for Standard Webhooks 1.0.0 and Svix, which sign alike:
 * {@code id.timestamp.body}, {@code v1} = HMAC-SHA256, {@code v1a} = ed25519. Immutable and thread-safe.
 * <p>
 * Own code, because the libraries on Maven Central ({@code com.standardwebhooks} 1.1.1, {@code com.svix} 1.99.1) take
 * the body as a String instead of the raw bytes, hold one key per object, read one header family each, have no v1a and
 * no clock to set. The tests sign with both libraries as the reference.
 *
 * @see <a href="https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md">the
 *         specification</a>
 */
public final class WebhookKeys {

    /**
     * How many seconds the timestamp of a delivery may be before or after our clock; the value of every official
     * library.
     */
    static final long TOLERANCE_SECONDS = 300;

    /** More than any rotation needs. Without a bound, one request of a stranger could cost seconds. */
    static final int MOST_SIGNATURES = 10;

    private static final int SHORTEST_SECRET_BYTES =
            16; // the spec asks for 24, but Svix's documentation shows a secret of 18
    private static final HexFormat HEX = HexFormat.of();
    private static final byte[] ED25519_X509_PREFIX = HEX.parseHex("302a300506032b6570032100"); // RFC 8410 §4
    private static final byte[] ED25519_PKCS8_PREFIX = HEX.parseHex("302e020100300506032b657004220420"); // RFC 8410 §7

    private final List<SecretKeySpec> secrets = new ArrayList<>();
    private final List<PublicKey> publicKeys = new ArrayList<>();
    private PrivateKey privateKey;

    /**
     * Reads keys separated by spaces or commas: {@code whsec_} + base64 (also without the prefix, and Supabase's
     * {@code v1,whsec_}), {@code whpk_} + base64 of the 32 bytes of an ed25519 public key, {@code whsk_} + base64 of
     * its seed and public key.
     *
     * @throws IllegalArgumentException if a key is none of these; the message says which and why, and never shows it
     */
    public WebhookKeys(String keys) {
        int number = 0;
        for (String key : keys.trim().split("[\\s,]+")) {
            if (key.equals("v1") || key.equals("v1a")) {
                continue; // Supabase shows its secret as v1,whsec_...
            }
            number++;
            try {
                add(key);
            } catch (IllegalArgumentException | GeneralSecurityException e) {
                throw new IllegalArgumentException("key " + number + " " + e.getMessage());
            }
        }
    }

    private void add(String key) throws GeneralSecurityException {
        if (key.startsWith("whpk_")) {
            publicKeys.add(publicKey(decode(key, "whpk_", 32), 0));
        } else if (key.startsWith("whsk_")) {
            byte[] seedAndPublic = decode(key, "whsk_", 64);
            publicKeys.add(publicKey(seedAndPublic, 32));
            privateKey = KeyFactory.getInstance("Ed25519")
                    .generatePrivate(new PKCS8EncodedKeySpec(concat(ED25519_PKCS8_PREFIX, seedAndPublic, 0)));
        } else {
            byte[] secret = decode(key, "whsec_", 0);
            if (secret.length < SHORTEST_SECRET_BYTES) {
                throw new IllegalArgumentException(
                        "is too short: " + secret.length + " bytes, at least " + SHORTEST_SECRET_BYTES + " are needed");
            }
            secrets.add(new SecretKeySpec(secret, "HmacSHA256"));
        }
    }

    private static byte[] decode(String key, String prefix, int length) {
        byte[] bytes;
        try {
            bytes = Base64.getDecoder().decode(key.startsWith(prefix) ? key.substring(prefix.length()) : key);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "is not base64; expected whsec_, whpk_ or whsk_ and base64, as the provider shows it");
        }
        if (length > 0 && bytes.length != length) {
            throw new IllegalArgumentException(
                    "has " + bytes.length + " bytes after " + prefix + ", expected " + length);
        }
        return bytes;
    }

    private static PublicKey publicKey(byte[] bytes, int from) throws GeneralSecurityException {
        return KeyFactory.getInstance("Ed25519")
                .generatePublic(new X509EncodedKeySpec(concat(ED25519_X509_PREFIX, bytes, from)));
    }

    private static byte[] concat(byte[] prefix, byte[] bytes, int from) {
        byte[] all = new byte[prefix.length + 32];
        System.arraycopy(prefix, 0, all, 0, prefix.length);
        System.arraycopy(bytes, from, all, prefix.length, 32);
        return all;
    }

    /**
     * Checks one delivery, with one HMAC per secret and at most ten signatures.
     *
     * @param signatures the signature header: one or several {@code v1,base64} or {@code v1a,base64}, separated by
     *         spaces or by ", "
     * @throws Refused if no signature is right or the timestamp (unix seconds) is out of tolerance
     */
    public void verify(String id, String timestamp, String signatures, byte[] body, Instant now)
            throws GeneralSecurityException {
        checkAge(timestamp, now);
        List<byte[]> hmacs = new ArrayList<>();
        List<byte[]> ed25519 = new ArrayList<>();
        Stream.of(signatures.trim().split("\\s+", MOST_SIGNATURES + 1))
                .limit(MOST_SIGNATURES)
                .forEach(signature -> {
                    // Supabase joins with ", ", so a comma may also end a signature: never take "all after the first
                    // comma".
                    String[] versionAndValue = signature.split(",");
                    if (versionAndValue.length >= 2 && versionAndValue[0].equals("v1")) {
                        addDecoded(hmacs, versionAndValue[1], 32);
                    } else if (versionAndValue.length >= 2 && versionAndValue[0].equals("v1a")) {
                        addDecoded(
                                ed25519,
                                versionAndValue[1],
                                64); // for another length, the JDK throws instead of returning false
                    }
                });
        if (isSigned(hmacs, ed25519, (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8), body)) {
            return;
        }
        throw new Refused(
                Refused.Reason.SIGNATURE,
                "no signature matches the body with any of the " + (secrets.size() + publicKeys.size())
                        + " configured keys");
    }

    private static void checkAge(String timestamp, Instant now) {
        if (!timestamp.matches("\\d{1,12}")) {
            throw new Refused(Refused.Reason.HEADER, "the timestamp header is not in unix seconds");
        }
        DeliveryAge.check(Instant.ofEpochSecond(Long.parseLong(timestamp)), now, TOLERANCE_SECONDS);
    }

    /** Skips a signature that is not base64 or has another length. */
    private static void addDecoded(List<byte[]> signatures, String base64, int length) {
        try {
            byte[] signature = Base64.getDecoder().decode(base64);
            if (signature.length == length) {
                signatures.add(signature);
            }
        } catch (IllegalArgumentException e) {
            // equals no signature
        }
    }

    private boolean isSigned(List<byte[]> hmacs, List<byte[]> ed25519, byte[] signed, byte[] body)
            throws GeneralSecurityException {
        for (SecretKeySpec secret : hmacs.isEmpty() ? List.<SecretKeySpec>of() : secrets) {
            byte[] expected = hmac(secret, signed, body);
            for (byte[] given : hmacs) {
                if (MessageDigest.isEqual(expected, given)) {
                    return true;
                }
            }
        }
        for (byte[] given : ed25519) {
            for (PublicKey key : publicKeys) {
                if (isSignedBy(key, signed, body, given)) {
                    return true;
                }
            }
        }
        return false;
    }

    private static byte[] hmac(SecretKeySpec secret, byte[] signed, byte[] body) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(secret);
        mac.update(signed);
        return mac.doFinal(body);
    }

    private static boolean isSignedBy(PublicKey key, byte[] signed, byte[] body, byte[] given)
            throws GeneralSecurityException {
        Signature ed25519 = Signature.getInstance("Ed25519");
        ed25519.initVerify(key);
        ed25519.update(signed);
        ed25519.update(body);
        try {
            return ed25519.verify(given);
        } catch (SignatureException e) {
            return false; // the JDK found that the bytes are not a point of the curve
        }
    }

    /**
     * Signs one delivery as a provider does, with the first secret or, without a secret, with the private key.
     *
     * @return the value of the signature header
     * @throws IllegalStateException if there are only public keys
     */
    public String sign(String id, long timestamp, byte[] body) throws GeneralSecurityException {
        byte[] signed = (id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8);
        if (!secrets.isEmpty()) {
            return "v1," + Base64.getEncoder().encodeToString(hmac(secrets.get(0), signed, body));
        }
        if (privateKey == null) {
            throw new IllegalStateException("a public key (whpk_) can verify but not sign");
        }
        Signature ed25519 = Signature.getInstance("Ed25519");
        ed25519.initSign(privateKey);
        ed25519.update(signed);
        ed25519.update(body);
        return "v1a," + Base64.getEncoder().encodeToString(ed25519.sign());
    }
}
