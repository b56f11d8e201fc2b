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
 * {@code verify:<scheme>?provider=...}: in, an HTTP request with its raw bytes as body; out, the verified bytes. A delivery that is
 * not proved ends in a {@link SecurityException}. The scheme is made at start, and again when a secret changes, from the options and from the
 * secrets in {@code <provider>.webhook.secret}; what cannot work stops the start with a {@link StartupFailure}. Thread-safe once started.
 */
@UriEndpoint(firstVersion = "0.1.0", scheme = "verify", title = "Verify", syntax = "verify:scheme", producerOnly = true, remote = false)
public final class VerifyEndpoint extends DefaultEndpoint {

    @UriPath(description = "The verification scheme: the name of a VerificationSchemeFactory bean") @Metadata(required = true)
    private final String scheme;
    @UriParam(description = "The provider id: its secrets are in <provider>.webhook.secret") @Metadata(required = true)
    private String provider;
    @UriParam(description = "The header that holds the signature or the value")
    private String header;
    @UriParam(description = "The digest of an HMAC: sha256 or sha1; of a JWT or JWS its one algorithm: HS256, RS256, ES256, EdDSA or alike", defaultValue = "sha256")
    private String algorithm = "sha256";
    @UriParam(description = "How the signature is written: hex or base64", defaultValue = "hex")
    private SchemeOptions.Encoding encoding = SchemeOptions.Encoding.HEX;
    @UriParam(description = "Text before the signature in the header, such as sha256=")
    private String prefix = "";
    @UriParam(description = "none: the body alone is signed; seconds or milliseconds: the header is t=<time>,v1=<signature> and <time>.<body> is signed", defaultValue = "none")
    private SchemeOptions.Timestamp timestamp = SchemeOptions.Timestamp.NONE;
    @UriParam(description = "How many seconds the time of a delivery may be from our clock, both ways", defaultValue = "300")
    private long tolerance = 300;
    @UriParam(description = "The header that holds the signed time, when it is not in the signature's own")
    private String timestampHeader = "";
    @UriParam(description = "The header that names the key, beside a signature that may not")
    private String keyIdHeader = "";
    @UriParam(description = "The field of a JSON body that holds the JWT; without it the body is the JWT")
    private String token = "";
    @UriParam(description = "The claim of a JWT that says when the delivery was sent, beside iat")
    private String time = "";
    @UriParam(description = "The claim sub that a JWT must have")
    private String subject = "";

    private volatile VerificationScheme verification;

    VerifyEndpoint(String uri, VerifyComponent component, String scheme) {
        super(uri, component);
        this.scheme = scheme;
    }

    @Override
    protected void doStart() throws Exception {
        if (provider == null || provider.isBlank()) {
            throw options(clock()).wrong("provider", "is missing");
        }
        if (getCamelContext().getPropertiesComponent().resolveProperty(provider + Providers.ON).orElse("true").equals("false")) {
            return; // polled, but without webhooks: its consumer does not start
        }
        VerificationSchemeFactory factory = factory();
        if (factory == null) {
            throw new StartupFailure("provider " + provider + ": there is no verification scheme " + scheme + "; there are "
                    + String.join(", ", new TreeSet<>(getCamelContext().getRegistry().findByTypeWithName(VerificationSchemeFactory.class).keySet())));
        }
        make(factory);
        super.doStart();
    }

    private void make(VerificationSchemeFactory factory) throws GeneralSecurityException {
        try {
            verification = factory.create(options(clock()));
        } catch (IllegalArgumentException e) {
            throw new StartupFailure(Providers.secretSetting(provider) + ": " + e.getMessage());
        }
        if (!verification.signsDeliveryId() && new Providers(getCamelContext()).isReplayProtected(provider)) {
            throw new StartupFailure(Providers.REPLAY_PROTECTION + " names " + provider + ", whose deliveries have no id that is signed: take it out");
        }
        ((VerifyComponent) getComponent()).started(this, verification);
    }

    /** @throws StartupFailure if the secrets that are set now cannot be used; nothing changes then */
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

    /** The scheme once more, by another clock, to explain a delivery of another time. What verifies deliveries does not see that clock. */
    public VerificationScheme scheme(Clock other) throws GeneralSecurityException {
        return factory().create(options(other));
    }

    private SchemeOptions options(Clock by) {
        return new SchemeOptions(scheme, provider, header, algorithm, encoding, prefix, timestamp, tolerance, timestampHeader, keyIdHeader, token, time, subject,
                setting -> Setting.of(getCamelContext(), setting), by);
    }

    /** The clock that times are held against: the registry's, if there is one, else the system's. */
    private Clock clock() {
        return Objects.requireNonNullElse(getCamelContext().getRegistry().findSingleByType(Clock.class), Clock.systemUTC());
    }

    @Override
    public Producer createProducer() {
        return new DefaultProducer(this) {
            @Override
            public void process(Exchange exchange) throws Exception {
                VerificationScheme verification = VerifyEndpoint.this.verification; // a rotated secret may replace it meanwhile
                if (verification == null) {
                    throw new Refused(Refused.Reason.KEY, "no secret is set");
                }
                byte[] body = exchange.getMessage().getBody(byte[].class);
                // The request's own headers: Camel's map also holds the query parameters.
                MultiMap headers = exchange.getMessage(HttpMessage.class).getRequest().headers();
                exchange.getMessage().setBody(verification.verify(headers, body == null ? new byte[0] : body));
                exchange.setVariable("delivery-id", verification.deliveryId(headers));
            }
        };
    }

    @Override
    public Consumer createConsumer(Processor processor) {
        throw new UnsupportedOperationException("verify is a step, no source");
    }

    @Override
    public boolean isRemote() {
        return false;
    }

    public String getProvider() {
        return provider;
    }

    public void setProvider(String provider) {
        this.provider = provider;
    }

    public String getHeader() {
        return header;
    }

    public void setHeader(String header) {
        this.header = header;
    }

    public String getAlgorithm() {
        return algorithm;
    }

    public void setAlgorithm(String algorithm) {
        this.algorithm = algorithm;
    }

    public SchemeOptions.Encoding getEncoding() {
        return encoding;
    }

    public void setEncoding(SchemeOptions.Encoding encoding) {
        this.encoding = encoding;
    }

    public String getPrefix() {
        return prefix;
    }

    public void setPrefix(String prefix) {
        this.prefix = prefix;
    }

    public SchemeOptions.Timestamp getTimestamp() {
        return timestamp;
    }

    public void setTimestamp(SchemeOptions.Timestamp timestamp) {
        this.timestamp = timestamp;
    }

    public long getTolerance() {
        return tolerance;
    }

    public void setTolerance(long tolerance) {
        this.tolerance = tolerance;
    }

    public String getTimestampHeader() {
        return timestampHeader;
    }

    public void setTimestampHeader(String timestampHeader) {
        this.timestampHeader = timestampHeader;
    }

    public String getKeyIdHeader() {
        return keyIdHeader;
    }

    public void setKeyIdHeader(String keyIdHeader) {
        this.keyIdHeader = keyIdHeader;
    }

    public String getToken() {
        return token;
    }

    public void setToken(String token) {
        this.token = token;
    }

    public String getTime() {
        return time;
    }

    public void setTime(String time) {
        this.time = time;
    }

    public String getSubject() {
        return subject;
    }

    public void setSubject(String subject) {
        this.subject = subject;
    }
}
