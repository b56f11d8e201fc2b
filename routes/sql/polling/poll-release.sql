UPDATE users_sync_internal.poll_state SET lease_owner = NULL, lease_until = '-infinity'
 WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) AND lease_until > now()
RETURNING provider
