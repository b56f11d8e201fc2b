-- users_live reads with the rights of whoever asks, not with those of its owner: row level security on users_sync holds there, too.
-- Postgres 14 cannot; users-sync logs that at the start.
DO $$
BEGIN
  IF CAST(current_setting('server_version_num') AS integer) >= 150000 THEN
    EXECUTE 'ALTER VIEW neon_auth.users_live SET (security_invoker = true)';
  END IF;
END $$;
