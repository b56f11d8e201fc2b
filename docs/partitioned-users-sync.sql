-- users_sync in partitions, for hundreds of millions of users. Run it before users-sync starts for the first time: it adopts the table that it
-- finds, and every statement of the routes works on it as it is. Sixty-four partitions by the hash of the id: each vacuums, and keeps its index, apart.
BEGIN;
CREATE SCHEMA IF NOT EXISTS neon_auth;

CREATE TABLE neon_auth.users_sync (
  id         TEXT PRIMARY KEY,
  raw_json   JSONB,
  name       TEXT,
  email      TEXT,
  created_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ
) PARTITION BY HASH (id);

DO $$
DECLARE
  partitions CONSTANT INTEGER := 64;
BEGIN
  FOR n IN 0 .. partitions - 1 LOOP
    EXECUTE format('CREATE TABLE neon_auth.users_sync_%s PARTITION OF neon_auth.users_sync FOR VALUES WITH (MODULUS %s, REMAINDER %s)',
                   lpad(n::text, 2, '0'), partitions, n);
  END LOOP;
END $$;
COMMIT;
