package dev.userssync.verify;

import io.vertx.core.MultiMap;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.camel.BindToRegistry;

/**
 * The verification scheme {@code header}: a header holds one of the secrets, verbatim. It serves providers that do not
 * sign but send a value that you chose (Okta: Authorization; a Supabase database webhook: any header). Option: header,
 * Authorization by default. Only a comma separates several secrets, because a value may hold spaces
 * ({@code Basic dXNlcg==}). Thread-safe.
 */
@BindToRegistry("header")
public final class HeaderValue implements VerificationSchemeFactory {

    @Override
    public VerificationScheme create(SchemeOptions options) {
        List<String> values = Stream.of(options.secret().split(","))
                .map(String::strip)
                .filter(value -> !value.isEmpty())
                .toList();
        if (values.isEmpty()) {
            throw new IllegalArgumentException("no secret is set");
        }
        return new OneOf(options.headerOr("Authorization"), "", values);
    }

    /**
     * Accepts a delivery whose header is one of the values, compared in constant time. The name of an HTTP
     * authentication scheme may precede the value, in any case (RFC 9110 §11.1).
     */
    record OneOf(String header, String authentication, List<String> values) implements VerificationScheme {

        @Override
        public byte[] verify(MultiMap headers, byte[] body) {
            String value = SchemeOptions.one(headers, header).strip();
            if (!value.regionMatches(true, 0, authentication, 0, authentication.length())) {
                throw new Refused(
                        Refused.Reason.HEADER, "header " + header + " does not start with " + authentication.strip());
            }
            byte[] given = value.substring(authentication.length()).strip().getBytes(StandardCharsets.UTF_8);
            boolean known = false;
            for (String expected : values) {
                known |= MessageDigest.isEqual(given, expected.getBytes(StandardCharsets.UTF_8));
            }
            if (!known) {
                throw new Refused(
                        Refused.Reason.SIGNATURE,
                        "header " + header + " holds none of the " + values.size() + " configured secrets");
            }
            return body;
        }

        @Override
        public Signed sign(byte[] document) {
            return new Signed(Map.of(header, authentication + values.get(0)), document);
        }

        /** Shows no secret. */
        @Override
        public String toString() {
            return "one of " + values.size() + " values of " + header;
        }
    }
}
