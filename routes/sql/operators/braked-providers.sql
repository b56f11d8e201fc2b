SELECT string_agg(provider, ', ') AS braked FROM users_sync_internal.poll_state WHERE phase = 'held'
