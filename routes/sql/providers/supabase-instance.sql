-- A row in the form of the database webhook; the API's answers have no instance_id.
SELECT CASE jsonb_typeof(raw_json -> 'instance_id') WHEN 'null' THEN 'unknown' END FROM neon_auth.users_sync WHERE id = :?prefix || :?userId
