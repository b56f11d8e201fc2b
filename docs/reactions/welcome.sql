-- A row in a table of the application for each new user, in the transaction that writes the user.
CREATE TABLE public.welcomes (
  user_id TEXT PRIMARY KEY REFERENCES neon_auth.users_sync (id) ON DELETE CASCADE,
  sent_at TIMESTAMPTZ
);

CREATE FUNCTION public.welcome() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO public.welcomes (user_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE TRIGGER welcome AFTER INSERT ON neon_auth.users_sync
  FOR EACH ROW WHEN (NEW.deleted_at IS NULL) EXECUTE FUNCTION public.welcome();
