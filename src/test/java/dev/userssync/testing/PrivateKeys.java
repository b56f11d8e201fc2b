package dev.userssync.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import dev.userssync.event.JsonBody;
import dev.userssync.verify.JoseTest;
import dev.userssync.verify.JwksTest;
import dev.userssync.verify.VerificationScheme;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Properties;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jwk.RsaJsonWebKey;

/**
 * Signs for the providers whose private key only they have ({@code jwt-body}, {@code detached-jws}), as their route
 * files declare. It uses test keys that a JWKS endpoint publishes, and the current time. A fixture holds the document;
 * this class adds the claims that belong to the signature.
 */
public final class PrivateKeys implements AutoCloseable {

    private static final ObjectMapper JSON = JsonBody.MAPPER;

    public final RsaJsonWebKey rsa = JwksTest.rsa("rsa-1");
    public final OctetKeyPairJsonWebKey ed25519 = JoseTest.ed25519("ed-1");
    public final JwksServer jwks = new JwksServer(rsa, ed25519);
    /** The parameters of the kamelet, by provider. */
    private final Map<String, JsonNode> providers = new HashMap<>();

    public PrivateKeys() {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(Path.of("routes/providers"), "*.camel.yaml")) {
            for (Path file : files) {
                JsonNode parameters = new ObjectMapper(new YAMLFactory())
                        .readTree(file.toFile())
                        .at("/0/route/from/parameters");
                if (parameters.path("verification").asText().matches("jwt-body|detached-jws")) {
                    providers.put(parameters.path("provider").asText(), parameters);
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public void addTo(Properties settings) {
        providers
                .keySet()
                .forEach(provider ->
                        settings.setProperty(provider + ".jwks.url", jwks.url().toString()));
    }

    public boolean has(String provider) {
        return providers.containsKey(provider);
    }

    public VerificationScheme.Signed sign(String provider, byte[] document) {
        return sign(provider, document, Instant.now());
    }

    public VerificationScheme.Signed sign(String provider, byte[] document, Instant at) {
        JsonNode parameters = providers.get(provider);
        return parameters.path("verification").asText().equals("jwt-body")
                ? token(parameters, document, at)
                : detached(parameters, document, at);
    }

    private VerificationScheme.Signed token(JsonNode parameters, byte[] document, Instant at) {
        ObjectNode claims = object(document);
        if (parameters.has("time")) {
            claims.put(parameters.path("time").asText(), at.toString());
        } else {
            claims.put("iat", at.getEpochSecond()).put("exp", at.getEpochSecond() + 300);
        }
        if (parameters.has("subject")) {
            claims.set("sub", parameters.path("subject"));
        }
        String jwt = signed(parameters, claims.toString());
        Map<String, String> headers = new HashMap<>();
        if (parameters.has("consumes")) {
            headers.put("Content-Type", parameters.path("consumes").asText());
        }
        return new VerificationScheme.Signed(
                headers,
                bytes(
                        parameters.has("token")
                                ? Jwts.json(Map.of(parameters.path("token").asText(), jwt))
                                : jwt));
    }

    private VerificationScheme.Signed detached(JsonNode parameters, byte[] document, Instant at) {
        String time = Long.toString(
                parameters.path("timestamp").asText().equals("seconds") ? at.getEpochSecond() : at.toEpochMilli());
        Map<String, String> headers = new LinkedHashMap<>();
        headers.put(
                parameters.path("header").asText(),
                signed(parameters, time + "." + Jwts.base64url(document)).replaceFirst("\\..*\\.", ".."));
        headers.put(parameters.path("timestampHeader").asText(), time);
        if (parameters.has("keyIdHeader")) {
            headers.put(parameters.path("keyIdHeader").asText(), key(parameters).getKeyId());
        }
        return new VerificationScheme.Signed(headers, document);
    }

    private String signed(JsonNode parameters, String payload) {
        String algorithm = parameters.path("algorithm").asText();
        return Jwts.sign(
                Jwts.header(algorithm, key(parameters).getKeyId()),
                payload,
                algorithm,
                key(parameters).getPrivateKey());
    }

    private PublicJsonWebKey key(JsonNode parameters) {
        return parameters.path("algorithm").asText().equals("EdDSA") ? ed25519 : rsa;
    }

    private static ObjectNode object(byte[] document) {
        try {
            return (ObjectNode) JSON.readTree(document);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() {
        jwks.close();
    }
}
