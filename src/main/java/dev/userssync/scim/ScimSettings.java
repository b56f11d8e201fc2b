package dev.userssync.scim;

import dev.userssync.settings.Setting;
import dev.userssync.settings.StartupFailure;
import org.apache.camel.CamelContext;

/**
 * The settings of SCIM, without its token.
 *
 * @param idPrefix          {@code scim.id.prefix}: the start of every id of SCIM's users; may be empty
 * @param inactiveIsDeleted {@code scim.inactive}: whether an inactive user counts as deleted
 */
record ScimSettings(String idPrefix, boolean inactiveIsDeleted) {

    /** @throws StartupFailure if a setting has a wrong value */
    static ScimSettings of(CamelContext context) {
        String inactive = Setting.of(context, "scim.inactive");
        if (!inactive.equals("deleted") && !inactive.equals("kept")) {
            throw new StartupFailure(
                    "SCIM_INACTIVE must be deleted (an inactive user gets deleted_at) or kept (only raw_json says it)");
        }
        return new ScimSettings(Setting.of(context, "scim.id.prefix"), inactive.equals("deleted"));
    }
}
