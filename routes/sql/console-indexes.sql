-- Made while the console is on, one after the other and without holding up the writer. None of their columns changes when a profile does,
-- unless it is the name or the address: updates stay as cheap as they are (HOT); a new user costs three entries more.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_sync_created_at_idx ON neon_auth.users_sync (coalesce(created_at, '-infinity') DESC, id DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_sync_id_prefix_idx ON neon_auth.users_sync (id text_pattern_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_sync_words_idx ON neon_auth.users_sync
  USING gin (to_tsvector('simple', regexp_replace(coalesce(name, '') || ' ' || coalesce(email, ''), '[\W_]+', ' ', 'g')))
