/**
 * Captured rows of `rooms` and `properties`, reduced to what the guard decides with, and how they
 * travel to its partitions. A row that cannot be understood is DECODE_FAILED: a dead letter.
 */
import type { Deserializer, MaybePromise } from '../../streams/index.ts';
import { isTimeZone } from '../calendar/property-time.ts';
import { ColumnReader, type CapturedColumns } from '../captured/column-reader.ts';
import { withEpoch, type ChangeDecoder, type RowChange } from '../captured/row-change.ts';
import { valueOf } from '../captured/row-problem.ts';
import { rowVersionOf } from '../captured/row-version.ts';
import type { Window } from './catalogue.ts';
import type { HandOverInput, PropertyInput, RoomInput } from './input.ts';

/** What a captured row says to every partition of the guard. */
export interface CatalogueRow {
  readonly kind: 'row';
  /** Orders the versions of one row, see `row-version.ts`. */
  readonly version: string;
  readonly input: RoomInput | PropertyInput;
}

/** Written by the partition of the type that a room has left. */
export interface CatalogueHandOver {
  readonly kind: 'hand-over';
  readonly input: HandOverInput;
}

/** All rows of a partition that a table's snapshot read have been sent on. */
export interface CatalogueMark {
  readonly kind: 'mark';
  readonly table: CatalogueTable;
  readonly partition: number;
}

/** Key in the guard's store of marks: what a mark says is kept under it. */
export function snapshotMarkOf({ table, partition }: Omit<CatalogueMark, 'kind'>): string {
  return `snapshot|${table}|${partition}`;
}

export type CatalogueTable = 'rooms' | 'properties';
export const catalogueTables: readonly CatalogueTable[] = ['rooms', 'properties'];

export interface CapturedCatalogueRow {
  readonly table: CatalogueTable;
  readonly row: CatalogueRow | undefined;
  /** The table's snapshot is over: this row was its last, or was streamed after it. */
  readonly endsSnapshot: boolean;
}

export const catalogueColumns = {
  rooms: [
    'id',
    'tenant_id',
    'property_id',
    'room_type_id',
    'room_number',
    'is_blocked',
    'blocked_from',
    'blocked_until',
    'is_out_of_order',
    'out_of_order_since',
    'expected_ready_date',
    'is_deleted',
  ],
  properties: ['id', 'tenant_id', 'timezone', 'config'],
} as const;

const checkInDefault = '15:00';
const checkOutDefault = '11:00';
const clockPattern = /^([01]\d|2[0-3]):[0-5]\d$/;

/** The deserialiser of one table's topic; tombstones are passed over. */
export function catalogueSource(
  table: CatalogueTable,
  decode: ChangeDecoder,
): Deserializer<string, CapturedCatalogueRow> {
  return (record) => {
    const { value, timestampMs } = record;
    if (value === null) return undefined;
    const read = (change: RowChange<CapturedColumns> | undefined): StreamRow | undefined =>
      change && { key: table, value: capturedRow(table, withEpoch(change, record)), timestampMs };
    const decoded: MaybePromise<RowChange<CapturedColumns> | undefined> = decode<CapturedColumns>(
      table,
      value,
    );
    return decoded instanceof Promise ? decoded.then(read) : read(decoded);
  };
}

interface StreamRow {
  readonly key: string;
  readonly value: CapturedCatalogueRow;
  readonly timestampMs: number;
}

const snapshotEnds = new Set(['last', 'last_in_data_collection', 'false']);

function capturedRow(
  table: CatalogueTable,
  change: RowChange<CapturedColumns>,
): CapturedCatalogueRow {
  const endsSnapshot = snapshotEnds.has(String(change.source.snapshot ?? 'false'));
  const row = change.after ?? change.before;
  if (row === undefined) return { table, row: undefined, endsSnapshot };
  const isGone = change.after === undefined;
  const version = valueOf(rowVersionOf(table, change.source));
  const input = table === 'rooms' ? roomInput(row, isGone, version) : propertyInput(row);
  // A property that is deleted keeps its zone: its holds are still there.
  const says = table === 'rooms' || !isGone;
  return {
    table,
    row: says ? { kind: 'row', version, input } : undefined,
    endsSnapshot,
  };
}

function roomInput(row: CapturedColumns, isGone: boolean, version: string): RoomInput {
  const columns = new ColumnReader('rooms', row);
  const [tenantId, roomId] = [columns.id('tenant_id'), columns.id('id')];
  const present = {
    ...{ tenantId, roomId },
    roomTypeId: columns.id('room_type_id'),
    propertyId: columns.id('property_id'),
    roomNumber: columns.optionalText('room_number'),
    isDeleted: columns.flag('is_deleted'),
    outOfOrder: windowOf(columns, {
      flag: 'is_out_of_order',
      from: 'out_of_order_since',
      to: 'expected_ready_date',
    }),
    blocked: windowOf(columns, { flag: 'is_blocked', from: 'blocked_from', to: 'blocked_until' }),
  };
  const key = { kind: 'room', tenantId, roomId, version } as const;
  return valueOf(columns.read<RoomInput>({ ...key, row: isGone ? undefined : present }));
}

/** @throws DECODE_FAILED */
export function propertyInput(row: CapturedColumns): PropertyInput {
  const columns = new ColumnReader('properties', row);
  const config = columns.jsonObject('config', (members) => ({
    checkInTime: clockTime(members.value('checkInTime')),
    checkOutTime: clockTime(members.value('checkOutTime')),
  }));
  return valueOf(
    columns.read<PropertyInput>({
      kind: 'property',
      tenantId: columns.id('tenant_id'),
      propertyId: columns.id('id'),
      row: {
        zone: columns.textThat('timezone', isTimeZone, 'is not a time zone of this runtime'),
        checkInTime: config?.checkInTime ?? checkInDefault,
        checkOutTime: config?.checkOutTime ?? checkOutDefault,
      },
    }),
  );
}

function clockTime(value: unknown): string | undefined {
  return typeof value === 'string' && clockPattern.test(value) ? value : undefined;
}

/** Captured instants are microseconds. */
function windowOf(
  columns: ColumnReader,
  names: { readonly flag: string; readonly from: string; readonly to: string },
): Window | undefined {
  const isSet = columns.flag(names.flag);
  const [from, to] = [columns.optionalInstant(names.from), columns.optionalInstant(names.to)];
  return isSet ? { fromMs: millis(from), toMs: millis(to) } : undefined;
}

function millis(micros: number | undefined): number | undefined {
  return micros === undefined ? undefined : Math.floor(micros / 1_000);
}
