package dev.userssync.event;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.camel.CamelContext;

/**
 * Makes text that Postgres can store: U+0000 and halves of surrogate pairs become U+FFFD, the replacement character.
 * Clean text costs one search and comes back as the same object. Stateless.
 *
 * @see <a href="https://www.postgresql.org/docs/current/datatype-json.html">Postgres on JSON and \u0000</a>
 */
public final class StorableText {

    private static final char REPLACEMENT = '\uFFFD';

    private StorableText() {}

    public static boolean isStorable(String text) {
        return firstRefused(text, 0) < 0;
    }

    /** @param text null stays null */
    public static String of(String text) {
        int refused = text == null ? -1 : firstRefused(text, 0);
        if (refused < 0) {
            return text;
        }
        StringBuilder storable = new StringBuilder(text);
        for (; refused >= 0; refused = firstRefused(text, refused + 1)) {
            storable.setCharAt(refused, REPLACEMENT);
        }
        return storable.toString();
    }

    private static int firstRefused(String text, int from) {
        for (int i = from; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == 0) {
                return i;
            }
            if (Character.isSurrogate(c)) {
                if (!Character.isHighSurrogate(c)
                        || i + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(i + 1))) {
                    return i;
                }
                i++;
            }
        }
        return -1;
    }

    /**
     * The same for JSON as text, in keys and values at any depth. If two keys become equal, jsonb keeps the later
     * value.
     *
     * @param json a document whose surrogates are escapes or whole pairs, as {@link JsonBody#MAPPER} writes
     *         them
     */
    public static String ofJson(String json) {
        StringBuilder storable = null;
        for (int i = json.indexOf('\\'); i >= 0; i = json.indexOf('\\', i)) {
            if (json.charAt(i + 1) != 'u') {
                i += 2;
                continue;
            }
            char c = escaped(json, i);
            boolean pair = Character.isHighSurrogate(c)
                    && json.startsWith("\\u", i + 6)
                    && Character.isLowSurrogate(escaped(json, i + 6));
            if (c == 0 || Character.isSurrogate(c) && !pair) {
                storable = storable == null ? new StringBuilder(json) : storable;
                storable.replace(i + 2, i + 6, "FFFD");
            }
            i += pair ? 12 : 6;
        }
        return storable == null ? json : storable.toString();
    }

    /** @return the bytes as text if they are UTF-8 and hold the escape of a surrogate; else null */
    public static String withEscapedSurrogate(byte[] json) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(json))
                    .toString();
            return text.contains("\\ud") || text.contains("\\uD") ? text : null;
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    /** Notifies the observers that characters of a provider's event were replaced. */
    public static void replaced(CamelContext context, String provider) {
        context.getRegistry().findByType(ReplacementObserver.class).forEach(observer -> observer.replaced(provider));
    }

    private static char escaped(String json, int backslash) {
        return (char) Integer.parseInt(json, backslash + 2, backslash + 6, 16);
    }
}
