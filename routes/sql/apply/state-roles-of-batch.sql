-- Takes what the events of a batch, one of each membership, report of roles, and whether the memberships are active (V13__organizations.sql). All list locks
-- come first, then the rows in the order of every writer.
WITH event AS MATERIALIZED (
  SELECT *, users_sync_internal.lock_for_lists(organization_id, user_id) AS locked
    FROM unnest(CAST(:?id AS text[]), CAST(:?organization_id AS text[]), CAST(:?user_id AS text[]), CAST(:?roles AS text[]), CAST(:?active AS text[]),
                CAST(:?at AS text[])) AS event (id, organization_id, user_id, roles, active, at)
)
SELECT count(users_sync_internal.state_roles(id, organization_id, user_id, CAST(roles AS text[]), NULL, NULL, CAST(active AS boolean),
                                             coalesce(CAST(at AS timestamptz), now()))) AS stated
  FROM (SELECT * FROM event ORDER BY id COLLATE "C") AS event
