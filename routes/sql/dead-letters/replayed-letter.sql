-- The body goes; that the delivery was parked is kept for the console.
UPDATE users_sync_internal.dead_letter SET state = 'replayed', body = '', polled = NULL WHERE id = :?letter
