-- The organization whose members are listed next, or further; organization is null if the provider lists all memberships at once. Without a row all
-- members are listed, and the job has moved on to its sweep.
WITH state AS (
  SELECT * FROM users_sync_internal.poll_state WHERE provider = :?provider AND fence = CAST(:?fence AS bigint) FOR UPDATE
), next AS (
  SELECT state.cursor,
         CASE WHEN NOT CAST(:?each AS boolean) THEN NULL
              ELSE coalesce(state.cursor ->> 'organization',
                            (SELECT min(id) FROM users_sync_internal.sweep_seen AS seen WHERE seen.provider = state.provider AND seen.fate = 'unlisted')) END AS id
    FROM state
), over AS (
  UPDATE users_sync_internal.poll_state AS p SET phase = 'sweep' FROM next
   WHERE p.provider = :?provider AND CAST(:?each AS boolean) AND next.id IS NULL
)
SELECT next.id,
       CAST(jsonb_build_object('id', substr(next.id, length(:?prefix) + 1), 'kind', o.kind,
                               'parent_id', substr(o.parent_id, length(:?prefix) + 1), 'parent_kind', parent.kind) AS text) AS organization,
       CAST(coalesce(next.cursor -> 'page', '{}') AS text) AS page,
       next.cursor ->> 'at' AS began
  FROM next
  LEFT JOIN neon_auth.organizations_sync AS o ON o.id = next.id
  LEFT JOIN neon_auth.organizations_sync AS parent ON parent.id = o.parent_id
 WHERE next.id IS NOT NULL OR NOT CAST(:?each AS boolean)
