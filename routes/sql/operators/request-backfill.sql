-- Reads the complete listing of the provider into the table again, as at the first start. Deletes no missing user.
INSERT INTO users_sync_internal.poll_state AS p (provider) VALUES (:?provider)
ON CONFLICT (provider) DO UPDATE SET backfilled_at = NULL, requested = NULL, listing_due = now()
 WHERE p.phase IS NULL OR p.phase = 'held'
RETURNING CAST(jsonb_build_object('provider', provider, 'requested', 'backfill') AS text) AS reply
