-- An operator requests a reconcile or a dry run. It is due at once, unless a job is running.
INSERT INTO users_sync_internal.poll_state AS p (provider, requested) VALUES (:?provider, :?request)
ON CONFLICT (provider) DO UPDATE SET requested = excluded.requested, listing_due = now()
 WHERE p.phase IS NULL OR p.phase = 'held'
RETURNING CAST(jsonb_build_object('provider', provider, 'requested', requested) AS text) AS reply
