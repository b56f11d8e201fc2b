-- A dead letter from the topic is no delivery any more: it was mapped before, and its id has its prefix.
ALTER TABLE users_sync_internal.dead_letter
  ADD COLUMN holds TEXT NOT NULL DEFAULT 'delivery' CHECK (holds IN ('delivery', 'user event'));
