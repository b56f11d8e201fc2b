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
