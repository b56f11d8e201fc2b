-- Waits until every statement that writes to the table has ended, and holds nobody up afterwards: the lock ends with
-- this transaction.
DO $$ BEGIN LOCK TABLE neon_auth.users_sync IN SHARE ROW EXCLUSIVE MODE; END $$
