-- The public table. A table that Neon Auth left behind is adopted in place: its generated columns become plain ones,
-- data, column order, foreign keys and grants stay as they are.
SET LOCAL client_min_messages = warning; -- IF NOT EXISTS is meant

CREATE SCHEMA IF NOT EXISTS neon_auth;

CREATE TABLE IF NOT EXISTS neon_auth.users_sync (
  id         TEXT PRIMARY KEY,
  raw_json   JSONB,
  name       TEXT,
  email      TEXT,
  created_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,
  updated_at TIMESTAMPTZ
);

ALTER TABLE neon_auth.users_sync
  ADD COLUMN IF NOT EXISTS raw_json   JSONB,
  ADD COLUMN IF NOT EXISTS name       TEXT,
  ADD COLUMN IF NOT EXISTS email      TEXT,
  ADD COLUMN IF NOT EXISTS created_at TIMESTAMPTZ,
  ADD COLUMN IF NOT EXISTS deleted_at TIMESTAMPTZ,
  ADD COLUMN IF NOT EXISTS updated_at TIMESTAMPTZ;

ALTER TABLE neon_auth.users_sync
  ALTER COLUMN id         DROP EXPRESSION IF EXISTS,
  ALTER COLUMN name       DROP EXPRESSION IF EXISTS,
  ALTER COLUMN email      DROP EXPRESSION IF EXISTS,
  ALTER COLUMN created_at DROP EXPRESSION IF EXISTS,
  ALTER COLUMN raw_json   DROP NOT NULL;

DO $$
DECLARE
  wrong TEXT;
BEGIN
  SELECT string_agg(format('%s %s (expected %s)', expected.name, coalesce(format_type(a.atttypid, NULL), 'missing'), expected.type), ', ')
    INTO wrong
    FROM (VALUES ('id', 'text'), ('raw_json', 'jsonb'), ('name', 'text'), ('email', 'text'),
                 ('created_at', 'timestamp with time zone'), ('deleted_at', 'timestamp with time zone'),
                 ('updated_at', 'timestamp with time zone')) AS expected (name, type)
    LEFT JOIN pg_attribute a
      ON a.attrelid = 'neon_auth.users_sync'::regclass AND a.attname = expected.name AND NOT a.attisdropped
   WHERE a.attname IS NULL OR format_type(a.atttypid, NULL) <> expected.type;
  IF wrong IS NOT NULL THEN
    RAISE EXCEPTION 'neon_auth.users_sync exists with other column types: %', wrong
      USING HINT = 'Rename that table or change its columns, then start users-sync again.';
  END IF;
  IF NOT EXISTS (SELECT FROM pg_index
                  WHERE indrelid = 'neon_auth.users_sync'::regclass AND indisunique AND indpred IS NULL AND indnatts = 1
                    AND indkey[0] = (SELECT attnum FROM pg_attribute
                                      WHERE attrelid = 'neon_auth.users_sync'::regclass AND attname = 'id')) THEN
    ALTER TABLE neon_auth.users_sync ADD PRIMARY KEY (id);
  END IF;
END $$;

CREATE INDEX IF NOT EXISTS users_sync_deleted_at_idx ON neon_auth.users_sync (deleted_at);

CREATE OR REPLACE VIEW neon_auth.users_live AS
  SELECT id, raw_json, name, email, created_at, deleted_at, updated_at
    FROM neon_auth.users_sync
   WHERE deleted_at IS NULL;

COMMENT ON TABLE neon_auth.users_sync IS 'Users of the auth provider, kept by users-sync. Do not write here.';
COMMENT ON COLUMN neon_auth.users_sync.deleted_at IS 'Set: deleted at the provider.';

-- Deliveries that could not be applied: kept with the reason until they are replayed.
CREATE TABLE users_sync_internal.dead_letter (
  id              BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  provider        TEXT NOT NULL,
  body            BYTEA NOT NULL,
  reason          TEXT NOT NULL,
  sql_state       TEXT,
  attempts        INTEGER NOT NULL DEFAULT 1,
  state           TEXT NOT NULL DEFAULT 'parked' CHECK (state IN ('parked', 'replayed')),
  first_failed_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  last_failed_at  TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- A provider that retries what was parked adds an attempt, not a row.
CREATE UNIQUE INDEX dead_letter_parked_once_idx ON users_sync_internal.dead_letter (provider, sha256(body)) WHERE state = 'parked';
