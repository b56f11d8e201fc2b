-- A page of the console's list, the newest users first, with one extra row that shows whether there is a next page.
SELECT id, name, email, created_at, updated_at, deleted_at
  FROM neon_auth.users_sync
 WHERE (CAST(:state AS text) IS DISTINCT FROM 'live' OR deleted_at IS NULL)
   AND (CAST(:state AS text) IS DISTINCT FROM 'deleted' OR deleted_at IS NOT NULL)
   AND (CAST(:idPattern AS text) IS NULL OR id LIKE :idPattern)
   AND (CAST(:afterTime AS text) IS NULL
        OR (coalesce(created_at, '-infinity'), id) < (CAST(:afterTime AS timestamptz), CAST(:afterId AS text)))
 ORDER BY coalesce(created_at, '-infinity') DESC, id DESC
 LIMIT 51
