package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.userssync.client.ScimClient;
import dev.userssync.resource.Schema;
import java.util.Map;

/**
 * A client's request.
 *
 * @param client      who sent it
 * @param schema      the type of resource that the path names, or null
 * @param id          the last part of the path, decoded; null if the path names no single resource
 * @param parameters  of the query or, for a search, of its body
 * @param body        null if the method has none
 * @param base        the URL of /scim/v2 as the client wrote it
 * @param ifMatch     the header If-Match, or null
 * @param ifNoneMatch the header If-None-Match, or null
 */
record ScimRequest(
        ScimClient client,
        Schema schema,
        String id,
        Map<String, String> parameters,
        ObjectNode body,
        String base,
        String ifMatch,
        String ifNoneMatch) {

    /** The variable of the exchange that holds the request. */
    static final String VARIABLE = "request";

    /** Whether a header with entity tags, or *, matches this tag; compared weakly (RFC 9110 §8.8.3.2). */
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
