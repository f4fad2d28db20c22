/**
 * What the guard learns of a reservation from the platform's captured tables: its row, reduced to what
 * is to be held, and the commands that took effect. Everything else is passed over at the door.
 */
import type { Deserializer, FetchedRecord, StreamRecord } from '../../../streams/index.ts';
import { ColumnReader, type DateColumn, type InstantColumn } from '../../captured/column-reader.ts';
import {
  lifecycleTable,
  readLifecycleRow,
  type LifecycleColumns,
} from '../../captured/lifecycle-row.ts';
import { withEpoch, type ChangeDecoder, type RowChange } from '../../captured/row-change.ts';
import { valueOf } from '../../captured/row-problem.ts';
import { rowVersionOf } from '../../captured/row-version.ts';

/** live: its stay is to be held · ended: it is not any more · open: nothing was sold (yet). */
export type ReservationStanding = 'live' | 'ended' | 'open';

export interface ReservationRowFact {
  readonly kind: 'row';
  readonly tenantId: string;
  readonly reservationId: string;
  /** Orders the versions of the row, see `row-version.ts`. */
  readonly version: string;
  readonly standing: ReservationStanding;
  /** Why it is not live. */
  readonly status: string;
  readonly roomTypeId: string;
  readonly propertyId: string;
  readonly roomNumber: string | undefined;
  readonly arrivalDate: string;
  readonly departureDate: string;
  /** When the row was written, by the platform's clock. */
  readonly writtenAtMs: number;
}

export interface AppliedCommandFact {
  readonly kind: 'command';
  readonly tenantId: string;
  readonly reservationId: string;
  readonly eventId: string;
  readonly commandName: string;
  /** stay: what is held follows from it · end: nothing is held any more · died: it came to nothing. */
  readonly effect: 'stay' | 'end' | 'died';
  readonly createdAtMs: number;
  readonly appliedAtMs: number;
}

export type PlatformFact = ReservationRowFact | AppliedCommandFact;

/** The columns that are read of each captured table. */
export const reservationColumns = {
  [lifecycleTable]: [
    'event_id',
    'tenant_id',
    'reservation_id',
    'command_name',
    'current_state',
    'state_transitions',
    'created_at',
    'updated_at',
  ],
  reservations: [
    'id',
    'tenant_id',
    'property_id',
    'room_type_id',
    'room_number',
    'status',
    'check_in_date',
    'check_out_date',
    'created_at',
    'updated_at',
    'is_deleted',
  ],
} as const;

const effects: Readonly<Record<string, 'stay' | 'end'>> = {
  'reservation.create': 'stay',
  'reservation.walkin_checkin': 'stay',
  'reservation.convert_quote': 'stay',
  'reservation.modify': 'stay',
  'reservation.assign_room': 'stay',
  'reservation.unassign_room': 'stay',
  'reservation.extend_stay': 'stay',
  'reservation.cancel': 'end',
  'reservation.check_out': 'end',
  'reservation.no_show': 'end',
  'reservation.expire': 'end',
  'reservation.walk_guest': 'end',
};

const standings: Readonly<Record<string, ReservationStanding>> = {
  PENDING: 'live',
  CONFIRMED: 'live',
  CHECKED_IN: 'live',
  INQUIRY: 'open',
  QUOTED: 'open',
  WAITLISTED: 'open',
};

/** The columns of `reservations` that are read. */
export interface ReservationStayColumns {
  readonly id: string;
  readonly tenant_id: string;
  readonly property_id: string;
  readonly room_type_id: string;
  readonly room_number?: string | null | undefined;
  readonly status: string;
  readonly check_in_date: DateColumn;
  readonly check_out_date: DateColumn;
  readonly created_at?: InstantColumn | null | undefined;
  readonly updated_at?: InstantColumn | null | undefined;
  readonly is_deleted?: boolean | null | undefined;
}

/** The deserialiser of the lifecycle table's topic. */
export function lifecycleSource(decode: ChangeDecoder): Deserializer<string, PlatformFact> {
  return sourceOf<LifecycleColumns>(lifecycleTable, decode, ({ after }) =>
    after === undefined ? undefined : commandFactOf(after),
  );
}

/** The deserialiser of the reservations' topic. */
export function reservationSource(decode: ChangeDecoder): Deserializer<string, PlatformFact> {
  return sourceOf<ReservationStayColumns>('reservations', decode, reservationFactOf);
}

/** The partition key of reservations. */
export function reservationKeyOf(of: {
  readonly tenantId: string;
  readonly reservationId: string;
}): string {
  return `${of.tenantId}|${of.reservationId}`;
}

function sourceOf<Row>(
  table: string,
  decode: ChangeDecoder,
  factOf: (change: RowChange<Row>) => PlatformFact | undefined,
): Deserializer<string, PlatformFact> {
  const toRecord = (
    record: FetchedRecord,
    change: RowChange<Row> | undefined,
  ): StreamRecord<string, PlatformFact> | undefined => {
    const { timestampMs } = record;
    const value = change && factOf(withEpoch(change, record));
    return value && { key: reservationKeyOf(value), value, timestampMs };
  };
  return (record) => {
    if (record.value === null) return undefined;
    const decoded = decode<Row>(table, record.value);
    return decoded instanceof Promise
      ? decoded.then((change) => toRecord(record, change))
      : toRecord(record, decoded);
  };
}

/** Most rows are steps on the way: seen without their JSON being read. */
function mayHaveEffect(row: LifecycleColumns): boolean {
  const { command_name: name, current_state: state, state_transitions: transitions } = row;
  if (!Object.hasOwn(effects, name)) return false;
  if (state === 'APPLIED' || state === 'DLQ' || typeof transitions !== 'string') return true;
  return transitions.includes('APPLIED');
}

/**
 * Undefined: it has not taken effect (yet), or nothing is held for what it does.
 * @throws DECODE_FAILED
 */
export function commandFactOf(row: LifecycleColumns): AppliedCommandFact | undefined {
  return mayHaveEffect(row) ? appliedCommand(row) : undefined;
}

function appliedCommand(row: LifecycleColumns): AppliedCommandFact | undefined {
  const { tenantId, reservationId, eventId, command } = valueOf(
    // The stay is in the reservation's own row.
    readLifecycleRow({ ...row, metadata: null }),
  );
  const { commandName, state, appliedMicros, createdMicros } = command;
  const intended = Object.hasOwn(effects, commandName) ? effects[commandName] : undefined;
  if (intended === undefined || reservationId === undefined) return undefined;
  const hasDied = state === 'DLQ' && intended === 'stay';
  // What died did so no earlier than it was accepted.
  const atMicros = hasDied ? createdMicros : appliedMicros;
  if (atMicros === undefined) return undefined;
  return {
    ...{ kind: 'command', tenantId, reservationId, eventId, commandName },
    effect: hasDied ? 'died' : intended,
    createdAtMs: Math.floor(createdMicros / 1_000),
    appliedAtMs: Math.floor(atMicros / 1_000),
  };
}

/** @throws DECODE_FAILED */
export function reservationFactOf(
  change: Pick<RowChange<ReservationStayColumns>, 'before' | 'after' | 'source'>,
): ReservationRowFact | undefined {
  const captured = change.after ?? change.before;
  if (captured === undefined) return undefined;
  const columns = new ColumnReader('reservations', captured);
  const isGone = columns.flag('is_deleted') || change.after === undefined;
  const status = columns.text('status');
  const createdMicros = columns.optionalInstant('created_at') ?? 0;
  const writtenMicros = columns.optionalInstant('updated_at') ?? createdMicros;
  const row: ReservationRowFact = {
    kind: 'row',
    tenantId: columns.id('tenant_id'),
    reservationId: columns.id('id'),
    version: valueOf(rowVersionOf('reservations', change.source)),
    standing: isGone ? 'ended' : (standings[status] ?? 'ended'),
    status: isGone ? 'DELETED' : status,
    roomTypeId: columns.id('room_type_id'),
    propertyId: columns.id('property_id'),
    roomNumber: columns.optionalText('room_number'),
    arrivalDate: columns.date('check_in_date'),
    departureDate: columns.date('check_out_date'),
    writtenAtMs: Math.floor(writtenMicros / 1_000),
  };
  return valueOf(columns.read(row));
}
