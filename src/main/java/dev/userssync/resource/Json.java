// Only `camel run` reads this line; Maven reads pom.xml, and a test keeps both alike.
//DEPS com.unboundid.product.scim2:scim2-sdk-common:5.0.0
package dev.userssync.resource;

import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.utils.MapperFactory;
import dev.userssync.event.StorableText;
import java.io.IOException;
import java.util.Map;

/**
 * Reads and writes JSON for SCIM: the names of attributes are case-insensitive (RFC 7643 §2.1) and keep their spelling;
 * numbers keep their digits. Thread-safe.
 */
public final class Json {

    private static final ObjectMapper SCIM = new MapperFactory()
            .setDeserializationCustomFeatures(Map.of(
                    DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS, true,
                    DeserializationFeature.FAIL_ON_TRAILING_TOKENS, true))
            .createObjectMapper();
    private static final ObjectMapper PLAIN = JsonMapper.builder()
            .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
            .build();

    private Json() {}

    public static ObjectNode object() {
        return SCIM.createObjectNode();
    }

    /**
     * @throws BadRequestException invalidSyntax if the bytes are not a JSON object; the message holds the position,
     *         never the text
     */
    public static ObjectNode object(byte[] bytes) throws BadRequestException {
        try {
            if (bytes != null && read(bytes) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw BadRequestException.invalidSyntax("the body is not JSON that can be read"
                    + (e.getLocation() == null
                            ? ""
                            : ", see line " + e.getLocation().getLineNr() + ", column "
                                    + e.getLocation().getColumnNr()));
        } catch (IOException e) {
            throw new IllegalStateException(e); // an array in memory does not fail
        }
        throw BadRequestException.invalidSyntax("the body must be a JSON object");
    }

    /**
     * Reads bytes as text if needed: Jackson refuses half a surrogate pair in a key of bytes, but not in a key of text.
     */
    private static JsonNode read(byte[] bytes) throws IOException {
        try {
            return SCIM.readTree(bytes);
        } catch (JsonParseException e) {
            String text = StorableText.withEscapedSurrogate(bytes);
            if (text == null) {
                throw e;
            }
            return SCIM.readTree(text);
        }
    }

    /** Reads a document of the table, which is JSON because the column is jsonb. */
    public static ObjectNode object(String stored) {
        try {
            return (ObjectNode) SCIM.readTree(stored);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("raw_json cannot be read"); // without the cause, which quotes it
        }
    }

    /** Reads a list that the database made. */
    public static JsonNode list(String stored) {
        try {
            return SCIM.readTree(stored);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a list of the database cannot be read");
        }
    }

    /** The same document with case-sensitive names, as in other JSON. */
    public static JsonNode plain(ObjectNode document) {
        try {
            return PLAIN.readTree(SCIM.writeValueAsBytes(document));
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    public static String text(Object document) {
        try {
            return SCIM.writeValueAsString(document);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
