-- Exact while counting is quick, otherwise the estimate of Postgres.
SELECT CASE WHEN reltuples < 100000 THEN (SELECT count(*) FROM neon_auth.users_sync) ELSE CAST(reltuples AS bigint) END AS total,
       CASE WHEN reltuples < 100000 THEN (SELECT count(*) FROM neon_auth.users_sync WHERE deleted_at IS NOT NULL) END AS deleted,
       reltuples >= 100000 AS estimated
  FROM pg_class
 WHERE oid = CAST('neon_auth.users_sync' AS regclass)
