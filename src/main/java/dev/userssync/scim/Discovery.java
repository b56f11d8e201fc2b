package dev.userssync.scim;

import com.unboundid.scim2.common.ScimResource;
import com.unboundid.scim2.common.exceptions.NotImplementedException;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ListResponse;
import com.unboundid.scim2.common.types.AuthenticationScheme;
import com.unboundid.scim2.common.types.BulkConfig;
import com.unboundid.scim2.common.types.ChangePasswordConfig;
import com.unboundid.scim2.common.types.ETagConfig;
import com.unboundid.scim2.common.types.EnterpriseUserExtension;
import com.unboundid.scim2.common.types.FilterConfig;
import com.unboundid.scim2.common.types.Meta;
import com.unboundid.scim2.common.types.PatchConfig;
import com.unboundid.scim2.common.types.ResourceTypeResource;
import com.unboundid.scim2.common.types.SchemaResource;
import com.unboundid.scim2.common.types.ServiceProviderConfigResource;
import com.unboundid.scim2.common.types.SortConfig;
import com.unboundid.scim2.common.utils.SchemaUtils;
import dev.userssync.resource.Schema;
import dev.userssync.settings.ContextBean;
import java.beans.IntrospectionException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * Describes the features of this server (RFC 7644 §4), with the SDK's classes. In: the variable {@code request}. Out,
 * as body: the document. Thread-safe.
 */
@BindToRegistry("scim-discovery")
public final class Discovery extends ContextBean {

    private ScimSettings settings;

    public void config(Exchange exchange) {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        exchange.getMessage()
                .setBody(located(
                        new ServiceProviderConfigResource(
                                settings.documentation(),
                                new PatchConfig(true),
                                new BulkConfig(false, 0, 0),
                                new FilterConfig(true, ResourceQuery.LARGEST_PAGE),
                                new ChangePasswordConfig(false),
                                new SortConfig(true),
                                new ETagConfig(true),
                                List.of(AuthenticationScheme.createOAuth2BearerToken(true))),
                        "ServiceProviderConfig",
                        request.base() + "/ServiceProviderConfig"));
    }

    public void resourceTypes(Exchange exchange) throws ScimException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        List<ScimResource> types = new ArrayList<>();
        for (Schema schema : settings.schemas()) {
            types.add(located(
                    new ResourceTypeResource(
                            schema.type,
                            schema.type,
                            schema == Schema.USER ? "User Account" : "Group",
                            URI.create(schema.endpoint),
                            URI.create(schema.urn),
                            schema == Schema.USER
                                    ? List.of(new ResourceTypeResource.SchemaExtension(
                                            URI.create(Schema.ENTERPRISE), false))
                                    : List.of()),
                    "ResourceType",
                    request.base() + "/ResourceTypes/" + schema.type));
        }
        answer(exchange, request, types);
    }

    /** @throws NotImplementedException always: a token belongs to a client, not to a user (RFC 7644 §3.11) */
    public void me(Exchange exchange) throws NotImplementedException {
        throw new NotImplementedException("the token belongs to no user, so /Me has none; use /Users");
    }

    public void schemas(Exchange exchange) throws ScimException, IntrospectionException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        List<ScimResource> schemas = new ArrayList<>();
        List<Class<?>> types = new ArrayList<>(List.of(Schema.USER.described, EnterpriseUserExtension.class));
        if (settings.groups()) {
            types.add(Schema.GROUP.described);
        }
        for (Class<?> type : types) {
            SchemaResource schema = SchemaUtils.getSchema(type);
            schemas.add(located(schema, "Schema", request.base() + "/Schemas/" + schema.getId()));
        }
        answer(exchange, request, schemas);
    }

    private static void answer(Exchange exchange, ScimRequest request, List<ScimResource> all)
            throws ResourceNotFoundException {
        if (request.id() == null) {
            exchange.getMessage().setBody(new ListResponse<>(all.size(), all, 1, all.size()));
        } else {
            exchange.getMessage()
                    .setBody(all.stream()
                            .filter(one -> one.getId().equalsIgnoreCase(request.id()))
                            .findFirst()
                            .orElseThrow(() -> new ResourceNotFoundException("there is nothing with this id")));
        }
    }

    private static ScimResource located(ScimResource resource, String type, String location) {
        resource.setMeta(new Meta().setResourceType(type).setLocation(URI.create(location)));
        return resource;
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.settings = ScimSettings.of(context);
    }
}
