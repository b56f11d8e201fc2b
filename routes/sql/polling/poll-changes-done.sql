-- Moves the cursor after a page of the feed is in the table, only for the holder of the lease.
UPDATE users_sync_internal.poll_state SET
  changes_cursor   = CAST(:?next AS jsonb),
  changes_due      = CASE WHEN CAST(:?more AS boolean) THEN now()
                          ELSE CAST(:?asked AS timestamptz) + make_interval(secs => CAST(:?pollSeconds AS double precision)) END,
  changes_at       = CASE WHEN CAST(:?more AS boolean) THEN changes_at ELSE CAST(:?asked AS timestamptz) END,
  changes_failures = 0,
  -- while the brake holds, the table may be wrong
  last_success_at  = CASE WHEN CAST(:?more AS boolean) OR held_since IS NOT NULL THEN last_success_at ELSE now() END,
  pages_total      = pages_total + 1,
  users_total      = users_total + (SELECT count(DISTINCT value) FROM jsonb_array_elements_text(CAST(:?ids AS jsonb))),
  lease_until      = now() + make_interval(secs => CAST(:?leaseSeconds AS double precision))
 WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
RETURNING *
