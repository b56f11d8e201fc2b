-- Takes the provider's answer about a missing user, for the holder of the lease. Without a fate, the row shows whether
-- the user was deleted.
-- The fate missing: the provider answered 404 for the first time, and is asked again later.
WITH state AS (
  SELECT provider FROM users_sync_internal.poll_state WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) FOR UPDATE
), proved AS (
  UPDATE users_sync_internal.sweep_seen AS seen
     SET fate = coalesce(CAST(:?fate AS text), CASE WHEN EXISTS
           (SELECT FROM neon_auth.users_sync u WHERE u.id = :?id AND u.deleted_at IS NOT NULL) THEN 'deleted' ELSE 'alive' END),
         missed_at = CASE :?fate WHEN 'missing' THEN coalesce(seen.missed_at, now()) ELSE seen.missed_at END,
         stamp = CASE :?fate WHEN 'missing' THEN coalesce(seen.stamp, CAST(:?stamp AS timestamptz)) ELSE seen.stamp END
    FROM state
   WHERE seen.provider = state.provider AND seen.id = :?id AND seen.fate = 'missing'
  RETURNING seen.provider, seen.fate
)
UPDATE users_sync_internal.poll_state AS p SET
  deleted  = deleted + CAST(fate = 'deleted' AS integer),
  unknown  = unknown + CAST(fate = 'unknown' AS integer),
  listing_failures = CASE WHEN fate = 'unknown' THEN listing_failures ELSE 0 END
  FROM proved
 WHERE p.provider = proved.provider
RETURNING p.*
