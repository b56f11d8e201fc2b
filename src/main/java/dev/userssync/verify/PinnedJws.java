//DEPS org.bitbucket.b_c:jose4j:0.9.7
package dev.userssync.verify;

import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.security.Key;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jose4j.jwa.AlgorithmConstraints;
import org.jose4j.jwa.AlgorithmFactoryFactory;
import org.jose4j.jws.JsonWebSignature;
import org.jose4j.jwx.HeaderParameterNames;
import org.jose4j.keys.HmacKey;
import org.jose4j.lang.JoseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks JSON Web Signatures (RFC 7515, compact form) of one algorithm. The configuration names the algorithm, never
 * the sender: a signature with another algorithm, or none, is refused before a key is read. For an HMAC (HS256, HS384,
 * HS512) the key is one of the secrets in {@code <provider>.webhook.secret}. Otherwise {@code kid} names it among the
 * keys at {@code <provider>.jwks.url}. A signature with its own key or its own rules ({@code jwk}, {@code jku},
 * {@code x5u}, {@code x5c}, {@code crit}, {@code b64}) is refused. Thread-safe.
 */
final class PinnedJws {

    private static final Logger LOG = LoggerFactory.getLogger("users-sync");

    /**
     * The algorithms of RFC 7518 §3.1 and RFC 8037, without none. For an HMAC also the shortest secret that RFC 7518
     * §3.2 allows, in bytes.
     */
    private static final Map<String, Integer> HMACS = Map.of("HS256", 32, "HS384", 48, "HS512", 64);

    private static final Set<String> SIGNATURES =
            Set.of("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA");
    private static final List<String> REFUSED_PARAMETERS = List.of(
            HeaderParameterNames.JWK_SET_URL,
            HeaderParameterNames.JWK,
            HeaderParameterNames.X509_URL,
            HeaderParameterNames.X509_CERTIFICATE_CHAIN,
            HeaderParameterNames.CRITICAL,
            HeaderParameterNames.BASE64URL_ENCODE_PAYLOAD);

    private final String algorithm;
    private final List<HmacKey> secrets = new ArrayList<>();
    private final Jwks jwks;

    /**
     * @throws StartupFailure           if the algorithm is not one of those above, or its URL is missing or wrong
     * @throws IllegalArgumentException if a secret that it needs is missing or too short
     */
    PinnedJws(SchemeOptions options) {
        algorithm = options.algorithm();
        if (HMACS.containsKey(algorithm)) {
            jwks = null;
            for (String secret : options.secrets()) {
                byte[] bytes = secret.getBytes(StandardCharsets.UTF_8);
                if (bytes.length < HMACS.get(algorithm)) {
                    throw new IllegalArgumentException("secret " + (secrets.size() + 1) + " is too short: "
                            + bytes.length + " bytes, " + algorithm + " needs at least " + HMACS.get(algorithm));
                }
                secrets.add(new HmacKey(bytes));
            }
        } else if (SIGNATURES.contains(algorithm)) {
            jwks = new Jwks(jwksUrl(options), options.clock());
        } else {
            throw options.wrong(
                    "algorithm",
                    "must be one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA");
        }
    }

    private static URI jwksUrl(SchemeOptions options) {
        String setting = Setting.variable(options.provider() + Providers.JWKS_URL);
        try {
            URI url = new URI(options.setting(Providers.JWKS_URL));
            boolean encrypted = "https".equalsIgnoreCase(url.getScheme());
            if (url.getHost() == null
                    || url.getUserInfo() != null
                    || !encrypted && !"http".equalsIgnoreCase(url.getScheme())) {
                throw new StartupFailure(setting
                        + " must be the URL of the provider's keys, such as https://<host>/.well-known/jwks.json");
            }
            if (!encrypted && !Set.of("localhost", "127.0.0.1", "[::1]").contains(url.getHost())) {
                LOG.warn(
                        "{}: the keys are fetched without TLS, so anybody on the network path can replace them and sign deliveries. Use https://",
                        setting);
            }
            return url;
        } catch (URISyntaxException e) {
            throw new StartupFailure(setting + " is not a URL");
        }
    }

    /**
     * Checks a signature and returns its payload.
     *
     * @param keyId the key id beside the signature, or null; a key id in the signature must be the same
     * @throws SecurityException if the signature does not prove its payload; the message quotes neither
     * @throws TryLater          if the provider's keys cannot be fetched now
     */
    byte[] verified(String compact, String keyId) {
        JsonWebSignature jws = read(compact);
        for (Key key : keys(jws, keyId)) {
            if (isSignedWith(key, jws)) {
                return jws.getUnverifiedPayloadBytes();
            }
        }
        throw new Refused(Refused.Reason.SIGNATURE, "the signature is wrong");
    }

    private JsonWebSignature read(String compact) {
        JsonWebSignature jws = new JsonWebSignature();
        try {
            jws.setCompactSerialization(compact);
        } catch (JoseException | RuntimeException e) {
            throw new Refused(Refused.Reason.HEADER, "not a JSON Web Signature in compact form");
        }
        if (!algorithm.equals(jws.getObjectHeader(HeaderParameterNames.ALGORITHM))) {
            throw new Refused(Refused.Reason.SIGNATURE, "not signed with the algorithm " + algorithm);
        }
        for (String parameter : REFUSED_PARAMETERS) {
            if (jws.getObjectHeader(parameter) != null) {
                throw new Refused(
                        Refused.Reason.SIGNATURE,
                        "the signature's header holds " + parameter + ", which is not accepted");
            }
        }
        jws.setAlgorithmConstraints(new AlgorithmConstraints(AlgorithmConstraints.ConstraintType.PERMIT, algorithm));
        return jws;
    }

    private List<? extends Key> keys(JsonWebSignature jws, String keyId) {
        if (jwks == null) {
            return secrets;
        }
        Object own = jws.getObjectHeader(HeaderParameterNames.KEY_ID);
        if (own != null && keyId != null && !own.equals(keyId)) {
            throw new Refused(Refused.Reason.KEY, "the signature names another key than the header beside it");
        }
        if (!((own == null ? keyId : own) instanceof String id) || id.isBlank()) {
            throw new Refused(Refused.Reason.KEY, "the signature names no key");
        }
        return List.of(jwks.find(id, algorithm, keyType()).getKey());
    }

    private String keyType() {
        try {
            return AlgorithmFactoryFactory.getInstance()
                    .getJwsAlgorithmFactory()
                    .getAlgorithm(algorithm)
                    .getKeyType();
        } catch (JoseException e) {
            throw new IllegalStateException(e);
        }
    }

    private static boolean isSignedWith(Key key, JsonWebSignature jws) {
        jws.setKey(key);
        try {
            return jws.verifySignature();
        } catch (JoseException | RuntimeException e) {
            return false; // the key does not fit, or the signature has the wrong length
        }
    }

    /**
     * Signs as a provider with the first secret would.
     *
     * @throws IllegalStateException with any other algorithm than an HMAC: only the provider has the private key
     */
    String signed(String payload) {
        if (secrets.isEmpty()) {
            throw new IllegalStateException("only the provider can sign with " + algorithm);
        }
        JsonWebSignature jws = new JsonWebSignature();
        jws.setAlgorithmHeaderValue(algorithm);
        jws.setHeader(HeaderParameterNames.TYPE, "JWT");
        jws.setPayload(payload);
        jws.setKey(secrets.get(0));
        try {
            return jws.getCompactSerialization();
        } catch (JoseException e) {
            throw new IllegalStateException(e);
        }
    }
}
