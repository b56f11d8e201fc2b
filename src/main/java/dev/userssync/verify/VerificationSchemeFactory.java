package dev.userssync.verify;

import java.security.GeneralSecurityException;

/**
 * Makes a verification scheme from the options and secrets of an endpoint, once, when the endpoint starts. A factory is a bean
 * ({@code @BindToRegistry}) whose name is the name of the scheme: {@code verify:<name>}.
 */
@FunctionalInterface
public interface VerificationSchemeFactory {

    /**
     * @throws IllegalArgumentException if a secret is none for this scheme; the message follows the name of the setting, says
     *                                  what is wrong and never shows the secret
     * @throws StartupFailure           if an option is missing or wrong, see {@link SchemeOptions#wrong}
     */
    VerificationScheme create(SchemeOptions options) throws GeneralSecurityException;
}
