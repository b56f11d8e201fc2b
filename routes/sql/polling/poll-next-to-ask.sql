-- The next user to ask the provider for again, for the holder of the lease, and the time of the request after it.
-- Requests follow 5 s, a minute and five minutes after the first answer; after an announced deletion also after 2, 4
-- and 10 s. The schedule moves before the request, so that a failure never causes a loop.
UPDATE users_sync_internal.user_to_ask AS ask
   SET looks = looks + 1,
       next_look = coalesce(noted_at + make_interval(secs => CAST(:?againSeconds AS double precision) / 60
                              * (CASE why WHEN 'deletion' THEN ARRAY[4, 10, 60, 300] ELSE ARRAY[60, 300] END)[looks + 1]),
                            now() + make_interval(secs => CAST(:?againSeconds AS double precision)))
 WHERE (provider, id) = (SELECT due.provider, due.id
                           FROM users_sync_internal.user_to_ask AS due
                           JOIN users_sync_internal.poll_state AS p ON p.provider = due.provider AND p.fence = CAST(:?fence AS bigint)
                          WHERE due.provider = :?provider AND due.next_look <= now()
                          ORDER BY due.next_look LIMIT 1)
RETURNING id, substr(id, length(:?prefix) + 1) AS user_id
