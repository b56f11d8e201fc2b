WITH erased AS MATERIALIZED (
  SELECT users_sync_internal.erase_user(:?id, :?idAtProvider, :?provider, CAST(:?force AS boolean)) AS proof
)
SELECT CAST(proof || jsonb_build_object('memberships_removed', users_sync_internal.remove_memberships(ARRAY[CAST(:?id AS text)])) AS text) AS proof FROM erased
