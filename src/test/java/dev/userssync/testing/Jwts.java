package dev.userssync.testing;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signs as providers do, with the JDK alone: independent of the tested implementation, and willing to sign anything.
 */
public final class Jwts {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Base64.Encoder BASE64URL = Base64.getUrlEncoder().withoutPadding();

    private Jwts() {}

    public static String json(Map<String, ?> object) {
        try {
            return JSON.writeValueAsString(object);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The header {@code {alg, kid, ...}}, in this order. */
    public static String header(String algorithm, String keyId, Object... more) {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put("alg", algorithm);
        if (keyId != null) {
            header.put("kid", keyId);
        }
        for (int i = 0; i < more.length; i += 2) {
            header.put((String) more[i], more[i + 1]);
        }
        return json(header);
    }

    /** A JWS in compact form. The given algorithm signs, whatever the header says. */
    public static String sign(String header, String payload, String algorithm, Key key) {
        String input = base64url(header.getBytes(StandardCharsets.UTF_8)) + "."
                + base64url(payload.getBytes(StandardCharsets.UTF_8));
        return input + "." + base64url(signature(input.getBytes(StandardCharsets.US_ASCII), algorithm, key));
    }

    public static String base64url(byte[] bytes) {
        return BASE64URL.encodeToString(bytes);
    }

    private static byte[] signature(byte[] input, String algorithm, Key key) {
        try {
            if (algorithm.equals("none")) {
                return new byte[0];
            }
            String bits = algorithm.substring(2);
            if (algorithm.startsWith("HS")) {
                Mac mac = Mac.getInstance("HmacSHA" + bits);
                mac.init(new SecretKeySpec(key.getEncoded(), "HmacSHA" + bits));
                return mac.doFinal(input);
            }
            Signature signature = Signature.getInstance(
                    switch (algorithm.substring(0, 2)) {
                        case "RS" -> "SHA" + bits + "withRSA";
                        case "PS" -> "RSASSA-PSS";
                        case "ES" -> "SHA" + bits + "withECDSAinP1363Format";
                        default -> "Ed25519";
                    });
            if (algorithm.startsWith("PS")) {
                signature.setParameter(new PSSParameterSpec(
                        "SHA-" + bits, "MGF1", new MGF1ParameterSpec("SHA-" + bits), Integer.parseInt(bits) / 8, 1));
            }
            signature.initSign((PrivateKey) key);
            signature.update(input);
            return signature.sign();
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    public static Key secret(String text) {
        return new SecretKeySpec(text.getBytes(StandardCharsets.UTF_8), "HMAC");
    }
}
