-- How far the backfill has read each tenant; see backfill/checkpoints.ts.

CREATE TABLE IF NOT EXISTS roll_service_backfill_checkpoint (
  -- The all-zero tenant's row is where a tenant begins that has none.
  tenant_id uuid PRIMARY KEY,
  -- Null: the tenant has no row yet.
  last_event_id uuid,
  last_event_created_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  -- Of Kafka: what was written to another topic was not written to this one.
  topic_id text,
  -- All that this snapshot sees of the rows up to the checkpoint is published, if written within the window.
  seen_snapshot text,
  seen_at timestamptz,
  -- All that this snapshot sees is published, whenever it was written.
  swept_snapshot text,
  -- Null: reservations without a command have not been read yet.
  swept_at timestamptz,
  -- Counted up by every write; whoever knows an older one writes nothing.
  revision bigint NOT NULL DEFAULT 0
);
