-- Takes a complete list of the roles of a membership, one role that was given or taken, or whether the membership is active (V13__organizations.sql).
WITH locked AS MATERIALIZED (
  SELECT users_sync_internal.lock_for_lists(CAST(:?organization AS text), CAST(:?user AS text))
)
SELECT CAST(users_sync_internal.state_roles(:?id, CAST(:?organization AS text), CAST(:?user AS text), CAST(:?roles AS text[]), CAST(:?role AS text), CAST(:?taken AS boolean), CAST(:?active AS boolean),
                                            coalesce(CAST(:?at AS timestamptz), now())) AS text) AS stated
  FROM locked
