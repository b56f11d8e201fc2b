package dev.userssync.console;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * The body of a dead letter for the console: indented, and without the values of fields that are named like a secret.
 */
final class MaskedBody {

    private static final Pattern SECRET = Pattern.compile(
            "(?i).*(password|passwd|secret|token|api_?key|private_?key|hash|salt|otp|credential|cookie|session).*");
    private static final String MASK = "•••";
    private static final JsonMapper JSON = new JsonMapper();
    private static final int LONGEST = 100_000;

    private MaskedBody() {}

    static String of(byte[] body) {
        String text;
        try {
            JsonNode json = JSON.readTree(body);
            mask(json);
            text = JSON.writerWithDefaultPrettyPrinter().writeValueAsString(json);
        } catch (JsonProcessingException e) {
            return "Not JSON, " + body.length + " bytes. It is not shown, because it may hold secrets.";
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
        return text.length() > LONGEST ? text.substring(0, LONGEST) + "\n..." : text;
    }

    private static void mask(JsonNode json) {
        if (json instanceof ObjectNode object) {
            List<String> names = new ArrayList<>();
            object.fieldNames().forEachRemaining(names::add);
            for (String name : names) {
                if (SECRET.matcher(name).matches()
                        && !object.get(name).isNull()
                        && !object.get(name).isBoolean()) {
                    object.put(name, MASK);
                } else {
                    mask(object.get(name));
                }
            }
        } else if (json != null) {
            json.forEach(MaskedBody::mask);
        }
    }
}
