-- Deliveries that were applied, for providers with replay protection: the same one does nothing a second time.
SET LOCAL client_min_messages = warning;

CREATE TABLE users_sync_internal.delivery (
  provider TEXT NOT NULL,
  id       TEXT NOT NULL,                     -- of the delivery, and which of its events: a delivery may hold several
  at       TIMESTAMPTZ NOT NULL DEFAULT now(), -- kept for an hour, several times as long as a signed time is accepted
  PRIMARY KEY (provider, id)
);

-- Whether an event comes for the first time; remembered with the transaction that applies it, so that an attempt which fails is none.
CREATE FUNCTION users_sync_internal.first_time(provider TEXT, id TEXT) RETURNS BOOLEAN
  LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO users_sync_internal.delivery (provider, id) VALUES (first_time.provider, first_time.id) ON CONFLICT DO NOTHING;
  RETURN FOUND;
END $$;
