/** Bad input over both fronts: the right status, a message that names the field, and nothing is asked of the guard. */
import http2 from 'node:http2';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, Metadata, credentials, status, type ServiceError } from '@grpc/grpc-js';
import { guardDefinition } from '../../api/grpc/protos.ts';
import { statusDetailsOf } from '../../api/grpc/status-details.ts';
import {
  openGuardWindows,
  tenant,
  type GuardWindows,
  type Question,
} from '../support/guard-fronts.ts';

const id = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0001';
const otherTenant = '7e000000-0000-4000-8000-000000000002';
const valid = {
  reservationId: id,
  roomTypeId: id,
  stayStart: '2026-05-10',
  stayEnd: '2026-05-12',
  reason: 'HOLD',
};
let windows: GuardWindows;

beforeAll(async () => {
  windows = await openGuardWindows();
});
afterEach(() => {
  windows.guard.asked.length = 0;
  windows.guard.instead = {};
});
afterAll(() => windows.close());

const prototype = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
const lock = (fields: object): Question => ({
  operation: 'lock',
  fields: { ...valid, ...fields },
});
const bulk = (fields: object): Question => ({
  operation: 'bulkRelease',
  fields: { reason: 'HOLD', ...fields },
});

/** What both fronts refuse, as the field and the beginning of what is said of it. */
const refusals: readonly (readonly [string, Question, string, string])[] = [
  ['no room type', lock({ roomTypeId: '' }), 'roomTypeId', 'must be a UUID'],
  ['a room type that is no UUID', lock({ roomTypeId: 'DLX' }), 'roomTypeId', 'must be a UUID'],
  ['a room that is no UUID', lock({ roomId: '101' }), 'roomId', 'must be a UUID'],
  [
    'neither key nor reservation',
    lock({ reservationId: '', idempotencyKey: '' }),
    'reservationId',
    'is required when there is no idempotencyKey',
  ],
  ['no start', lock({ stayStart: '' }), 'stayStart', 'must be a date like'],
  ['a start that is no time', lock({ stayStart: 'tomorrow' }), 'stayStart', 'must be a date like'],
  ['30 February', lock({ stayStart: '2026-02-30' }), 'stayStart', 'must be a date like'],
  [
    'an end on the date of the start',
    lock({ stayEnd: '2026-05-10' }),
    'stayEnd',
    'must be after stayStart',
  ],
  [
    'an end before the start',
    lock({ stayStart: '2026-05-10T10:00:00Z', stayEnd: '2026-05-10T12:30:00+03:00' }),
    'stayEnd',
    'must be after stayStart',
  ],
  [
    'a time a day before a date',
    lock({ stayEnd: '2026-05-09T09:59:00Z' }),
    'stayEnd',
    'must be after stayStart',
  ],
  ['400 years', lock({ stayEnd: '2426-05-10' }), 'stayEnd', 'must be at most 1100 days after'],
  ['no reason', lock({ reason: '' }), 'reason', 'must be text of 1 to 200 characters'],
  ['a line break in the reason', lock({ reason: 'a\r\nb' }), 'reason', 'must be text of 1 to 200'],
  ['a long key', lock({ idempotencyKey: 'k'.repeat(201) }), 'idempotencyKey', 'must be text of'],
  ['a comma in the correlation id', lock({ correlationId: 'a,b' }), 'correlationId', 'must be at'],
  [
    'a version beyond 2^53',
    lock({ version: '9007199254740993' }),
    'version',
    'must be a whole number from 0 to',
  ],
  ['__proto__ as metadata', lock({ metadata: prototype }), 'metadata.__proto__', 'is no known'],
  [
    'metadata of 33 entries',
    lock({ metadata: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`k${n}`, 'v'])) }),
    'metadata',
    'must have at most 32 entries',
  ],
  [
    'a long metadata value',
    lock({ metadata: { source: 'x'.repeat(501) } }),
    'metadata.source',
    'must be text of at most 500',
  ],
  [
    'a release without a reason',
    { operation: 'release', fields: { lockId: id } },
    'reason',
    'must be text',
  ],
  [
    'a release of what is no lock',
    { operation: 'release', fields: { lockId: '17', reason: 'x' } },
    'lockId',
    'must be a UUID',
  ],
  ['a bulk release of nothing', bulk({ lockIds: [] }), 'lockIds', 'give exactly one of'],
  ['of ids and a room', bulk({ lockIds: [id], roomId: id }), 'lockIds', 'give exactly one of'],
  ['of what is no id', bulk({ lockIds: [id, 'x'] }), 'lockIds.1', 'must be a UUID'],
  [
    'of 10,001 ids',
    bulk({ lockIds: Array.from({ length: 10_001 }, () => id) }),
    'lockIds',
    'must be at most 10000 ids',
  ],
  [
    'of ids in a window',
    bulk({ lockIds: [id], window: { from: '2026-05-10', to: '2026-05-12' } }),
    'window',
    'goes with roomId or roomTypeId only',
  ],
  [
    'of an empty window',
    bulk({ roomId: id, window: { from: '2026-05-10', to: '2026-05-10' } }),
    'window.to',
    'must be after from',
  ],
  ['a lock that is no UUID', { operation: 'get', fields: { lockId: 'x' } }, 'lockId', 'must be a'],
  ['a list of everything', { operation: 'list', fields: {} }, 'roomId', 'give exactly one of'],
  [
    'a status that is none',
    { operation: 'list', fields: { roomId: id, status: 'ACTIVE' } },
    'status',
    'must be TENTATIVE, CONFIRMED, RELEASED or EXPIRED',
  ],
  [
    'a page of 501',
    { operation: 'list', fields: { roomId: id, limit: 501 } },
    'limit',
    'must be a whole number from 1 to 500',
  ],
  [
    'an empty range',
    { operation: 'availability', fields: { roomTypeId: id, from: '2026-05-10', to: '2026-05-10' } },
    'to',
    'must be after from',
  ],
  [
    'a range of 400 years',
    { operation: 'availability', fields: { roomTypeId: id, from: '2026-05-10', to: '2426-05-10' } },
    'to',
    'must be at most 1100 days after from',
  ],
];

describe('both fronts refuse', () => {
  test.each(refusals)('%s', async (_what, question, field, message) => {
    const [overHttp, overGrpc] = [await windows.http(question), await windows.grpc(question)];

    expect(overHttp).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
    expect(overGrpc).toMatchObject({ status: status.INVALID_ARGUMENT, code: 'REQUEST_INVALID' });
    for (const { fields, detail } of [overHttp, overGrpc]) {
      expect(fields).toContain(field);
      expect(detail).toContain(`${field}: ${message}`);
    }
    expect(windows.guard.asked).toEqual([]);
  });

  test('a request without a tenant', async () => {
    const question = { ...lock({}), headers: { 'x-tenant-id': '' } };
    const [overHttp, overGrpc] = [await windows.http(question), await windows.grpc(question)];

    expect(overHttp).toMatchObject({ status: 400, code: 'REQUEST_INVALID', fields: ['tenantId'] });
    expect(overHttp.detail).toContain('header x-tenant-id must name one tenant');
    expect(overGrpc).toMatchObject({ status: status.INVALID_ARGUMENT, fields: ['tenantId'] });
    expect(overGrpc.detail).toContain('tenant_id, or metadata x-tenant-id, must name one tenant');
    expect(windows.guard.asked).toEqual([]);
  });

  test('two tenants in one request', async () => {
    const question = lock({ tenantId: otherTenant });
    const [overHttp, overGrpc] = [await windows.http(question), await windows.grpc(question)];
    const refused = { code: 'TENANT_MISMATCH', fields: ['tenantId'] };

    expect(overHttp).toMatchObject({ status: 403, ...refused });
    expect(overGrpc).toMatchObject({ status: status.PERMISSION_DENIED, ...refused });
    expect(windows.guard.asked).toEqual([]);
  });

  test('an id that the tenant does not have, exactly as one that nobody has', async () => {
    windows.guard.instead = { getLock: () => Promise.resolve(undefined) };
    const question: Question = { operation: 'get', fields: { lockId: id } };
    const [overHttp, overGrpc] = [await windows.http(question), await windows.grpc(question)];

    expect(overHttp).toMatchObject({ status: 404, code: 'NOT_FOUND' });
    expect(overGrpc).toMatchObject({ status: status.NOT_FOUND, code: 'NOT_FOUND' });
    expect(windows.guard.asked.map(({ request }) => request)).toEqual([
      { tenantId: tenant, lockId: id },
      { tenantId: tenant, lockId: id },
    ]);
  });
});

interface Sent {
  readonly body?: string | Buffer;
  readonly contentType?: string;
  readonly method?: string;
  readonly path?: string;
}

async function send({ body, contentType, method = 'POST', path = '/v1/locks' }: Sent): Promise<{
  readonly status: number;
  readonly detail: string;
}> {
  const response = await fetch(`${windows.httpUrl}${path}`, {
    method,
    headers: {
      'x-tenant-id': tenant,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const { detail } = (await response.json()) as { detail: string };
  return { status: response.status, detail };
}

const json = 'application/json';
const withField = (field: string): string => `{${field},${JSON.stringify(valid).slice(1)}`;

describe('HTTP refuses', () => {
  test.each<[string, Sent, number, string]>([
    ['an unknown field', { body: withField('"roomtypeid":"x"') }, 400, 'roomtypeid: is no known'],
    ['NaN', { body: withField('"ttlSeconds":NaN') }, 400, 'body: is not valid JSON'],
    ['NaN as text', { body: withField('"ttlSeconds":"NaN"') }, 400, 'ttlSeconds: must be a whole'],
    ['1e308', { body: withField('"ttlSeconds":1e308') }, 400, 'ttlSeconds: must be a whole'],
    ['half a second', { body: withField('"ttlSeconds":0.5') }, 400, 'ttlSeconds: must be a whole'],
    ['a negative version', { body: withField('"version":-1') }, 400, 'version: must be a whole'],
    ['__proto__', { body: withField('"__proto__":{"tenantId":"x"}') }, 400, '__proto__: is no'],
    [
      '__proto__ further in',
      { body: withField('"metadata":{"__proto__":{"a":"b"}}') },
      400,
      'metadata.__proto__: is no known field',
    ],
    [
      'half a character',
      { body: withField('"idempotencyKey":"\\ud800"') },
      400,
      'idempotencyKey: ',
    ],
    ['metadata that is no text', { body: withField('"metadata":{"a":1}') }, 400, 'metadata.a: '],
    ['a body that is a list', { body: '[]' }, 400, 'must be an object'],
    ['a body that is no JSON', { body: '{"reason":' }, 400, 'body: is not valid JSON'],
    ['deep nesting', { body: '['.repeat(200_000) }, 400, 'body: is not valid JSON'],
    ['no UTF-8', { body: Buffer.from('{"reason":"\xff"}', 'latin1') }, 400, 'body: is no UTF-8'],
    ['no body', {}, 400, 'reason: must be text'],
    ['5 MB', { body: withField(`"x":"${'x'.repeat(5_000_000)}"`) }, 413, 'body: must be at most'],
  ])('%s', async (_what, sent, expected, detail) => {
    const answer = await send({ contentType: json, ...sent });

    expect(answer).toMatchObject({
      status: expected,
      detail: expect.stringContaining(detail) as unknown,
    });
    expect(windows.guard.asked).toEqual([]);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'json'])(
    'content type %s',
    async (contentType) => {
      const body = JSON.stringify(valid);
      const unsupported = {
        status: 415,
        detail: 'header content-type: must be application/json',
      };

      expect(await send({ body, contentType })).toEqual(unsupported);
      const release = { method: 'DELETE', path: `/v1/locks/${id}` };
      expect(await send({ body, contentType, ...release })).toEqual(unsupported);
      expect(windows.guard.asked).toEqual([]);
    },
  );

  test.each([
    ['an unknown parameter', `roomId=${id}&room=1`, 'room: is no known field'],
    ['a parameter given twice', `roomId=${id}&roomId=${id}`, 'roomId: must be a UUID'],
    ['a limit that is no number', `roomId=${id}&limit=many`, 'limit: must be a whole number'],
    ['__proto__', `roomId=${id}&__proto__=x`, '__proto__: is no known field'],
  ])('a query with %s', async (_what, query, detail) => {
    const answer = await send({ method: 'GET', path: `/v1/locks?${query}` });

    expect(answer.status).toBe(400);
    expect(answer.detail).toContain(detail);
    expect(windows.guard.asked).toEqual([]);
  });

  test('an idempotency key that contradicts itself', async () => {
    const question = {
      ...lock({ idempotencyKey: 'order:5' }),
      headers: { 'idempotency-key': 'order:6' },
    };
    const answer = await windows.http(question);

    expect(answer).toMatchObject({ status: 400, fields: ['header idempotency-key'] });
    expect(windows.guard.asked).toEqual([]);
  });

  test('nothing that leaves a trace on objects', () => {
    expect(({} as Record<string, unknown>)['tenantId']).toBeUndefined();
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });
});

/** Bytes of a request as no client library would send them. */
async function sendBytes(method: string, bytes: Buffer): Promise<ServiceError> {
  const client = new Client(`127.0.0.1:${windows.grpcPort}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('x-tenant-id', tenant);
  try {
    return await new Promise<ServiceError>((resolve, reject) => {
      client.makeUnaryRequest(
        ...([guardDefinition[method]!.path, (value: Buffer) => value, String] as const),
        ...([bytes, metadata] as const),
        (error) => (error === null ? reject(new Error('it was answered')) : resolve(error)),
      );
    });
  } finally {
    client.close();
  }
}

const message = (method: string, fields: object): Buffer =>
  guardDefinition[method]!.requestSerialize(fields);
const nan = Buffer.alloc(9);
nan.writeUInt8((10 << 3) | 1);
nan.writeDoubleLE(Number.NaN, 1);

describe('gRPC refuses', () => {
  test.each<[string, string, Buffer, string]>([
    ['an unknown field', 'LockRoom', Buffer.from([0x98, 0x06, 1]), 'field 99: is no known field'],
    ['NaN as ttl_seconds', 'LockRoom', nan, 'ttlSeconds: is not of its type'],
    ['a text that is no UTF-8', 'LockRoom', Buffer.from([0x3a, 1, 0xff]), 'reason: is no UTF-8'],
    [
      'an unknown field further in',
      'BulkRelease',
      Buffer.from([0x3a, 2, 0x18, 1]),
      'window.field 3: is no known field',
    ],
    ['bytes that are no message', 'LockRoom', Buffer.from([0x3a, 0xff]), 'request: is no protobuf'],
    ['endless bytes', 'LockRoom', Buffer.alloc(1_000, 0xff), 'is no known field'],
  ])('%s', async (_what, method, bytes, detail) => {
    const fields = method === 'LockRoom' ? valid : { reason: 'HOLD', roomId: id };
    const error = await sendBytes(method, Buffer.concat([message(method, fields), bytes]));

    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toContain(detail);
    expect(statusDetailsOf(error.metadata)?.violations).toHaveLength(1);
    expect(windows.guard.asked).toEqual([]);
  });

  test('5 MB', async () => {
    const error = await sendBytes('LockRoom', message('LockRoom', { reason: 'x'.repeat(5e6) }));

    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.details).toContain('message larger than max');
    expect(windows.guard.asked).toEqual([]);
  });

  test('another content type', async () => {
    const session = http2.connect(`http://127.0.0.1:${windows.grpcPort}`);
    const stream = session.request({
      ':method': 'POST',
      ':path': guardDefinition['LockRoom']!.path,
      'content-type': 'application/json',
      te: 'trailers',
    });
    stream.end('{}');
    const found = await new Promise<unknown>((resolve) =>
      stream.once('response', (headers) => resolve(headers[':status'])),
    );
    session.close();

    expect(found).toBe(415);
    expect(windows.guard.asked).toEqual([]);
  });

  test('a tenant given twice as metadata', async () => {
    const answer = await windows.grpc({ ...lock({}), headers: { 'x-tenant-id': `${id}, ${id}` } });

    expect(answer).toMatchObject({ status: status.INVALID_ARGUMENT, fields: ['tenantId'] });
    expect(windows.guard.asked).toEqual([]);
  });

  test('a release that names neither lock nor reservation', async () => {
    const answer = await windows.grpc({ operation: 'release', fields: { reason: 'x' } });

    expect(answer).toMatchObject({ status: status.INVALID_ARGUMENT, fields: ['lockId'] });
    expect(windows.guard.asked).toEqual([]);
  });

  test('a version of a reservation, which may have several locks', async () => {
    const fields = { reservationId: id, reason: 'x', version: 3 };
    const answer = await windows.grpc({ operation: 'release', fields });

    expect(answer).toMatchObject({ status: status.INVALID_ARGUMENT, fields: ['version'] });
    expect(windows.guard.asked).toEqual([]);
  });
});
