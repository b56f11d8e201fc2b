-- One 404 is no proof: users whom a provider's API did not know, to be asked for again, and what a reconcile found at its first look.
SET LOCAL client_min_messages = warning;

CREATE TABLE IF NOT EXISTS users_sync_internal.user_to_ask (
  provider  TEXT NOT NULL,
  id        TEXT NOT NULL,                      -- of the row, with the provider's prefix
  why       TEXT NOT NULL CHECK (why IN ('event', 'deletion', 'changes', 'refresh')), -- deletion: the provider announced one
  noted_at  TIMESTAMPTZ NOT NULL DEFAULT now(), -- the schedule of the looks begins here
  missed_at TIMESTAMPTZ,                        -- when the API first did not know the user; null: not yet
  stamp     TIMESTAMPTZ,                        -- the time of that question: the version of a deletion that is proved later
  looks     INTEGER NOT NULL DEFAULT 0,         -- how often the poller has asked again
  next_look TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (provider, id)
);

CREATE INDEX IF NOT EXISTS user_to_ask_next_look_idx ON users_sync_internal.user_to_ask (provider, next_look);

ALTER TABLE users_sync_internal.sweep_seen
  ADD COLUMN IF NOT EXISTS missed_at TIMESTAMPTZ, -- of a missing user: when the provider first answered that there is none
  ADD COLUMN IF NOT EXISTS stamp     TIMESTAMPTZ; -- the time of that question
