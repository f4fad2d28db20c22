/** Answers and refusals while partitions are missing, over both fronts. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { seededRandom } from '../../kernel/random.ts';
import { tokenEntry } from '../support/admin-settings.ts';
import { auditRecordOf, lockOf, missingPartition } from '../support/fake-guard.ts';
import {
  openGuardWindows,
  tenant,
  type GuardWindows,
  type Question,
} from '../support/guard-fronts.ts';

const id = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d000a';
const secret = 'open-sesame';
const held = lockOf({ lockId: id, tenantId: tenant }, seededRandom(1));
const missing = [missingPartition(1), missingPartition(3, 'DEADLINE_EXCEEDED')];
const told = [
  { task: 'guard_1', partition: 1, reason: 'NOT_READY: guard_1 is not served' },
  { task: 'guard_3', partition: 3, reason: 'DEADLINE_EXCEEDED: guard_3 is not served' },
];
const refusal = {
  code: 'NOT_READY',
  detail:
    'no answer from guard_1, guard_3; try again shortly, or take what the others have with ' +
    'partial=true (gRPC: allow_partial)',
  retryAfterSeconds: 1,
  missing: ['guard_1', 'guard_3'],
};
const fronts = [
  ['http', 503],
  ['grpc', status.UNAVAILABLE],
] as const;
let windows: GuardWindows;

beforeAll(async () => {
  const tokens = tokenEntry('desk', secret, [tenant]);
  windows = await openGuardWindows(false, { AVAILABILITY_GUARD_ADMIN_TOKENS: tokens });
});
afterEach(() => {
  windows.guard.asked.length = 0;
  windows.guard.instead = {};
});
afterAll(() => windows.close());

describe.each(fronts)('locks without a room type, over %s', (front, unavailable) => {
  const list = (fields: object = {}): Question => ({
    ...{ operation: 'list', fields: { reservationId: id, ...fields } },
  });

  test('are refused naming every missing partition, unless a part will do', async () => {
    const page = { locks: [held], nextCursor: undefined, missing };
    windows.guard.instead = { listLocks: () => Promise.resolve(page) };
    for (const question of [list(), list({ partial: false })]) {
      expect(await windows[front](question)).toMatchObject({ status: unavailable, ...refusal });
    }
  });

  test('come from the others when a part will do, and the missing are named', async () => {
    const page = { locks: [held], nextCursor: id, missing };
    windows.guard.instead = { listLocks: () => Promise.resolve(page) };

    expect(await windows[front](list({ partial: true }))).toMatchObject({
      status: 200,
      body: { locks: [{ lockId: id }], nextCursor: id, missingPartitions: told },
    });
  });

  test('say that nothing is missing when they are all', async () => {
    const page = { locks: [held], nextCursor: undefined, missing: [] };
    windows.guard.instead = { listLocks: () => Promise.resolve(page) };
    const partial = await windows[front](list({ partial: true }));
    const whole = await windows[front](list());

    expect(partial.body).toMatchObject({ locks: [{ lockId: id }], missingPartitions: [] });
    expect(whole.body).not.toHaveProperty('missingPartitions');
  });
});

test('partial is true or false', async () => {
  const question: Question = { operation: 'list', fields: { roomId: id, partial: 'yes' } };

  expect(await windows.http(question)).toMatchObject({
    ...{ status: 400, detail: 'partial: must be true or false', fields: ['partial'] },
  });
});

describe.each(['http', 'grpc'] as const)('a bulk release, over %s', (front) => {
  const bulk: Question = { operation: 'bulkRelease', fields: { reservationId: id, reason: 'x' } };

  test('tells what was done, that it is not complete, and what may be done where', async () => {
    windows.guard.instead = {
      bulkRelease: () =>
        Promise.resolve({
          results: [
            { lockId: id, outcome: 'RELEASED', lock: held },
            { lockId: id, outcome: 'UNKNOWN', lock: undefined },
            { lockId: id, outcome: 'NOT_DONE', lock: undefined },
          ],
          missing: [missingPartition(1), missingPartition(3, 'OUTCOME_UNKNOWN')],
        }),
    };

    expect(await windows[front](bulk)).toMatchObject({
      status: 200,
      body: {
        ...{ status: 'INCOMPLETE', complete: false, released: 1 },
        results: [
          { outcome: 'RELEASED', lock: { lockId: id } },
          { outcome: 'UNKNOWN', lock: null },
          { outcome: 'NOT_DONE', lock: null },
        ],
        missingPartitions: [
          { ...told[0], outcome: 'NOT_DONE' },
          {
            ...{ task: 'guard_3', partition: 3, outcome: 'UNKNOWN' },
            reason: 'OUTCOME_UNKNOWN: guard_3 is not served',
          },
        ],
      },
    });
  });

  test('says that it is complete, and that nothing is missing', async () => {
    windows.guard.instead = { bulkRelease: () => Promise.resolve({ results: [], missing: [] }) };

    expect((await windows[front](bulk)).body).toEqual({
      ...{ status: 'DONE', complete: true, released: 0, results: [], missingPartitions: [] },
    });
  });
});

describe('a release by reservation (gRPC)', () => {
  const release = { reservationId: id, reason: 'x' };

  test('is not released while partitions are missing, and tells what was', async () => {
    const results = [{ lockId: id, outcome: 'RELEASED' as const, lock: held }];
    windows.guard.instead = { bulkRelease: () => Promise.resolve({ results, missing }) };
    const answer = await windows.client.call('ReleaseRoom', { ...release, tenantId: tenant });

    expect(answer).toMatchObject({
      ...{ released: false, isRepeat: false, complete: false, locks: [{ lockId: id }] },
      missingPartitions: told.map((each) => ({ ...each, outcome: 'NOT_DONE' })),
    });
  });

  test('of which nobody found a hold is none that has none while partitions are missing', async () => {
    windows.guard.instead = { bulkRelease: () => Promise.resolve({ results: [], missing }) };

    expect(await windows.grpc({ operation: 'release', fields: release })).toMatchObject({
      ...{ status: status.UNAVAILABLE, code: 'NOT_READY', missing: refusal.missing },
      detail: 'no answer from guard_1, guard_3; nothing was done; try again shortly',
    });
  });

  test('says that the outcome is unknown where it is, and still names the missing', async () => {
    const unknown = [missingPartition(1), missingPartition(3, 'OUTCOME_UNKNOWN')];
    windows.guard.instead = {
      bulkRelease: () => Promise.resolve({ results: [], missing: unknown }),
    };

    expect(await windows.grpc({ operation: 'release', fields: release })).toMatchObject({
      ...{ code: 'OUTCOME_UNKNOWN', missing: refusal.missing },
    });
  });
});

describe('the audit of all locks', () => {
  const ask = async (query: string): Promise<{ status: number; body: unknown }> => {
    const answer = await fetch(`${windows.httpUrl}/v1/locks/audit?${query}`, {
      headers: { 'x-guard-admin-token': secret },
    });
    return { status: answer.status, body: await answer.json() };
  };

  test('is refused naming every missing partition, or told in part', async () => {
    const records = [auditRecordOf({ lockId: id, tenantId: tenant }, seededRandom(1))];
    windows.guard.instead = {
      searchAudit: () => Promise.resolve({ records, missing }),
      lockAudit: () => Promise.resolve(records),
    };

    expect(await ask('')).toMatchObject({
      status: 503,
      body: { code: 'NOT_READY', detail: refusal.detail, missingPartitions: told },
    });
    expect(await ask('partial=true')).toMatchObject({
      status: 200,
      body: { records: [{ lockId: id }], missingPartitions: told },
    });
    expect(await ask(`partial=true&lockId=${id}`)).toMatchObject({
      ...{ status: 200, body: { missingPartitions: [] } },
    });
  });
});

test('an incomplete release counts as an error: it may come again', async () => {
  const counted = await openGuardWindows();
  try {
    counted.guard.instead = { bulkRelease: () => Promise.resolve({ results: [], missing }) };
    await counted.http({ operation: 'bulkRelease', fields: { reservationId: id, reason: 'x' } });

    expect(await counted.metrics()).toContain(
      'availability_guard_requests_total{operation="bulkRelease",result="error"} 1',
    );
  } finally {
    await counted.close();
  }
});
