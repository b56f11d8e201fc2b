package dev.userssync.verify;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.apache.camel.BindToRegistry;

/**
 * The verification scheme {@code basic}: HTTP basic authentication. Each secret is {@code user:password}. No options.
 * Thread-safe.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc7617">RFC 7617</a>
 */
@BindToRegistry("basic")
public final class BasicCredentials implements VerificationSchemeFactory {

    @Override
    public VerificationScheme create(SchemeOptions options) {
        List<String> credentials = options.secrets();
        for (int i = 0; i < credentials.size(); i++) {
            if (credentials.get(i).indexOf(':') < 1) {
                throw new IllegalArgumentException("secret " + (i + 1) + " is not user:password");
            }
        }
        return new HeaderValue.OneOf(
                "Authorization",
                "Basic ",
                credentials.stream()
                        .map(secret -> Base64.getEncoder().encodeToString(secret.getBytes(StandardCharsets.UTF_8)))
                        .toList());
    }
}
