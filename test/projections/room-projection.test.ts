import { describe, expect, test } from '@jest/globals';
import type { Database } from '../../database/connection.ts';
import { roomProjection } from '../../projections/room-projection.ts';
import type { ChangeDecoder, RowChange } from '../../topology/captured/row-change.ts';
import { errorCodeOf } from '../support/error-code.ts';

const id = (end: string): string => `00000000-0000-4000-8000-0000000000${end}`;
const row = {
  ...{ id: id('01'), tenant_id: id('02'), property_id: id('03'), room_type_id: id('04') },
  ...{ room_number: '101', status: 'AVAILABLE', is_out_of_order: false, is_blocked: true },
  ...{ blocked_from: 1_780_000_000_000_001, is_deleted: false },
};
const streamed = (lsn: number) => ({ snapshot: 'false', sequence: `["${lsn}","${lsn}"]` });

/** What the table is asked for by these changes, in one batch. */
async function written(changes: readonly RowChange<object>[]) {
  const statements: (readonly unknown[])[] = [];
  const database = {
    query: (_text: string, values: readonly unknown[] = []) => {
      statements.push(values);
      return Promise.resolve({ rows: [], rowCount: 0 });
    },
  } as unknown as Database;
  const decode = ((_table: string, [at = 0]: Buffer) => changes[at]) as unknown as ChangeDecoder;
  const projection = roomProjection({ topic: 'rooms', decode });
  const rows = [];
  for (const at of changes.keys()) {
    const value = Buffer.from([at]);
    const read = await projection.read({
      offset: at,
      timestampMs: 0,
      key: null,
      value,
      headers: [],
    });
    if (read !== undefined) rows.push(read);
  }
  await projection.write(database, rows);
  return statements;
}

describe('captured rooms as rows', () => {
  test('are the newest version of each, whatever came last, with their windows', async () => {
    const older = { ...row, room_number: '99' };
    const [gone, there] = await written([
      { op: 'u', before: undefined, after: row, source: streamed(20) },
      { op: 'r', before: undefined, after: older, source: { snapshot: 'true', lsn: 30 } },
      { op: 'u', before: undefined, after: older, source: streamed(10) },
    ]);

    expect(gone).toEqual([[]]);
    expect(there?.slice(0, 6)).toEqual(
      [id('01'), id('02'), id('03'), id('04'), '"101"', '"AVAILABLE"'].map((text) => `{${text}}`),
    );
    expect(there?.slice(6, 12)).toEqual(
      ['false', 'NULL', 'NULL', 'true', '2026-05-28T20:26:40.000001Z', 'NULL'].map(
        (text) => `{${text}}`,
      ),
    );
  });

  test('are none once the row is deleted, or says that it is', async () => {
    const [byDelete] = await written([
      { op: 'd', before: { id: id('01') }, after: undefined, source: streamed(21) },
    ]);
    const [byFlag] = await written([
      { op: 'u', before: undefined, after: { ...row, is_deleted: true }, source: streamed(22) },
    ]);

    expect([byDelete, byFlag]).toEqual([[[id('01')]], [[id('01')]]]);
  });

  test('that cannot be understood are refused', async () => {
    const change = { op: 'u', before: undefined, after: { ...row, tenant_id: '?' } };

    expect(await errorCodeOf(written([{ ...change, source: streamed(1) }]))).toBe('DECODE_FAILED');
  });
});
