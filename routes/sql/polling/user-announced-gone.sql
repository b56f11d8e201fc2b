-- The provider announces an unfinished deletion: the poller asks for the user within seconds, unless the row is already
-- deleted.
INSERT INTO users_sync_internal.user_to_ask AS ask (provider, id, why, next_look)
SELECT :?provider, :?prefix || :?userId, 'deletion', now() + make_interval(secs => CAST(:?againSeconds AS double precision) / 30)
 WHERE NOT EXISTS (SELECT FROM neon_auth.users_sync WHERE id = :?prefix || :?userId AND deleted_at IS NOT NULL)
ON CONFLICT (provider, id) DO UPDATE SET why = excluded.why, noted_at = now(), looks = 0, next_look = excluded.next_look
RETURNING id
