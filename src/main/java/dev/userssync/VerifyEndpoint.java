package dev.userssync;

import io.vertx.core.MultiMap;
import java.security.GeneralSecurityException;
import java.time.Clock;
import java.util.List;
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

    /** How the time is written that is signed together with the body. */
    public enum Timestamp { NONE, SECONDS, MILLISECONDS }

    /** How the bytes of a signature are written. */
    public enum Encoding { HEX, BASE64 }

    @UriPath(description = "The verification scheme: the name of a VerificationSchemeFactory bean")
    @Metadata(required = true)
    private final String scheme;
    @UriParam(description = "The provider id: its secrets are in <provider>.webhook.secret")
    @Metadata(required = true)
    private String provider;
    @UriParam(description = "The header that holds the signature or the value")
    private String header;
    @UriParam(description = "The digest of an HMAC: sha256 or sha1; of a JWT or JWS its one algorithm: HS256, RS256, ES256, EdDSA or alike",
            defaultValue = "sha256")
    private String algorithm = "sha256";
    @UriParam(description = "How the signature is written: hex or base64", defaultValue = "hex")
    private Encoding encoding = Encoding.HEX;
    @UriParam(description = "Text before the signature in the header, such as sha256=")
    private String prefix = "";
    @UriParam(description = "none: the body alone is signed; seconds or milliseconds: the header is t=<time>,v1=<signature> and"
            + " <time>.<body> is signed", defaultValue = "none")
    private Timestamp timestamp = Timestamp.NONE;
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
    /** Null but in a copy that explains a delivery. */
    private Clock clock;

    VerifyEndpoint(String uri, VerifyComponent component, String scheme) {
        super(uri, component);
        this.scheme = scheme;
    }

    @Override
    protected void doStart() throws Exception {
        if (provider == null || provider.isBlank()) {
            throw wrong("provider", "is missing");
        }
        if (getCamelContext().getPropertiesComponent().resolveProperty(provider + Providers.ON).orElse("true").equals("false")) {
            return; // polled, but without webhooks: its consumer does not start
        }
        VerificationSchemeFactory factory = factory();
        if (factory == null) {
            throw new StartupFailure("provider " + provider + ": there is no verification scheme " + scheme + "; there are "
                    + String.join(", ",
                            new TreeSet<>(getCamelContext().getRegistry().findByTypeWithName(VerificationSchemeFactory.class).keySet())));
        }
        make(factory);
        super.doStart();
    }

    private void make(VerificationSchemeFactory factory) throws GeneralSecurityException {
        try {
            verification = factory.create(this);
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
        if (verification == null) {
            return; // off since the start
        }
        try {
            make(factory());
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    private VerificationSchemeFactory factory() {
        return getCamelContext().getRegistry().lookupByNameAndType(scheme, VerificationSchemeFactory.class);
    }

    /** The scheme once more, by another clock, to explain a delivery of another time: made from a copy, so that nothing that verifies sees that clock. */
    VerificationScheme scheme(Clock other) throws GeneralSecurityException {
        try {
            VerifyEndpoint copy = (VerifyEndpoint) getComponent().createEndpoint(getEndpointUri());
            copy.clock = other;
            return factory().create(copy);
        } catch (GeneralSecurityException | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    /** Names a wrong option, its provider and its scheme for whoever wrote it; for a {@link VerificationSchemeFactory} to throw. */
    StartupFailure wrong(String option, String how) {
        String setting = provider + ".webhook." + option;
        String variable = setting(".webhook." + option).isEmpty() ? "" : " (" + Setting.variable(setting) + ")";
        return new StartupFailure("provider " + provider + ", verification scheme " + scheme + ": the option " + option + variable + " " + how);
    }

    /** Another setting of the provider: its name without the provider, with the dot; "" when it is not set. */
    String setting(String name) {
        return Setting.of(getCamelContext(), provider + name);
    }

    /** The setting {@code <provider>.webhook.secret} as it stands there. */
    String secret() {
        return setting(Providers.SECRET);
    }

    /**
     * The secrets in {@code <provider>.webhook.secret}, separated by space or comma: all are accepted (rotation).
     *
     * @throws IllegalArgumentException if there is none
     */
    List<String> secrets() {
        List<String> secrets = List.of(secret().split("[\\s,]+")).stream().filter(secret -> !secret.isEmpty()).toList();
        if (secrets.isEmpty()) {
            throw new IllegalArgumentException("no secret is set");
        }
        return secrets;
    }

    /** The clock that times are held against: the registry's, if there is one, else the system's. */
    Clock clock() {
        if (clock != null) {
            return clock;
        }
        Clock registered = getCamelContext().getRegistry().findSingleByType(Clock.class);
        return registered == null ? Clock.systemUTC() : registered;
    }

    /** The option header, for a scheme that knows where to look without it. */
    String headerOr(String usual) {
        return header == null || header.isBlank() ? usual : header;
    }

    /** The option header, for a scheme that cannot do without. */
    String requiredHeader() {
        if (headerOr("").isEmpty()) {
            throw wrong("header", "is missing");
        }
        return header;
    }

    /**
     * The only value of a header.
     *
     * @throws SecurityException if it is missing, blank or there more than once
     */
    static String one(MultiMap headers, String name) {
        List<String> values = headers.getAll(name);
        if (values.size() != 1 || values.get(0).isBlank()) {
            throw new Refused(Refused.Reason.HEADER, "header " + name + (values.size() > 1 ? " appears more than once" : " is missing"));
        }
        return values.get(0);
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

    public String getScheme() {
        return scheme;
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

    public Encoding getEncoding() {
        return encoding;
    }

    public void setEncoding(Encoding encoding) {
        this.encoding = encoding;
    }

    public String getPrefix() {
        return prefix;
    }

    public void setPrefix(String prefix) {
        this.prefix = prefix;
    }

    public Timestamp getTimestamp() {
        return timestamp;
    }

    public void setTimestamp(Timestamp timestamp) {
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
