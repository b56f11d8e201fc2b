-- The operator confirms the deletions that the brake holds: the poller asks for each missing user, and lists the organizations once more.
UPDATE users_sync_internal.poll_state SET phase = CASE WHEN provider LIKE '%:organizations' THEN 'again' ELSE 'proving' END, listing_due = now(), held_since = NULL, adopted = false
 WHERE provider = :?provider AND phase = 'held'
RETURNING CAST(jsonb_build_object('provider', provider, 'confirmed', missing, 'held_because', held_because) AS text) AS reply
