-- What the Availability Guard says about holds and rooms, as rows.

-- A hold as its last event says. Events carry neither a time to live in seconds nor the metadata of the
-- request: ttl_seconds stays null, metadata has the nights that it counts on and the command it came by.
CREATE TABLE IF NOT EXISTS inventory_locks_shadow (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  property_id uuid,
  reservation_id uuid,
  room_type_id uuid NOT NULL,
  -- Null: any room of the type.
  room_id uuid,
  stay_start timestamptz NOT NULL,
  stay_end timestamptz NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  correlation_id text,
  expires_at timestamptz,
  ttl_seconds integer,
  metadata jsonb NOT NULL DEFAULT '{}',
  -- ACTIVE: tentative, until expires_at.
  status varchar(50) NOT NULL CHECK (status IN ('ACTIVE', 'CONFIRMED', 'RELEASED', 'EXPIRED')),
  released_at timestamptz,
  release_reason text,
  slot text NOT NULL,
  iteration bigint NOT NULL,
  -- Fencing token: grows with every change of the hold.
  version bigint NOT NULL,
  -- Held too, while a change of a confirmed hold is not confirmed yet.
  confirmed_room_id uuid,
  confirmed_stay_start timestamptz,
  confirmed_stay_end timestamptz,
  -- The guard's time of the hold's first event and of its last.
  created_at timestamptz NOT NULL,
  decided_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK (stay_end > stay_start)
);

CREATE INDEX IF NOT EXISTS inventory_locks_shadow_live_type
  ON inventory_locks_shadow (tenant_id, room_type_id) WHERE status IN ('ACTIVE', 'CONFIRMED');
CREATE INDEX IF NOT EXISTS inventory_locks_shadow_live_room
  ON inventory_locks_shadow (room_id) WHERE status IN ('ACTIVE', 'CONFIRMED') AND room_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS inventory_locks_shadow_confirmed_room
  ON inventory_locks_shadow (confirmed_room_id) WHERE confirmed_room_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS inventory_locks_shadow_reservation
  ON inventory_locks_shadow (reservation_id);
CREATE INDEX IF NOT EXISTS inventory_locks_shadow_created
  ON inventory_locks_shadow (tenant_id, created_at DESC);

-- Who did what to a hold: one row for each change, for ever; the id follows from the hold and its version.
CREATE TABLE IF NOT EXISTS inventory_lock_audits (
  id uuid PRIMARY KEY,
  lock_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  action varchar(100) NOT NULL,
  performed_by_id text NOT NULL,
  -- The id where no person is named.
  performed_by_name text NOT NULL,
  performed_by_email text,
  reason text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL
);

CREATE INDEX IF NOT EXISTS inventory_lock_audits_lock ON inventory_lock_audits (lock_id);
CREATE INDEX IF NOT EXISTS inventory_lock_audits_tenant
  ON inventory_lock_audits (tenant_id, created_at DESC);

-- Rooms as the platform has them; those that are deleted are not here.
CREATE TABLE IF NOT EXISTS room_rows_shadow (
  room_id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  property_id uuid NOT NULL,
  room_type_id uuid NOT NULL,
  room_number text,
  status text,
  is_out_of_order boolean NOT NULL,
  out_of_order_since timestamptz,
  expected_ready_date timestamptz,
  is_blocked boolean NOT NULL,
  blocked_from timestamptz,
  blocked_until timestamptz,
  -- Orders the versions of a row by their bytes.
  row_version text COLLATE "C" NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX IF NOT EXISTS room_rows_shadow_property ON room_rows_shadow (tenant_id, property_id);

-- Each room, and the hold that has it now or has it next.
CREATE OR REPLACE VIEW room_state_shadow AS
  SELECT room.tenant_id, room.room_id, room.room_number, room.room_type_id, room.property_id,
         room.status, room.is_out_of_order, room.out_of_order_since, room.expected_ready_date,
         room.is_blocked, room.blocked_from, room.blocked_until,
         live.id AS live_lock_id, live.reservation_id AS live_lock_reservation_id,
         live.status AS live_lock_status, live.stay_start AS live_lock_stay_start,
         live.stay_end AS live_lock_stay_end, room.updated_at
  FROM room_rows_shadow room
  LEFT JOIN LATERAL (
    SELECT hold.id, hold.reservation_id, hold.status, hold.stay_start, hold.stay_end
    FROM inventory_locks_shadow hold
    WHERE hold.room_id = room.room_id AND hold.status IN ('ACTIVE', 'CONFIRMED')
      AND hold.stay_end > now()
    UNION ALL
    SELECT hold.id, hold.reservation_id, 'CONFIRMED', hold.confirmed_stay_start,
           hold.confirmed_stay_end
    FROM inventory_locks_shadow hold
    WHERE hold.confirmed_room_id = room.room_id AND hold.confirmed_stay_end > now()
    ORDER BY 4, 1
    LIMIT 1
  ) live ON true;
