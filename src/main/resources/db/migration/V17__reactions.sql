-- Reactions: routes of an integrator that receive each change of the feed after its commit, each with a cursor of its own.
SET LOCAL client_min_messages = warning;

CREATE TABLE users_sync_internal.reaction (
  name        TEXT PRIMARY KEY,
  seq         BIGINT NOT NULL,           -- every change up to this one is done, or in reaction_retry
  fence       BIGINT NOT NULL DEFAULT 0, -- another one each time that an instance takes the lease
  lease_owner TEXT,
  lease_until TIMESTAMPTZ NOT NULL DEFAULT '-infinity',
  stopped     TEXT,                      -- why no change is delivered until an operator resumes the reaction
  done_at     TIMESTAMPTZ,               -- of the last change that was done
  failed_at   TIMESTAMPTZ,
  error       TEXT
);

-- Changes that failed, and later ones of the same row, which wait for them. A dead one is not tried again until an operator replays it.
CREATE TABLE users_sync_internal.reaction_retry (
  name      TEXT NOT NULL REFERENCES users_sync_internal.reaction ON DELETE CASCADE,
  seq       BIGINT NOT NULL,
  entity    TEXT NOT NULL,
  id        TEXT NOT NULL,
  attempts  INTEGER NOT NULL DEFAULT 0,
  failed_at TIMESTAMPTZ,                             -- for the first time
  next_at   TIMESTAMPTZ NOT NULL DEFAULT '-infinity', -- no attempt before
  dead      BOOLEAN NOT NULL DEFAULT false,
  error     TEXT,
  PRIMARY KEY (name, seq)
);
CREATE INDEX reaction_retry_row_idx ON users_sync_internal.reaction_retry (name, entity, id, seq) WHERE NOT dead;

-- For operators: how far each reaction is. behind: the numbers that it has not read. lag_seconds: the age of the oldest change that is neither done nor dead.
CREATE VIEW users_sync_internal.reaction_state AS
  SELECT r.name, r.stopped, r.done_at, r.failed_at, r.error, CASE WHEN r.lease_until > now() THEN r.lease_owner END AS worker,
         coalesce(horizon.seq - fresh.seq + 1, 0) AS behind, retry.waiting, retry.dead,
         coalesce(greatest(extract(epoch FROM clock_timestamp() - least(fresh.at, (SELECT l.at FROM users_sync_internal.event_log AS l WHERE l.seq = retry.first))), 0), 0)
           AS lag_seconds
    FROM users_sync_internal.reaction AS r CROSS JOIN users_sync_internal.change_horizon AS horizon
    LEFT JOIN LATERAL (SELECT l.seq, l.at FROM users_sync_internal.event_log AS l WHERE l.seq > r.seq AND l.seq <= horizon.seq ORDER BY l.seq LIMIT 1) AS fresh ON true
   CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE NOT t.dead) AS waiting, count(*) FILTER (WHERE t.dead) AS dead, min(t.seq) FILTER (WHERE NOT t.dead) AS first
                         FROM users_sync_internal.reaction_retry AS t WHERE t.name = r.name) AS retry;
