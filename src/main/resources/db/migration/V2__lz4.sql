-- Profiles of more than 2 KB are compressed; lz4 costs a fraction of pglz. Where the server was built without it, all stays as it is.
-- Rows that are there already keep their form until they are written again.
DO $$
BEGIN
  ALTER TABLE neon_auth.users_sync ALTER COLUMN raw_json SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
  RAISE DEBUG 'this server has no lz4';
END $$;
