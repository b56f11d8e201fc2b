-- The provider no longer knows the organization whose members were asked for: the second look at the organizations decides.
WITH moved AS (
  UPDATE users_sync_internal.poll_state SET cursor = NULL, listing_failures = 0
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
  RETURNING provider
)
UPDATE users_sync_internal.sweep_seen AS seen SET fate = 'gone' FROM moved WHERE seen.provider = moved.provider AND seen.id = :?ownerId
