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
