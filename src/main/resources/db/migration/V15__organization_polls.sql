-- The pollers of organizations and memberships keep their state beside those of the users, under the name <provider>:organizations.
SET LOCAL client_min_messages = warning;

-- After the organizations, the members of each; after the sweep, the missing organizations again, and then the end of what is missing.
ALTER TABLE users_sync_internal.poll_state DROP CONSTRAINT poll_state_phase_check,
  ADD CONSTRAINT poll_state_phase_check CHECK (phase IN ('listing', 'sweep', 'proving', 'held', 'members', 'again', 'ending'));

-- Of an organization: its members are still to be listed (unlisted), are listed, or have ended if the list lacks them (ended); or the provider no longer knows
-- the organization (gone). The id of a listed membership stands behind "membership:", without a fate; that of a user whose membership has ended, and who is
-- that membership, behind "user:" (leaver); a kind of organization that the API key may not list, behind "without:".
ALTER TABLE users_sync_internal.sweep_seen DROP CONSTRAINT sweep_seen_fate_check,
  ADD CONSTRAINT sweep_seen_fate_check CHECK (fate IN ('missing', 'deleted', 'alive', 'unknown', 'unlisted', 'listed', 'ended', 'gone', 'leaver'));
