-- Ends what one complete list of members lacks, or names the next organization, or user, that two listings lacked. Without a row everything has ended. A dry run ends
-- nothing, and a backfill deletes nothing.
WITH state AS (
  SELECT * FROM users_sync_internal.poll_state
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) AND job <> 'dry-run' FOR UPDATE
), next AS (
  SELECT seen.id, seen.fate, seen.stamp
    FROM state JOIN users_sync_internal.sweep_seen AS seen ON seen.provider = state.provider AND seen.fate IN ('leaver', 'listed', 'missing') AND seen.id <> 'membership:'
   WHERE state.job = 'reconcile'
     -- the second listing could not show it
     AND NOT (seen.fate = 'missing'
              AND EXISTS (SELECT FROM neon_auth.organizations_sync AS o
                            JOIN users_sync_internal.sweep_seen AS without ON without.provider = state.provider AND without.id = 'without:' || o.kind
                           WHERE o.id = seen.id))
   ORDER BY seen.fate, seen.id
   LIMIT 1
), ended AS MATERIALIZED (
  SELECT unnest(users_sync_internal.list_memberships('organization', next.id,
           ARRAY(SELECT m.id
                   FROM neon_auth.memberships_sync AS m
                   JOIN users_sync_internal.sweep_seen AS seen ON seen.provider = :?provider AND seen.id = 'membership:' || m.id
                  WHERE m.organization_id = next.id), next.stamp)) AS id
    FROM next
   WHERE next.fate = 'listed' AND set_config('users_sync.provider', split_part(:?provider, ':', 1), true) IS NOT NULL
), noted AS (
  UPDATE users_sync_internal.sweep_seen AS seen SET fate = CASE next.fate WHEN 'listed' THEN 'ended' ELSE 'deleted' END
    FROM next WHERE seen.provider = :?provider AND seen.id = next.id
)
UPDATE users_sync_internal.poll_state AS p SET
  deleted     = deleted + (SELECT count(*) FROM ended) + CAST(next.fate <> 'listed' AS integer),
  lease_until = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
  FROM next
 WHERE p.provider = :?provider AND p.fence = CAST(:?fence AS bigint)
RETURNING p.*, CASE next.fate WHEN 'missing' THEN 'organization' WHEN 'leaver' THEN 'user' END AS what,
          substr(CASE next.fate WHEN 'leaver' THEN substr(next.id, 6) ELSE next.id END, length(:?prefix) + 1) AS id,
          to_char(next.stamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS gone_at
