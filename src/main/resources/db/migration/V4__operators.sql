-- What operators need: why a row is as it is, who must not come back, how busy each provider was, and a search that is quick.
SET LOCAL client_min_messages = warning;

-- One row a decision of the merge rule: no name, no address, no profile. Kept for a while, see the setting event-log.days.
CREATE TABLE users_sync_internal.event_log (
  at          TIMESTAMPTZ NOT NULL DEFAULT now(),
  user_id     TEXT NOT NULL,
  provider    TEXT,
  type        TEXT NOT NULL,
  decision    TEXT NOT NULL,     -- applied, duplicate, stale, erased
  version     TIMESTAMPTZ,       -- of the event; null: it carried none
  row_version TIMESTAMPTZ,       -- of the profile that the row had before
  row_deleted TIMESTAMPTZ,       -- deleted_at that the row had before, or the time of the erasure
  delivery    TEXT
);
CREATE INDEX event_log_user_idx ON users_sync_internal.event_log (user_id);
-- Rows lie in the order of time: this one costs next to nothing to keep.
CREATE INDEX event_log_at_idx ON users_sync_internal.event_log USING brin (at) WITH (pages_per_range = 32, autosummarize = on);

-- Users whose row was purged or erased: nothing that is not newer brings them back. No data beside the id.
CREATE TABLE users_sync_internal.tombstone (
  id TEXT PRIMARY KEY,
  at TIMESTAMPTZ NOT NULL
);

-- What became of the events of a provider, minute by minute, of all instances together.
CREATE TABLE users_sync_internal.activity (
  provider        TEXT NOT NULL,
  minute          TIMESTAMPTZ NOT NULL,
  applied         BIGINT NOT NULL DEFAULT 0,
  duplicate       BIGINT NOT NULL DEFAULT 0,
  stale           BIGINT NOT NULL DEFAULT 0,
  erased          BIGINT NOT NULL DEFAULT 0,
  merged          BIGINT NOT NULL DEFAULT 0,
  ignored         BIGINT NOT NULL DEFAULT 0,
  parked          BIGINT NOT NULL DEFAULT 0,
  refused         BIGINT NOT NULL DEFAULT 0,
  retried         BIGINT NOT NULL DEFAULT 0, -- answered 503
  last_webhook_at TIMESTAMPTZ,
  PRIMARY KEY (provider, minute)
);

ALTER TABLE users_sync_internal.dead_letter
  DROP CONSTRAINT dead_letter_state_check,
  ADD CONSTRAINT dead_letter_state_check CHECK (state IN ('parked', 'replayed', 'discarded'));

-- One user, now and for good: row, history, and whatever is parked of the user; only the id stays, so that nothing old comes back.
-- In one transaction, and the answer is the proof. The lock makes sure that no event which is being applied has missed the tombstone.
CREATE FUNCTION users_sync_internal.erase_user(user_id TEXT, id_at_provider TEXT) RETURNS jsonb
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  email     TEXT;
  rows      BIGINT;
  letters   BIGINT;
  decisions BIGINT;
  until     TIMESTAMPTZ := now();
BEGIN
  LOCK TABLE neon_auth.users_sync IN SHARE ROW EXCLUSIVE MODE;
  SELECT u.email, greatest(now(), u.updated_at, u.created_at, u.deleted_at) INTO email, until FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id;
  INSERT INTO users_sync_internal.tombstone (id, at) VALUES (erase_user.user_id, coalesce(until, now()))
    ON CONFLICT (id) DO UPDATE SET at = greatest(tombstone.at, excluded.at);
  DELETE FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id;
  GET DIAGNOSTICS rows = ROW_COUNT;
  DELETE FROM users_sync_internal.event_log AS l WHERE l.user_id = erase_user.user_id;
  GET DIAGNOSTICS decisions = ROW_COUNT;
  -- A parked body names the user by the provider's id, without our prefix, or by the address.
  DELETE FROM users_sync_internal.dead_letter AS d
   WHERE position(convert_to(erase_user.user_id, 'UTF8') IN d.body) > 0
      OR position(convert_to(id_at_provider, 'UTF8') IN d.body) > 0
      OR length(email) > 3 AND position(convert_to(email, 'UTF8') IN d.body) > 0;
  GET DIAGNOSTICS letters = ROW_COUNT;
  DELETE FROM users_sync_internal.sweep_seen AS s WHERE s.id = erase_user.user_id;
  RETURN jsonb_build_object('id', erase_user.user_id, 'rows_removed', rows, 'decisions_removed', decisions, 'dead_letters_removed', letters,
    'not_accepted_until', coalesce(until, now()),
    'rows_left', (SELECT count(*) FROM neon_auth.users_sync AS u WHERE u.id = erase_user.user_id));
END $$;

-- Removes rows that have a tombstone since a purge began, one by one: a row that the application still refers to without ON DELETE stays.
CREATE FUNCTION users_sync_internal.purge_users(ids TEXT[], OUT purged BIGINT, OUT kept BIGINT)
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one     TEXT;
  removed INTEGER;
BEGIN
  purged := 0;
  kept := 0;
  FOREACH one IN ARRAY ids LOOP
    BEGIN
      -- not if the user came back meanwhile
      DELETE FROM neon_auth.users_sync AS u USING users_sync_internal.tombstone AS t
       WHERE u.id = one AND t.id = one AND u.deleted_at <= t.at AND coalesce(u.updated_at, u.created_at, '-infinity') <= t.at;
      GET DIAGNOSTICS removed = ROW_COUNT;
      purged := purged + removed;
    EXCEPTION WHEN foreign_key_violation THEN
      kept := kept + 1;
    END;
  END LOOP;
END $$;
