-- The merge rule, for users, organizations and memberships. One statement, one commit for a batch of events, one per row;
-- each parameter is an array.
-- The file is a template, which dev.userssync.apply.MergeStatement fills for each table:
--   {table}, {tombstone}      its name, and that of the table with its tombstones
--   {column}                  repeats the line for each column of the profile; {new} is what a winning event writes there, and {old} what another one does
--   {key}                     repeats the line for each column that never changes once it is known
--   {membership}              keeps the line for memberships only, {organization} for organizations only
--   {entity}                  is what the history calls the row
--   {any}                     repeats the line for each column of the profile and each key; {columns} lists them, {casts} with their types
--   {new columns}, {row columns}   the columns of the profile, as a winning event writes them and in the row
-- A row has two registers: the profile, versioned by coalesce(updated_at, created_at), and deleted_at.
-- An arriving row with deleted_at is a delete. With a version, too, it is an upsert and a later delete in one.
-- "deleted_at = now()" is a delete without a time.
-- Conditions have names, such as users_sync_internal.profile_wins (V12__merge_rule.sql). Postgres inlines them, so the
-- plan is the same as without names.
-- They are in DO UPDATE, because there u is the locked row, as last committed. A join before the write would compare
-- with the row at the start of the statement, and overwrite a commit of another instance in between.
-- merge-one.sql writes events with parts of a user. Two INSERTs in one statement would lock rows out of the order of
-- ids: in a trial with four clients, one transaction in forty ended in a deadlock. One INSERT cannot distinguish both
-- kinds: excluded only has the columns of the table, so each row would need a look-up in the batch, and each column
-- both rules.
-- The triggers of the change feed write the history of the applied events (V16__changes.sql). The settings users_sync.ids
-- and so on tell them where the changes come from.
-- It returns one row (id, decision) per event that was not applied: duplicate, stale or erased. Usually there is none.
WITH event AS MATERIALIZED (
  SELECT id, type, provider, delivery, coalesce(CAST(raw AS jsonb), jsonb_build_object('id', id)) AS raw, {casts},
         CAST(created_at AS timestamptz) AS created_at,
         -- A list of all memberships of its organization or user that is newer outranks a membership.
         {membership} CASE WHEN list.outdated THEN '-infinity' ELSE
         CAST(updated_at AS timestamptz)
         {membership} END
         AS updated_at,
         CASE WHEN type = 'deleted' THEN coalesce(CAST(deleted_at AS timestamptz), now())
              {membership} WHEN list.left_at IS NOT NULL THEN greatest(list.left_at, CAST(deleted_at AS timestamptz))
              ELSE CAST(deleted_at AS timestamptz) END AS deleted_at,
         -- with replay protection, remembers the delivery when this commits
         once IS NULL OR users_sync_internal.first_time(provider, once) AS first_time,
         joined
    FROM unnest(CAST(:?type AS text[]), CAST(:?id AS text[]), CAST(:?raw AS text[]),
                CAST(:?{any} AS text[]),
                CAST(:?created_at AS text[]), CAST(:?updated_at AS text[]), CAST(:?deleted_at AS text[]), CAST(:?provider AS text[]),
                CAST(:?delivery AS text[]), CAST(:?once AS text[]), CAST(:?joined AS text[]))
         AS event (type, id, raw, {columns}, created_at, updated_at, deleted_at, provider, delivery, once, joined)
         {membership} CROSS JOIN LATERAL users_sync_internal.by_lists(id, organization_id, user_id, CAST(coalesce(updated_at, created_at) AS timestamptz)) AS list
),
changed AS (
  INSERT INTO {table} AS u (id, raw_json, {columns}, created_at, deleted_at, updated_at)
  SELECT id, raw, {columns}, created_at, deleted_at, updated_at
    FROM event
   WHERE (SELECT set_config('users_sync.ids', CAST(CAST(:?id AS text[]) AS text), true)
                 || set_config('users_sync.types', CAST(CAST(:?type AS text[]) AS text), true)
                 || set_config('users_sync.providers', CAST(CAST(:?provider AS text[]) AS text), true)
                 || set_config('users_sync.deliveries', CAST(CAST(:?delivery AS text[]) AS text), true)
                 || set_config('users_sync.initial', CAST(CAST(:?initial AS text[]) AS text), true)) IS NOT NULL
     AND first_time
     -- A purged or erased user returns only with a newer event. From then on the row outranks the tombstone.
     AND NOT EXISTS (SELECT FROM {tombstone} AS tombstone
                      WHERE tombstone.id = event.id
                        AND tombstone.at >= coalesce(event.updated_at, event.created_at, nullif(event.deleted_at, now()), '-infinity')
                        AND NOT EXISTS (SELECT FROM {table} AS u
                                         WHERE u.id = event.id
                                           AND greatest(coalesce(u.updated_at, u.created_at), u.deleted_at) > tombstone.at))
     {organization} AND NOT users_sync_internal.has_no_parent(parent_id, coalesce(updated_at, created_at))
     {membership} AND NOT users_sync_internal.has_no_owner(id, organization_id, user_id, coalesce(updated_at, created_at, nullif(deleted_at, now())))
   ORDER BY id COLLATE "C" -- every writer locks in the same order
  ON CONFLICT (id) DO UPDATE SET
    raw_json   = CASE WHEN users_sync_internal.profile_wins(excluded.updated_at, excluded.created_at, excluded.deleted_at, u.updated_at, u.created_at)
                      THEN excluded.raw_json ELSE u.raw_json END,
    {column} = CASE WHEN users_sync_internal.profile_wins(excluded.updated_at, excluded.created_at, excluded.deleted_at, u.updated_at, u.created_at) THEN {new} ELSE {old} END,
    {key} = coalesce(u.{key}, excluded.{key}),
    -- never lost once known, and even a stale event may supply it
    created_at = CASE WHEN users_sync_internal.profile_wins(excluded.updated_at, excluded.created_at, excluded.deleted_at, u.updated_at, u.created_at)
                      THEN coalesce(excluded.created_at, u.created_at) ELSE coalesce(u.created_at, excluded.created_at) END,
    -- an upsert without a version keeps the version of the row
    updated_at = CASE WHEN users_sync_internal.profile_wins(excluded.updated_at, excluded.created_at, excluded.deleted_at, u.updated_at, u.created_at)
                           AND coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL
                      THEN excluded.updated_at ELSE u.updated_at END,
    deleted_at = CASE WHEN excluded.deleted_at = now() THEN coalesce(u.deleted_at, now())
                      WHEN users_sync_internal.deletion_wins(excluded.deleted_at, u.updated_at, u.created_at) THEN greatest(u.deleted_at, excluded.deleted_at)
                      WHEN users_sync_internal.revives(excluded.updated_at, excluded.created_at, u.deleted_at) THEN NULL
                      ELSE u.deleted_at END
  -- write nothing when nothing changes
  WHERE CASE WHEN excluded.deleted_at = now() THEN u.deleted_at IS NULL
             WHEN users_sync_internal.deletion_wins(excluded.deleted_at, u.updated_at, u.created_at)
                  AND excluded.deleted_at > coalesce(u.deleted_at, '-infinity') THEN true
             WHEN users_sync_internal.revives(excluded.updated_at, excluded.created_at, u.deleted_at) THEN true
             WHEN users_sync_internal.profile_wins(excluded.updated_at, excluded.created_at, excluded.deleted_at, u.updated_at, u.created_at)
             THEN (excluded.updated_at IS DISTINCT FROM u.updated_at
                   AND coalesce(excluded.updated_at, excluded.created_at) IS NOT NULL)
                  OR coalesce(excluded.created_at, u.created_at) IS DISTINCT FROM u.created_at
                  -- last, because the old profile must be decompressed for it
                  OR ({new columns}, excluded.raw_json) IS DISTINCT FROM ({row columns}, u.raw_json)
             ELSE u.created_at IS NULL AND excluded.created_at IS NOT NULL END
        OR u.{key} IS NULL AND excluded.{key} IS NOT NULL
        {organization} OR users_sync_internal.filled_fields(excluded.older_fields, coalesce(excluded.updated_at, excluded.created_at), u.older_fields) <> u.older_fields
  RETURNING u.id
),
-- The other events, beside the old rows: a statement does not see its own changes.
other AS (
  SELECT event.id, event.type, event.provider, event.delivery, event.deleted_at, coalesce(event.updated_at, event.created_at) AS profile_version,
         coalesce(u.updated_at, u.created_at) AS row_version, coalesce(u.deleted_at, tombstone.at) AS row_deleted,
         CASE WHEN tombstone.id IS NOT NULL AND (greatest(coalesce(u.updated_at, u.created_at), u.deleted_at) > tombstone.at) IS NOT TRUE
              THEN 'erased'
              WHEN coalesce(event.updated_at, event.created_at, event.deleted_at) < coalesce(u.updated_at, u.created_at)
                OR event.deleted_at < u.deleted_at THEN 'stale'
              ELSE 'duplicate' END AS decision
    FROM (SELECT * FROM event WHERE NOT EXISTS (SELECT FROM changed WHERE changed.id = event.id) OFFSET 0) AS event
    LEFT JOIN {table} AS u ON u.id = event.id
    LEFT JOIN {tombstone} AS tombstone ON tombstone.id = event.id
),
logged AS (
  INSERT INTO users_sync_internal.event_log (user_id, provider, type, decision, version, row_version, row_deleted, delivery, entity)
  -- Of an upsert and a later deletion in one, the deletion decides.
  SELECT id, provider, CASE WHEN deleted_at IS NULL THEN type ELSE 'deleted' END, decision, coalesce(deleted_at, profile_version), row_version, row_deleted, delivery, {entity}
    FROM other
   WHERE CAST(:?log AS boolean)
   UNION ALL
  -- The other events of the same user in this batch.
  SELECT event.id, one.provider, one.type, 'merged', one.version, NULL, NULL, one.delivery, {entity}
    FROM (SELECT id, joined FROM event WHERE joined IS NOT NULL OFFSET 0) AS event,
         jsonb_to_recordset(CAST(event.joined AS jsonb)) AS one (provider text, type text, version timestamptz, delivery text)
   WHERE CAST(:?log AS boolean)
)
SELECT id, decision FROM other
