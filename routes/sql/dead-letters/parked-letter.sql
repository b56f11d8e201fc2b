SELECT provider, body, holds FROM users_sync_internal.dead_letter WHERE id = :?letter AND state = 'parked'
