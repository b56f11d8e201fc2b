-- Ends a job: its report, and the time of the next one. A user whom an earlier poll parked, and who did not fail in
-- this job, was corrected or deleted at the provider, so the dead letter is obsolete.
-- A 404 has no date. So a deletion counts as repaired only if the reconcile before, at least five minutes earlier, had
-- found it, and no webhook has reported it since: then the history only holds the deletion by that reconcile.
WITH lost AS (
  SELECT count(*) AS deletions
    FROM users_sync_internal.poll_state AS p, jsonb_array_elements_text(p.last_report -> 'deleted_ids') AS deleted (id)
    JOIN neon_auth.users_sync AS u ON u.id = deleted.id AND u.deleted_at IS NOT NULL
   WHERE p.provider = :?provider AND CAST(:?webhooks AS boolean) AND p.job = 'reconcile' AND p.last_report ->> 'job' = 'reconcile'
     AND CAST(p.last_report ->> 'finished_at' AS timestamptz) < p.started_at - interval '5 minutes'
     AND (SELECT count(*) FROM users_sync_internal.event_log AS l
           WHERE l.user_id = deleted.id AND l.type = 'deleted' AND l.at >= CAST(p.last_report ->> 'started_at' AS timestamptz)) = 1
), gone AS (
  DELETE FROM users_sync_internal.sweep_seen AS seen USING users_sync_internal.poll_state AS p
   WHERE p.provider = :?provider AND p.fence = CAST(:?fence AS bigint) AND seen.provider = p.provider
  RETURNING seen.id, seen.fate
), repaired AS (
  UPDATE users_sync_internal.dead_letter AS letter SET state = 'replayed', body = '', polled = NULL
    FROM users_sync_internal.poll_state AS p
   WHERE p.provider = :?provider AND p.fence = CAST(:?fence AS bigint) AND p.job = 'reconcile' -- a backfill ignores deletions
     AND letter.provider = split_part(p.provider, ':', 1) AND letter.polled IS NOT NULL
     AND starts_with(letter.polled, 'organizations:') = (p.provider LIKE '%:organizations') AND letter.state = 'parked' AND letter.last_failed_at < p.started_at
)
UPDATE users_sync_internal.poll_state SET
  phase       = NULL,
  repaired    = repaired + lost.deletions,
  repaired_total = repaired_total + lost.deletions,
  listed_before = CASE WHEN job = 'dry-run' THEN listed_before ELSE users END,
  cursor      = NULL,
  last_success_at = CASE WHEN job = 'dry-run' THEN last_success_at ELSE now() END,
  listing_due = started_at + make_interval(secs => CAST(:?reconcileSeconds AS double precision)),
  last_report = jsonb_build_object(
    'job', job, 'started_at', started_at, 'finished_at', now(), 'pages', pages, 'listed', users,
    'added', added, 'updated', updated, 'deleted', deleted, 'repaired', repaired + lost.deletions, 'missing', missing, 'unknown', unknown,
    'newer', newer, 'provider_wins', provider_wins, 'held', held_because,
    'deleted_ids', (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM (SELECT id FROM gone WHERE fate = 'deleted' ORDER BY id LIMIT 100) AS first_ids),
    'missing_ids', (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM (SELECT id FROM gone WHERE fate = 'missing' ORDER BY id LIMIT 100) AS first_ids),
    'unknown_ids', (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM (SELECT id FROM gone WHERE fate = 'unknown' ORDER BY id LIMIT 100) AS first_ids))
  FROM lost
 WHERE provider = :?provider AND fence = CAST(:?fence AS bigint)
RETURNING poll_state.*
