-- Takes a complete list of the roles of a membership, one role that was given or taken, or whether the membership is active (V13__organizations.sql).
-- The triggers of the change feed write the history of a change. One without a row leaves no history.
WITH locked AS MATERIALIZED (
  SELECT users_sync_internal.lock_for_lists(CAST(:?organization AS text), CAST(:?user AS text)),
         set_config('users_sync.provider', :?provider, true), set_config('users_sync.delivery', CAST(:?delivery AS text), true),
         set_config('users_sync.version', CAST(:?at AS text), true)
), stated AS MATERIALIZED (
  SELECT users_sync_internal.state_roles(:?id, CAST(:?organization AS text), CAST(:?user AS text), CAST(:?roles AS text[]), CAST(:?role AS text),
                                         CAST(:?taken AS boolean), CAST(:?active AS boolean), coalesce(CAST(:?at AS timestamptz), now())) AS changed
    FROM locked
), logged AS (
  INSERT INTO users_sync_internal.event_log (user_id, provider, type, decision, version, delivery, entity)
  SELECT :?id, :?provider, 'updated', 'duplicate', CAST(:?at AS timestamptz), :?delivery, 'membership'
    FROM stated
   WHERE NOT changed AND CAST(:?log AS boolean) AND EXISTS (SELECT FROM neon_auth.memberships_sync AS m WHERE m.id = :?id)
)
SELECT changed FROM stated
