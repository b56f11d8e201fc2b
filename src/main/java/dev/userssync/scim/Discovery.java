package dev.userssync.scim;

import com.unboundid.scim2.common.ScimResource;
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
import com.unboundid.scim2.common.types.UserResource;
import com.unboundid.scim2.common.utils.SchemaUtils;
import java.beans.IntrospectionException;
import java.net.URI;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Describes the features of this server (RFC 7644 §4), with the SDK's classes. In: the variable {@code request}. Out,
 * as body: the document. Thread-safe.
 */
@BindToRegistry("scim-discovery")
public final class Discovery {

    public void config(Exchange exchange) {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        exchange.getMessage()
                .setBody(located(
                        new ServiceProviderConfigResource(
                                null,
                                new PatchConfig(true),
                                new BulkConfig(false, 0, 0),
                                new FilterConfig(true, UserQuery.LARGEST_PAGE),
                                new ChangePasswordConfig(false),
                                new SortConfig(false),
                                new ETagConfig(true),
                                List.of(AuthenticationScheme.createOAuth2BearerToken(true))),
                        "ServiceProviderConfig",
                        request.base() + "/ServiceProviderConfig"));
    }

    public void resourceTypes(Exchange exchange) throws ScimException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        answer(
                exchange,
                request,
                List.of(located(
                        new ResourceTypeResource(
                                "User",
                                "User",
                                "User Account",
                                URI.create("/Users"),
                                URI.create(UserSchema.SCHEMA),
                                List.of(new ResourceTypeResource.SchemaExtension(
                                        URI.create(UserSchema.ENTERPRISE), false))),
                        "ResourceType",
                        request.base() + "/ResourceTypes/User")));
    }

    public void schemas(Exchange exchange) throws ScimException, IntrospectionException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        List<ScimResource> schemas = new ArrayList<>();
        for (Class<?> type : List.of(UserResource.class, EnterpriseUserExtension.class)) {
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
}
