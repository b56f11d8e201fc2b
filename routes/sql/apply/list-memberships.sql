-- Ends the memberships of an organization or user that its complete list lacks (V13__organizations.sql). The triggers of the
-- change feed write the history.
WITH origin AS MATERIALIZED (
  SELECT set_config('users_sync.provider', :?provider, true) AS provider, set_config('users_sync.delivery', CAST(:?delivery AS text), true) AS delivery
)
SELECT cardinality(users_sync_internal.list_memberships(:?owner, :?id, CAST(:?ids AS text[]), CAST(:?at AS timestamptz))) AS ended
  FROM origin
 WHERE provider IS NOT NULL
