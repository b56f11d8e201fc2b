-- The merge rule. One statement, one commit; :?events is a JSON array of user events, at most one a user.
-- Two registers a row: the profile, versioned by coalesce(updated_at, created_at), and deleted_at.
-- An arriving row with deleted_at is a delete; "deleted_at = now()" stands for a delete that carries no time.
INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, deleted_at, updated_at)
SELECT id,
       CASE WHEN type = 'deleted' THEN jsonb_build_object('id', id) ELSE raw END,
       name, email, created_at,
       CASE WHEN type = 'deleted' THEN coalesce(deleted_at, now()) END,
       updated_at
  FROM jsonb_to_recordset(CAST(:?events AS jsonb))
       AS event (type text, id text, raw jsonb, name text, email text,
                 created_at timestamptz, updated_at timestamptz, deleted_at timestamptz)
 ORDER BY id -- every writer locks in the same order
ON CONFLICT (id) DO UPDATE SET
  raw_json   = CASE WHEN excluded.deleted_at IS NULL
                     AND coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.raw_json ELSE u.raw_json END,
  name       = CASE WHEN excluded.deleted_at IS NULL
                     AND coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.name ELSE u.name END,
  email      = CASE WHEN excluded.deleted_at IS NULL
                     AND coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.email ELSE u.email END,
  -- once known never lost, and a stale event may still tell it
  created_at = CASE WHEN coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN coalesce(excluded.created_at, u.created_at) ELSE coalesce(u.created_at, excluded.created_at) END,
  -- an upsert without a version leaves the version that the row has
  updated_at = CASE WHEN excluded.deleted_at IS NULL
                     AND coalesce(excluded.updated_at, excluded.created_at) >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.updated_at ELSE u.updated_at END,
  deleted_at = CASE WHEN excluded.deleted_at IS NULL -- an upsert: only a newer one brings the user back
                    THEN CASE WHEN coalesce(excluded.updated_at, excluded.created_at) > u.deleted_at THEN NULL ELSE u.deleted_at END
                    WHEN excluded.deleted_at = now()
                    THEN coalesce(u.deleted_at, now())
                    WHEN excluded.deleted_at >= coalesce(u.updated_at, u.created_at, '-infinity') -- ties: the delete wins
                    THEN greatest(u.deleted_at, excluded.deleted_at)
                    ELSE u.deleted_at END
-- write nothing when nothing changes
WHERE CASE WHEN excluded.deleted_at = now() THEN u.deleted_at IS NULL
           WHEN excluded.deleted_at IS NOT NULL
           THEN excluded.deleted_at >= coalesce(u.updated_at, u.created_at, '-infinity')
                AND excluded.deleted_at > coalesce(u.deleted_at, '-infinity')
           WHEN coalesce(excluded.updated_at, excluded.created_at) > u.deleted_at THEN true
           WHEN coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
           THEN (excluded.raw_json, excluded.name, excluded.email) IS DISTINCT FROM (u.raw_json, u.name, u.email)
                OR coalesce(excluded.created_at, u.created_at) IS DISTINCT FROM u.created_at
                OR (excluded.updated_at IS DISTINCT FROM u.updated_at
                    AND coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL)
           ELSE u.created_at IS NULL AND excluded.created_at IS NOT NULL END
