package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.camel.BindToRegistry;

/**
 * The verification scheme {@code hmac}: a header holds the HMAC of the raw body. The key is the UTF-8 text of a secret.
 * Options: header, algorithm, encoding, prefix, timestamp, tolerance. Without a timestamp the header is the signature
 * (Keycloak, Logto). With one it is {@code t=<time>,v1=<signature>} and the signature covers {@code <time>.<body>}
 * (Zitadel in seconds, WorkOS in milliseconds and with ", "). Up to ten v1 and all secrets are tried (rotation), with
 * one HMAC per secret. Thread-safe.
 *
 * @see <a href="https://github.com/zitadel/zitadel/blob/main/pkg/actions/signing.go">Zitadel's signing</a>
 * @see <a href="https://github.com/workos/workos-node/blob/main/src/common/crypto/signature-provider.ts">WorkOS'
 *         signing</a>
 */
@BindToRegistry("hmac")
public final class HmacSignature implements VerificationSchemeFactory {

    @Override
    public VerificationScheme create(SchemeOptions options) throws GeneralSecurityException {
        String algorithm = switch (options.algorithm()) {
            case "sha256" -> "HmacSHA256";
            case "sha1" -> "HmacSHA1";
            default -> throw options.wrong("algorithm", "must be sha256 or sha1");
        };
        if (options.tolerance() < 1) {
            throw options.wrong("tolerance", "must be at least 1 second");
        }
        return new Keyed(
                options.secrets().stream()
                        .map(secret -> new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), algorithm))
                        .toList(),
                options.requiredHeader(),
                options.prefix(),
                options.encoding(),
                options.timestamp(),
                options.tolerance(),
                options.clock());
    }

    private record Keyed(
            List<SecretKeySpec> secrets,
            String header,
            String prefix,
            SchemeOptions.Encoding encoding,
            SchemeOptions.Timestamp unit,
            long tolerance,
            Clock clock)
            implements VerificationScheme {

        @Override
        public byte[] verify(MultiMap headers, byte[] body) throws GeneralSecurityException {
            String value = SchemeOptions.one(headers, header).strip();
            if (!value.startsWith(prefix)) {
                throw new Refused(Refused.Reason.HEADER, "header " + header + " does not start with " + prefix);
            }
            String time = null;
            List<byte[]> signatures = new ArrayList<>();
            if (unit == SchemeOptions.Timestamp.NONE) {
                addDecoded(signatures, value.substring(prefix.length()));
            } else {
                int seen = 0;
                for (String part : value.substring(prefix.length()).split(",")) {
                    String[] nameAndValue = part.strip().split("=", 2);
                    if (nameAndValue[0].equals("t") && nameAndValue.length == 2 && time == null) {
                        time = nameAndValue[1];
                    } else if (nameAndValue[0].equals("v1")
                            && nameAndValue.length == 2
                            && seen++ < WebhookKeys.MOST_SIGNATURES) {
                        addDecoded(signatures, nameAndValue[1]);
                    }
                }
                checkAge(time);
            }
            for (SecretKeySpec secret : signatures.isEmpty() ? List.<SecretKeySpec>of() : secrets) {
                byte[] expected = hmac(secret, time, body);
                for (byte[] signature : signatures) {
                    if (MessageDigest.isEqual(expected, signature)) {
                        return body;
                    }
                }
            }
            throw new Refused(
                    Refused.Reason.SIGNATURE,
                    "no signature matches the body with any of the " + secrets.size() + " configured secrets");
        }

        private void checkAge(String time) {
            if (time == null || !time.matches("\\d{1,15}")) {
                throw new Refused(Refused.Reason.HEADER, "header " + header + " has no t=<time>");
            }
            DeliveryAge.check(unit.instant(Long.parseLong(time)), clock.instant(), tolerance);
        }

        /** Skips a signature that is not hex or base64, or has another length. */
        private void addDecoded(List<byte[]> signatures, String text) {
            try {
                byte[] signature = encoding == SchemeOptions.Encoding.HEX
                        ? HexFormat.of().parseHex(text)
                        : Base64.getDecoder().decode(text);
                if (signature.length == (secrets.get(0).getAlgorithm().equals("HmacSHA1") ? 20 : 32)) {
                    signatures.add(signature);
                }
            } catch (IllegalArgumentException e) {
                // it equals no signature
            }
        }

        private static byte[] hmac(SecretKeySpec secret, String time, byte[] body) throws GeneralSecurityException {
            Mac mac = Mac.getInstance(secret.getAlgorithm());
            mac.init(secret);
            if (time != null) {
                mac.update((time + ".").getBytes(StandardCharsets.US_ASCII));
            }
            return mac.doFinal(body);
        }

        @Override
        public Signed sign(byte[] document) throws GeneralSecurityException {
            String time = switch (unit) {
                case NONE -> null;
                case SECONDS -> Long.toString(clock.instant().getEpochSecond());
                case MILLISECONDS -> Long.toString(clock.instant().toEpochMilli());
            };
            byte[] signature = hmac(secrets.get(0), time, document);
            String text = encoding == SchemeOptions.Encoding.HEX
                    ? HexFormat.of().formatHex(signature)
                    : Base64.getEncoder().encodeToString(signature);
            return new Signed(Map.of(header, prefix + (time == null ? text : "t=" + time + ",v1=" + text)), document);
        }
    }
}
