/** `inventory.events` as `inventory_locks_shadow`: one row a hold, as its last event says. */
import type { AvroDecoder } from '../schemas/avro-decoder.ts';
import type { InventoryEvent } from '../schemas/generated/inventory-event.ts';
import { millisField, nullable, textField, uuidField, wholeField } from './event-fields.ts';
import type { Applied, Projection } from './projection.ts';
import { upsertInto, type Column } from './set-based.ts';
import { valueReader } from './value-reader.ts';

/** The event and its columns, by name. */
interface HoldRow {
  readonly eventId: string;
  readonly occurredAtMs: number;
  readonly lockId: string;
  readonly values: Readonly<Record<string, string | null>>;
}

const table = 'inventory_locks_shadow';
const columnTypes = {
  id: 'uuid',
  tenant_id: 'uuid',
  property_id: 'uuid',
  reservation_id: 'uuid',
  room_type_id: 'uuid',
  room_id: 'uuid',
  stay_start: 'timestamptz',
  stay_end: 'timestamptz',
  reason: 'text',
  actor: 'text',
  correlation_id: 'text',
  expires_at: 'timestamptz',
  metadata: 'jsonb',
  status: 'text',
  released_at: 'timestamptz',
  release_reason: 'text',
  slot: 'text',
  iteration: 'bigint',
  version: 'bigint',
  confirmed_room_id: 'uuid',
  confirmed_stay_start: 'timestamptz',
  confirmed_stay_end: 'timestamptz',
  created_at: 'timestamptz',
  decided_at: 'timestamptz',
} as const;
const upsert = upsertInto<HoldRow>({
  table,
  key: ['id'],
  columns: Object.entries(columnTypes).map(([name, type]): Column<HoldRow> => ({
    name,
    type,
    of: ({ values }) => values[name] ?? null,
  })),
  kept: ['created_at'],
  // A topic that is read again from its start takes no hold back to what it was.
  onlyIf: `${table}.version <= excluded.version`,
});

/** What a hold is afterwards; a request for its release changes nothing yet. */
const holdEvents = new Set(['inventory.locked', 'inventory.released']);
const statuses: Readonly<Record<string, string>> = {
  TENTATIVE: 'ACTIVE',
  CONFIRMED: 'CONFIRMED',
  RELEASED: 'RELEASED',
  EXPIRED: 'EXPIRED',
};

export function holdProjection(options: {
  readonly topic: string;
  readonly decoder: AvroDecoder;
}): Projection<HoldRow> {
  const { topic, decoder } = options;
  return {
    topic,
    read: valueReader((value) => decoder.decode(value), rowOf),
    nameOf: ({ eventId, occurredAtMs }) => ({ eventId, createdAtMs: occurredAtMs }),
    write: async (database, rows): Promise<Applied> => {
      const last = new Map<string, HoldRow>();
      for (const row of rows) {
        // A hold that came and changed in one batch came when its first event says.
        const created = last.get(row.lockId)?.values['created_at'] ?? row.values['created_at'];
        last.set(row.lockId, { ...row, values: { ...row.values, created_at: created ?? null } });
      }
      const count = await upsert(database, [...last.values()]);
      return { rows: [{ table, operation: 'upsert', count }] };
    },
  };
}

function rowOf(decoded: unknown): HoldRow | undefined {
  const event = decoded as InventoryEvent;
  if (!holdEvents.has(event.type)) return undefined;
  const uuid = nullable(uuidField);
  const instant = nullable(millisField);
  const text = nullable(textField);
  const { confirmedStay: stay, nights, commandId } = event;
  const lockId = uuidField('lockId', event.lockId);
  const at = millisField('occurredAt', event.occurredAt);
  return {
    eventId: uuidField('eventId', event.eventId),
    occurredAtMs: Number(event.occurredAt),
    lockId,
    values: {
      id: lockId,
      tenant_id: uuidField('tenantId', event.tenantId),
      property_id: uuid('propertyId', event.propertyId),
      reservation_id: uuid('reservationId', event.reservationId),
      room_type_id: uuidField('roomTypeId', event.roomTypeId),
      room_id: uuid('roomId', event.roomId),
      stay_start: millisField('stayStart', event.stayStart),
      stay_end: millisField('stayEnd', event.stayEnd),
      reason: textField('reason', event.reason),
      actor: textField('actor', event.actor),
      correlation_id: text('correlationId', event.correlationId),
      expires_at: instant('expiresAt', event.expiresAt),
      metadata: JSON.stringify({
        nights: nights.map(({ date, capacity }) => ({ date, capacity })),
        ...(commandId === null ? {} : { commandId }),
      }),
      status: textField('status', statuses[event.status ?? '']),
      released_at: instant('releasedAt', event.releasedAt),
      release_reason: text('releaseReason', event.releaseReason),
      slot: textField('slot', event.slot),
      iteration: wholeField('iteration', event.iteration),
      version: wholeField('version', event.version),
      confirmed_room_id: uuid('confirmedStay.roomId', stay?.roomId),
      confirmed_stay_start: instant('confirmedStay.stayStart', stay?.stayStart),
      confirmed_stay_end: instant('confirmedStay.stayEnd', stay?.stayEnd),
      created_at: at,
      decided_at: at,
    },
  };
}
