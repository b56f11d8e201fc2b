package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.resource.Json;
import dev.userssync.resource.Projection;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;
import org.apache.camel.Message;
import org.apache.camel.Processor;

/**
 * Writes the reply to a successful request. In: as body a {@link Row}, another SCIM document, or null for none; the
 * variables {@code request} and {@code status} (200 unless set). Thread-safe.
 */
@BindToRegistry("scim-reply")
public final class ScimReply implements Processor {

    static final String CONTENT_TYPE = "application/scim+json";

    @Override
    public void process(Exchange exchange) throws ScimException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        int status = exchange.getVariable("status", 200, Integer.class);
        Message reply = exchange.getMessage();
        Object body = reply.getBody();
        reply.setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        if (body instanceof Row row) {
            ObjectNode resource = row.resource(request.base());
            reply.setHeader("ETag", row.tag());
            if (status == 201) {
                reply.setHeader("Location", row.location(request.base()));
            }
            body = status == 304 ? null : new Projection(row.schema(), request.parameters()).of(resource);
        }
        if (body == null) {
            reply.setBody("");
        } else {
            reply.setHeader(Exchange.CONTENT_TYPE, CONTENT_TYPE);
            reply.setBody(Json.text(body));
        }
    }
}
