-- The API refuses the listing of organizations, and has listed users with the same key: the project has none. The job ends. Without a row the API has listed
-- organizations before, or no users yet, so that the failure is one like others.
UPDATE users_sync_internal.poll_state AS p SET
  phase = NULL, cursor = NULL, listing_failures = 0, lease_owner = NULL, lease_until = '-infinity', last_error = :?error, last_error_at = now(),
  listing_due = now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision))
 WHERE p.provider = :?provider AND p.fence = CAST(:?fence AS bigint) AND p.backfilled_at IS NULL AND p.pages_total = 0
   AND EXISTS (SELECT FROM users_sync_internal.poll_state AS users WHERE users.provider = split_part(:?provider, ':', 1) AND users.pages_total > 0)
RETURNING p.*
