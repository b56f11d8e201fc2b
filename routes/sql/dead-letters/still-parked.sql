SELECT count(*) AS parked FROM users_sync_internal.dead_letter WHERE state = 'parked'
