-- The merge rule for an event with parts of a user. One statement, one commit; the event is JSON.
-- A newer event replaces the keys that it holds. An older event only fills missing keys of the row. Name and email are
-- set if the event holds them. Between events of one time the provider's sequence decides, if there is one (Zitadel).
-- The triggers of the change feed write the history of an applied event (V16__changes.sql).
WITH event AS (
  SELECT *, once IS NULL OR users_sync_internal.first_time(provider, once) AS first_time -- with replay protection, remembers the delivery
    FROM jsonb_to_record(CAST(:?event AS jsonb))
         AS event (id text, type text, raw jsonb, name text, email text, created_at timestamptz, updated_at timestamptz, deleted_at timestamptz,
                   keeps_deletion boolean, provider text, delivery text, once text)
),
before AS (
  SELECT coalesce(u.updated_at, u.created_at) AS version, u.deleted_at FROM event JOIN neon_auth.users_sync AS u ON u.id = event.id
),
-- A purged or erased user returns only with a newer event. From then on the row outranks the tombstone.
blocking AS (
  SELECT tombstone.at
    FROM event JOIN users_sync_internal.tombstone ON tombstone.id = event.id
   WHERE tombstone.at >= coalesce(event.updated_at, event.created_at, '-infinity')
     AND NOT EXISTS (SELECT FROM before WHERE greatest(before.version, before.deleted_at) > tombstone.at)
),
changed AS (
  INSERT INTO neon_auth.users_sync AS u (id, raw_json, name, email, created_at, deleted_at, updated_at)
  SELECT id, raw, name, email, created_at, deleted_at, updated_at
    FROM event
   WHERE (SELECT concat(set_config('users_sync.type', type, true), set_config('users_sync.provider', provider, true),
                        set_config('users_sync.delivery', delivery, true)) FROM event) IS NOT NULL
     AND first_time AND NOT EXISTS (SELECT FROM blocking)
  ON CONFLICT (id) DO UPDATE SET
    (raw_json, name, email, updated_at) = (
      SELECT CASE WHEN newer THEN coalesce(u.raw_json, '{}') || excluded.raw_json ELSE excluded.raw_json || coalesce(u.raw_json, '{}') END,
             CASE WHEN newer THEN coalesce(excluded.name, u.name) ELSE coalesce(u.name, excluded.name) END,
             CASE WHEN newer THEN coalesce(excluded.email, u.email) ELSE coalesce(u.email, excluded.email) END,
             -- an event without a version keeps the version of the row
             CASE WHEN newer THEN coalesce(excluded.updated_at, u.updated_at) ELSE u.updated_at END
        FROM (SELECT users_sync_internal.part_wins(excluded.updated_at, excluded.created_at, excluded.raw_json, u.updated_at, u.created_at, u.raw_json) AS newer) AS versions),
    created_at = coalesce(u.created_at, excluded.created_at),
    -- only a newer event restores the user, and only if it contains whether the user is inactive
    deleted_at = CASE WHEN users_sync_internal.deletion_wins(excluded.deleted_at, u.updated_at, u.created_at)
                           OR excluded.deleted_at IS NOT NULL AND u.deleted_at IS NOT NULL -- an event with "inactive" restores nobody
                      THEN greatest(u.deleted_at, excluded.deleted_at)
                      WHEN users_sync_internal.revives(excluded.updated_at, excluded.created_at, u.deleted_at)
                           AND (SELECT keeps_deletion FROM event) IS NOT TRUE THEN NULL
                      ELSE u.deleted_at END
  -- write nothing when nothing changes
  WHERE users_sync_internal.revives(excluded.updated_at, excluded.created_at, u.deleted_at) AND (SELECT keeps_deletion FROM event) IS NOT TRUE
        OR users_sync_internal.deletion_wins(excluded.deleted_at, u.updated_at, u.created_at) AND excluded.deleted_at > coalesce(u.deleted_at, '-infinity')
        OR u.created_at IS NULL AND excluded.created_at IS NOT NULL
        OR CASE WHEN users_sync_internal.part_wins(excluded.updated_at, excluded.created_at, excluded.raw_json, u.updated_at, u.created_at, u.raw_json)
                THEN (coalesce(excluded.updated_at, u.updated_at), coalesce(excluded.name, u.name), coalesce(excluded.email, u.email),
                      coalesce(u.raw_json, '{}') || excluded.raw_json)
                ELSE (u.updated_at, coalesce(u.name, excluded.name), coalesce(u.email, excluded.email),
                      excluded.raw_json || coalesce(u.raw_json, '{}')) END
           IS DISTINCT FROM (u.updated_at, u.name, u.email, u.raw_json)
  RETURNING u.id
),
decided AS (
  SELECT event.*, CASE WHEN EXISTS (SELECT FROM changed) THEN 'applied'
                       WHEN EXISTS (SELECT FROM blocking) THEN 'erased'
                       WHEN coalesce(event.updated_at, event.created_at) < (SELECT version FROM before) THEN 'stale'
                       ELSE 'duplicate' END AS decision
    FROM event
),
logged AS (
  INSERT INTO users_sync_internal.event_log (user_id, provider, type, decision, version, row_version, row_deleted, delivery)
  SELECT id, provider, type, decision, coalesce(updated_at, created_at), (SELECT version FROM before),
         coalesce((SELECT deleted_at FROM before), (SELECT at FROM blocking)), delivery
    FROM decided
   WHERE decision <> 'applied' AND CAST(:?log AS boolean)
)
SELECT decision FROM decided
