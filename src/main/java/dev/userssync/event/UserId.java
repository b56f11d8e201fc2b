package dev.userssync.event;

import com.fasterxml.jackson.databind.JsonNode;

/**
 * Checks an id for the table: text of 1 to 2,600 bytes in UTF-8, including its prefix, without characters that Postgres
 * refuses. A btree takes 2,704 bytes per tuple, and some indexes hold the provider beside the id. Stateless.
 *
 * @see <a href="https://www.postgresql.org/docs/current/btree.html">Postgres on B-tree indexes</a>
 */
public final class UserId {

    /** The variable of the exchange with the prefix of its ids; without it, the provider's setting counts. */
    public static final String PREFIX = "id-prefix";

    /** The longest id, in bytes of UTF-8. */
    public static final int LONGEST = 2_600;

    private UserId() {}

    /**
     * @return the id in a field of an event, with the provider's prefix
     * @throws InvalidUserEvent if it is missing or cannot be stored; the message names the field
     */
    static String of(JsonNode event, String field, String prefix) {
        JsonNode own = event.path(field);
        if (!own.isTextual() || own.textValue().isBlank()) {
            throw new InvalidUserEvent(field + " is missing, blank or not text");
        }
        String id = prefix + own.textValue();
        String fault = fault(id);
        if (fault != null) {
            throw new InvalidUserEvent(field + " " + fault);
        }
        return id;
    }

    /** @return the fault of the id, for a message that starts with "id"; null if it can be stored */
    public static String fault(String id) {
        if (id.isBlank()) {
            return "is blank";
        }
        if (!StorableText.isStorable(id)) {
            return "holds U+0000 or half of a surrogate pair, which Postgres cannot store";
        }
        int bytes = bytes(id);
        return bytes <= LONGEST ? null : "has " + bytes + " bytes, at most " + LONGEST + " are allowed";
    }

    /** The length of storable text in UTF-8. */
    private static int bytes(String text) {
        int bytes = text.length();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            // Each half of a pair counts for two of its four bytes.
            bytes += c < 0x80 ? 0 : c < 0x800 || Character.isSurrogate(c) ? 1 : 2;
        }
        return bytes;
    }
}
