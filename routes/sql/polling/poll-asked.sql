-- Takes the provider's answer to a repeated request. answer: found, gone (404), or none (no clear answer).
-- verdict: delete (the second 404, a minute after the first or, after an announced deletion, a second; only from an API
-- that has answered otherwise, see ApiCall), done (no more requests), left (left to the next reconcile), wait.
WITH asked AS (
  SELECT ask.*, u.deleted_at IS NOT NULL AS deleted,
         now() - ask.missed_at >= make_interval(secs => CAST(:?againSeconds AS double precision) / CASE ask.why WHEN 'deletion' THEN 60 ELSE 1 END) AS again,
         ask.looks >= CASE ask.why WHEN 'deletion' THEN 5 ELSE 3 END AS last, -- of the schedule in poll-next-to-ask.sql
         -- an API that suddenly knows nobody: the brake of a reconcile decides
         (SELECT count(*) FROM users_sync_internal.user_to_ask AS o WHERE o.provider = ask.provider AND o.id <> ask.id AND o.missed_at IS NOT NULL
                                                                      AND o.why <> 'deletion') AS others
    FROM users_sync_internal.user_to_ask AS ask
    LEFT JOIN neon_auth.users_sync AS u ON u.id = ask.id
   WHERE ask.provider = :?provider AND ask.id = :?id
), verdict AS (
  SELECT *, CASE WHEN deleted OR :?answer = 'found' AND (why <> 'deletion' OR last) THEN 'done'
                 WHEN :?answer = 'gone' AND again AND CAST(:?answered AS boolean) AND (why = 'deletion' OR others < CAST(:?maxDeletes AS bigint)) THEN 'delete'
                 WHEN last THEN 'left'
                 ELSE 'wait' END AS verdict
    FROM asked
), forgotten AS (
  DELETE FROM users_sync_internal.user_to_ask AS ask USING verdict
   WHERE (ask.provider, ask.id) = (verdict.provider, verdict.id) AND verdict.verdict IN ('done', 'left')
), noted AS (
  UPDATE users_sync_internal.user_to_ask AS ask
     SET missed_at = CASE :?answer WHEN 'gone' THEN coalesce(ask.missed_at, now()) WHEN 'found' THEN NULL ELSE ask.missed_at END,
         stamp = CASE :?answer WHEN 'gone' THEN coalesce(ask.stamp, CAST(:?stamp AS timestamptz)) WHEN 'found' THEN NULL ELSE ask.stamp END
    FROM verdict
   WHERE (ask.provider, ask.id) = (verdict.provider, verdict.id) AND verdict.verdict IN ('wait', 'delete')
)
SELECT verdict, to_char(stamp AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS stamp FROM verdict
