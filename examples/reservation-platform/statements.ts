/**
 * The platform's SQL. Each statement takes one parameter, a JSON array of records whose fields are
 * column names, and writes every record as one row change.
 */
import type { ReservationRow } from './model.ts';

/** Columns a command may change. */
const changingColumns = [
  'room_type_id',
  'check_in_date',
  'check_out_date',
  'actual_check_in',
  'actual_check_out',
  'room_number',
  'number_of_adults',
  'number_of_children',
  'room_rate',
  'total_amount',
  'paid_amount',
  'status',
  'reservation_type',
  'internal_notes',
  'cancellation_date',
  'cancellation_reason',
  'cancellation_fee',
  'is_no_show',
  'no_show_date',
  'no_show_fee',
  'quoted_at',
  'quote_expires_at',
  'expired_at',
] as const satisfies readonly (keyof ReservationRow)[];

/** Columns that stay as they were inserted. */
const fixedColumns = [
  'id',
  'tenant_id',
  'property_id',
  'guest_id',
  'confirmation_number',
  'booking_date',
  'currency',
  'source',
  'guest_name',
  'guest_email',
] as const satisfies readonly (keyof ReservationRow)[];

export const insertTenants = insertSkippingKnown('tenants', ['id', 'name', 'slug']);
export const insertProperties = insertSkippingKnown('properties', [
  'id',
  'tenant_id',
  'property_name',
  'property_code',
  'total_rooms',
  'currency',
  'timezone',
]);
export const insertRoomTypes = insertSkippingKnown('room_types', [
  'id',
  'tenant_id',
  'property_id',
  'type_name',
  'type_code',
  'base_price',
  'currency',
]);
export const insertRooms = insertSkippingKnown('rooms', [
  'id',
  'tenant_id',
  'property_id',
  'room_type_id',
  'room_number',
]);

/** Only for a property that has no business date yet: a later run must not open an old one again. */
export const insertFirstBusinessDates = `
  INSERT INTO business_dates (id, tenant_id, property_id, business_date)
  SELECT id, tenant_id, property_id, business_date
  FROM json_populate_recordset(NULL::business_dates, $1) AS s
  WHERE NOT EXISTS (SELECT FROM business_dates AS d WHERE d.property_id = s.property_id)`;

export const closeBusinessDates = `
  UPDATE business_dates AS d
  SET date_status = 'CLOSED', night_audit_status = 'COMPLETED', date_rolled_at = s.rolled_at,
      date_rolled_by = 'night-audit', updated_at = s.rolled_at, version = d.version + 1
  FROM json_to_recordset($1) AS s (
    tenant_id UUID, property_id UUID, closed_date DATE, rolled_at TIMESTAMP
  )
  WHERE d.tenant_id = s.tenant_id AND d.property_id = s.property_id AND d.business_date = s.closed_date`;

export const openBusinessDates = `
  INSERT INTO business_dates
    (id, tenant_id, property_id, business_date, previous_business_date, created_at)
  SELECT id, tenant_id, property_id, next_date, closed_date, rolled_at
  FROM json_to_recordset($1) AS s (
    id UUID, tenant_id UUID, property_id UUID,
    next_date DATE, closed_date DATE, rolled_at TIMESTAMP
  )`;

export const insertLifecycle = insert('reservation_command_lifecycle', [
  'event_id',
  'tenant_id',
  'reservation_id',
  'command_name',
  'correlation_id',
  'partition_key',
  'current_state',
  'state_transitions',
  'metadata',
  'created_at',
  'updated_at',
]);

export const updateLifecycle = `
  UPDATE reservation_command_lifecycle AS l
  SET current_state = s.state, state_transitions = l.state_transitions || s.transition,
      updated_at = s.at
  FROM json_to_recordset($1) AS s (
    event_id UUID, state reservation_command_lifecycle_state, transition JSONB, at TIMESTAMPTZ
  )
  WHERE l.event_id = s.event_id`;

export const insertOutbox = insert('transactional_outbox', [
  'event_id',
  'tenant_id',
  'aggregate_id',
  'aggregate_type',
  'event_type',
  'payload',
  'headers',
  'status',
  'priority',
  'available_at',
  'retry_count',
  'correlation_id',
  'partition_key',
  'metadata',
  'created_at',
  'updated_at',
]);

export const updateOutbox = `
  UPDATE transactional_outbox AS o
  SET status = s.status, retry_count = o.retry_count + s.retries, updated_at = s.at,
      last_error = s.last_error,
      delivered_at = CASE WHEN s.status = 'DELIVERED' THEN s.at ELSE o.delivered_at END
  FROM json_to_recordset($1) AS s (
    event_id UUID, status outbox_status, retries INTEGER, last_error TEXT, at TIMESTAMPTZ
  )
  WHERE o.event_id = s.event_id`;

export const insertReservations = insert('reservations', [
  ...fixedColumns,
  ...changingColumns,
  'created_at',
  'updated_at',
]);

export const updateReservations = `
  UPDATE reservations AS r
  SET ${changingColumns.map((column) => `${column} = s.${column}`).join(', ')},
      updated_at = s.updated_at, version = r.version + 1
  FROM json_populate_recordset(NULL::reservations, $1) AS s
  WHERE r.id = s.id`;

export const insertPayments = insert('payments', [
  'id',
  'tenant_id',
  'property_id',
  'reservation_id',
  'guest_id',
  'payment_reference',
  'payment_type',
  'payment_method',
  'amount',
  'currency',
  'status',
  'processed_at',
  'metadata',
]);

function insert(table: string, columns: readonly string[]): string {
  const list = columns.join(', ');
  const records = `json_populate_recordset(NULL::${table}, $1)`;
  return `INSERT INTO ${table} (${list}) SELECT ${list} FROM ${records}`;
}

function insertSkippingKnown(table: string, columns: readonly string[]): string {
  return `${insert(table, columns)} ON CONFLICT DO NOTHING`;
}
