package dev.userssync.scim;

import com.fasterxml.jackson.databind.node.ObjectNode;
import com.unboundid.scim2.common.exceptions.BadRequestException;
import com.unboundid.scim2.common.exceptions.ScimException;
import com.unboundid.scim2.common.messages.ListResponse;
import dev.userssync.resource.Projection;
import dev.userssync.resource.Schema;
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
 * Reads resources: one by its id, or a list with filter, order and paging (RFC 7644 §3.4). In: the variable
 * {@code request}; out, as body: a {@link Row} or a {@link ListResponse}. Thread-safe.
 */
@BindToRegistry("scim-resources")
public final class ResourceQuery extends ContextBean {

    static final int LARGEST_PAGE = 1_000;
    private static final int USUAL_PAGE = 100;

    private ScimSettings settings;

    /** @throws ScimException 404 */
    public void get(Exchange exchange) throws ScimException, SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        Projection projection = new Projection(request.schema(), request.parameters());
        Row row;
        try (Connection connection = connection()) {
            row = settings.rows(
                            connection, request.client(), request.schema(), projection.selects(request.schema().links))
                    .found(request.id());
        }
        if (row == null) {
            throw ResourceChange.unknown();
        }
        boolean isKnown = request.ifNoneMatch() != null && ScimRequest.names(request.ifNoneMatch(), row.tag());
        exchange.setVariable("status", isKnown ? 304 : 200);
        exchange.getMessage().setBody(row);
    }

    /**
     * Without a type of resource in the path, it lists the users and then the groups.
     *
     * @throws ScimException 400 invalidFilter, invalidValue or invalidPath
     */
    public void list(Exchange exchange) throws ScimException, SQLException {
        ScimRequest request = exchange.getVariable(ScimRequest.VARIABLE, ScimRequest.class);
        int start = Math.max(1, number(request, "startIndex", 1));
        int count = Math.min(LARGEST_PAGE, Math.max(0, number(request, "count", USUAL_PAGE)));
        List<ObjectNode> page = new ArrayList<>();
        int total = 0;
        try (Connection connection = connection()) {
            for (Schema schema : request.schema() != null ? List.of(request.schema()) : settings.schemas()) {
                total += list(connection, schema, request, Math.max(1, start - total), count - page.size(), page);
            }
        }
        exchange.getMessage().setBody(new ListResponse<>(total, page, start, page.size()));
    }

    private int list(
            Connection connection, Schema schema, ScimRequest request, int start, int count, List<ObjectNode> page)
            throws SQLException, ScimException {
        String text = request.parameters().get("filter");
        ResourceFilter filter = text == null || text.isBlank() ? null : new ResourceFilter(schema, text);
        Projection projection = new Projection(schema, request.parameters());
        Condition order = Order.of(schema, request.parameters());
        Rows rows = settings.rows(
                connection,
                request.client(),
                schema,
                projection.selects(schema.links) || filter != null && filter.namesLinks());
        Rows.Use use = row -> page.add(projection.of(row.resource(request.base())));
        if (filter == null) {
            int total = rows.count();
            rows.each(Condition.ANY, order, " OFFSET " + (start - 1) + " LIMIT " + count, use);
            return total;
        }
        if (filter.asksForUserName()) {
            return holder(rows, filter, request.base(), start == 1 && count > 0 ? use : row -> {});
        }
        int[] matches = {0};
        rows.each(filter.condition(), order, "", row -> {
            if (filter.matches(row, request.base())) {
                matches[0]++;
                if (matches[0] >= start && matches[0] < start + count) {
                    use.row(row);
                }
            }
        });
        return matches[0];
    }

    /**
     * A userName is unique (RFC 7643 §4.1.1), so an inactive user whose userName another person now has is not listed.
     */
    private static int holder(Rows rows, ResourceFilter filter, String base, Rows.Use use)
            throws SQLException, ScimException {
        List<Row> holders = new ArrayList<>();
        rows.each(filter.condition(), Order.BY_ID, "", row -> {
            if (filter.matches(row, base)) {
                holders.add(row);
            }
        });
        Row holder = holders.stream()
                .max(Comparator.comparing(Row::isActive)
                        .thenComparing(Row::updated, Comparator.nullsFirst(Comparator.naturalOrder())))
                .orElse(null);
        if (holder != null) {
            use.row(holder);
        }
        return holder == null ? 0 : 1;
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
}
