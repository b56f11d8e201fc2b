//DEPS org.bitbucket.b_c:jose4j:0.9.7
package dev.userssync.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.vertx.core.MultiMap;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.camel.BindToRegistry;
import org.jose4j.jwt.JwtClaims;

/**
 * The verification scheme {@code jwt-body}: the body is a JWT, or a JSON object with a JWT in one field. The claims are
 * the verified document; other fields are not read. Options: algorithm, token, time, subject, tolerance. A JWT must
 * hold its time, in {@code iat} or in the claim of the option time. Without a time, an attacker could resend it for
 * ever. Thread-safe.
 *
 * @see <a
 *         href="https://github.com/kinde-oss/documentation/blob/main/src/content/docs/integrate/webhooks/about-webhooks.mdx">Kinde</a>
 * @see <a href="https://github.com/teamhanko/hanko/blob/main/backend/webhooks/manager.go">Hanko: GenerateJWT</a>
 */
@BindToRegistry("jwt-body")
public final class JwtBody implements VerificationSchemeFactory {

    private static final ObjectMapper JSON = new ObjectMapper();

    @Override
    public VerificationScheme create(SchemeOptions options) {
        return new Keyed(new PinnedJws(options), JwtClaimRules.of(options), options.token());
    }

    private record Keyed(PinnedJws signature, JwtClaimRules rules, String field) implements VerificationScheme {

        @Override
        public byte[] verify(MultiMap headers, byte[] body) {
            byte[] payload = signature.verified(
                    field.isEmpty() ? new String(body, StandardCharsets.UTF_8).strip() : field(body), null);
            JwtClaims claims = rules.check(payload);
            if (rules.time().isEmpty() && !claims.hasClaim("iat")) {
                throw new Refused(Refused.Reason.AGE, "the token does not say when it was issued");
            }
            return payload;
        }

        private String field(byte[] body) {
            try {
                JsonNode token = JSON.readTree(body).path(field);
                if (token.isTextual()) {
                    return token.textValue();
                }
            } catch (IOException e) {
                // The body is not JSON, so it holds no token.
            }
            throw new Refused(Refused.Reason.HEADER, "the body has no field " + field + " with a token");
        }
    }
}
