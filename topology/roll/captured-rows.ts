/**
 * From captured rows to facts: what each table's change event says, under which key. A row that
 * cannot be understood is DECODE_FAILED, which sends its bytes to the dead-letter topic; a change that
 * says nothing (a tombstone, a command that names no reservation) is passed over and counted.
 */
import { isRollguardError } from '../../kernel/errors.ts';
import type { Counter } from '../../kernel/metrics.ts';
import type { Deserializer, FetchedRecord, RecordOrigin } from '../../streams/index.ts';
import { readBusinessDateRow, type BusinessDateColumns } from './business-dates.ts';
import type { LifecycleColumns } from '../captured/lifecycle-row.ts';
import { plainlySaysNothing, readRollCommand, rollTypeOf, saysNothing } from './roll-command.ts';
import { readPropertyRow, type PropertyColumns } from './property-row.ts';
import { readReservationRow, type ReservationColumns } from './reservation-row.ts';
import {
  propertyKey,
  reservationKey,
  type PropertyFact,
  type ReservationFact,
} from './roll-messages.ts';
import { valueOf } from '../captured/row-problem.ts';
import { withEpoch, type ChangeDecoder, type RowChange } from '../captured/row-change.ts';
import { rowVersionOf } from '../captured/row-version.ts';

/** The columns that are read of each captured table: nothing else is decoded. */
export const capturedColumns = {
  reservation_command_lifecycle: [
    'event_id',
    'tenant_id',
    'reservation_id',
    'command_name',
    'current_state',
    'state_transitions',
    'metadata',
    'created_at',
    'updated_at',
  ],
  reservations: [
    'id',
    'tenant_id',
    'property_id',
    'status',
    'check_in_date',
    'check_out_date',
    'actual_check_in',
    'actual_check_out',
    'room_rate',
    'currency',
    'cancellation_date',
    'cancellation_fee',
    'expired_at',
    'no_show_date',
    'no_show_fee',
    'created_at',
    'updated_at',
    'is_deleted',
  ],
  properties: ['id', 'tenant_id', 'timezone', 'total_rooms'],
  business_dates: ['tenant_id', 'property_id', 'business_date', 'date_status', 'is_deleted'],
} as const;

export interface CapturedRowsOptions {
  readonly decode: ChangeDecoder;
  /** `roll_service_lifecycle_events_total{result}`: processed, skipped, parse_error. */
  readonly lifecycleEvents: Counter;
  /** For metrics. */
  readonly onRowRead?: OnRowRead | undefined;
}

/** Told of every row that was decoded, of any table. @param eventAtMs when the platform wrote it */
export type OnRowRead = (origin: RecordOrigin, eventAtMs: number) => void;

type Fact<T> = { readonly key: string; readonly value: T } | undefined;

/** Each captured table's deserialiser. */
export interface CapturedTables {
  readonly lifecycle: Deserializer<string, ReservationFact>;
  readonly reservations: Deserializer<string, ReservationFact>;
  readonly properties: Deserializer<string, PropertyFact>;
  readonly businessDates: Deserializer<string, PropertyFact>;
}

export function capturedTables(options: CapturedRowsOptions): CapturedTables {
  const { lifecycleEvents } = options;
  const lifecycle = table<LifecycleColumns, ReservationFact>(
    'reservation_command_lifecycle',
    options,
    (change) => {
      const fact = lifecycleFact(change);
      lifecycleEvents.add(1, {
        result: fact === undefined || isSkipped(fact.value) ? 'skipped' : 'processed',
      });
      return fact;
    },
  );
  return {
    lifecycle: countingErrors(lifecycle, lifecycleEvents),
    reservations: table('reservations', options, reservationFact),
    properties: table('properties', options, propertyFact),
    businessDates: table('business_dates', options, businessDateFact),
  };
}

function table<Row, Value>(
  name: string,
  { decode, onRowRead }: CapturedRowsOptions,
  factOf: (change: RowChange<Row>) => Fact<Value>,
): Deserializer<string, Value> {
  const toRecord = (
    record: FetchedRecord,
    origin: RecordOrigin,
    change: RowChange<Row> | undefined,
  ): { key: string; value: Value; timestampMs: number } | undefined => {
    if (change === undefined) return undefined;
    onRowRead?.(origin, Number(change.source.ts_ms ?? record.timestampMs));
    const fact = factOf(withEpoch(change, record));
    return fact === undefined ? undefined : { ...fact, timestampMs: record.timestampMs };
  };
  return (record, origin) => {
    // A tombstone follows every delete, for compaction; the delete itself has said it.
    if (record.value === null) return undefined;
    const decoded = decode<Row>(name, record.value);
    return decoded instanceof Promise
      ? decoded.then((change) => toRecord(record, origin, change))
      : toRecord(record, origin, decoded);
  };
}

/** Counts what cannot be read for good; what is tried again is none of it. */
function countingErrors<Value>(
  deserialize: Deserializer<string, Value>,
  lifecycleEvents: Counter,
): Deserializer<string, Value> {
  const counted = (error: unknown): never => {
    if (!isRollguardError(error) || error.row.reaction === 'skip-record') {
      lifecycleEvents.add(1, { result: 'parse_error' });
    }
    throw error;
  };
  return (record, origin) => {
    try {
      const read = deserialize(record, origin);
      return read instanceof Promise ? read.catch(counted) : read;
    } catch (error) {
      return counted(error);
    }
  };
}

function lifecycleFact(change: RowChange<LifecycleColumns>): Fact<ReservationFact> {
  const row = change.after ?? change.before;
  if (row === undefined || plainlySaysNothing(row)) return undefined;
  const { tenantId, reservationId, eventId, command } = valueOf(readRollCommand(row));
  if (reservationId === undefined || saysNothing(command)) return undefined;
  const version = versionOf('reservation_command_lifecycle', change);
  return {
    key: reservationKey(tenantId, reservationId),
    value: { type: 'command', eventId, version, row: change.after === undefined ? null : command },
  };
}

function isSkipped(fact: ReservationFact): boolean {
  return (
    fact.type === 'command' && fact.row !== null && rollTypeOf(fact.row.commandName) === undefined
  );
}

function reservationFact(change: RowChange<ReservationColumns>): Fact<ReservationFact> {
  const row = change.after ?? change.before;
  if (row === undefined) return undefined;
  const reading = valueOf(readReservationRow(row));
  const version = versionOf('reservations', change);
  return {
    key: reservationKey(reading.tenantId, reading.reservationId),
    value: { type: 'reservation', version, row: change.after === undefined ? null : reading.row },
  };
}

/** A deleted property keeps its calendar: its ledgers are history. */
function propertyFact(change: RowChange<PropertyColumns>): Fact<PropertyFact> {
  if (change.after === undefined) return undefined;
  const { tenantId, propertyId, row } = valueOf(readPropertyRow(change.after));
  return {
    key: propertyKey(tenantId, propertyId),
    value: { type: 'property', version: versionOf('properties', change), row },
  };
}

function businessDateFact(change: RowChange<BusinessDateColumns>): Fact<PropertyFact> {
  if (change.after === undefined) return undefined;
  const row = valueOf(readBusinessDateRow(change.after));
  if (row === undefined) return undefined;
  return { key: propertyKey(row.tenantId, row.propertyId), value: { type: 'date', row } };
}

function versionOf(tableName: string, change: RowChange<unknown>): string {
  return valueOf(rowVersionOf(tableName, change.source));
}
