package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;

/**
 * What a client asks for.
 *
 * @param id          the last part of the path, decoded; null where the path names no single thing
 * @param parameters  of the query or, of a search, of its body
 * @param body        null where the method has none
 * @param base        the URL of /scim/v2 as the client wrote it
 * @param ifMatch     the header If-Match, or null
 * @param ifNoneMatch the header If-None-Match, or null
 */
record ScimRequest(String id, Map<String, String> parameters, ObjectNode body, String base, String ifMatch, String ifNoneMatch) {

    /** The exchange's variable that holds it. */
    static final String VARIABLE = "request";

    /** Whether a header that lists entity tags, or *, names this one; compared weakly (RFC 9110 §8.8.3.2). */
    static boolean names(String header, String tag) {
        if (header.strip().equals("*")) {
            return true;
        }
        for (String listed : header.split(",")) {
            if (listed.strip().replaceFirst("^W/", "").equals(tag.replaceFirst("^W/", ""))) {
                return true;
            }
        }
        return false;
    }
}
