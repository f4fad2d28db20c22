/**
 * Captured rows of `rooms` and `properties`, reduced to what the guard decides with, and how they
 * travel to its partitions. A row that cannot be understood is DECODE_FAILED: a dead letter.
 */
import { z } from 'zod';
import { RollguardError } from '../../kernel/errors.ts';
import type { Deserializer, MaybePromise } from '../../streams/index.ts';
import { isTimeZone } from '../calendar/property-time.ts';
import { idColumn, instantColumn, jsonColumn } from '../captured/columns.ts';
import { withEpoch, type ChangeDecoder, type RowChange } from '../captured/row-change.ts';
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
const clockTime = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/)
  .optional()
  .catch(undefined);
const flag = z.boolean().nullish();

const roomColumns = z.object({
  id: idColumn,
  tenant_id: idColumn,
  property_id: idColumn,
  room_type_id: idColumn,
  room_number: z.string().nullish(),
  is_blocked: flag,
  blocked_from: instantColumn.nullish(),
  blocked_until: instantColumn.nullish(),
  is_out_of_order: flag,
  out_of_order_since: instantColumn.nullish(),
  expected_ready_date: instantColumn.nullish(),
  is_deleted: flag,
});

const propertyColumns = z.object({
  id: idColumn,
  tenant_id: idColumn,
  timezone: z.string().refine(isTimeZone, 'is not a time zone of this runtime'),
  config: jsonColumn
    .pipe(z.object({ checkInTime: clockTime, checkOutTime: clockTime }).nullable())
    .nullish(),
});

type Row = Readonly<Record<string, unknown>>;

/** The deserialiser of one table's topic; tombstones are passed over. */
export function catalogueSource(
  table: CatalogueTable,
  decode: ChangeDecoder,
): Deserializer<string, CapturedCatalogueRow> {
  return (record) => {
    const { value, timestampMs } = record;
    if (value === null) return undefined;
    const read = (change: RowChange<Row> | undefined): StreamRow | undefined =>
      change && { key: table, value: capturedRow(table, withEpoch(change, record)), timestampMs };
    const decoded: MaybePromise<RowChange<Row> | undefined> = decode<Row>(table, value);
    return decoded instanceof Promise ? decoded.then(read) : read(decoded);
  };
}

interface StreamRow {
  readonly key: string;
  readonly value: CapturedCatalogueRow;
  readonly timestampMs: number;
}

const snapshotEnds = new Set(['last', 'last_in_data_collection', 'false']);

function capturedRow(table: CatalogueTable, change: RowChange<Row>): CapturedCatalogueRow {
  const endsSnapshot = snapshotEnds.has(String(change.source.snapshot ?? 'false'));
  const row = change.after ?? change.before;
  if (row === undefined) return { table, row: undefined, endsSnapshot };
  const isGone = change.after === undefined;
  const version = rowVersionOf(table, change.source);
  if (version.problem !== undefined) {
    throw new RollguardError('DECODE_FAILED', version.problem.message);
  }
  const input = table === 'rooms' ? roomInput(row, isGone, version.value) : propertyInput(row);
  // A property that is deleted keeps its zone: its holds are still there.
  const says = table === 'rooms' || !isGone;
  return {
    table,
    row: says ? { kind: 'row', version: version.value, input } : undefined,
    endsSnapshot,
  };
}

function roomInput(row: Row, isGone: boolean, version: string): RoomInput {
  const room = parsed('rooms', roomColumns, row);
  const { tenant_id: tenantId, id: roomId } = room;
  const key = { kind: 'room', tenantId, roomId, version } as const;
  if (isGone) return { ...key, row: undefined };
  return {
    ...key,
    row: {
      tenantId,
      roomId,
      roomTypeId: room.room_type_id,
      propertyId: room.property_id,
      roomNumber: room.room_number ?? undefined,
      isDeleted: room.is_deleted === true,
      outOfOrder: windowOf(room.is_out_of_order, room.out_of_order_since, room.expected_ready_date),
      blocked: windowOf(room.is_blocked, room.blocked_from, room.blocked_until),
    },
  };
}

/** @throws DECODE_FAILED */
export function propertyInput(row: Row): PropertyInput {
  const {
    tenant_id: tenantId,
    id: propertyId,
    timezone: zone,
    config,
  } = parsed('properties', propertyColumns, row);
  const checkInTime = config?.checkInTime ?? checkInDefault;
  const checkOutTime = config?.checkOutTime ?? checkOutDefault;
  return { kind: 'property', tenantId, propertyId, row: { zone, checkInTime, checkOutTime } };
}

/** Captured instants are microseconds. */
function windowOf(
  isSet: boolean | null | undefined,
  fromMicros: number | null | undefined,
  toMicros: number | null | undefined,
): Window | undefined {
  if (isSet !== true) return undefined;
  return { fromMs: millis(fromMicros), toMs: millis(toMicros) };
}

function millis(micros: number | null | undefined): number | undefined {
  return micros === null || micros === undefined ? undefined : Math.floor(micros / 1_000);
}

function parsed<Schema extends z.ZodType>(
  table: string,
  schema: Schema,
  row: Row,
): z.output<Schema> {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const message = `${table}.${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'cannot be read'}`;
  throw new RollguardError('DECODE_FAILED', message);
}
