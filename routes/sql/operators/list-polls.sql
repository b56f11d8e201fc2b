SELECT provider, job, phase, held_because, pages, users, total, added, updated, deleted, repaired, missing, unknown, newer, held_since,
       backfilled_at, reconciled_at, last_success_at, last_error, last_error_at, repaired_total, lease_until > now() AS leased,
       CAST(last_report AS text) AS last_report,
       (SELECT string_agg(id, ', ' ORDER BY id)
          FROM (SELECT id FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = p.provider AND fate = 'missing' ORDER BY id LIMIT 100) AS first_ids)
       AS missing_ids,
       (SELECT count(*) FROM users_sync_internal.user_to_ask AS ask WHERE ask.provider = p.provider) AS users_to_ask
  FROM users_sync_internal.poll_state AS p
 ORDER BY provider
