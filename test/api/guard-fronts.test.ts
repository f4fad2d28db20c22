import http from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import type { CallOptions } from '../../api/guard/guard-calls.ts';
import {
  guardServiceName,
  healthDefinition,
  healthServiceName,
  queryServiceName,
} from '../../api/grpc/protos.ts';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { isUuid } from '../../kernel/uuid.ts';
import type { Lock } from '../../topology/guard/lock.ts';
import { GrpcClient, type Message } from '../support/grpc-client.ts';
import {
  openGuardWindows,
  tenant,
  type Answer,
  type GuardWindows,
  type Question,
} from '../support/guard-fronts.ts';
import { reflectionDefinition } from '../support/reflection.ts';

const id = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d000a';
const fields = {
  reservationId: id,
  roomTypeId: id,
  stayStart: '2026-05-10',
  stayEnd: '2026-05-12',
  reason: 'HOLD',
};
const held: Lock = {
  lockId: '1c000000-0000-8000-8000-000000000001',
  tenantId: tenant,
  reservationId: undefined,
  roomTypeId: id,
  roomId: undefined,
  propertyId: undefined,
  slot: 'order:5',
  iteration: 2,
  stayStartMs: Date.parse('2026-05-10T12:00:00Z'),
  stayEndMs: Date.parse('2026-05-12T08:00:00Z'),
  nights: ['2026-05-10', '2026-05-11'],
  status: 'CONFIRMED',
  reason: 'HOLD',
  actor: 'api',
  correlationId: undefined,
  metadata: { source: 'web' },
  grantedAtMs: Date.parse('2026-04-01T09:30:00.120Z'),
  expiresAtMs: undefined,
  releasedAtMs: undefined,
  releaseReason: undefined,
  version: 2 ** 53 - 1,
};
const heldBody = {
  lockId: '1c000000-0000-8000-8000-000000000001',
  tenantId: tenant,
  reservationId: null,
  roomTypeId: id,
  roomId: null,
  propertyId: null,
  slot: 'order:5',
  iteration: 2,
  stayStart: '2026-05-10T12:00:00.000Z',
  stayEnd: '2026-05-12T08:00:00.000Z',
  nights: ['2026-05-10', '2026-05-11'],
  status: 'CONFIRMED',
  reason: 'HOLD',
  actor: 'api',
  correlationId: null,
  metadata: { source: 'web' },
  grantedAt: '2026-04-01T09:30:00.120Z',
  expiresAt: null,
  releasedAt: null,
  releaseReason: null,
  version: 2 ** 53 - 1,
};
const lock: Question = { operation: 'lock', fields };
const list: Question = { operation: 'list', fields: { roomId: id } };
const fronts = ['http', 'grpc'] as const;
let windows: GuardWindows;

beforeAll(async () => {
  windows = await openGuardWindows();
});
afterEach(() => {
  windows.guard.asked.length = 0;
  windows.guard.instead = {};
});
afterAll(() => windows.close());

const onlyRequest = (): unknown => {
  expect(windows.guard.asked).toHaveLength(1);
  return windows.guard.asked[0]?.request;
};
const bothFronts = async (question: Question): Promise<readonly Answer[]> => [
  await windows.http(question),
  await windows.grpc(question),
];

describe.each(fronts)('over %s', (front) => {
  test('a lock comes with every field, what is not there as null', async () => {
    const answer = { status: 'LOCKED' as const, lock: held, isRepeat: true };
    windows.guard.instead = { lock: () => Promise.resolve(answer) };

    expect(await windows[front](lock)).toMatchObject({
      status: 200,
      body: { status: 'LOCKED', lock: heldBody, isRepeat: true },
    });
  });

  test('a conflict is an answer that names blocker, reason and nights', async () => {
    const conflict = { reason: 'ROOM_HELD' as const, blockingLock: held, nights: ['2026-05-11'] };
    windows.guard.instead = { lock: () => Promise.resolve({ status: 'CONFLICT', conflict }) };

    expect(await windows[front](lock)).toMatchObject({
      status: 409,
      body: { status: 'CONFLICT', conflict: { ...conflict, blockingLock: heldBody } },
    });
  });

  test('the command has every field, ids in lower case, what is empty left out', async () => {
    await windows[front]({
      operation: 'lock',
      fields: {
        ...fields,
        ...{ tenantId: tenant.toUpperCase(), reservationId: id.toUpperCase(), roomId: '' },
        ...{ propertyId: id, idempotencyKey: `${id.toUpperCase()}:2`, correlationId: 'c-1' },
        ...{ ttlSeconds: 900, metadata: { source: 'web', empty: '' }, version: 17 },
      },
      headers: { 'x-tenant-id': tenant.toUpperCase() },
    });

    expect(onlyRequest()).toEqual({
      kind: 'lock',
      ...{ tenantId: tenant, reason: 'HOLD', actor: 'api', correlationId: 'c-1' },
      ...{ metadata: { source: 'web', empty: '' }, reservationId: id, roomTypeId: id },
      ...{ roomId: undefined, propertyId: id, idempotencyKey: `${id}:2`, ttlSeconds: 900 },
      ...{ stayStart: '2026-05-10', stayEnd: '2026-05-12', version: 17 },
    });
  });

  test('a ttl of 0 is the default, a key of its own stays as it is', async () => {
    const key = `${id.toUpperCase()}0`;
    await windows[front]({
      ...lock,
      fields: { ...fields, ttlSeconds: 0, idempotencyKey: key },
    });

    expect(onlyRequest()).toMatchObject({ ttlSeconds: undefined, idempotencyKey: key });
  });

  test('a window becomes instants; a time without a zone is UTC', async () => {
    const window = { from: '2026-05-10', to: '2026-05-10T12:00:00' };
    const asked: Question = {
      operation: 'bulkRelease',
      fields: { roomTypeId: id, reason: 'x', window },
    };
    await windows[front](asked);

    expect(onlyRequest()).toMatchObject({
      kind: 'bulk-release',
      window: {
        fromMs: Date.parse('2026-05-10T00:00:00Z'),
        toMs: Date.parse('2026-05-10T12:00:00Z'),
      },
    });
  });

  test('free is never below nothing, and unknown where the capacity is', async () => {
    const nights = [
      { date: '2026-05-10', capacity: 40, held: 41 },
      { date: '2026-05-11', capacity: undefined, held: 3 },
    ];
    windows.guard.instead = { availability: () => Promise.resolve(nights) };
    const range = { roomTypeId: id, from: '2026-05-10', to: '2026-05-12' };
    const answer = await windows[front]({ operation: 'availability', fields: range });

    expect(answer.body).toEqual({
      ...{ tenantId: tenant, ...range },
      nights: [
        { date: '2026-05-10', capacity: 40, held: 41, free: 0 },
        { date: '2026-05-11', capacity: null, held: 3, free: null },
      ],
    });
  });

  test('a page of locks has 100, unless another size is asked for', async () => {
    await windows[front](list);
    await windows[front]({ ...list, fields: { roomId: id, limit: 7 } });

    expect(windows.guard.asked.map(({ request }) => request['limit'])).toEqual([100, 7]);
  });
});

describe('an error of the guard', () => {
  const table: readonly (readonly [ErrorCode, number, number, number | undefined])[] = [
    ['QUEUE_FULL', 429, status.RESOURCE_EXHAUSTED, 1],
    ['NOT_READY', 503, status.UNAVAILABLE, 1],
    ['OUTCOME_UNKNOWN', 503, status.UNAVAILABLE, 1],
    ['DEADLINE_EXCEEDED', 504, status.DEADLINE_EXCEEDED, undefined],
    ['REQUEST_INVALID', 400, status.INVALID_ARGUMENT, undefined],
    ['STORE_FAILED', 500, status.INTERNAL, undefined],
  ];
  test.each(table)(
    '%s has its statuses and advice',
    async (code, httpStatus, grpcStatus, retryAfterSeconds) => {
      windows.guard.instead = { lock: () => Promise.reject(new RollguardError(code, 'said so')) };
      const [overHttp, overGrpc] = await bothFronts(lock);

      expect(overHttp).toMatchObject({ status: httpStatus, code, retryAfterSeconds });
      expect(overGrpc).toMatchObject({ status: grpcStatus, code, retryAfterSeconds });
      expect(overHttp?.detail).toContain('said so');
      expect(overGrpc?.detail).toBe(overHttp?.detail);
    },
  );

  test.each(['lock', 'release', 'bulkRelease'] as const)(
    'of unknown outcome says so, and what to do: %s',
    async (operation) => {
      const unknown = new RollguardError('OUTCOME_UNKNOWN', 'EndTxn got no answer');
      windows.guard.instead = { [operation]: () => Promise.reject(unknown) };
      const which = operation === 'lock' ? fields : { lockIds: [id], reason: 'x' };
      const request = operation === 'release' ? { lockId: id, reason: 'x' } : which;
      for (const { detail } of await bothFronts({ operation, fields: request })) {
        expect(detail).toBe(
          'whether it was done is unknown; repeat it with the same idempotency key: EndTxn got no answer',
        );
      }
    },
  );

  test.each([
    ['REQUEST_INVALID', 400, status.INVALID_ARGUMENT],
    ['PRECONDITION_FAILED', 412, status.FAILED_PRECONDITION],
    ['NOT_FOUND', 404, status.NOT_FOUND],
  ] as const)('a refusal with %s names its field', async (code, httpStatus, grpcStatus) => {
    const refusal = { status: 'REFUSED' as const, code, field: 'version', message: 'is 18 by now' };
    windows.guard.instead = {
      lock: () => Promise.resolve(refusal),
      release: () => Promise.resolve(refusal),
    };
    const told = { code, detail: 'version: is 18 by now', fields: ['version'] };
    const release: Question = { operation: 'release', fields: { lockId: id, reason: 'x' } };
    for (const question of [lock, release]) {
      const [overHttp, overGrpc] = await bothFronts(question);

      expect(overHttp).toMatchObject({ status: httpStatus, ...told });
      expect(overGrpc).toMatchObject({ status: grpcStatus, ...told });
    }
  });

  test('that nobody expected tells the caller nothing of its inside', async () => {
    windows.guard.instead = { lock: () => Promise.reject(new Error('/secret/path')) };
    const [overHttp, overGrpc] = await bothFronts(lock);

    expect(overHttp).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(overGrpc).toMatchObject({ status: status.INTERNAL, code: 'INTERNAL' });
    expect(JSON.stringify([overHttp, overGrpc])).not.toContain('secret');
  });
});

describe('a release by reservation (gRPC)', () => {
  const release = { reservationId: id, reason: 'GUEST_CANCELLED' };
  const ended: Lock = { ...held, status: 'RELEASED', version: 18 };

  test('ends every hold of it', async () => {
    const results = [
      { lockId: held.lockId, outcome: 'RELEASED' as const, lock: ended },
      { lockId: id, outcome: 'ALREADY_ENDED' as const, lock: { ...ended, lockId: id } },
    ];
    windows.guard.instead = { bulkRelease: () => Promise.resolve({ results, missing: [] }) };
    const answer = await windows.client.call('ReleaseRoom', { ...release, tenantId: tenant });

    expect(onlyRequest()).toMatchObject({
      reservationId: id,
      lockIds: undefined,
      reason: 'GUEST_CANCELLED',
    });
    expect(answer).toMatchObject({
      ...{ released: true, isRepeat: false, lock: { lockId: held.lockId, version: '18' } },
      locks: [{ lockId: held.lockId }, { lockId: id }],
    });
  });

  test('that has none is NOT_FOUND', async () => {
    windows.guard.instead = { bulkRelease: () => Promise.resolve({ results: [], missing: [] }) };

    expect(await windows.grpc({ operation: 'release', fields: release })).toMatchObject({
      status: status.NOT_FOUND,
      detail: `no lock of reservation ${id} is known for this tenant`,
    });
  });
});

describe('the correlation id', () => {
  test.each(fronts)(
    'over %s is that of the message, else of the header, else made',
    async (front) => {
      const headers = { 'x-correlation-id': 'of-header' };
      const named = { ...fields, correlationId: 'of-message' };
      const answers = [
        await windows[front]({ ...lock, fields: named, headers }),
        await windows[front]({ ...lock, headers }),
        await windows[front](lock),
      ];
      const told = answers.map(({ correlationId }) => correlationId);

      expect(told.slice(0, 2)).toEqual(['of-message', 'of-header']);
      expect(isUuid(told[2]!)).toBe(true);
      expect(windows.guard.asked.map(({ request }) => request['correlationId'])).toEqual(told);
    },
  );

  test.each(fronts)('over %s comes back with a refusal and with a read too', async (front) => {
    const headers = { 'x-correlation-id': 'c-1' };
    const refused = await windows[front]({ ...lock, fields: {}, headers });
    const read = await windows[front]({ ...list, headers });
    const wrong = await windows[front]({ ...lock, headers: { 'x-correlation-id': 'a,b' } });

    expect([refused.code, refused.correlationId]).toEqual(['REQUEST_INVALID', 'c-1']);
    expect(read.correlationId).toBe('c-1');
    expect([wrong.code, isUuid(wrong.correlationId)]).toEqual(['REQUEST_INVALID', true]);
  });

  test('is required of HTTP writes by REQUIRE_CORRELATION_ID', async () => {
    const strict = await openGuardWindows(true);
    try {
      const missing = {
        status: 400,
        detail: 'header x-correlation-id: is required (REQUIRE_CORRELATION_ID)',
      };
      const release: Question = { operation: 'release', fields: { lockId: id, reason: 'x' } };
      const bulk: Question = { operation: 'bulkRelease', fields: { lockIds: [id], reason: 'x' } };
      for (const write of [lock, release, bulk]) {
        expect(await strict.http(write)).toMatchObject(missing);
      }
      expect(strict.guard.asked).toEqual([]);
      await strict.http({ ...lock, headers: { 'x-correlation-id': 'c-1' } });
      await strict.http(list);
      await strict.grpc(lock);

      expect(strict.guard.asked.map(({ operation }) => operation)).toEqual([
        ...['lock', 'listLocks', 'lock'],
      ]);
    } finally {
      await strict.close();
    }
  });
});

describe('the idempotency key', () => {
  test('of the HTTP header is that of the command', async () => {
    const headers = { 'idempotency-key': 'order:5' };
    await windows.http({ ...lock, headers });
    await windows.http({ ...lock, fields: { ...fields, idempotencyKey: 'order:5' }, headers });

    expect(windows.guard.asked.map(({ request }) => request['idempotencyKey'])).toEqual([
      ...['order:5', 'order:5'],
    ]);
  });
});

describe('who waits', () => {
  const untilAsked = async (): Promise<void> => {
    while (windows.guard.asked.length === 0) await systemClock.sleep(5);
  };
  const untilGone = async (_request: object, { isGone }: CallOptions): Promise<never> => {
    while (!isGone()) await systemClock.sleep(5);
    throw new RollguardError('DEADLINE_EXCEEDED', 'nobody waits any more');
  };

  test('a gRPC deadline is passed on, and a caller that is gone aborts the call', async () => {
    windows.guard.instead = { lock: untilGone };
    const deadlineMs = systemClock.nowMs() + 400;
    const called = windows.client.call(
      'LockRoom',
      { ...fields, tenantId: tenant },
      { deadline: deadlineMs },
    );
    await untilAsked();
    const { options } = windows.guard.asked[0]!;

    expect(Math.abs(options.deadlineMs - deadlineMs)).toBeLessThan(50);
    expect(options.isGone()).toBe(false);
    expect(await called).toMatchObject({ code: status.DEADLINE_EXCEEDED });
    while (!options.isGone()) await systemClock.sleep(5);
  });

  test('a day is not waited, and ten seconds where nothing is said', async () => {
    const nowMs = systemClock.nowMs();
    const day = { deadline: nowMs + 86_400_000 };
    await windows.client.call('LockRoom', { ...fields, tenantId: tenant }, day);
    await windows.grpc(lock);
    await windows.http(lock);
    const waits = windows.guard.asked.map(({ options }) => options.deadlineMs - nowMs);

    expect(waits.map((ms) => Math.round(ms / 5_000) * 5)).toEqual([60, 10, 10]);
  });

  test('an HTTP caller that is gone aborts the call, one that waits does not', async () => {
    windows.guard.instead = { lock: untilGone };
    const headers = { 'x-tenant-id': tenant, 'content-type': 'application/json' };
    const request = http.request(`${windows.httpUrl}/v1/locks`, { method: 'POST', headers });
    request.on('error', () => undefined).end(JSON.stringify(fields));
    await untilAsked();
    const { options } = windows.guard.asked[0]!;
    await systemClock.sleep(50);

    expect(options.isGone()).toBe(false);
    request.destroy();
    while (!options.isGone()) await systemClock.sleep(5);
  });
});

describe('the gRPC window', () => {
  test('says of the guard whether it serves', async () => {
    const health = new GrpcClient(windows.grpcPort, healthDefinition);
    try {
      for (const service of ['', guardServiceName]) {
        expect(await health.call('Check', { service })).toEqual({ status: 'SERVING' });
      }
    } finally {
      health.close();
    }
  });
});

describe('reflection', () => {
  test('lists the guard, not what does not run here, and finds its file', async () => {
    const client = new GrpcClient(windows.grpcPort, reflectionDefinition('v1'));
    const replies: Message[] = [];
    const stream = client.duplex('ServerReflectionInfo');
    stream.on('data', (reply: Message) => replies.push(reply));
    stream.write({ listServices: '*' });
    stream.write({ fileContainingSymbol: guardServiceName });
    while (replies.length < 2) await systemClock.sleep(5);
    stream.end();
    client.close();

    const listed = replies[0]!['listServicesResponse'] as { service: { name: string }[] };
    const names = listed.service.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([guardServiceName, healthServiceName]));
    expect(names).not.toContain(queryServiceName);
    const found = replies[1]!['fileDescriptorResponse'] as { fileDescriptorProto: Buffer[] };
    expect(Buffer.concat(found.fileDescriptorProto).toString('latin1')).toContain('BulkRelease');
  });
});

describe('metrics', () => {
  test('count both fronts by operation and result, and time them', async () => {
    const counted = await openGuardWindows();
    try {
      const ok = { status: 'LOCKED' as const, lock: held, isRepeat: false };
      const conflict = { reason: 'TYPE_FULL' as const, blockingLock: undefined, nights: [] };
      const answers = [
        () => Promise.resolve(ok),
        () => Promise.resolve({ status: 'CONFLICT' as const, conflict }),
        () => Promise.reject(new RollguardError('QUEUE_FULL', 'full')),
      ];
      for (const answer of answers) {
        counted.guard.instead = { lock: answer };
        await counted.http(lock);
        await counted.grpc(lock);
      }
      await counted.http({ ...lock, fields: {} });
      await counted.grpc({ ...lock, headers: { 'x-tenant-id': '' } });
      const text = await counted.metrics();

      for (const result of ['success', 'conflict', 'refused', 'error']) {
        expect(text).toContain(
          `availability_guard_requests_total{operation="lockRoom",result="${result}"} 2`,
        );
      }
      expect(text).toContain(
        'availability_guard_request_duration_seconds_count{operation="lockRoom"} 8',
      );
      expect(text).toContain('availability_guard_shadow_lock_latency_ms_count 4');
    } finally {
      await counted.close();
    }
  });
});
