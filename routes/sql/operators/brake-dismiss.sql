-- The operator dismisses the deletions that the brake holds: nobody is deleted until the next regular reconcile.
WITH forgotten AS (
  DELETE FROM users_sync_internal.sweep_seen AS seen USING users_sync_internal.poll_state AS p
   WHERE p.provider = :?provider AND p.phase = 'held' AND seen.provider = p.provider
)
UPDATE users_sync_internal.poll_state SET
  phase = NULL, cursor = NULL, held_since = NULL, listing_due = now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision))
 WHERE provider = :?provider AND phase = 'held'
RETURNING CAST(jsonb_build_object('provider', provider, 'dismissed', missing, 'held_because', held_because) AS text) AS reply
