package dev.userssync.scim;

import dev.userssync.client.ScimClient;
import dev.userssync.resource.Schema;
import dev.userssync.settings.Providers;
import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import java.sql.Connection;
import java.util.List;
import org.apache.camel.CamelContext;

/**
 * The settings of SCIM, without its token.
 *
 * @param idPrefix          {@code scim.id.prefix}: the start of the ids of SCIM_WEBHOOK_SECRET's resources; may be empty
 * @param inactiveIsDeleted {@code scim.inactive}: whether an inactive user counts as deleted
 * @param groups            {@code scim.organizations}: whether there are groups
 * @param documentation     {@code scim.documentation.uri}: what a client's administrator reads, or null
 */
record ScimSettings(String idPrefix, boolean inactiveIsDeleted, boolean groups, String documentation) {

    /** @throws StartupFailure if a setting has a wrong value */
    static ScimSettings of(CamelContext context) {
        String inactive = Setting.of(context, "scim.inactive");
        if (!inactive.equals("deleted") && !inactive.equals("kept")) {
            throw new StartupFailure(
                    "SCIM_INACTIVE must be deleted (an inactive user gets deleted_at) or kept (only raw_json says it)");
        }
        String documentation = Setting.of(context, "scim.documentation.uri");
        return new ScimSettings(
                Setting.of(context, "scim.id.prefix"),
                inactive.equals("deleted"),
                !Setting.of(context, Providers.SCIM + Providers.ORGANIZATIONS).equals("off"),
                documentation.isEmpty() ? null : documentation);
    }

    /** The types of resources that this server has. */
    List<Schema> schemas() {
        return groups ? List.of(Schema.USER, Schema.GROUP) : List.of(Schema.USER);
    }

    /** @param links whether to read a user's groups or a group's members, too */
    Rows rows(Connection connection, ScimClient client, Schema schema, boolean links) {
        return new Rows(connection, client, schema, links && groups);
    }
}
