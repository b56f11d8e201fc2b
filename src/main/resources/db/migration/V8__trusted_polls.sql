-- What a poll must remember so that operators can trust it.
SET LOCAL client_min_messages = warning;

ALTER TABLE users_sync_internal.poll_state
  -- true: the table held users before the polling began. Each reconcile that would delete anybody waits, until one is confirmed. Null: not looked yet.
  ADD COLUMN adopted       BOOLEAN,
  ADD COLUMN held_since    TIMESTAMPTZ,                    -- the brake holds since then; null: it does not
  ADD COLUMN provider_wins BOOLEAN NOT NULL DEFAULT false, -- the job also replaces rows that are newer than the provider says
  ADD COLUMN newer         BIGINT  NOT NULL DEFAULT 0,     -- rows of the job that are newer than the provider says, and differ
  ADD COLUMN polled_by     TEXT,                           -- who polled last; lease_owner is null between polls
  DROP CONSTRAINT poll_state_requested_check,
  ADD CONSTRAINT poll_state_requested_check CHECK (requested IN ('reconcile', 'dry-run', 'provider-wins'));

-- A table that was listed before this upgrade has shown what it holds.
UPDATE users_sync_internal.poll_state SET adopted = false WHERE backfilled_at IS NOT NULL;
UPDATE users_sync_internal.poll_state SET held_since = reconciled_at WHERE phase = 'held';

-- A user whom a poll could not apply, by the provider's own id: one parked letter a user, however often a listing shows it. Null: from a webhook.
ALTER TABLE users_sync_internal.dead_letter ADD COLUMN polled TEXT;
CREATE UNIQUE INDEX dead_letter_polled_once_idx ON users_sync_internal.dead_letter (provider, polled) WHERE state = 'parked' AND polled IS NOT NULL;

-- A backfill that the version before left at its deletions deletes nobody any more.
DELETE FROM users_sync_internal.sweep_seen AS seen USING users_sync_internal.poll_state AS p
 WHERE seen.provider = p.provider AND p.job = 'backfill' AND p.phase IN ('proving', 'held') AND seen.fate = 'missing';
UPDATE users_sync_internal.poll_state SET phase = 'proving', listing_due = now(), held_since = NULL WHERE job = 'backfill' AND phase = 'held';
