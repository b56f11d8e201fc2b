package dev.userssync.verify;

import java.security.GeneralSecurityException;

/**
 * Makes a verification scheme from the options and secrets of an endpoint, when the endpoint starts and when a secret
 * changes. A factory is a bean ({@code @BindToRegistry}) whose name is the name of the scheme: {@code verify:<name>}.
 */
@FunctionalInterface
public interface VerificationSchemeFactory {

    /**
     * @throws IllegalArgumentException if a secret does not fit the scheme; the message follows the name of the
     *         setting, names the fault and never shows the secret
     * @throws StartupFailure if an option is missing or wrong, see {@link SchemeOptions#wrong}
     */
    VerificationScheme create(SchemeOptions options) throws GeneralSecurityException;
}
