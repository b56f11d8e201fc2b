SELECT users_sync_internal.add_scim_client(:?name, :?organization, :?organizationName, :?prefix, :?hash)
