-- A dead letter of one of several events holds that event alone, as the mapping made it: its id has no prefix yet.
ALTER TABLE users_sync_internal.dead_letter
  DROP CONSTRAINT IF EXISTS dead_letter_holds_check,
  ADD CONSTRAINT dead_letter_holds_check CHECK (holds IN ('delivery', 'mapped event', 'user event'));
