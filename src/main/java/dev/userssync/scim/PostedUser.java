package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ResourceConflictException;
import com.unboundid.scim2.common.exceptions.ScimException;
import dev.userssync.event.UserId;
import dev.userssync.resource.Document;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.function.Predicate;

/**
 * Finds the user of a POST. RFC 7644 knows only new users, but identity providers also POST a user who returns. The
 * externalId identifies that user, also under a new userName and after a DELETE. Without an externalId, the userName of
 * an inactive user does. A userName that belonged to another externalId is now another person's, who gets another row.
 * Immutable.
 *
 * @param id of the row
 * @param row the current row, locked; null if there is none
 */
record PostedUser(String id, Row row) {

    /** The characters for the id in a request line, which holds 4,096. */
    private static final int LONGEST_SEGMENT = 3_800;

    /**
     * @throws ResourceConflictException if an active user has the externalId
     * @throws BadRequestException invalidValue if the externalId is longer than an id may be
     */
    static PostedUser of(ObjectNode document, Rows rows, ResourceLock.Held lock) throws ScimException, SQLException {
        String prefix = rows.client().idPrefix();
        String externalId = Document.text(document, "externalId");
        String fault = externalId == null ? null : UserId.fault(prefix + externalId);
        if (fault != null) {
            throw BadRequestException.invalidValue("externalId cannot be the id of a user: it " + fault);
        }
        String userName = Document.text(document, "userName");
        while (true) {
            Set<String> ids =
                    new TreeSet<>(Candidates.read(rows, externalId, userName).ids());
            if (externalId != null) {
                ids.add(prefix + externalId);
            }
            for (String id : ids) {
                lock.lockId(id);
            }
            lock.lockName(userName);
            Candidates candidates = Candidates.read(rows, externalId, userName); // another client may have changed them
            if (ids.containsAll(candidates.ids())) {
                return candidates.choose(rows, externalId);
            }
            lock.startOver();
        }
    }

    private record Candidates(List<Row> byExternalId, List<Row> byUserName) {

        static Candidates read(Rows rows, String externalId, String userName) throws SQLException {
            return new Candidates(
                    externalId == null ? List.of() : rows.withExternalId(externalId), rows.withUserName(userName));
        }

        List<String> ids() {
            List<String> ids = new ArrayList<>();
            byExternalId.forEach(row -> ids.add(row.id()));
            byUserName.forEach(row -> ids.add(row.id()));
            return ids;
        }

        PostedUser choose(Rows rows, String externalId) throws ScimException, SQLException {
            String id = rows.client().idPrefix() + externalId;
            Row unfinished = unfinished(rows, externalId, id);
            if (unfinished != null) {
                return new PostedUser(unfinished.id(), unfinished);
            }
            if (byExternalId.stream().anyMatch(row -> row.isFound() && row.isActive())) {
                throw ResourceConflictException.uniqueness(
                        "an active user has this externalId; change that user with PATCH or PUT");
            }
            Row known = first(byExternalId, id, Row::isFound);
            if (known == null) {
                known = first(
                        byUserName,
                        id,
                        row -> !row.isActive()
                                && (externalId == null || Document.text(row.document(), "externalId") == null));
            }
            if (known == null) {
                known = first(byExternalId, id, row -> true);
            }
            if (known == null
                    && externalId != null
                    && URLEncoder.encode(id, StandardCharsets.UTF_8).length() <= LONGEST_SEGMENT
                    && rows.owns(id)) {
                Row row = rows.find(id);
                if (row == null
                        || row.isOurs() && !row.isFound() && Document.text(row.document(), "externalId") == null) {
                    return new PostedUser(id, row);
                }
            }
            return known == null
                    ? new PostedUser(rows.client().idPrefix() + UUID.randomUUID(), null)
                    : new PostedUser(known.id(), known);
        }

        /**
         * The active user whom an earlier POST has left without the membership in the client's organization. This POST
         * is its repetition.
         */
        private Row unfinished(Rows rows, String externalId, String id) throws SQLException {
            Row active = first(
                    externalId == null ? byUserName : byExternalId,
                    id,
                    row -> row.isFound()
                            && row.isActive()
                            && Objects.equals(externalId, Document.text(row.document(), "externalId")));
            OrganizationMember member = active == null ? null : OrganizationMember.of(rows, active.id());
            return member == null || member.live() ? null : active;
        }

        /** The row with the id if it is in the list, otherwise the row that changed last. */
        private static Row first(List<Row> rows, String id, Predicate<Row> condition) {
            List<Row> some = rows.stream().filter(condition).toList();
            return some.stream()
                    .filter(row -> row.id().equals(id))
                    .findFirst()
                    .orElse(some.isEmpty() ? null : some.get(0));
        }
    }
}
