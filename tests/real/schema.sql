-- The two tables of the incident that started this project, as a project of Supabase has them.
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
CREATE ROLE reader LOGIN PASSWORD 'Re-ader:s3cret@word%1' IN ROLE service_role BYPASSRLS;
CREATE ROLE visitor LOGIN PASSWORD 'Vi-sitor:s3cret@word%2' IN ROLE anon;
CREATE ROLE member LOGIN PASSWORD 'Me-mber:s3cret@word%3' IN ROLE authenticated;
CREATE ROLE stranger LOGIN PASSWORD 'Str-anger:s3cret@word%4';

CREATE TABLE cloud_machines (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id uuid NOT NULL UNIQUE,
  machine_id text NOT NULL UNIQUE,
  region text NOT NULL CHECK (region IN ('sin', 'iad', 'fra')),
  status text NOT NULL DEFAULT 'provisioning'
    CHECK (status IN ('provisioning', 'starting', 'running', 'stopping', 'stopped', 'error')),
  cpus integer DEFAULT 1,
  memory_mb integer DEFAULT 512,
  websocket_url text,
  health_check_url text,
  provisioned_at timestamptz,
  started_at timestamptz,
  stopped_at timestamptz,
  last_health_check timestamptz,
  error_message text,
  error_count integer DEFAULT 0,
  fly_app_name text,
  fly_machine_version text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE cloud_events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  machine_id uuid REFERENCES cloud_machines (id),
  user_id uuid,
  event_type text NOT NULL,
  severity text NOT NULL DEFAULT 'info' CHECK (severity IN ('info', 'warning', 'error')),
  message text,
  details jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE cloud_machines ENABLE ROW LEVEL SECURITY;
ALTER TABLE cloud_events ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON cloud_machines FOR SELECT TO authenticated
  USING (user_id::text = coalesce(current_setting('request.jwt.claim.sub', true), '6a5d0c1e-2b7f-4d6a-9f10-7c3b8e5a4d21'));
CREATE POLICY all_rows ON cloud_events FOR SELECT TO authenticated USING (true);

INSERT INTO cloud_machines
  (id, user_id, machine_id, region, status, websocket_url, fly_app_name, started_at, created_at, updated_at)
VALUES
  ('0f4c9a52-6a0d-4b52-8d5e-3c9f0a1b2c3d', '63eea370-13d5-4a55-bdf5-62d3b5e30f3f', 'vyx-63eea370', 'sin', 'starting',
   'wss://vyx-63eea370.fly.dev', 'vyx-app', '2025-11-24 20:05:31.5+00', '2025-11-24 20:05:31+00', '2025-11-24 20:05:31+00'),
  ('1b2c3d4e-5f60-4718-9a2b-c3d4e5f60718', '6a5d0c1e-2b7f-4d6a-9f10-7c3b8e5a4d21', 'vyx-6a5d0c1e', 'iad', 'running',
   'wss://vyx-6a5d0c1e.fly.dev', 'vyx-app', '2025-11-20 08:00:00+00', '2025-11-20 08:00:00+00', '2025-11-20 08:00:00+00');
INSERT INTO cloud_events (machine_id, event_type, severity, message, details, created_at)
VALUES (NULL, 'machine_provisioned', 'info', 'created', '{"fly_machine_id": "91850296bd4738", "region": "sin"}', '2025-11-24 20:05:32+00');

CREATE TABLE empty_open (LIKE cloud_machines INCLUDING ALL);
CREATE TABLE private_rows (LIKE cloud_machines INCLUDING ALL);
CREATE VIEW slow_machines AS SELECT m.* FROM cloud_machines m, pg_sleep(60);
CREATE VIEW machines_of_all AS SELECT * FROM cloud_machines WHERE region = 'fra';
CREATE FUNCTION note() RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO cloud_events (event_type) VALUES ('read');
  RETURN 'vyx-63eea370';
END $$;
CREATE VIEW writing_machines AS SELECT note() AS machine_id, 'starting'::text AS status;
CREATE SCHEMA tenant;
CREATE TABLE tenant."Cloud Machines" (machine_id text, status text, spare point);
INSERT INTO tenant."Cloud Machines" VALUES ('vyx-63eea370', 'starting', '(1,2)');

GRANT USAGE ON SCHEMA tenant TO service_role;
GRANT SELECT ON ALL TABLES IN SCHEMA tenant TO service_role;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO service_role;
GRANT SELECT ON cloud_machines, cloud_events, empty_open, machines_of_all, slow_machines TO anon, authenticated;
