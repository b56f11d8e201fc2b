-- The waiting and the dead changes of a reaction. next_at: null if nothing postpones the next attempt. after_seq: an earlier change of the same row waits.
SELECT retry.seq, retry.entity, retry.id, log.kind, retry.attempts, retry.failed_at, nullif(retry.next_at, '-infinity') AS next_at, retry.dead, retry.error,
       (SELECT max(earlier.seq) FROM users_sync_internal.reaction_retry AS earlier
         WHERE NOT earlier.dead AND earlier.name = retry.name AND earlier.entity = retry.entity AND earlier.id = retry.id AND earlier.seq < retry.seq) AS after_seq
  FROM users_sync_internal.reaction_retry AS retry
  LEFT JOIN users_sync_internal.event_log AS log ON log.seq = retry.seq
 WHERE retry.name = :?name AND retry.seq > coalesce(CAST(:?after AS bigint), 0)
 ORDER BY retry.seq
 LIMIT 51
