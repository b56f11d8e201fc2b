-- What SCIM clients look for, so that a lookup costs the same with 100,000 users as with ten. Only where SCIM is on: an index over
-- raw_json takes from Postgres the cheap (HOT) update of every row, and other providers need none. Flyway runs this again whenever
-- the value of "scim" or "scimClients" changes. Each WHERE is, word for word, a condition in Rows.
SET LOCAL client_min_messages = warning;

DO $$
BEGIN
  IF '${scim}' = 'on' THEN
    CREATE INDEX IF NOT EXISTS users_sync_scim_id_idx ON neon_auth.users_sync (id)
      WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND (deleted_at IS NULL OR raw_json -> 'active' = 'false');
    CREATE INDEX IF NOT EXISTS users_sync_scim_user_name_idx ON neon_auth.users_sync (lower(raw_json ->> 'userName'))
      WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND (deleted_at IS NULL OR raw_json -> 'active' = 'false');
    -- Deleted users, too: who comes back with the same externalId gets the row back. The former index left them out.
    CREATE INDEX IF NOT EXISTS users_sync_scim_external_idx ON neon_auth.users_sync ((raw_json ->> 'externalId'))
      WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}';
    DROP INDEX IF EXISTS neon_auth.users_sync_scim_external_id_idx;
    CREATE INDEX IF NOT EXISTS users_sync_scim_emails_idx ON neon_auth.users_sync USING gin ((lower((raw_json -> 'emails')::text)::jsonb) jsonb_path_ops)
      WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND (deleted_at IS NULL OR raw_json -> 'active' = 'false');
    CREATE INDEX IF NOT EXISTS organizations_sync_scim_name_idx ON neon_auth.organizations_sync (lower(raw_json #>> '{displayName}'))
      WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}' AND deleted_at IS NULL;
    CREATE INDEX IF NOT EXISTS organizations_sync_scim_external_idx ON neon_auth.organizations_sync ((raw_json ->> 'externalId'))
      WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}';
    IF '${scimClients}' = 'on' THEN
      -- The ids of one client are a range of bytes.
      CREATE INDEX IF NOT EXISTS users_sync_scim_client_idx ON neon_auth.users_sync (id COLLATE "C")
        WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"]}' AND (deleted_at IS NULL OR raw_json -> 'active' = 'false');
      CREATE INDEX IF NOT EXISTS organizations_sync_scim_client_idx ON neon_auth.organizations_sync (id COLLATE "C")
        WHERE raw_json @> '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"]}' AND deleted_at IS NULL;
    ELSE
      DROP INDEX IF EXISTS neon_auth.users_sync_scim_client_idx, neon_auth.organizations_sync_scim_client_idx;
    END IF;
  ELSE
    DROP INDEX IF EXISTS neon_auth.users_sync_scim_id_idx, neon_auth.users_sync_scim_user_name_idx,
      neon_auth.users_sync_scim_external_idx, neon_auth.users_sync_scim_external_id_idx, neon_auth.users_sync_scim_emails_idx,
      neon_auth.organizations_sync_scim_name_idx, neon_auth.organizations_sync_scim_external_idx,
      neon_auth.users_sync_scim_client_idx, neon_auth.organizations_sync_scim_client_idx;
  END IF;
END $$;
