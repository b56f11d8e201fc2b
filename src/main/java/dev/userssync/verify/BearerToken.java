package dev.userssync.verify;

import org.apache.camel.BindToRegistry;

/**
 * The verification scheme {@code bearer}: {@code Authorization: Bearer <secret>} (Auth0 event streams). Option: header,
 * for a provider that sends it in another header. Thread-safe.
 *
 * @see <a href="https://www.rfc-editor.org/rfc/rfc6750#section-2.1">RFC 6750</a>
 */
@BindToRegistry("bearer")
public final class BearerToken implements VerificationSchemeFactory {

    @Override
    public VerificationScheme create(SchemeOptions options) {
        return new HeaderValue.OneOf(options.headerOr("Authorization"), "Bearer ", options.secrets());
    }
}
