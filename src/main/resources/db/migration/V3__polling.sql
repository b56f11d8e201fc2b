-- Where the pollers are, and which users a listing has seen.
SET LOCAL client_min_messages = warning;

-- One row a provider that is polled.
CREATE TABLE users_sync_internal.poll_state (
  provider         TEXT PRIMARY KEY,
  changes_from     TIMESTAMPTZ NOT NULL DEFAULT now(), -- without a cursor, changes are read from shortly before it

  -- The lease: one poller at a time. Every new holder gets the next fence, and only the newest fence can write here.
  lease_owner      TEXT,
  lease_until      TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
  fence            BIGINT NOT NULL DEFAULT 0,
  wait_until       TIMESTAMPTZ NOT NULL DEFAULT '-infinity', -- the provider asked for a pause

  -- The incremental poll: the position in the feed of changes, and when it is read on.
  changes_cursor   JSONB,
  changes_due      TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
  changes_failures INTEGER NOT NULL DEFAULT 0,
  changes_at       TIMESTAMPTZ, -- everything that the feed told before is in the table

  -- The job that reads the complete listing, its position, and when it is to go on.
  job              TEXT CHECK (job IN ('backfill', 'reconcile', 'dry-run')),
  phase            TEXT CHECK (phase IN ('listing', 'sweep', 'proving', 'held')), -- null: the job is done
  cursor           JSONB,
  listing_due      TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
  listing_failures INTEGER NOT NULL DEFAULT 0,
  restarts         INTEGER NOT NULL DEFAULT 0, -- how often this job had to begin its listing again
  circling         INTEGER NOT NULL DEFAULT 0, -- pages in turn that showed nobody new
  requested        TEXT CHECK (requested IN ('reconcile', 'dry-run')),
  held_because     TEXT,
  started_at       TIMESTAMPTZ,
  pages            BIGINT NOT NULL DEFAULT 0, -- the counts of the job
  users            BIGINT NOT NULL DEFAULT 0,
  total            BIGINT,                    -- how many users the provider says that it has
  added            BIGINT NOT NULL DEFAULT 0,
  updated          BIGINT NOT NULL DEFAULT 0,
  deleted          BIGINT NOT NULL DEFAULT 0,
  repaired         BIGINT NOT NULL DEFAULT 0, -- of these three: what a webhook should have told
  missing          BIGINT NOT NULL DEFAULT 0,
  unknown          BIGINT NOT NULL DEFAULT 0, -- of the missing: the provider did not say
  backfilled_at    TIMESTAMPTZ,               -- a first complete listing is in the table
  reconciled_at    TIMESTAMPTZ,
  listed_before    BIGINT,                    -- users in the last complete listing
  last_report      JSONB,

  -- Since the row was made, for metrics.
  pages_total      BIGINT NOT NULL DEFAULT 0,
  users_total      BIGINT NOT NULL DEFAULT 0,
  repaired_total   BIGINT NOT NULL DEFAULT 0,
  last_success_at  TIMESTAMPTZ, -- of a complete pass over the feed or a complete listing
  last_error       TEXT,
  last_error_at    TIMESTAMPTZ
);

-- The users of a running job: listed (no fate), or missing in the listing and what the provider said when asked for them.
CREATE TABLE users_sync_internal.sweep_seen (
  provider TEXT NOT NULL,
  id       TEXT NOT NULL,
  fate     TEXT CHECK (fate IN ('missing', 'deleted', 'alive', 'unknown')),
  PRIMARY KEY (provider, id)
);

CREATE INDEX sweep_seen_fate_idx ON users_sync_internal.sweep_seen (provider, fate, id) WHERE fate IS NOT NULL;

-- For an application that must refer to a user before the webhook arrives: INSERT INTO todos (user_id) VALUES (neon_auth.ensure_user('user_2')).
-- The bare row has no version, so whatever the provider tells about the user fills it.
CREATE OR REPLACE FUNCTION neon_auth.ensure_user(id TEXT) RETURNS TEXT
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF id IS NULL OR length(id) NOT BETWEEN 1 AND 255 OR id !~ '[^[:space:]]' THEN
    RAISE EXCEPTION 'a user id has 1 to 255 characters' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO neon_auth.users_sync (id, raw_json) VALUES (ensure_user.id, jsonb_build_object('id', ensure_user.id))
    ON CONFLICT DO NOTHING;
  RETURN ensure_user.id;
END $$;

REVOKE ALL ON FUNCTION neon_auth.ensure_user(TEXT) FROM PUBLIC;
COMMENT ON FUNCTION neon_auth.ensure_user(TEXT) IS
  'Makes sure that the user has a row that a foreign key can refer to, and returns the id. GRANT EXECUTE to the roles of your application.';
