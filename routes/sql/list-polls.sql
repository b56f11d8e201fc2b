SELECT provider, job, phase, held_because, pages, users, total, added, updated, deleted, repaired, missing, unknown,
       backfilled_at, reconciled_at, last_success_at, last_error, last_error_at, repaired_total, lease_until > now() AS leased,
       CAST(last_report AS text) AS last_report
  FROM users_sync_internal.poll_state
 ORDER BY provider
