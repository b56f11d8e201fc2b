WITH decisions AS (
  DELETE FROM users_sync_internal.event_log WHERE at < now() - make_interval(days => CAST(:?eventDays AS integer)) RETURNING 1
),
minutes AS (
  DELETE FROM users_sync_internal.activity WHERE minute < now() - interval '30 days' RETURNING 1
),
letters AS (
  DELETE FROM users_sync_internal.dead_letter
   WHERE state <> 'parked' AND last_failed_at < now() - make_interval(days => CAST(:?letterDays AS integer)) RETURNING 1
),
changes AS (
  DELETE FROM users_sync_internal.reaction_retry AS retry
   WHERE retry.dead AND retry.failed_at < now() - make_interval(days => CAST(:?letterDays AS integer))
      OR NOT EXISTS (SELECT FROM users_sync_internal.event_log AS log
                      WHERE log.seq = retry.seq AND log.at >= now() - make_interval(days => CAST(:?eventDays AS integer)))
  RETURNING 1
),
deliveries AS (
  DELETE FROM users_sync_internal.delivery WHERE at < now() - interval '1 hour'
)
SELECT (SELECT count(*) FROM decisions) AS decisions, (SELECT count(*) FROM minutes) AS minutes, (SELECT count(*) FROM letters) AS letters,
       (SELECT count(*) FROM changes) AS changes
