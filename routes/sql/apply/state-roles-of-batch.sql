-- Takes what the events of a batch, one of each membership, report of roles, and whether the memberships are active (V13__organizations.sql). All list locks
-- come first, then the rows in the order of every writer. The triggers of the change feed write the history.
WITH event AS MATERIALIZED (
  SELECT *, users_sync_internal.lock_for_lists(organization_id, user_id) AS locked
    FROM unnest(CAST(:?id AS text[]), CAST(:?organization_id AS text[]), CAST(:?user_id AS text[]), CAST(:?roles AS text[]), CAST(:?active AS text[]),
                CAST(:?at AS text[]), CAST(:?provider AS text[]), CAST(:?delivery AS text[]))
         AS event (id, organization_id, user_id, roles, active, at, provider, delivery)
)
SELECT count(CASE WHEN concat(set_config('users_sync.provider', provider, true), set_config('users_sync.delivery', delivery, true),
                              set_config('users_sync.version', at, true)) IS NOT NULL
                  THEN users_sync_internal.state_roles(id, organization_id, user_id, CAST(roles AS text[]), NULL, NULL, CAST(active AS boolean),
                                                       coalesce(CAST(at AS timestamptz), now())) END) AS stated
  FROM (SELECT * FROM event ORDER BY id COLLATE "C") AS event
