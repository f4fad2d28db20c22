-- The sample platform's database: the tables a reservation platform of this kind has, with the columns
-- and enums that a reader of its change stream meets. Applied whole, any number of times.
-- Two liberties: a stay may leave on its arrival date (day use), and the lifecycle table has no index
-- on current_state, so that its four updates per command stay heap-only.

DO $$
DECLARE
  definition record;
BEGIN
  FOR definition IN
    SELECT * FROM (VALUES
      ('reservation_command_lifecycle_state',
        $v$'RECEIVED','PERSISTED','IN_PROGRESS','PUBLISHED','CONSUMED','APPLIED','FAILED','DLQ'$v$),
      ('outbox_status', $v$'PENDING','IN_PROGRESS','DELIVERED','FAILED','DLQ'$v$),
      ('reservation_status',
        $v$'INQUIRY','QUOTED','PENDING','CONFIRMED','WAITLISTED','CHECKED_IN','CHECKED_OUT','CANCELLED','NO_SHOW','EXPIRED'$v$),
      ('reservation_source',
        $v$'DIRECT','WEBSITE','PHONE','WALKIN','OTA','CORPORATE','GROUP'$v$),
      ('reservation_type',
        $v$'TRANSIENT','CORPORATE','GROUP','WHOLESALE','PACKAGE','COMPLIMENTARY','HOUSE_USE','DAY_USE','WAITLIST'$v$),
      ('room_status',
        $v$'SETUP','AVAILABLE','OCCUPIED','DIRTY','CLEAN','INSPECTED','OUT_OF_ORDER','OUT_OF_SERVICE'$v$),
      ('housekeeping_status', $v$'CLEAN','DIRTY','INSPECTED','IN_PROGRESS','DO_NOT_DISTURB'$v$),
      ('maintenance_status',
        $v$'OPERATIONAL','NEEDS_REPAIR','UNDER_MAINTENANCE','OUT_OF_ORDER'$v$),
      ('room_category', $v$'STANDARD','DELUXE','SUITE','EXECUTIVE','PRESIDENTIAL'$v$),
      ('tenant_type', $v$'INDEPENDENT','CHAIN','FRANCHISE','MANAGEMENT_COMPANY'$v$),
      ('tenant_status', $v$'TRIAL','ACTIVE','SUSPENDED','INACTIVE','CANCELLED'$v$)
    ) AS t (name, labels)
  LOOP
    IF NOT EXISTS (
      SELECT FROM pg_type
      WHERE typname = definition.name AND typnamespace = current_schema()::regnamespace
    ) THEN
      EXECUTE format('CREATE TYPE %I AS ENUM (%s)', definition.name, definition.labels);
    END IF;
  END LOOP;
END
$$;

CREATE TABLE IF NOT EXISTS tenants (
  id UUID PRIMARY KEY,
  name VARCHAR(200) NOT NULL,
  slug VARCHAR(100) NOT NULL UNIQUE,
  type tenant_type NOT NULL DEFAULT 'INDEPENDENT',
  status tenant_status NOT NULL DEFAULT 'ACTIVE',
  email VARCHAR(255),
  country CHAR(2),
  config JSONB NOT NULL DEFAULT '{}',
  subscription JSONB NOT NULL DEFAULT '{}',
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS properties (
  id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
  property_name VARCHAR(200) NOT NULL,
  property_code VARCHAR(50) NOT NULL UNIQUE,
  address JSONB NOT NULL DEFAULT '{}',
  property_type VARCHAR(50) NOT NULL DEFAULT 'hotel',
  star_rating DECIMAL(2,1),
  total_rooms INTEGER NOT NULL DEFAULT 0,
  currency VARCHAR(3) NOT NULL DEFAULT 'USD',
  timezone VARCHAR(100) NOT NULL DEFAULT 'UTC',
  default_language VARCHAR(10) NOT NULL DEFAULT 'en',
  config JSONB NOT NULL DEFAULT '{"checkInTime": "15:00", "checkOutTime": "11:00"}',
  is_active BOOLEAN NOT NULL DEFAULT true,
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS room_types (
  id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
  property_id UUID NOT NULL REFERENCES properties (id) ON DELETE RESTRICT,
  type_name VARCHAR(100) NOT NULL,
  type_code VARCHAR(50) NOT NULL CHECK (type_code ~ '^[A-Z0-9_-]+$'),
  category room_category NOT NULL DEFAULT 'STANDARD',
  base_occupancy INTEGER NOT NULL DEFAULT 2,
  max_occupancy INTEGER NOT NULL DEFAULT 4,
  base_price DECIMAL(15,2) NOT NULL DEFAULT 0,
  currency VARCHAR(3) NOT NULL DEFAULT 'USD',
  is_active BOOLEAN NOT NULL DEFAULT true,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0,
  UNIQUE (property_id, type_code)
);

CREATE TABLE IF NOT EXISTS rooms (
  id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
  property_id UUID NOT NULL REFERENCES properties (id) ON DELETE RESTRICT,
  room_type_id UUID NOT NULL REFERENCES room_types (id) ON DELETE RESTRICT,
  room_number VARCHAR(50) NOT NULL,
  room_name VARCHAR(100),
  floor VARCHAR(20),
  building VARCHAR(100),
  status room_status NOT NULL DEFAULT 'SETUP',
  housekeeping_status housekeeping_status NOT NULL DEFAULT 'CLEAN',
  maintenance_status maintenance_status NOT NULL DEFAULT 'OPERATIONAL',
  features JSONB NOT NULL DEFAULT '{}',
  is_blocked BOOLEAN NOT NULL DEFAULT false,
  block_reason TEXT,
  blocked_from TIMESTAMP,
  blocked_until TIMESTAMP,
  is_out_of_order BOOLEAN NOT NULL DEFAULT false,
  out_of_order_reason TEXT,
  out_of_order_since TIMESTAMP,
  expected_ready_date TIMESTAMP,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0,
  UNIQUE (property_id, room_number),
  CHECK (blocked_from IS NULL OR blocked_until IS NULL OR blocked_from < blocked_until)
);

CREATE TABLE IF NOT EXISTS reservations (
  id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
  property_id UUID NOT NULL REFERENCES properties (id) ON DELETE RESTRICT,
  guest_id UUID NOT NULL,
  room_type_id UUID NOT NULL REFERENCES room_types (id) ON DELETE RESTRICT,
  rate_id UUID,
  group_booking_id UUID,
  company_id UUID,
  travel_agent_id UUID,
  confirmation_number VARCHAR(50) NOT NULL UNIQUE,
  check_in_date DATE NOT NULL,
  check_out_date DATE NOT NULL,
  booking_date TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  actual_check_in TIMESTAMP,
  actual_check_out TIMESTAMP,
  eta TIME,
  room_number VARCHAR(50),
  number_of_adults INTEGER NOT NULL DEFAULT 1 CHECK (number_of_adults >= 1),
  number_of_children INTEGER NOT NULL DEFAULT 0,
  number_of_infants INTEGER NOT NULL DEFAULT 0,
  room_rate DECIMAL(15,2) NOT NULL,
  total_amount DECIMAL(15,2) NOT NULL,
  tax_amount DECIMAL(15,2) NOT NULL DEFAULT 0,
  discount_amount DECIMAL(15,2) NOT NULL DEFAULT 0,
  paid_amount DECIMAL(15,2) NOT NULL DEFAULT 0,
  balance_due DECIMAL(15,2) GENERATED ALWAYS AS (total_amount - paid_amount) STORED,
  currency VARCHAR(3) NOT NULL DEFAULT 'USD',
  status reservation_status NOT NULL DEFAULT 'PENDING',
  source reservation_source NOT NULL DEFAULT 'DIRECT',
  reservation_type reservation_type NOT NULL DEFAULT 'TRANSIENT',
  channel_reference VARCHAR(100),
  guest_name VARCHAR(200),
  guest_email VARCHAR(255) NOT NULL CHECK (guest_email ~ '^[^@ ]+@[^@ ]+\.[^@ ]+$'),
  guest_phone VARCHAR(50),
  special_requests TEXT,
  internal_notes TEXT,
  guarantee_type VARCHAR(50),
  credit_card_last4 VARCHAR(4),
  cancellation_date TIMESTAMP,
  cancellation_reason TEXT,
  cancellation_fee DECIMAL(15,2),
  cancellation_policy_snapshot JSONB,
  is_no_show BOOLEAN NOT NULL DEFAULT false,
  no_show_date TIMESTAMP,
  no_show_fee DECIMAL(15,2),
  quoted_at TIMESTAMPTZ,
  quote_expires_at TIMESTAMPTZ,
  expired_at TIMESTAMPTZ,
  promo_code VARCHAR(50),
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  created_by VARCHAR(100),
  updated_by VARCHAR(100),
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0,
  UNIQUE (tenant_id, id),
  CHECK (check_in_date <= check_out_date)
) WITH (fillfactor = 30);

CREATE TABLE IF NOT EXISTS reservation_command_lifecycle (
  event_id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL,
  reservation_id UUID,
  command_name VARCHAR(150) NOT NULL,
  correlation_id VARCHAR(150),
  partition_key VARCHAR(150),
  current_state reservation_command_lifecycle_state NOT NULL DEFAULT 'RECEIVED',
  state_transitions JSONB NOT NULL DEFAULT '[]',
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 12);
CREATE INDEX IF NOT EXISTS reservation_command_lifecycle_tenant
  ON reservation_command_lifecycle (tenant_id, created_at DESC);
CREATE INDEX IF NOT EXISTS reservation_command_lifecycle_reservation
  ON reservation_command_lifecycle (reservation_id) WHERE reservation_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS transactional_outbox (
  id BIGSERIAL PRIMARY KEY,
  event_id UUID NOT NULL UNIQUE,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  aggregate_id UUID NOT NULL,
  aggregate_type VARCHAR(120) NOT NULL,
  event_type VARCHAR(150) NOT NULL,
  payload JSONB NOT NULL,
  headers JSONB NOT NULL DEFAULT '{}',
  status outbox_status NOT NULL DEFAULT 'PENDING',
  priority SMALLINT NOT NULL DEFAULT 0,
  available_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  locked_at TIMESTAMPTZ,
  locked_by VARCHAR(120),
  retry_count INTEGER NOT NULL DEFAULT 0 CHECK (retry_count >= 0),
  last_error TEXT,
  correlation_id UUID,
  partition_key VARCHAR(200),
  delivered_at TIMESTAMPTZ,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 45);

CREATE TABLE IF NOT EXISTS business_dates (
  id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
  property_id UUID NOT NULL REFERENCES properties (id) ON DELETE RESTRICT,
  business_date DATE NOT NULL,
  date_status VARCHAR(20) NOT NULL DEFAULT 'OPEN'
    CHECK (date_status IN ('OPEN', 'CLOSED', 'IN_AUDIT')),
  night_audit_status VARCHAR(20) NOT NULL DEFAULT 'PENDING'
    CHECK (night_audit_status IN ('PENDING', 'IN_PROGRESS', 'COMPLETED', 'FAILED')),
  previous_business_date DATE,
  date_rolled_at TIMESTAMP,
  date_rolled_by VARCHAR(100),
  allow_new_reservations BOOLEAN NOT NULL DEFAULT true,
  allow_check_ins BOOLEAN NOT NULL DEFAULT true,
  allow_check_outs BOOLEAN NOT NULL DEFAULT true,
  allow_postings BOOLEAN NOT NULL DEFAULT true,
  is_locked BOOLEAN NOT NULL DEFAULT false,
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0,
  UNIQUE (tenant_id, property_id, business_date)
);
CREATE UNIQUE INDEX IF NOT EXISTS business_dates_one_open
  ON business_dates (property_id) WHERE date_status = 'OPEN';

CREATE TABLE IF NOT EXISTS payments (
  id UUID PRIMARY KEY,
  tenant_id UUID NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
  property_id UUID NOT NULL REFERENCES properties (id) ON DELETE RESTRICT,
  reservation_id UUID NOT NULL REFERENCES reservations (id) ON DELETE RESTRICT,
  guest_id UUID NOT NULL,
  payment_reference VARCHAR(100) NOT NULL UNIQUE,
  payment_type VARCHAR(30) NOT NULL DEFAULT 'FULL_PAYMENT',
  payment_method VARCHAR(30) NOT NULL DEFAULT 'CREDIT_CARD',
  amount DECIMAL(15,2) NOT NULL,
  currency VARCHAR(3) NOT NULL DEFAULT 'USD',
  status VARCHAR(30) NOT NULL DEFAULT 'COMPLETED',
  processed_at TIMESTAMP,
  metadata JSONB NOT NULL DEFAULT '{}',
  created_at TIMESTAMP NOT NULL DEFAULT (now() AT TIME ZONE 'UTC'),
  updated_at TIMESTAMP,
  is_deleted BOOLEAN NOT NULL DEFAULT false,
  deleted_at TIMESTAMPTZ,
  deleted_by VARCHAR(100),
  version BIGINT NOT NULL DEFAULT 0
);
