-- The next user to ask the provider for, without the prefix; none when a dry run has found that the brake would hold.
SELECT seen.id, substr(seen.id, length(:?prefix) + 1) AS user_id
  FROM users_sync_internal.sweep_seen AS seen
  JOIN users_sync_internal.poll_state AS p ON p.provider = seen.provider AND NOT (p.job = 'dry-run' AND p.held_because IS NOT NULL)
 WHERE seen.provider = :?provider AND seen.fate = 'missing'
 ORDER BY seen.id
 LIMIT 1
