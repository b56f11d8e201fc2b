SELECT CAST(users_sync_internal.erase(:?id, :?idAtProvider, :?provider, CAST(:?force AS boolean)) AS text) AS proof
