//DEPS org.bitbucket.b_c:jose4j:0.9.7
package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Map;
import org.apache.camel.BindToRegistry;
import org.jose4j.jwt.JwtClaims;
import org.jose4j.jwt.MalformedClaimException;

/**
 * The verification scheme {@code jwt-header-with-body-hash}: a header holds a JWT whose claim
 * {@code request_body_sha256} is the SHA-256 of the raw body. Options: header, prefix, algorithm, encoding of the hash,
 * subject, tolerance. In Authorization the token is a bearer token (RFC 6750). FusionAuth writes standard base64 and no
 * time. An attacker could resend its old deliveries, which the merge rule makes harmless. Keycloak's extension (0.62
 * and newer) writes hex, {@code iat} and {@code exp}. Thread-safe.
 *
 * @see <a href="https://fusionauth.io/docs/extend/events-and-webhooks/signing">FusionAuth: Sign Webhooks</a>
 * @see <a
 *         href="https://github.com/p2-inc/keycloak-events/blob/main/src/main/java/io/phasetwo/keycloak/events/WebhookJwtSigner.java">Keycloak's
 *         extension</a>
 */
@BindToRegistry("jwt-header-with-body-hash")
public final class JwtBodyHash implements VerificationSchemeFactory {

    private static final String CLAIM = "request_body_sha256";

    @Override
    public VerificationScheme create(SchemeOptions options) {
        String header = options.requiredHeader();
        String prefix =
                options.prefix().isEmpty() && header.equalsIgnoreCase("Authorization") ? "Bearer " : options.prefix();
        return new Keyed(new PinnedJws(options), JwtClaimRules.of(options), header, prefix, options.encoding());
    }

    private record Keyed(
            PinnedJws signature, JwtClaimRules rules, String header, String prefix, SchemeOptions.Encoding encoding)
            implements VerificationScheme {

        @Override
        public byte[] verify(MultiMap headers, byte[] body) throws GeneralSecurityException {
            String value = SchemeOptions.one(headers, header).strip();
            // The name of an HTTP authentication scheme is case-insensitive (RFC 9110 §11.1).
            if (!value.regionMatches(true, 0, prefix, 0, prefix.length())) {
                throw new Refused(Refused.Reason.HEADER, "header " + header + " does not start with " + prefix.strip());
            }
            JwtClaims claims = rules.check(
                    signature.verified(value.substring(prefix.length()).strip(), null));
            if (!MessageDigest.isEqual(hash(claims), sha256(body))) {
                throw new Refused(Refused.Reason.SIGNATURE, "the token was signed for another body");
            }
            return body;
        }

        /** The hash in the claim; empty if the claim is missing or has another encoding. */
        private byte[] hash(JwtClaims claims) {
            try {
                String hash = claims.hasClaim(CLAIM) ? claims.getStringClaimValue(CLAIM) : "";
                return encoding == SchemeOptions.Encoding.HEX
                        ? HexFormat.of().parseHex(hash)
                        : Base64.getDecoder().decode(hash);
            } catch (MalformedClaimException | IllegalArgumentException e) {
                return new byte[0];
            }
        }

        private static byte[] sha256(byte[] body) throws GeneralSecurityException {
            return MessageDigest.getInstance("SHA-256").digest(body);
        }

        @Override
        public Signed sign(byte[] document) throws GeneralSecurityException {
            byte[] hash = sha256(document);
            String text = encoding == SchemeOptions.Encoding.HEX
                    ? HexFormat.of().formatHex(hash)
                    : Base64.getEncoder().encodeToString(hash);
            return new Signed(
                    Map.of(header, prefix + signature.signed("{\"" + CLAIM + "\":\"" + text + "\"}")), document);
        }
    }
}
