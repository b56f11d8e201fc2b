package dev.userssync.verify;

import dev.userssync.settings.Providers;
import dev.userssync.settings.SecretUser;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Endpoint;
import org.apache.camel.support.DefaultComponent;

/**
 * The component {@code verify}: a step that passes only deliveries that prove their provider. It is a bean named after
 * the scheme of the URI, so both the class path and {@code camel run} find it. Thread-safe.
 *
 * @see VerifyEndpoint the options
 */
@BindToRegistry("verify")
public final class VerifyComponent extends DefaultComponent implements SecretUser {

    private final Map<String, VerifyEndpoint> endpoints = new ConcurrentHashMap<>();
    private final Map<String, VerificationScheme> schemes = new ConcurrentHashMap<>();

    @Override
    protected Endpoint createEndpoint(String uri, String scheme, Map<String, Object> parameters) throws Exception {
        VerifyEndpoint endpoint = new VerifyEndpoint(uri, this, scheme);
        setProperties(endpoint.getConfiguration(), parameters);
        return endpoint;
    }

    void started(VerifyEndpoint endpoint, VerificationScheme scheme) {
        endpoints.put(endpoint.getProvider(), endpoint);
        schemes.put(endpoint.getProvider(), scheme);
    }

    /**
     * Makes the schemes of a provider again, from the current secrets.
     *
     * @throws StartupFailure if the secrets do not fit; the schemes before stay in use
     */
    @Override
    public void secretChanged(String setting) {
        getCamelContext().getEndpoints().stream()
                .filter(VerifyEndpoint.class::isInstance)
                .map(VerifyEndpoint.class::cast)
                .filter(endpoint -> setting.equals(endpoint.getProvider() + Providers.SECRET))
                .forEach(VerifyEndpoint::remake);
    }

    /** @throws IllegalArgumentException if no endpoint of the provider has started */
    public VerifyEndpoint endpoint(String provider) {
        scheme(provider);
        return endpoints.get(provider);
    }

    /**
     * The scheme of a provider that is on; the sample sender and the tests sign with it.
     *
     * @throws IllegalArgumentException if no endpoint of the provider has started
     */
    public VerificationScheme scheme(String provider) {
        VerificationScheme scheme = schemes.get(provider);
        if (scheme == null) {
            throw new IllegalArgumentException("provider " + provider + " verifies no deliveries: it is off");
        }
        return scheme;
    }
}
