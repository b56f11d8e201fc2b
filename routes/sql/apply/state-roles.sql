-- Takes a complete list of the roles of a membership, one role that was given or taken, or whether the membership is active (V13__organizations.sql).
-- The history of an event that holds more than roles is written with its row; one without a row leaves no history.
WITH locked AS MATERIALIZED (
  SELECT users_sync_internal.lock_for_lists(CAST(:?organization AS text), CAST(:?user AS text))
), stated AS MATERIALIZED (
  SELECT users_sync_internal.state_roles(:?id, CAST(:?organization AS text), CAST(:?user AS text), CAST(:?roles AS text[]), CAST(:?role AS text),
                                         CAST(:?taken AS boolean), CAST(:?active AS boolean), coalesce(CAST(:?at AS timestamptz), now())) AS changed
    FROM locked
), logged AS (
  INSERT INTO users_sync_internal.event_log (user_id, provider, type, decision, version, delivery, entity)
  SELECT :?id, :?provider, 'updated', CASE WHEN changed THEN 'applied' ELSE 'duplicate' END, CAST(:?at AS timestamptz), :?delivery, 'membership'
    FROM stated
   WHERE CAST(:?log AS boolean) AND EXISTS (SELECT FROM neon_auth.memberships_sync AS m WHERE m.id = :?id)
)
SELECT changed FROM stated
