-- What the provider said about a missing user, for the holder of the lease. Where no fate is given, the row tells whether it was deleted.
WITH state AS (
  SELECT provider FROM users_sync_internal.poll_state WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) FOR UPDATE
), proved AS (
  UPDATE users_sync_internal.sweep_seen AS seen
     SET fate = coalesce(CAST(:?fate AS text), CASE WHEN EXISTS
           (SELECT FROM neon_auth.users_sync u WHERE u.id = :?id AND u.deleted_at IS NOT NULL) THEN 'deleted' ELSE 'alive' END)
    FROM state
   WHERE seen.provider = state.provider AND seen.id = :?id AND seen.fate = 'missing'
  RETURNING seen.provider, seen.fate
)
UPDATE users_sync_internal.poll_state AS p SET
  deleted  = deleted + CAST(fate = 'deleted' AS integer),
  unknown  = unknown + CAST(fate = 'unknown' AS integer),
  repaired = repaired + CAST(fate = 'deleted' AND CAST(:?webhooks AS boolean) AND job <> 'backfill' AS integer),
  repaired_total = repaired_total + CAST(fate = 'deleted' AND CAST(:?webhooks AS boolean) AND job = 'reconcile' AS integer),
  listing_failures = CASE WHEN fate = 'unknown' THEN listing_failures ELSE 0 END
  FROM proved
 WHERE p.provider = proved.provider
RETURNING p.*
