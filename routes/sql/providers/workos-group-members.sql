-- The user of a membership, without the prefix of its id; no row or null if the table does not know it.
SELECT substr(user_id, length(CAST(:?prefix AS text)) + 1) AS user_id
  FROM neon_auth.memberships_sync
 WHERE id = :?prefix || :?membership
