-- Keeps the leases of an instance while its reactions work on their pages, however slow they are.
UPDATE users_sync_internal.reaction SET lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
 WHERE lease_owner = :?owner AND name = ANY (CAST(:?names AS text[])) AND lease_until > now()
