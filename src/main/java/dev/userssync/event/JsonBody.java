package dev.userssync.event;

import com.fasterxml.jackson.core.JsonFactoryBuilder;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Reads a delivery's bytes as one JSON document: in {@code byte[]}, out {@link JsonNode}. Numbers keep their digits,
 * which raw_json needs. Jackson bounds the nesting (1,000 levels). Thread-safe.
 */
@BindToRegistry("json")
public final class JsonBody implements Processor {

    /**
     * Writes documents as it read them: a lone surrogate, which UTF-8 cannot hold, stays an escape. The driver would
     * silently write "?" for it. Postgres reads an escaped pair as the same character, and {@link StorableText} finds
     * lone ones.
     */
    public static final ObjectMapper MAPPER = JsonMapper.builder(
                    new JsonFactoryBuilder().highestNonEscapedChar(0xD7FF).build())
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS, DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final ObjectReader READER = MAPPER.readerFor(JsonNode.class);

    /** @throws InvalidUserEvent if the body is not JSON; the message holds the position, never the text */
    @Override
    public void process(Exchange exchange) throws Exception {
        JsonNode json;
        byte[] body = exchange.getMessage().getBody(byte[].class);
        try {
            json = read(body);
        } catch (JsonProcessingException e) {
            throw new InvalidUserEvent("the body is not JSON that can be read, see line "
                    + e.getLocation().getLineNr() + ", column "
                    + e.getLocation().getColumnNr());
        }
        if (json == null || json.isMissingNode()) {
            throw new InvalidUserEvent("the body is empty");
        }
        exchange.getMessage().setBody(json);
    }

    /**
     * Reads bytes as text if needed: Jackson refuses half a surrogate pair in a key of bytes, but not in a key of text.
     * {@link StorableText} replaces it later.
     */
    private static JsonNode read(byte[] body) throws IOException {
        try {
            return READER.readValue(body);
        } catch (JsonParseException e) {
            String text = StorableText.withEscapedSurrogate(body);
            if (text == null) {
                throw e;
            }
            return READER.readValue(text);
        }
    }

    /** The document for one that cannot be kept: its size and hash. */
    public static byte[] instead(Object delivery) {
        try {
            byte[] given = delivery instanceof JsonNode document
                    ? MAPPER.writeValueAsBytes(document)
                    : delivery instanceof byte[] bytes ? bytes : new byte[0];
            String hash = HexFormat.of()
                    .formatHex(MessageDigest.getInstance("SHA-256").digest(given));
            return ("{\"not_kept\":{\"bytes\":" + given.length + ",\"sha256\":\"" + hash + "\"}}")
                    .getBytes(StandardCharsets.UTF_8);
        } catch (NoSuchAlgorithmException | JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
