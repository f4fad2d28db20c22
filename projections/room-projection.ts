/**
 * The captured `rooms` as `room_rows_shadow`, which the view `room_state_shadow` joins with the holds:
 * the platform's status of a room is in no event of ours, and the live hold comes from another topic.
 */
import type { FetchedRecord } from '../streams/index.ts';
import { ColumnReader } from '../topology/captured/column-reader.ts';
import { withEpoch, type ChangeDecoder, type RowChange } from '../topology/captured/row-change.ts';
import { valueOf } from '../topology/captured/row-problem.ts';
import { rowVersionOf } from '../topology/captured/row-version.ts';
import { microsField, nullable, textField } from './event-fields.ts';
import type { Applied, Projection } from './projection.ts';
import { upsertInto } from './set-based.ts';
import { valueReader } from './value-reader.ts';

/** What has to be read of the captured table. */
export const roomColumns = [
  'id',
  'tenant_id',
  'property_id',
  'room_type_id',
  'room_number',
  'status',
  'is_out_of_order',
  'out_of_order_since',
  'expected_ready_date',
  'is_blocked',
  'blocked_from',
  'blocked_until',
  'is_deleted',
] as const;

type Columns = ReturnType<typeof presentColumns>;
interface RoomRow {
  readonly roomId: string;
  /** Undefined: the room is gone. */
  readonly row: Columns | undefined;
  readonly version: string;
}

type PresentRow = RoomRow & { readonly row: Columns };

const table = 'room_rows_shadow';
const micros = nullable(microsField);
const upsert = upsertInto<PresentRow>({
  table,
  key: ['room_id'],
  columns: [
    { name: 'room_id', type: 'uuid', of: ({ roomId }) => roomId },
    { name: 'tenant_id', type: 'uuid', of: ({ row }) => row.tenant_id },
    { name: 'property_id', type: 'uuid', of: ({ row }) => row.property_id },
    { name: 'room_type_id', type: 'uuid', of: ({ row }) => row.room_type_id },
    { name: 'room_number', type: 'text', of: ({ row }) => row.room_number ?? null },
    { name: 'status', type: 'text', of: ({ row }) => row.status ?? null },
    { name: 'is_out_of_order', type: 'boolean', of: ({ row }) => row.is_out_of_order },
    instantOf('out_of_order_since'),
    instantOf('expected_ready_date'),
    { name: 'is_blocked', type: 'boolean', of: ({ row }) => row.is_blocked },
    instantOf('blocked_from'),
    instantOf('blocked_until'),
    { name: 'row_version', type: 'text', of: ({ version }) => version },
  ],
  onlyIf: `${table}.row_version <= excluded.row_version`,
});

type InstantColumn =
  'out_of_order_since' | 'expected_ready_date' | 'blocked_from' | 'blocked_until';

function instantOf(name: InstantColumn) {
  return { name, type: 'timestamptz', of: ({ row }: PresentRow) => micros(name, row[name]) };
}

export function roomProjection(options: {
  /** Of the captured table. */
  readonly topic: string;
  readonly decode: ChangeDecoder;
}): Projection<RoomRow> {
  const { topic, decode } = options;
  return {
    topic,
    read: valueReader((value) => decode<Record<string, unknown>>('rooms', value), rowOf),
    nameOf: (_room, { timestampMs }) => ({ eventId: undefined, createdAtMs: timestampMs }),
    write: async (database, rows): Promise<Applied> => {
      const last = new Map<string, RoomRow>();
      for (const row of rows) {
        const before = last.get(row.roomId);
        if (before === undefined || before.version <= row.version) last.set(row.roomId, row);
      }
      const gone = [...last.values()].filter(({ row }) => row === undefined);
      const there = [...last.values()].filter((room): room is PresentRow => room.row !== undefined);
      const { rowCount: removed } = await database.query(
        `DELETE FROM ${table} WHERE room_id = ANY($1::uuid[])`,
        [gone.map(({ roomId }) => roomId)],
      );
      const written = await upsert(database, there);
      return {
        rows: [
          { table, operation: 'delete', count: removed },
          { table, operation: 'upsert', count: written },
        ],
      };
    },
  };
}

function rowOf(
  change: RowChange<Record<string, unknown>> | undefined,
  record: FetchedRecord,
): RoomRow | undefined {
  const row = change?.after ?? change?.before;
  if (change === undefined || row === undefined) return undefined;
  const version = valueOf(rowVersionOf('rooms', withEpoch(change, record).source));
  const columns = new ColumnReader('rooms', row);
  const isGone = change.after === undefined || columns.flag('is_deleted');
  // Of a deleted row, its key is all there is for certain.
  const room = isGone ? undefined : presentColumns(columns);
  return valueOf(columns.read({ roomId: columns.id('id'), row: room, version }));
}

function presentColumns(columns: ColumnReader) {
  return {
    tenant_id: columns.id('tenant_id'),
    property_id: columns.id('property_id'),
    room_type_id: columns.id('room_type_id'),
    room_number: postgresText(columns, 'room_number'),
    status: postgresText(columns, 'status'),
    is_out_of_order: columns.flag('is_out_of_order'),
    out_of_order_since: columns.optionalInstant('out_of_order_since'),
    expected_ready_date: columns.optionalInstant('expected_ready_date'),
    is_blocked: columns.flag('is_blocked'),
    blocked_from: columns.optionalInstant('blocked_from'),
    blocked_until: columns.optionalInstant('blocked_until'),
  };
}

/** @throws DECODE_FAILED for text that Postgres does not hold. */
function postgresText(columns: ColumnReader, name: string): string | undefined {
  const text = columns.optionalText(name);
  return text === undefined ? undefined : textField(`rooms.${name}`, text);
}
