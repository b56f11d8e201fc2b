package dev.userssync.verify;

import org.apache.camel.spi.Metadata;
import org.apache.camel.spi.UriParam;
import org.apache.camel.spi.UriParams;

/** The options of a {@code verify:} endpoint. Not thread-safe while it is filled. */
@UriParams
public final class VerifyConfiguration {

    @UriParam(description = "The provider id: its secrets are in <provider>.webhook.secret")
    @Metadata(required = true)
    private String provider;

    @UriParam(description = "The header that holds the signature or the value")
    private String header;

    @UriParam(
            description =
                    "The digest of an HMAC: sha256 or sha1; of a JWT or JWS its one algorithm, such as HS256, RS256, ES256 or EdDSA",
            defaultValue = "sha256")
    private String algorithm = "sha256";

    @UriParam(description = "How the signature is written: hex or base64", defaultValue = "hex")
    private SchemeOptions.Encoding encoding = SchemeOptions.Encoding.HEX;

    @UriParam(description = "Text before the signature in the header, such as sha256=")
    private String prefix = "";

    @UriParam(
            description =
                    "none: the body alone is signed; seconds or milliseconds: the header is t=<time>,v1=<signature> and <time>.<body> is signed",
            defaultValue = "none")
    private SchemeOptions.Timestamp timestamp = SchemeOptions.Timestamp.NONE;

    @UriParam(
            description = "How many seconds the time of a delivery may be before or after our clock",
            defaultValue = "300")
    private long tolerance = 300;

    @UriParam(description = "The header that holds the signed time, if it is not in the header of the signature")
    private String timestampHeader = "";

    @UriParam(description = "The header that names the key, if the signature need not name it")
    private String keyIdHeader = "";

    @UriParam(description = "The field of a JSON body that holds the JWT; without it the body is the JWT")
    private String token = "";

    @UriParam(description = "The claim of a JWT with the time of the delivery, beside iat")
    private String time = "";

    @UriParam(description = "The claim sub that a JWT must have")
    private String subject = "";

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
