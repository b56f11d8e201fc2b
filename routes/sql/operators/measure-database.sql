-- Every value is a double: of the types below, UNION would choose float4, which keeps only seven digits.
SELECT 'dead_letters' AS figure, provider AS label, CAST(count(*) AS double precision) AS value
  FROM users_sync_internal.dead_letter
 WHERE state = 'parked'
 GROUP BY provider
UNION ALL
-- An estimate, because counting a million rows every five seconds is expensive.
SELECT 'users', '', CAST(greatest(reltuples, 0) AS double precision)
  FROM pg_class
 WHERE oid = CAST('neon_auth.users_sync' AS regclass)
UNION ALL
SELECT 'last_webhook', provider, CAST(extract(epoch FROM last_webhook_at) AS double precision)
  FROM (SELECT DISTINCT ON (provider) provider, last_webhook_at
          FROM users_sync_internal.activity
         WHERE last_webhook_at IS NOT NULL
         ORDER BY provider, minute DESC) AS newest
UNION ALL
-- An age, because the clock of the database wrote the time.
SELECT 'poll_age', provider, CAST(extract(epoch FROM clock_timestamp() - last_success_at) AS double precision)
  FROM users_sync_internal.poll_state
 WHERE last_success_at IS NOT NULL
UNION ALL
SELECT 'repaired_rows', provider, CAST(repaired_total AS double precision)
  FROM users_sync_internal.poll_state
UNION ALL
SELECT 'users_to_ask', provider, CAST(count(*) AS double precision)
  FROM users_sync_internal.user_to_ask
 GROUP BY provider
UNION ALL
SELECT 'lease_holder', provider, CASE WHEN polled_by = :?owner THEN CAST(1 AS double precision) ELSE 0 END
  FROM users_sync_internal.poll_state
UNION ALL
SELECT 'poll_held', provider, CASE WHEN held_since IS NULL THEN CAST(0 AS double precision) ELSE 1 END
  FROM users_sync_internal.poll_state
UNION ALL
-- A change that has its number and is committed, but an older transaction is not: readers wait for that.
SELECT 'change_feed_lag_seconds', '', CAST(coalesce((
         SELECT greatest(extract(epoch FROM clock_timestamp() - log.at), 0)
           FROM users_sync_internal.event_log AS log
          WHERE log.seq > (SELECT horizon.seq FROM users_sync_internal.change_horizon AS horizon)
          ORDER BY log.seq LIMIT 1), 0) AS double precision)
UNION ALL
SELECT figures.figure, r.name, CAST(figures.value AS double precision)
  FROM users_sync_internal.reaction_state AS r
 CROSS JOIN LATERAL (VALUES ('reaction_lag_seconds', r.lag_seconds), ('reaction_waiting', r.waiting), ('reaction_dead', r.dead),
                            ('reaction_stopped', CASE WHEN r.stopped IS NULL THEN 0 ELSE 1 END)) AS figures (figure, value)
