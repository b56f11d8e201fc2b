package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.Path;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ResourceConflictException;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.event.Entity;
import dev.userssync.resource.Document;
import dev.userssync.resource.Json;
import dev.userssync.resource.Patch;
import dev.userssync.resource.PatchPath;
import dev.userssync.resource.Projection;
import dev.userssync.resource.Schema;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Makes an event about a group from a write, and the events about its members, see {@link ResourceChange}. Out: the
 * variable {@code first}, an event about an organization, or null; and {@code members}, a list of checked events about
 * memberships for one statement, or null: a client may send ten thousand members in one request. Only what changes is
 * written, and with the members also the group, whose version is that of the whole. Thread-safe.
 */
@BindToRegistry("scim-group-change")
public final class GroupChange extends ResourceChange {

    public GroupChange() {
        super(Schema.GROUP);
    }

    @Override
    void create(Exchange exchange, ScimRequest request, Rows rows) throws ScimException, SQLException {
        String id = rows.client().idPrefix() + UUID.randomUUID();
        MemberChange members = new MemberChange(rows, id);
        members.replace(request.body().path(Schema.GROUP.links));
        ObjectNode document = checked(request.body());
        String externalId = Document.text(document, "externalId");
        if (externalId != null) {
            ResourceLock.of(exchange).lockGroup(externalId);
            if (rows.withExternalId(externalId).stream().anyMatch(Row::isFound)) {
                throw ResourceConflictException.uniqueness(
                        "a group has this externalId; change that group with PATCH or PUT");
            }
        }
        write(exchange, request, null, id, document, members);
    }

    @Override
    void replace(Exchange exchange, ScimRequest request, Rows rows, Row row) throws ScimException, SQLException {
        MemberChange members = new MemberChange(rows, row.id());
        members.replace(request.body().path(Schema.GROUP.links));
        ObjectNode document = checked(request.body());
        keep(List.of("externalId"), row, request, document);
        write(exchange, request, row, row.id(), document, members);
    }

    /** Answers 204 without the group, unless the client asks for attributes: Entra ID does not read the members. */
    @Override
    void patch(Exchange exchange, ScimRequest request, Rows rows, Row row) throws ScimException, SQLException {
        MemberChange members = new MemberChange(rows, row.id());
        ObjectNode rest = withoutMembers(request.body(), row, members);
        boolean hasOnlyMembers =
                rest.path("Operations").isArray() && rest.path("Operations").isEmpty();
        ObjectNode document = hasOnlyMembers || changesNothing(rest)
                ? row.document()
                : checked(Patch.apply(Schema.GROUP, row.document(), rest));
        write(exchange, request, row, row.id(), document, members);
        if (!request.parameters().containsKey("attributes")
                && !request.parameters().containsKey("excludedAttributes")) {
            exchange.setVariable("status", 204);
            exchange.getMessage().setBody(null);
        }
    }

    @Override
    void delete(Exchange exchange, Rows rows, Row row) throws SQLException {
        Instant version = Row.nextVersion(row, ResourceLock.of(exchange).now());
        exchange.setVariable("first", event("deleted", row.id()).put("deleted_at", version.toString()));
        exchange.getMessage().setBody(null);
    }

    private static ObjectNode checked(ObjectNode sent) throws BadRequestException {
        ObjectNode document = Document.checked(Schema.GROUP, sent.deepCopy().without(List.of(Schema.GROUP.links)));
        document.remove(Schema.GROUP.links);
        return document;
    }

    /** The request without its operations on members, which go to {@code members}. */
    private static ObjectNode withoutMembers(ObjectNode request, Row row, MemberChange members)
            throws ScimException, SQLException {
        ObjectNode rest = request.deepCopy();
        if (!(request.path("Operations") instanceof ArrayNode operations)) {
            return rest;
        }
        ArrayNode others = rest.putArray("Operations");
        for (JsonNode operation : operations) {
            String op = Document.lower(operation.path("op").asText());
            String path = operation.path("path").asText("").strip();
            boolean isKnown = List.of("add", "replace", "remove").contains(op);
            if (isKnown
                    && path.isEmpty()
                    && !op.equals("remove")
                    && operation.path("value") instanceof ObjectNode attributes) {
                ObjectNode left = attributes.deepCopy();
                for (Map.Entry<String, JsonNode> attribute : attributes.properties()) {
                    Path named = members(attribute.getKey(), row);
                    if (named != null) {
                        left.remove(attribute.getKey());
                        members.apply(op, named, attribute.getValue());
                    }
                }
                if (!left.isEmpty() || attributes.isEmpty()) {
                    others.add(((ObjectNode) operation.deepCopy()).set("value", left));
                }
                continue;
            }
            Path named = isKnown && !path.isEmpty() ? members(path, row) : null;
            if (named == null) {
                others.add(operation);
            } else {
                members.apply(op, named, operation.path("value"));
            }
        }
        return rest;
    }

    /** The path if it leads to members; else null. */
    private static Path members(String text, Row row) throws BadRequestException {
        if (!Document.lower(text).contains(Schema.GROUP.links)) {
            return null;
        }
        Path path = PatchPath.of(Schema.GROUP, text, row.document(), false);
        boolean isCore = path.getSchemaUrn() == null || path.getSchemaUrn().equalsIgnoreCase(Schema.GROUP.urn);
        return isCore && path.size() > 0 && path.getElement(0).getAttribute().equalsIgnoreCase(Schema.GROUP.links)
                ? path
                : null;
    }

    private void write(
            Exchange exchange, ScimRequest request, Row row, String id, ObjectNode given, MemberChange members)
            throws ScimException, SQLException {
        ObjectNode document = withoutSecrets(given);
        document.put("id", id);
        MemberChange.Difference difference = members.difference();
        JsonNode all = new Projection(Schema.GROUP, request.parameters()).selects(Schema.GROUP.links)
                ? Json.list(Json.text(members.after()))
                : null;
        if (row != null && document.equals(row.document()) && difference.isEmpty()) {
            exchange.getMessage().setBody(new Row(Schema.GROUP, id, document, row.created(), row.updated(), null, all));
            return; // unchanged
        }
        Instant version = Row.nextVersion(row, ResourceLock.of(exchange).now());
        Instant created = row == null ? version : row.created();
        ObjectNode event = event(row == null ? "created" : "updated", id)
                .put("kind", "group")
                .put("name", Document.text(document, "displayName"))
                .put("parent_id", request.client().organization())
                .put("created_at", created == null ? null : created.toString())
                .put("updated_at", version.toString());
        event.set("raw", Json.plain(document));
        exchange.setVariable("first", event);
        exchange.setVariable("members", difference.isEmpty() ? null : memberships(id, difference, version.toString()));
        exchange.getMessage().setBody(new Row(Schema.GROUP, id, document, created, version, null, all));
    }

    /** @throws BadRequestException invalidValue if an id is longer than an index takes */
    private static List<JsonNode> memberships(String group, MemberChange.Difference difference, String version)
            throws BadRequestException {
        List<JsonNode> events = new ArrayList<>();
        for (String user : difference.joined()) {
            ObjectNode event = membership("created", group, user)
                    .put("active", true)
                    .put("created_at", version)
                    .put("updated_at", version);
            event.putObject("raw").put("value", user);
            events.add(event);
        }
        for (String user : difference.left()) {
            events.add(membership("deleted", group, user).put("deleted_at", version));
        }
        return events;
    }

    private static ObjectNode membership(String type, String group, String user) throws BadRequestException {
        OrganizationMember.checkId(group, user);
        return OrganizationMember.event(type, group, user);
    }

    private static ObjectNode event(String type, String id) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("entity", Entity.ORGANIZATION.word())
                .put("type", type)
                .put("id", id);
    }
}
