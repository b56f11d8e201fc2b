UPDATE users_sync_internal.dead_letter SET state = 'discarded', body = '', polled = NULL WHERE id = CAST(:?letter AS bigint) AND state = 'parked' RETURNING id
