package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.ResourceConflictException;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.resource.Document;
import dev.userssync.resource.Json;
import dev.userssync.resource.Patch;
import dev.userssync.resource.Schema;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.Exchange;

/**
 * Makes user events from a write, see {@link ResourceChange}. Out: the variables {@code first} and {@code second}, user
 * events to send in this order, each may be null; and {@code members}, a list with the event about the membership in the
 * client's organization, or null. Thread-safe.
 * <p>
 * If inactive means deleted, an inactive user has a {@code deleted_at} and a document with {@code "active": false}, by
 * which clients still find it. The two events of one version are in a safe order, even if only the first is seen. A
 * live user is first made inactive and then deleted. A deleted or new user is first deleted, so it is never live in
 * between. (In the merge rule a deletion wins over a profile of the same version, in any order.) If the client deletes
 * an inactive user, the document loses {@code active}, and no client finds it any more.
 */
@BindToRegistry("scim-change")
public final class UserChange extends ResourceChange {

    private final Clock clock;

    public UserChange() {
        this(Clock.systemUTC());
    }

    UserChange(Clock clock) {
        super(Schema.USER);
        this.clock = clock;
    }

    @Override
    void create(Exchange exchange, ScimRequest request, Rows rows) throws ScimException, SQLException {
        ObjectNode document = Document.checked(Schema.USER, request.body());
        PostedUser user = PostedUser.of(document, rows, ResourceLock.of(exchange));
        if (user.row() != null && user.row().isFound()) {
            keep(List.of("externalId"), user.row(), request, document);
        }
        write(exchange, rows, user.row(), user.id(), document);
    }

    @Override
    void replace(Exchange exchange, ScimRequest request, Rows rows, Row row) throws ScimException, SQLException {
        ObjectNode document = Document.checked(Schema.USER, request.body());
        keep(List.of("active", "externalId"), row, request, document);
        write(exchange, rows, row, row.id(), document);
    }

    @Override
    void patch(Exchange exchange, ScimRequest request, Rows rows, Row row) throws ScimException, SQLException {
        ObjectNode patched = changesNothing(request.body())
                ? row.document()
                : Patch.apply(Schema.USER, row.document(), request.body());
        write(exchange, rows, row, row.id(), Document.checked(Schema.USER, patched));
    }

    private void write(Exchange exchange, Rows rows, Row row, String id, ObjectNode given)
            throws ScimException, SQLException {
        ObjectNode document = withoutSecrets(given);
        document.put("id", id);
        boolean isNew = row == null || !row.isFound();
        if (isNew || claimsName(document, row)) {
            String userName = Document.text(document, "userName");
            ResourceLock.of(exchange).lockName(userName);
            if (rows.withUserName(userName).stream()
                    .anyMatch(other -> other.isActive() && !other.id().equals(id))) {
                throw ResourceConflictException.uniqueness(
                        "another active user has this userName; change that user with PATCH or PUT");
            }
        }
        boolean isDeleted = settings.inactiveIsDeleted() && !UserProfile.isActive(document);
        Instant version = Row.nextVersion(row, row == null ? afterTombstone(id, rows) : clock.instant());
        OrganizationMember member = OrganizationMember.of(rows, id);
        if (member != null) {
            members(exchange, member.joins(UserProfile.isActive(document), version));
        }
        if (!isNew && document.equals(row.document()) && isDeleted == (row.deleted() != null)) {
            exchange.getMessage().setBody(row); // unchanged
            return;
        }
        Instant created = isNew ? version : row.created();
        ObjectNode profile = profile(isNew ? "created" : "updated", id, document, created, version);
        if (!isDeleted) {
            send(exchange, profile, null);
        } else if (!isNew && row.deleted() == null) {
            send(exchange, profile, deletion(id, version));
        } else {
            send(exchange, deletion(id, version), profile);
        }
        JsonNode groups = row == null ? null : row.links();
        exchange.getMessage()
                .setBody(new Row(Schema.USER, id, document, created, version, isDeleted ? version : null, groups));
    }

    /** Whether the user claims its userName. While a user is inactive, another user may take the name. */
    private static boolean claimsName(ObjectNode document, Row row) {
        return !Document.text(document, "userName").equalsIgnoreCase(Document.text(row.document(), "userName"))
                || UserProfile.isActive(document) && !row.isActive();
    }

    /** The current time or, if another clock's tombstone of this id is later, the time after it. */
    private Instant afterTombstone(String id, Rows rows) throws SQLException {
        Instant now = clock.instant();
        Instant buried = Rows.buried(rows.connection(), id);
        return buried == null || buried.isBefore(now) ? now : buried.plus(1, ChronoUnit.MICROS);
    }

    @Override
    void delete(Exchange exchange, Rows rows, Row row) throws SQLException {
        Instant version = Row.nextVersion(row, clock.instant());
        OrganizationMember member = OrganizationMember.of(rows, row.id());
        if (member != null) {
            members(exchange, member.leaves(version));
        }
        ObjectNode profile = null;
        if (!row.isActive()) {
            ObjectNode document = row.document().deepCopy();
            document.remove("active");
            profile = profile("updated", row.id(), document, row.created(), version);
        }
        send(exchange, deletion(row.id(), version), profile);
        exchange.getMessage().setBody(null);
    }

    private static void send(Exchange exchange, ObjectNode first, ObjectNode second) {
        exchange.setVariable("first", first);
        exchange.setVariable("second", second);
    }

    private static void members(Exchange exchange, List<JsonNode> events) {
        exchange.setVariable("members", events.isEmpty() ? null : events);
    }

    private ObjectNode profile(String type, String id, ObjectNode document, Instant created, Instant version) {
        ObjectNode event =
                JsonNodeFactory.instance.objectNode().put("type", type).put("id", id);
        event.set("raw", Json.plain(document));
        return event.put("name", UserProfile.name(document))
                .put("email", UserProfile.email(document))
                .put("created_at", created == null ? null : created.toString())
                .put("updated_at", version.toString());
    }

    private ObjectNode deletion(String id, Instant version) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("type", "deleted")
                .put("id", id)
                .put("deleted_at", version.toString());
    }
}
