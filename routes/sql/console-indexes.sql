-- Made while the console is on, one after the other, without blocking the writer. A changed profile changes none of
-- their columns except name and address, so updates stay cheap (HOT). A new user costs three more entries.
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_sync_created_at_idx ON neon_auth.users_sync (coalesce(created_at, '-infinity') DESC, id DESC);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_sync_id_prefix_idx ON neon_auth.users_sync (id text_pattern_ops);
CREATE INDEX CONCURRENTLY IF NOT EXISTS users_sync_words_idx ON neon_auth.users_sync
  USING gin (to_tsvector('simple', regexp_replace(coalesce(name, '') || ' ' || coalesce(email, ''), '[\W_]+', ' ', 'g')))
