/**
 * The captured `rooms` as `room_rows_shadow`, which the view `room_state_shadow` joins with the holds:
 * the platform's status of a room is in no event of ours, and the live hold comes from another topic.
 */
import { z } from 'zod';
import { RollguardError } from '../kernel/errors.ts';
import { idColumn, instantColumn, problemOf } from '../topology/captured/columns.ts';
import type { FetchedRecord } from '../streams/index.ts';
import { withEpoch, type ChangeDecoder, type RowChange } from '../topology/captured/row-change.ts';
import { rowVersionOf } from '../topology/captured/row-version.ts';
import { microsField, nullable, textField } from './event-fields.ts';
import type { Applied, Projection } from './projection.ts';
import { upsertInto } from './set-based.ts';
import { valueReader } from './value-reader.ts';

const instant = instantColumn.nullish();
const flag = z
  .boolean()
  .nullish()
  .transform((value) => value === true);
const columns = z.object({
  id: idColumn,
  tenant_id: idColumn,
  property_id: idColumn,
  room_type_id: idColumn,
  room_number: z.string().nullish(),
  status: z.string().nullish(),
  is_out_of_order: flag,
  out_of_order_since: instant,
  expected_ready_date: instant,
  is_blocked: flag,
  blocked_from: instant,
  blocked_until: instant,
  is_deleted: flag,
});

/** What has to be read of the captured table. */
export const roomColumns = Object.keys(columns.shape);

type Columns = z.output<typeof columns>;
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
  const version = rowVersionOf('rooms', withEpoch(change, record).source);
  if (version.problem !== undefined) throw refused(version.problem.message);
  if (change.after === undefined) {
    return {
      roomId: parsed(columns.pick({ id: true }), row).id,
      row: undefined,
      version: version.value,
    };
  }
  const room = parsed(columns, row);
  textField('rooms.status', room.status ?? '');
  textField('rooms.room_number', room.room_number ?? '');
  return { roomId: room.id, row: room.is_deleted ? undefined : room, version: version.value };
}

function parsed<Schema extends z.ZodType>(schema: Schema, row: unknown): z.output<Schema> {
  const result = schema.safeParse(row);
  if (result.success) return result.data;
  throw refused(problemOf('rooms', result.error).problem.message);
}

function refused(message: string): RollguardError {
  return new RollguardError('DECODE_FAILED', message);
}
