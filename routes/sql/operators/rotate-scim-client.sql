SELECT users_sync_internal.rotate_scim_client(:?name, :?hash, make_interval(secs => CAST(:?seconds AS double precision)))
