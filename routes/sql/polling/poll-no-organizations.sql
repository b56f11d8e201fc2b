-- The provider has no organizations: the job ends, and deletes none. That is no failure, and the age of the poll does not grow.
UPDATE users_sync_internal.poll_state SET
  phase = NULL, cursor = NULL, listing_failures = 0, last_success_at = now(), last_error = :?error, last_error_at = now(),
  listing_due = now() + make_interval(secs => CAST(:?reconcileSeconds AS double precision))
 WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
RETURNING *
