SELECT 'dead_letters' AS figure, provider, count(*) AS value
  FROM users_sync_internal.dead_letter
 WHERE state = 'parked'
 GROUP BY provider
UNION ALL
-- An estimate: counting a million rows every five seconds is dear.
SELECT 'users', '', greatest(reltuples, 0)
  FROM pg_class
 WHERE oid = CAST('neon_auth.users_sync' AS regclass)
UNION ALL
SELECT 'last_webhook', provider, extract(epoch FROM last_webhook_at)
  FROM (SELECT DISTINCT ON (provider) provider, last_webhook_at
          FROM users_sync_internal.activity
         WHERE last_webhook_at IS NOT NULL
         ORDER BY provider, minute DESC) AS newest
UNION ALL
SELECT 'last_poll', provider, extract(epoch FROM last_success_at)
  FROM users_sync_internal.poll_state
 WHERE last_success_at IS NOT NULL
UNION ALL
SELECT 'repaired_rows', provider, repaired_total
  FROM users_sync_internal.poll_state
UNION ALL
SELECT 'lease_holder', provider, CASE WHEN lease_owner = :?owner AND lease_until > now() THEN 1 ELSE 0 END
  FROM users_sync_internal.poll_state
