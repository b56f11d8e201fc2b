-- The same page, of users whose id starts with the text, or who have words that start with its words. Postgres cannot
-- know how many match. So it searches the newest users first, which is quick for frequent words. Only if it finds too
-- few there, it uses the index of words.
WITH near AS MATERIALIZED (
  SELECT *
    FROM (SELECT id, name, email, created_at, updated_at, deleted_at
            FROM neon_auth.users_sync
           WHERE CAST(:afterTime AS text) IS NULL
              OR (coalesce(created_at, '-infinity'), id) < (CAST(:afterTime AS timestamptz), CAST(:afterId AS text))
           ORDER BY coalesce(created_at, '-infinity') DESC, id DESC
           LIMIT 5000) AS newest
   WHERE (id LIKE :startsLike
          OR to_tsvector('simple', regexp_replace(coalesce(name, '') || ' ' || coalesce(email, ''), '[\W_]+', ' ', 'g')) @@ to_tsquery('simple', :words)
             AND (CAST(:emailPattern AS text) IS NULL OR lower(email) LIKE :emailPattern))
     AND (CAST(:state AS text) IS DISTINCT FROM 'live' OR deleted_at IS NULL)
     AND (CAST(:state AS text) IS DISTINCT FROM 'deleted' OR deleted_at IS NOT NULL)
     AND (CAST(:idPattern AS text) IS NULL OR id LIKE :idPattern)
   ORDER BY coalesce(created_at, '-infinity') DESC, id DESC
   LIMIT 51
),
found AS MATERIALIZED (
  SELECT id, name, email, created_at, updated_at, deleted_at
    FROM neon_auth.users_sync
   WHERE (SELECT count(*) FROM near) < 51
     AND to_tsvector('simple', regexp_replace(coalesce(name, '') || ' ' || coalesce(email, ''), '[\W_]+', ' ', 'g')) @@ to_tsquery('simple', :words)
     AND (CAST(:emailPattern AS text) IS NULL OR lower(email) LIKE :emailPattern)
   UNION
  SELECT id, name, email, created_at, updated_at, deleted_at
    FROM neon_auth.users_sync
   WHERE (SELECT count(*) FROM near) < 51 AND id LIKE :startsLike
)
SELECT *
  FROM (SELECT * FROM near WHERE (SELECT count(*) FROM near) = 51
        UNION ALL
        SELECT * FROM found
         WHERE (CAST(:state AS text) IS DISTINCT FROM 'live' OR deleted_at IS NULL)
           AND (CAST(:state AS text) IS DISTINCT FROM 'deleted' OR deleted_at IS NOT NULL)
           AND (CAST(:idPattern AS text) IS NULL OR id LIKE :idPattern)
           AND (CAST(:afterTime AS text) IS NULL
                OR (coalesce(created_at, '-infinity'), id) < (CAST(:afterTime AS timestamptz), CAST(:afterId AS text)))) AS page
 ORDER BY coalesce(created_at, '-infinity') DESC, id DESC
 LIMIT 51
