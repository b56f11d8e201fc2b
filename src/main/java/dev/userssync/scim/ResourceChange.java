package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.PreconditionFailedException;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.payload.PayloadDrop;
import dev.userssync.resource.Json;
import dev.userssync.resource.Schema;
import dev.userssync.settings.ContextBean;
import java.sql.SQLException;
import java.util.List;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Makes events from a write. In: the variables {@code operation} (create, replace, patch or delete) and
 * {@code request}, and the lock of {@link ResourceLock}. Out: variables with the events; {@code status}; and as body the
 * resulting {@link Row}, or null. Requests carry no time of the change, so users-sync stamps the events. Thread-safe.
 */
abstract class ResourceChange extends ContextBean implements Processor {

    private static final String PATCH = "\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"";

    private final Schema schema;
    ScimSettings settings;
    private PayloadDrop secrets;

    ResourceChange(Schema schema) {
        this.schema = schema;
    }

    /** @throws ScimException 400, 404, 409 or 412; then nothing is changed */
    @Override
    public final void process(Exchange exchange) throws ScimException, SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        Rows rows =
                settings.rows(ResourceLock.of(exchange).connection(), request.client(), schema, schema == Schema.USER);
        String operation = exchange.getVariable("operation", String.class);
        Row row = operation.equals("create") ? null : found(request, rows);
        exchange.setVariable("status", 200);
        switch (operation) {
            case "create" -> {
                create(exchange, request, rows);
                exchange.setVariable("status", 201);
            }
            case "replace" -> replace(exchange, request, rows, row);
            case "patch" -> patch(exchange, request, rows, row);
            case "delete" -> {
                delete(exchange, rows, row);
                exchange.setVariable("status", 204);
            }
            default -> throw new IllegalArgumentException("no such operation");
        }
    }

    abstract void create(Exchange exchange, ScimRequest request, Rows rows) throws ScimException, SQLException;

    abstract void replace(Exchange exchange, ScimRequest request, Rows rows, Row row)
            throws ScimException, SQLException;

    abstract void patch(Exchange exchange, ScimRequest request, Rows rows, Row row) throws ScimException, SQLException;

    abstract void delete(Exchange exchange, Rows rows, Row row) throws ScimException, SQLException;

    static ResourceNotFoundException unknown() {
        return new ResourceNotFoundException("there is no user or group with this id");
    }

    private static Row found(ScimRequest request, Rows rows) throws ScimException, SQLException {
        Row row = rows.found(request.id());
        if (row == null) {
            throw unknown();
        }
        if (request.ifMatch() != null && !ScimRequest.names(request.ifMatch(), row.tag())) {
            throw new PreconditionFailedException("the resource has changed since the version in If-Match");
        }
        return row;
    }

    /** Whether a PATCH that says what it is has no operation: ConnId sends it when only the groups of a user change. */
    static boolean changesNothing(ObjectNode patch) {
        JsonNode operations = patch.path("Operations");
        return (operations.isMissingNode() || operations.isArray() && operations.isEmpty())
                && Json.text(patch.path("schemas")).contains(PATCH);
    }

    /** Keeps attributes that the client omits: it wants neither to reactivate the user nor to drop its own id. */
    static void keep(List<String> attributes, Row row, ScimRequest request, ObjectNode document) {
        for (String attribute : attributes) {
            if (!request.body().has(attribute) && row.document().has(attribute)) {
                document.set(attribute, row.document().get(attribute));
            }
        }
    }

    /** Drops the secrets in the setting payload.drop. The password was removed before. */
    final ObjectNode withoutSecrets(ObjectNode document) {
        JsonNode plain = Json.plain(document);
        return secrets.dropFrom(plain) ? Json.object(plain.toString()) : document;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.settings = ScimSettings.of(context);
        this.secrets = new PayloadDrop();
        secrets.setCamelContext(context);
    }
}
