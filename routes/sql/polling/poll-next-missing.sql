-- The next user to ask the provider for, without the prefix; none if a dry run has found that the brake would hold.
-- stamp: the time of the first request, if this is the second. While all others wait, a row without an id: the job
-- sleeps.
WITH missing AS (
  SELECT seen.id, seen.stamp, coalesce(seen.missed_at + make_interval(secs => CAST(:?againSeconds AS double precision)), '-infinity') AS due
    FROM users_sync_internal.sweep_seen AS seen
    JOIN users_sync_internal.poll_state AS p ON p.provider = seen.provider AND NOT (p.job = 'dry-run' AND p.held_because IS NOT NULL)
   WHERE seen.provider = :?provider AND seen.fate = 'missing'
), next AS (
  SELECT missing.id, missing.stamp, u.deleted_at IS NOT NULL AS deleted
    FROM missing LEFT JOIN neon_auth.users_sync AS u ON u.id = missing.id
   WHERE missing.due <= now()
   ORDER BY missing.id
   LIMIT 1
), asleep AS (
  UPDATE users_sync_internal.poll_state AS p SET listing_due = (SELECT min(due) FROM missing)
   WHERE p.provider = :?provider AND p.fence = CAST(:?fence AS bigint) AND NOT EXISTS (SELECT FROM next) AND EXISTS (SELECT FROM missing)
  RETURNING p.provider
)
SELECT id, substr(id, length(:?prefix) + 1) AS user_id, to_char(stamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS stamp, deleted FROM next
 UNION ALL
SELECT NULL, NULL, NULL, NULL FROM asleep
