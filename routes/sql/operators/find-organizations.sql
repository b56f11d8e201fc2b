-- A page of the console's list, with one extra row that shows whether there are more. Of each the number of live members.
SELECT o.id, o.kind, o.name, o.slug, o.created_at, o.deleted_at,
       (SELECT count(*) FROM neon_auth.memberships_live AS m WHERE m.organization_id = o.id) AS members
  FROM neon_auth.organizations_sync AS o
 WHERE CAST(:?q AS text) IS NULL
    OR starts_with(o.id, :?q) OR starts_with(lower(o.slug), lower(:?q)) OR strpos(lower(o.name), lower(:?q)) > 0
 ORDER BY coalesce(o.created_at, o.updated_at, '-infinity') DESC, o.id
 LIMIT 51
