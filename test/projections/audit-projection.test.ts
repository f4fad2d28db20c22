import { describe, expect, test } from '@jest/globals';
import type { Database } from '../../database/connection.ts';
import { auditProjection } from '../../projections/audit-projection.ts';
import { errorCodeOf } from '../support/error-code.ts';

const record = (value: string | null) => ({
  ...{ offset: 7, timestampMs: 1_780_000_000_000, key: null, headers: [] },
  value: value === null ? null : Buffer.from(value),
});
const lockId = '1c000000-0000-8000-8000-000000000001';
const tenantId = '7e000000-0000-4000-8000-000000000001';

function line(changes: readonly object[]): string {
  const command = { kind: 'release', actor: 'api', manual: undefined };
  return JSON.stringify({ partition: 0, decidedAtMs: 1_780_000_000_123, command, changes });
}

describe("the guard's decisions as audit rows", () => {
  const projection = auditProjection('decisions');
  const released = { lockId, tenantId, version: 9, status: 'RELEASED', reason: 'HOLD' };
  const change = {
    kind: 'lock',
    ...{ lockId, before: 8, after: { ...released, releaseReason: 'CANCELLED' } },
  };

  test('say who ended a hold, and why', async () => {
    const rows = await projection.read(record(line([change])));
    const statements: (readonly unknown[])[] = [];
    const database = {
      query: (_text: string, values: readonly unknown[] = []) => {
        statements.push(values);
        return Promise.resolve({ rows: [], rowCount: 1 });
      },
    } as unknown as Database;
    const applied = await projection.write(database, [rows ?? [], rows ?? []]);

    expect(rows).toEqual([
      expect.objectContaining({
        ...{ lockId, tenantId, action: 'RELEASED', byId: 'api', byName: 'api' },
        ...{ reason: 'CANCELLED', createdAt: '2026-05-28T20:26:40.123000Z' },
      }),
    ]);
    expect(statements[0]?.[1]).toBe(`{${lockId}}`);
    expect(applied.rows).toEqual([
      { table: 'inventory_lock_audits', operation: 'upsert', count: 1 },
    ]);
    expect(projection.nameOf(rows ?? [], record(null)).eventId).toBe(rows?.[0]?.id);
  });

  test('are none where no hold was changed', () => {
    expect(
      projection.read(record(line([{ kind: 'catalogue', isComplete: true }]))),
    ).toBeUndefined();
    expect(projection.read(record(null))).toBeUndefined();
  });

  test.each(['no JSON', '{}', line([{ kind: 'lock', after: { ...released, tenantId: 'x' } }])])(
    'are refused where the line is none: %s',
    async (text) => {
      expect(await errorCodeOf(Promise.resolve().then(() => projection.read(record(text))))).toBe(
        'DECODE_FAILED',
      );
    },
  );
});
