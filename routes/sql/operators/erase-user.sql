SELECT CAST(users_sync_internal.erase_user(:?id, :?idAtProvider, :?provider, CAST(:?force AS boolean)) AS text) AS proof
