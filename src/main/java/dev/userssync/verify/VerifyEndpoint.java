package dev.userssync.verify;

import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import io.vertx.core.MultiMap;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.Objects;
import java.util.TreeSet;
import org.apache.camel.Consumer;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.component.platform.http.vertx.HttpMessage;
import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriEndpoint;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriPath;
import org.apache.camel.support.DefaultEndpoint;
import org.apache.camel.support.DefaultProducer;

/**
 * {@code verify:<scheme>?provider=...}: in, an HTTP request with its raw bytes as body; out, the verified bytes. It
 * throws a {@link SecurityException} for a delivery that is not proved. It makes the scheme at start, and again when a
 * secret changes, from the options and the secrets in {@code <provider>.webhook.secret}. Wrong options stop the start
 * with a {@link StartupFailure}. Thread-safe once started.
 */
@UriEndpoint(
        firstVersion = "0.1.0",
        scheme = "verify",
        title = "Verify",
        syntax = "verify:scheme",
        producerOnly = true,
        remote = false)
public final class VerifyEndpoint extends DefaultEndpoint {

    @UriPath(description = "The verification scheme: the name of a VerificationSchemeFactory bean")
    @Metadata(required = true)
    private final String scheme;

    @UriParam
    private final VerifyConfiguration configuration = new VerifyConfiguration();

    private volatile VerificationScheme verification;

    VerifyEndpoint(String uri, VerifyComponent component, String scheme) {
        super(uri, component);
        this.scheme = scheme;
    }

    @Override
    protected void doStart() throws Exception {
        String provider = getProvider();
        if (provider == null || provider.isBlank()) {
            throw options(clock()).wrong("provider", "is missing");
        }
        if (getCamelContext()
                .getPropertiesComponent()
                .resolveProperty(provider + Providers.ON)
                .orElse("true")
                .equals("false")) {
            return; // polled, but without webhooks: its consumer does not start
        }
        VerificationSchemeFactory factory = factory();
        if (factory == null) {
            throw new StartupFailure(
                    "provider " + provider + ": there is no verification scheme " + scheme + "; there are "
                            + String.join(
                                    ", ",
                                    new TreeSet<>(getCamelContext()
                                            .getRegistry()
                                            .findByTypeWithName(VerificationSchemeFactory.class)
                                            .keySet())));
        }
        make(factory);
        super.doStart();
    }

    private void make(VerificationSchemeFactory factory) throws GeneralSecurityException {
        try {
            verification = factory.create(options(clock()));
        } catch (IllegalArgumentException e) {
            throw new StartupFailure(Providers.secretSetting(getProvider()) + ": " + e.getMessage());
        }
        if (!verification.signsDeliveryId() && new Providers(getCamelContext()).isReplayProtected(getProvider())) {
            throw new StartupFailure(Providers.REPLAY_PROTECTION + " names " + getProvider()
                    + ", whose deliveries have no signed id: remove it");
        }
        ((VerifyComponent) getComponent()).started(this, verification);
    }

    /** @throws StartupFailure if the current secrets cannot be used; then nothing changes */
    void remake() {
        try {
            if (verification != null) { // else off since the start
                make(factory());
            }
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private VerificationSchemeFactory factory() {
        return getCamelContext().getRegistry().lookupByNameAndType(scheme, VerificationSchemeFactory.class);
    }

    /**
     * Makes a second scheme with another clock, to explain an old delivery. The scheme that verifies deliveries keeps
     * its clock.
     */
    public VerificationScheme scheme(Clock other) throws GeneralSecurityException {
        return factory().create(options(other));
    }

    private SchemeOptions options(Clock by) {
        return new SchemeOptions(
                scheme,
                configuration.getProvider(),
                configuration.getHeader(),
                configuration.getAlgorithm(),
                configuration.getEncoding(),
                configuration.getPrefix(),
                configuration.getTimestamp(),
                configuration.getTolerance(),
                configuration.getTimestampHeader(),
                configuration.getKeyIdHeader(),
                configuration.getToken(),
                configuration.getTime(),
                configuration.getSubject(),
                setting -> Setting.of(getCamelContext(), setting),
                by);
    }

    /** The clock of the registry, if there is one, else the system's. */
    private Clock clock() {
        return Objects.requireNonNullElse(
                getCamelContext().getRegistry().findSingleByType(Clock.class), Clock.systemUTC());
    }

    @Override
    public Producer createProducer() {
        return new DefaultProducer(this) {
            @Override
            public void process(Exchange exchange) throws Exception {
                VerificationScheme verification =
                        VerifyEndpoint.this.verification; // a rotated secret may replace it meanwhile
                if (verification == null) {
                    throw new Refused(Refused.Reason.KEY, "no secret is set");
                }
                byte[] body = exchange.getMessage().getBody(byte[].class);
                // Reads the request's own headers, because Camel's map also holds the query parameters.
                MultiMap headers =
                        exchange.getMessage(HttpMessage.class).getRequest().headers();
                exchange.getMessage().setBody(verification.verify(headers, body == null ? new byte[0] : body));
                exchange.setVariable("delivery-id", verification.deliveryId(headers));
            }
        };
    }

    @Override
    public Consumer createConsumer(Processor processor) {
        throw new UnsupportedOperationException("verify is a step, not a source");
    }

    @Override
    public boolean isRemote() {
        return false;
    }

    VerifyConfiguration getConfiguration() {
        return configuration;
    }

    String getProvider() {
        return configuration.getProvider();
    }
}
