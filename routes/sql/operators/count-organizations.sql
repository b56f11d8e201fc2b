-- Exact while counting is quick, otherwise the estimate of Postgres. Without the deleted ones where it is exact.
SELECT CASE WHEN o.reltuples < 100000 THEN (SELECT count(*) FROM neon_auth.organizations_live) ELSE CAST(o.reltuples AS bigint) END AS organizations,
       CASE WHEN m.reltuples < 100000 THEN (SELECT count(*) FROM neon_auth.memberships_live) ELSE CAST(m.reltuples AS bigint) END AS memberships,
       o.reltuples >= 100000 OR m.reltuples >= 100000 AS estimated
  FROM pg_class AS o, pg_class AS m
 WHERE o.oid = CAST('neon_auth.organizations_sync' AS regclass) AND m.oid = CAST('neon_auth.memberships_sync' AS regclass)
