-- The operator has looked at what the brake held back, and it is right: the missing users are asked for one by one.
UPDATE users_sync_internal.poll_state SET phase = 'proving', listing_due = now(), held_since = NULL, adopted = false
 WHERE provider = :?provider AND phase = 'held'
RETURNING CAST(jsonb_build_object('provider', provider, 'confirmed', missing, 'held_because', held_because) AS text) AS reply
