-- The merge rule for an event that holds parts of a user. One statement, one commit; the event comes as JSON.
-- What is newer than the row replaces the keys that it holds; what is older only fills the keys that the row does not have. Name and email are
-- there when they are given. Between events of one time the sequence decides, where the provider has one (Zitadel).
INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, updated_at)
SELECT id, raw, name, email, created_at, updated_at
  FROM jsonb_to_record(CAST(:?event AS jsonb))
       AS event (id text, raw jsonb, name text, email text, created_at timestamptz, updated_at timestamptz)
ON CONFLICT (id) DO UPDATE SET
  (raw_json, name, email, updated_at) = (
    SELECT CASE WHEN newer THEN coalesce(u.raw_json, '{}') || excluded.raw_json ELSE excluded.raw_json || coalesce(u.raw_json, '{}') END,
           CASE WHEN newer THEN coalesce(excluded.name, u.name) ELSE coalesce(u.name, excluded.name) END,
           CASE WHEN newer THEN coalesce(excluded.email, u.email) ELSE coalesce(u.email, excluded.email) END,
           -- an event without a version leaves the version that the row has
           CASE WHEN newer THEN coalesce(excluded.updated_at, u.updated_at) ELSE u.updated_at END
      FROM (SELECT (coalesce(excluded.updated_at, excluded.created_at, 'infinity'), coalesce(excluded.raw_json -> 'sequence', '0'))
                   >= (coalesce(u.updated_at, u.created_at, '-infinity'), coalesce(u.raw_json -> 'sequence', '0')) AS newer) AS versions),
  created_at = coalesce(u.created_at, excluded.created_at),
  -- only a newer event brings the user back
  deleted_at = CASE WHEN coalesce(excluded.updated_at, excluded.created_at) > u.deleted_at THEN NULL ELSE u.deleted_at END
-- write nothing when nothing changes
WHERE coalesce(excluded.updated_at, excluded.created_at) > u.deleted_at
      OR u.created_at IS NULL AND excluded.created_at IS NOT NULL
      OR CASE WHEN (coalesce(excluded.updated_at, excluded.created_at, 'infinity'), coalesce(excluded.raw_json -> 'sequence', '0'))
                   >= (coalesce(u.updated_at, u.created_at, '-infinity'), coalesce(u.raw_json -> 'sequence', '0'))
              THEN (coalesce(excluded.updated_at, u.updated_at), coalesce(excluded.name, u.name), coalesce(excluded.email, u.email),
                    coalesce(u.raw_json, '{}') || excluded.raw_json)
              ELSE (u.updated_at, coalesce(u.name, excluded.name), coalesce(u.email, excluded.email),
                    excluded.raw_json || coalesce(u.raw_json, '{}')) END
         IS DISTINCT FROM (u.updated_at, u.name, u.email, u.raw_json)
