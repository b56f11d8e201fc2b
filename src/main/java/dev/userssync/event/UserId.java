package dev.userssync.event;

/**
 * What an id in the table may be: text of 1 to 2,600 bytes in UTF-8, its prefix included, without characters that Postgres refuses. A btree takes
 * 2,704 bytes a tuple, and some indexes hold the provider beside the id. Stateless.
 *
 * @see <a href="https://www.postgresql.org/docs/current/btree.html">Postgres on B-tree indexes</a>
 */
public final class UserId {

    /** Bytes in UTF-8. */
    public static final int LONGEST = 2_600;

    private UserId() {
    }

    /** @return what is wrong with the id, for a message that begins with "id"; null when it can be stored */
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

    /** Of storable text. */
    private static int bytes(String text) {
        int bytes = text.length();
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            // Each half of a pair counts two of the pair's four bytes.
            bytes += c < 0x80 ? 0 : c < 0x800 || Character.isSurrogate(c) ? 1 : 2;
        }
        return bytes;
    }
}
