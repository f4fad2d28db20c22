-- What the Roll Service says about each reservation, as rows, and how far its topics were read.

CREATE TABLE IF NOT EXISTS roll_service_shadow_ledgers (
  ledger_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  reservation_id uuid NOT NULL,
  lifecycle_event_id uuid NOT NULL,
  roll_type varchar(64) NOT NULL,
  roll_date date NOT NULL,
  occurred_at timestamptz NOT NULL,
  source_event_type varchar(150) NOT NULL,
  event_payload jsonb NOT NULL DEFAULT '{}',
  property_id uuid NOT NULL,
  business_date date NOT NULL,
  amount_minor bigint NOT NULL,
  currency varchar(3) NOT NULL,
  -- Hash of the canonical entry: equal revisions are equal entries.
  revision varchar(64) NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (tenant_id, lifecycle_event_id)
);

CREATE INDEX IF NOT EXISTS roll_service_shadow_ledgers_reservation
  ON roll_service_shadow_ledgers (reservation_id);
CREATE INDEX IF NOT EXISTS roll_service_shadow_ledgers_property_date
  ON roll_service_shadow_ledgers (tenant_id, property_id, business_date);

CREATE OR REPLACE VIEW reservation_ledger_shadow AS
  SELECT * FROM roll_service_shadow_ledgers;

-- One row a partition, locked and moved on in the transaction of the rows that its records gave.
CREATE TABLE IF NOT EXISTS roll_service_consumer_offsets (
  consumer_group text NOT NULL,
  topic text NOT NULL,
  partition integer NOT NULL,
  -- The next record to be applied.
  offset_position bigint NOT NULL,
  high_watermark bigint,
  last_event_id uuid,
  last_event_created_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer_group, topic, partition)
);
