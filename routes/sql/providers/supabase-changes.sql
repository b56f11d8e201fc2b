-- The users changed at or after a time (:?from, in microseconds of the epoch, and from the id :?after on), the oldest
-- change first: a JSON array of {"id", "at"}. The poller fetches the profiles from the API, as in a listing, so that
-- both give the same data of a user.
SELECT CAST(coalesce(json_agg(json_build_object('id', id, 'at', at) ORDER BY at, id), '[]') AS text) AS users
  FROM (SELECT CAST(id AS text) COLLATE "C" AS id, CAST(extract(epoch FROM updated_at) * 1000000 AS bigint) AS at
          FROM auth.users
         WHERE (updated_at, CAST(id AS text) COLLATE "C") > (timestamptz 'epoch' + CAST(:?from AS bigint) * interval '1 microsecond', :?after)
         ORDER BY updated_at, CAST(id AS text) COLLATE "C"
         LIMIT 100) AS changed
