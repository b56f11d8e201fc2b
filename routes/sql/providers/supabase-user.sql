-- The state of one user in the project's database: live, the time of a soft deletion (ISO 8601), or nothing.
SELECT coalesce(to_char(deleted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'live') AS state
  FROM auth.users
 WHERE CAST(id AS text) = :?user
