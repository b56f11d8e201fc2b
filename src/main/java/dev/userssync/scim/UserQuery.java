package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ResourceNotFoundException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ListResponse;
import dev.userssync.settings.ContextBean;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import javax.sql.DataSource;
import org.apache.camel.BindToRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;

/**
 * Reads users: one by its id, or a list with filter and paging (RFC 7644 §3.4). In: the variable {@code request}; out,
 * as body: a {@link UserRow} or a {@link ListResponse}. Thread-safe.
 */
@BindToRegistry("scim-users")
public final class UserQuery extends ContextBean {

    static final int LARGEST_PAGE = 1_000;
    private static final int USUAL_PAGE = 100;

    private ScimSettings settings;

    /** @throws ScimException 404 */
    public void get(Exchange exchange) throws ScimException, SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        UserRow row = null;
        if (request.id().startsWith(settings.idPrefix())) {
            try (Connection connection = connection()) {
                row = UserRows.find(connection, request.id());
            }
        }
        if (row == null || !row.isFound()) {
            throw new ResourceNotFoundException("there is no user with this id");
        }
        boolean isKnown = request.ifNoneMatch() != null && ScimRequest.names(request.ifNoneMatch(), row.tag());
        exchange.setVariable("status", isKnown ? 304 : 200);
        exchange.getMessage().setBody(row);
    }

    /** @throws ScimException 400 invalidFilter, invalidValue or invalidPath */
    public void list(Exchange exchange) throws ScimException, SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        int start = Math.max(1, number(request, "startIndex", 1));
        int count = Math.min(LARGEST_PAGE, Math.max(0, number(request, "count", USUAL_PAGE)));
        String filter = request.parameters().get("filter");
        Projection projection = new Projection(request.parameters());
        List<ObjectNode> page = new ArrayList<>();
        int total;
        try (Connection connection = connection()) {
            if (filter == null || filter.isBlank()) {
                total = UserRows.count(connection, settings.idPrefix());
                UserRows.page(
                        connection,
                        settings.idPrefix(),
                        start - 1,
                        count,
                        row -> page.add(projection.of(row.resource(request.base()))));
            } else {
                total = filtered(connection, new UserFilter(filter), request.base(), start, count, projection, page);
            }
        }
        exchange.getMessage().setBody(new ListResponse<>(total, page, start, page.size()));
    }

    private int filtered(
            Connection connection,
            UserFilter filter,
            String base,
            int start,
            int count,
            Projection projection,
            List<ObjectNode> page)
            throws SQLException, ScimException {
        if (filter.asksForUserName()) {
            List<UserRow> holders = new ArrayList<>();
            UserRows.all(connection, settings.idPrefix(), filter.condition(), row -> {
                if (filter.matches(row, base)) {
                    holders.add(row);
                }
            });
            // A userName is unique (RFC 7643 §4.1.1), so an inactive user whose userName another person now has is not
            // listed.
            UserRow holder = holders.stream()
                    .max(Comparator.comparing(UserRow::isActive)
                            .thenComparing(UserRow::updated, Comparator.nullsFirst(Comparator.naturalOrder())))
                    .orElse(null);
            if (holder != null && start == 1 && count > 0) {
                page.add(projection.of(holder.resource(base)));
            }
            return holder == null ? 0 : 1;
        }
        int[] matches = {0};
        UserRows.all(connection, settings.idPrefix(), filter.condition(), row -> {
            if (filter.matches(row, base)) {
                matches[0]++;
                if (matches[0] >= start && page.size() < count) {
                    page.add(projection.of(row.resource(base)));
                }
            }
        });
        return matches[0];
    }

    private static int number(ScimRequest request, String name, int otherwise) throws BadRequestException {
        String text = request.parameters().get(name);
        if (text == null || text.isBlank()) {
            return otherwise;
        }
        if (!text.strip().matches("[+-]?\\d{1,9}")) {
            throw BadRequestException.invalidValue(name + " must be a whole number");
        }
        return Integer.parseInt(text.strip());
    }

    private Connection connection() throws SQLException {
        return context.getRegistry()
                .lookupByNameAndType("users", DataSource.class)
                .getConnection();
    }

    @Override
    public void setCamelContext(CamelContext context) {
        super.setCamelContext(context);
        this.settings = ScimSettings.of(context);
    }

    /** A piece of SQL and the texts for its question marks. */
    record Condition(String sql, List<String> parameters) {

        static final Condition ANY = new Condition("TRUE", List.of());

        Condition(String sql, String parameter) {
            this(sql, List.of(parameter));
        }

        static Condition all(List<Condition> parts) {
            return join(parts.stream().filter(part -> part != ANY).toList(), " AND ");
        }

        static Condition oneOf(List<Condition> parts) {
            return parts.contains(ANY) ? ANY : join(parts, " OR ");
        }

        private static Condition join(List<Condition> parts, String word) {
            if (parts.isEmpty()) {
                return ANY;
            }
            List<String> parameters = new ArrayList<>();
            parts.forEach(part -> parameters.addAll(part.parameters));
            return new Condition(
                    "(" + String.join(word, parts.stream().map(Condition::sql).toList()) + ")", parameters);
        }
    }
}
