-- The merge rule. One statement, one commit for a batch of user events, one a user; each column comes as an array.
-- Two registers a row: the profile, versioned by coalesce(updated_at, created_at), and deleted_at.
-- An arriving row with deleted_at is a delete, and with a version too it is an upsert and a later delete in one.
-- "deleted_at = now()" stands for a delete that carries no time.
INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, deleted_at, updated_at)
SELECT id, coalesce(CAST(raw AS jsonb), jsonb_build_object('id', id)), name, email, CAST(created_at AS timestamptz),
       CASE WHEN type = 'deleted' THEN coalesce(CAST(deleted_at AS timestamptz), now()) ELSE CAST(deleted_at AS timestamptz) END,
       CAST(updated_at AS timestamptz)
  FROM unnest(CAST(:?type AS text[]), CAST(:?id AS text[]), CAST(:?raw AS text[]), CAST(:?name AS text[]), CAST(:?email AS text[]),
              CAST(:?created_at AS text[]), CAST(:?updated_at AS text[]), CAST(:?deleted_at AS text[]))
       AS event (type, id, raw, name, email, created_at, updated_at, deleted_at)
 ORDER BY id COLLATE "C" -- every writer locks in the same order
ON CONFLICT (id) DO UPDATE SET
  raw_json   = CASE WHEN (excluded.deleted_at IS NULL OR coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL)
                     AND coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.raw_json ELSE u.raw_json END,
  name       = CASE WHEN (excluded.deleted_at IS NULL OR coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL)
                     AND coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.name ELSE u.name END,
  email      = CASE WHEN (excluded.deleted_at IS NULL OR coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL)
                     AND coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.email ELSE u.email END,
  -- once known never lost, and a stale event may still tell it
  created_at = CASE WHEN coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN coalesce(excluded.created_at, u.created_at) ELSE coalesce(u.created_at, excluded.created_at) END,
  -- an upsert without a version leaves the version that the row has
  updated_at = CASE WHEN coalesce(excluded.updated_at, excluded.created_at) >= coalesce(u.updated_at, u.created_at, '-infinity')
                    THEN excluded.updated_at ELSE u.updated_at END,
  deleted_at = CASE WHEN excluded.deleted_at = now()
                    THEN coalesce(u.deleted_at, now())
                    WHEN excluded.deleted_at >= coalesce(u.updated_at, u.created_at, '-infinity') -- ties: the delete wins
                    THEN greatest(u.deleted_at, excluded.deleted_at)
                    -- only a newer upsert brings the user back
                    WHEN coalesce(excluded.updated_at, excluded.created_at) > u.deleted_at THEN NULL
                    ELSE u.deleted_at END
-- write nothing when nothing changes
WHERE CASE WHEN excluded.deleted_at = now() THEN u.deleted_at IS NULL
           WHEN excluded.deleted_at >= coalesce(u.updated_at, u.created_at, '-infinity')
                AND excluded.deleted_at > coalesce(u.deleted_at, '-infinity') THEN true
           WHEN excluded.deleted_at IS NOT NULL AND coalesce(excluded.updated_at, excluded.created_at) IS NULL THEN false
           WHEN coalesce(excluded.updated_at, excluded.created_at) > u.deleted_at THEN true
           WHEN coalesce(excluded.updated_at, excluded.created_at, 'infinity') >= coalesce(u.updated_at, u.created_at, '-infinity')
           THEN (excluded.updated_at IS DISTINCT FROM u.updated_at
                 AND coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL)
                OR coalesce(excluded.created_at, u.created_at) IS DISTINCT FROM u.created_at
                -- last, because the old profile must be decompressed for it
                OR (excluded.name, excluded.email, excluded.raw_json) IS DISTINCT FROM (u.name, u.email, u.raw_json)
           ELSE u.created_at IS NULL AND excluded.created_at IS NOT NULL END
