package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.resource.Document;
import dev.userssync.resource.Json;
import java.util.regex.Pattern;

/** What the document of a User (RFC 7643 §4.1) says for the columns of its row. Thread-safe. */
final class UserProfile {

    private static final Pattern ADDRESS = Pattern.compile("[^\\s@]+@[^\\s@]+");

    private UserProfile() {}

    /** Whether a user is active, which is the default. */
    static boolean isActive(ObjectNode user) {
        return user.path("active").asBoolean(true);
    }

    /** displayName, else name.formatted, else given and family name; null if there is none. */
    static String name(ObjectNode user) {
        ObjectNode name = user.path("name") instanceof ObjectNode object ? object : Json.object();
        String display = Document.text(user, "displayName");
        String formatted = Document.text(name, "formatted");
        if (display != null || formatted != null) {
            return display != null ? display : formatted;
        }
        String given = Document.text(name, "givenName");
        String family = Document.text(name, "familyName");
        return given == null ? family : family == null ? given : given + " " + family;
    }

    /** The primary address, else the first, else the userName if it looks like one; null if there is none. */
    static String email(ObjectNode user) {
        String first = null;
        for (JsonNode email : user.path("emails")) {
            String address = Document.text(email, "value");
            if (address != null && Document.isPrimary(email)) {
                return address;
            }
            first = first == null ? address : first;
        }
        String userName = Document.text(user, "userName");
        return first != null
                ? first
                : userName != null && ADDRESS.matcher(userName).matches() ? userName : null;
    }
}
