package dev.userssync.scim;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.PreconditionFailedException;
import com.unboundid.scim2.common.exceptions.ResourceConflictException;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.payload.PayloadDrop;
import dev.userssync.settings.ContextBean;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * Makes user events from a write. In: the variables {@code operation} (create, replace, patch or delete) and
 * {@code request}, and the lock of {@link UserLock}. Out: the variables {@code first} and {@code second}, user events
 * to send in this order, each may be null; {@code status}; and as body the resulting {@link UserRow}, null after a
 * delete. Requests carry no time of the change, so this class stamps the events. Thread-safe.
 * <p>
 * If inactive means deleted, an inactive user has a {@code deleted_at} and a document with {@code "active": false}, by
 * which clients still find it. The two events of one version are in a safe order, even if only the first is seen. A
 * live user is first made inactive and then deleted. A deleted or new user is first deleted, so it is never live in
 * between. (In the merge rule a deletion wins over a profile of the same version, in any order.) If the client deletes
 * an inactive user, the document loses {@code active}, and no client finds it any more.
 */
@BindToRegistry("scim-change")
public final class UserChange extends ContextBean implements Processor {

    private final Clock clock;
    private ScimSettings settings;
    private PayloadDrop secrets;

    public UserChange() {
        this(Clock.systemUTC());
    }

    UserChange(Clock clock) {
        this.clock = clock;
    }

    /** @throws ScimException 400, 404, 409 or 412; then nothing is changed */
    @Override
    public void process(Exchange exchange) throws ScimException, SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        UserLock.Held lock = UserLock.of(exchange);
        exchange.setVariable("status", 200);
        switch (exchange.getVariable("operation", String.class)) {
            case "create" -> {
                ObjectNode document = UserDocument.checked(request.body());
                PostedUser user = PostedUser.of(document, settings.idPrefix(), lock);
                if (user.row() != null && user.row().isFound()) {
                    keep(List.of("externalId"), user.row(), request, document);
                }
                write(exchange, lock, user.row(), user.id(), document);
                exchange.setVariable("status", 201);
            }
            case "replace" -> {
                UserRow row = found(request, lock);
                ObjectNode document = UserDocument.checked(request.body());
                keep(List.of("active", "externalId"), row, request, document);
                write(exchange, lock, row, row.id(), document);
            }
            case "patch" -> {
                UserRow row = found(request, lock);
                write(exchange, lock, row, row.id(), UserDocument.checked(Patch.apply(row.document(), request.body())));
            }
            case "delete" -> {
                delete(exchange, found(request, lock));
                exchange.setVariable("status", 204);
            }
            default -> throw new IllegalArgumentException("no such operation");
        }
    }

    private UserRow found(ScimRequest request, UserLock.Held lock) throws ScimException, SQLException {
        UserRow row =
                request.id().startsWith(settings.idPrefix()) ? UserRows.find(lock.connection(), request.id()) : null;
        if (row == null || !row.isFound()) {
            throw new ResourceNotFoundException("there is no user with this id");
        }
        if (request.ifMatch() != null && !ScimRequest.names(request.ifMatch(), row.tag())) {
            throw new PreconditionFailedException("the user has changed since the version in If-Match");
        }
        return row;
    }

    /** Keeps attributes that the client omits: it wants neither to reactivate the user nor to drop its own id. */
    private static void keep(List<String> attributes, UserRow row, ScimRequest request, ObjectNode document) {
        for (String attribute : attributes) {
            if (!request.body().has(attribute) && row.document().has(attribute)) {
                document.set(attribute, row.document().get(attribute));
            }
        }
    }

    private void write(Exchange exchange, UserLock.Held lock, UserRow row, String id, ObjectNode given)
            throws ScimException, SQLException {
        ObjectNode document = withoutSecrets(given);
        document.put("id", id);
        boolean isNew = row == null || !row.isFound();
        if (isNew || claimsName(document, row)) {
            String userName = UserDocument.text(document, "userName");
            lock.lockName(userName);
            if (UserRows.withUserName(lock.connection(), settings.idPrefix(), userName).stream()
                    .anyMatch(other -> other.isActive() && !other.id().equals(id))) {
                throw ResourceConflictException.uniqueness(
                        "another active user has this userName; change that user with PATCH or PUT");
            }
        }
        boolean isDeleted = settings.inactiveIsDeleted() && !UserDocument.isActive(document);
        if (!isNew && document.equals(row.document()) && isDeleted == (row.deleted() != null)) {
            exchange.getMessage().setBody(row); // unchanged
            return;
        }
        Instant version = UserRow.nextVersion(row, row == null ? afterTombstone(id, lock) : clock.instant());
        Instant created = isNew ? version : row.created();
        ObjectNode profile = profile(isNew ? "created" : "updated", id, document, created, version);
        if (!isDeleted) {
            send(exchange, profile, null);
        } else if (!isNew && row.deleted() == null) {
            send(exchange, profile, deletion(id, version));
        } else {
            send(exchange, deletion(id, version), profile);
        }
        exchange.getMessage().setBody(new UserRow(id, document, created, version, isDeleted ? version : null));
    }

    /** Whether the user claims its userName. While a user is inactive, another user may take the name. */
    private static boolean claimsName(ObjectNode document, UserRow row) {
        return !UserDocument.text(document, "userName").equalsIgnoreCase(UserDocument.text(row.document(), "userName"))
                || UserDocument.isActive(document) && !row.isActive();
    }

    /** The current time or, if another clock's tombstone of this id is later, the time after it. */
    private Instant afterTombstone(String id, UserLock.Held lock) throws SQLException {
        Instant now = clock.instant();
        Instant buried = UserRows.buried(lock.connection(), id);
        return buried == null || buried.isBefore(now) ? now : buried.plus(1, ChronoUnit.MICROS);
    }

    /** Drops the secrets in the setting payload.drop. The password was removed before. */
    private ObjectNode withoutSecrets(ObjectNode document) {
        JsonNode plain = Json.plain(document);
        return secrets.dropFrom(plain) ? Json.object(plain.toString()) : document;
    }

    private void delete(Exchange exchange, UserRow row) {
        Instant version = UserRow.nextVersion(row, clock.instant());
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

    private ObjectNode profile(String type, String id, ObjectNode document, Instant created, Instant version) {
        ObjectNode event =
                JsonNodeFactory.instance.objectNode().put("type", type).put("id", withoutPrefix(id));
        event.set("raw", Json.plain(document));
        return event.put("name", UserDocument.name(document))
                .put("email", UserDocument.email(document))
                .put("created_at", created == null ? null : created.toString())
                .put("updated_at", version.toString());
    }

    private ObjectNode deletion(String id, Instant version) {
        return JsonNodeFactory.instance
                .objectNode()
                .put("type", "deleted")
                .put("id", withoutPrefix(id))
                .put("deleted_at", version.toString());
    }

    /** The provider's own id, for a user event. The check of the event adds the prefix. */
    private String withoutPrefix(String id) {
        return id.substring(settings.idPrefix().length());
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.settings = ScimSettings.of(context);
        this.secrets = new PayloadDrop();
        secrets.setCamelContext(context);
    }
}
