-- After a failed unit of work: returns the lease. The same unit is due again after a growing pause, or after the pause
-- that the provider asked for. If the provider refuses the cursor of a listing, the listing returns to an older cursor
-- or starts again. If it refuses the cursor of the feed, that has expired: only the listing shows the changes, so a
-- reconcile is due.
WITH look AS (
  SELECT *,
         CASE WHEN :?unit = 'changes' THEN changes_failures ELSE listing_failures END AS failures,
         CAST(:?refused AS boolean) AND :?unit IN ('listing', 'members', 'again') AND cursor IS NOT NULL AS stuck,
         CAST(:?refused AS boolean) AND :?unit = 'changes' AND changes_cursor IS NOT NULL AS expired,
         -- of members: the list of their organization begins again
         coalesce(jsonb_array_length(CASE WHEN jsonb_typeof(cursor -> 'after') = 'array' THEN cursor -> 'after' END), 0) > 1 AS older
    FROM users_sync_internal.poll_state
   WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
     FOR UPDATE
), pause AS (
  SELECT *, now() + make_interval(secs => least(300, power(2, least(failures, 10))) * (1 + random() / 4)) AS again FROM look
), forgotten AS (
  DELETE FROM users_sync_internal.sweep_seen AS seen USING pause WHERE seen.provider = pause.provider AND stuck AND NOT older AND :?unit = 'listing'
)
UPDATE users_sync_internal.poll_state AS p SET
  lease_owner      = NULL,
  lease_until      = '-infinity',
  -- the next request for a user is already noted
  wait_until       = CASE WHEN CAST(:?retryAfter AS bigint) IS NULL THEN p.wait_until
                          ELSE greatest(p.wait_until, now() + make_interval(secs => CAST(:?retryAfter AS double precision))) END,
  changes_due      = CASE WHEN :?unit = 'changes' AND CAST(:?retryAfter AS bigint) IS NULL THEN again ELSE p.changes_due END,
  changes_failures = p.changes_failures + CAST(:?unit = 'changes' AND CAST(:?retryAfter AS bigint) IS NULL AS integer),
  listing_due      = CASE WHEN expired THEN now()
                          WHEN stuck AND NOT older AND p.restarts >= 3 -- stopped until the next one is due
                          THEN now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision))
                          WHEN :?unit NOT IN ('changes', 'asking') AND CAST(:?retryAfter AS bigint) IS NULL THEN again ELSE p.listing_due END,
  phase            = CASE WHEN stuck AND NOT older AND p.restarts >= 3 THEN NULL ELSE p.phase END,
  listing_failures = p.listing_failures + CAST(:?unit NOT IN ('changes', 'asking') AND CAST(:?retryAfter AS bigint) IS NULL AS integer),
  changes_cursor   = CASE WHEN NOT expired THEN p.changes_cursor END,
  changes_from     = CASE WHEN expired THEN now() ELSE p.changes_from END,
  requested        = CASE WHEN NOT expired OR p.requested = 'provider-wins' THEN p.requested ELSE 'reconcile' END,
  cursor           = CASE WHEN NOT stuck THEN p.cursor WHEN older THEN jsonb_set(p.cursor, '{after}', (p.cursor -> 'after') - 0) END,
  restarts         = p.restarts + CAST(stuck AND NOT older AS integer),
  users            = CASE WHEN stuck AND NOT older AND :?unit = 'listing' THEN 0 ELSE p.users END,
  last_error       = :?error,
  last_error_at    = now()
  FROM pause
 WHERE p.provider = pause.provider
RETURNING p.*, 
          CAST(ceil(extract(epoch FROM greatest(p.wait_until, CASE :?unit WHEN 'changes' THEN p.changes_due WHEN 'asking' THEN now() ELSE p.listing_due END) - now())) AS bigint)
          AS pause_seconds
