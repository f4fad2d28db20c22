import { beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import type { FastifyInstance } from 'fastify';
import { createHttpApplication, type RouteGroup } from '../../api/http-server.ts';
import type { GuardCalls } from '../../api/guard/guard-calls.ts';
import { guardFronts } from '../../api/guard/guard-fronts.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { healthRoutes } from '../../api/routes/health.ts';
import { reconciliationRoutes } from '../../api/routes/reconciliation.ts';
import type { DriftRow } from '../../reconciliation/drift.ts';
import {
  DriftTally,
  type ReconciliationReport,
} from '../../reconciliation/reconciliation-report.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { seededRandom } from '../../kernel/random.ts';
import type { LedgerAnswer, RollQueries } from '../../topology/roll/roll-queries.ts';
import { adminSettings, tokenEntry } from '../support/admin-settings.ts';
import { auditRecordOf, fakeGuard, lockOf, missingPartition } from '../support/fake-guard.ts';

interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Readonly<Record<string, Operation>>>;
}
interface Operation {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Schema;
    readonly example?: unknown;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Schema }> };
  readonly responses: Record<string, Answer>;
}
interface Answer {
  readonly headers?: Record<string, { readonly description: string }>;
  readonly content: Record<string, { readonly schema: Schema; readonly example?: unknown }>;
}
type Schema = Readonly<Record<string, unknown>>;

const ids = {
  known: '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0001',
  unknown: '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0002',
  restoring: '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0003',
  broken: '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0004',
};
const position = { partition: 0, offset: 1, standbyLag: 0 };
const ledger: LedgerAnswer = {
  entries: (['EOD', 'CANCEL'] as const).map((rollType) => ({
    entry: {
      ...{ ledgerId: 'l', tenantId: 't', reservationId: ids.known, propertyId: 'p', rollType },
      ...{ lifecycleEventId: 'e', rollDate: '2026-03-28', businessDate: '2026-03-28' },
      ...{ occurredMicros: 1, sourceEventType: 's', eventPayload: '{"a":[1,null]}' },
      ...{ amountMinor: -7_500, currency: 'EUR', revision: 'r' },
    },
    ...{ createdAtMs: 0, updatedAtMs: 1 },
  })),
  position,
};
const day = { roomsSold: 1, arrivals: 1, departures: 0, cancellations: 0, noShows: 0 };
const businessDates = { businessDate: '2026-01-01', revenueMinor: { EUR: 1 } };

function failureOf(id: string): Error | undefined {
  if (id === ids.restoring) return new RollguardError('NOT_READY', 'restoring');
  return id === ids.broken ? new Error('broken') : undefined;
}

const queries: RollQueries = {
  ledger: ({ reservationId: id }) => {
    const failure = failureOf(id);
    if (failure !== undefined) return Promise.reject(failure);
    return Promise.resolve(id === ids.unknown ? undefined : ledger);
  },
  property: ({ propertyId }) => {
    const failure = failureOf(propertyId);
    if (failure !== undefined) return Promise.reject(failure);
    const days = [0.5, undefined].map((occupancy) => ({ ...day, ...businessDates, occupancy }));
    const isKnown = propertyId === ids.known;
    return Promise.resolve({
      days: isKnown ? days : [],
      zone: isKnown ? 'Europe/Helsinki' : undefined,
      lastClosedDate: isKnown ? '2026-01-01' : undefined,
      position,
    });
  },
};

const compared = { status: 'compared' } as const;
const drift: DriftRow = {
  ...{ side: 'ledger', reason: 'missing', tenantId: 't', reservationId: ids.known },
  ...{ propertyId: null, key: ids.known, what: 'EOD 2026-01-01', sinceMs: null },
  amounts: [{ currency: 'EUR', minor: 1 }],
  differences: [{ field: '<b>', expected: 'x', actual: null }],
};
const tally = new DriftTally(1);
tally.add(drift);
const none = { tenants: 1, reservations: 1, entries: 1, holds: 0, charged: 0 };
const reconciliation: ReconciliationReport = {
  ...{ runId: ids.known, trigger: 'schedule', status: 'drift', problem: null },
  ...{ startedAt: '2026-01-01T00:00:00.000Z', finishedAt: '2026-01-01T00:00:01.000Z' },
  scope: { tenantIds: ['t'], propertyId: null, from: null, to: null },
  sides: { ledger: compared, state: { status: 'left_out' }, locks: compared, payments: compared },
  summary: tally.summary({ ...none, unsettled: 0, unreadableRows: 0 }, 0),
  drift: tally.rows,
};

const guard = fakeGuard();
const registered: string[] = [];
const noting =
  (add: RouteGroup): RouteGroup =>
  (instance) => {
    instance.addHook('onRoute', ({ method, url }) => {
      if (method === 'HEAD') return;
      registered.push(`${String(method).toLowerCase()} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
    });
    add(instance);
  };

let server: FastifyInstance;
let document: Document;
let notReady: string | undefined;

beforeAll(async () => {
  const sources = [{ name: 'roll', notReady: () => notReady }];
  const metrics = createMetricsRegistry();
  const settings = {
    ...adminSettings({ AVAILABILITY_GUARD_ADMIN_TOKENS: tokenEntry('desk', 'secret', ['t']) }),
    ...{ SHADOW_MODE: true, REQUIRE_CORRELATION_ID: false },
  };
  const fronts = guardFronts(
    { settings, clock: systemClock, logger: silentLogger, metrics },
    guard,
  );
  server = await createHttpApplication({
    routes: [
      ...[ledgerRoutes(queries), fronts.routes, healthRoutes(sources, metrics)],
      reconciliationRoutes(() => Promise.resolve(reconciliation)),
    ].map(noting),
    logger: silentLogger,
  });
  document = (await server.inject('/docs/json')).json<Document>();
});

const ajv = new Ajv2020({ strict: false, allErrors: true });
ajvFormats.default(ajv);

/** What is wrong with a value, by a JSON schema of the document. */
function complaints(schema: Schema, value: unknown): unknown {
  const validate = ajv.compile(schema);
  return validate(value) ? [] : validate.errors;
}

function answerOf(path: string, status: number, method = 'get'): Answer {
  const found = document.paths[path]?.[method]?.responses[status];
  expect(found).toBeDefined();
  return found!;
}

const operations = (): readonly Operation[] =>
  Object.values(document.paths).flatMap((path) => Object.values(path));

describe('the API description', () => {
  test('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate({ ...document });

    expect(document.openapi).toBe('3.1.0');
    expect(errors).toBeUndefined();
    expect(valid).toBe(true);
  });

  test('describes every route there is', () => {
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );

    expect(registered).toHaveLength(16);
    expect(described.sort()).toEqual(registered.sort());
    for (const { summary, tags, responses } of operations()) {
      expect(summary).toMatch(/\w/);
      expect(tags).toHaveLength(1);
      expect(responses['200']).toBeDefined();
    }
  });

  test('says what a request must carry and how it may be refused', () => {
    const get = document.paths['/v1/ledgers']!['get']!;
    const parameters = get.parameters?.map((each) => [each.in, each.name, each.required]);

    expect(parameters).toEqual(
      expect.arrayContaining([
        ['header', 'x-tenant-id', true],
        ['query', 'propertyId', true],
        ['query', 'from', true],
        ['query', 'to', true],
      ]),
    );
    expect(Object.keys(get.responses)).toEqual(['200', '400', '500', '503']);
  });

  test.each([
    ['a comma', 'a,b', false],
    ['letters that no header carries as they are', 'Süd', false],
    ['nothing', '', false],
    ['200 characters', 'x'.repeat(200), true],
    ['201 characters', 'x'.repeat(201), false],
    ['a blank inside', 'tenant one', true],
  ])('says of a tenant of %s what the server does with it', async (_what, tenant, isAllowed) => {
    const url = `/v1/ledgers/${ids.known}`;
    const { statusCode } = await server.inject({ url, headers: { 'x-tenant-id': tenant } });
    const parameters = document.paths['/v1/ledgers/{reservationId}']?.['get']?.parameters ?? [];
    const { schema } = parameters.find((parameter) => parameter.name === 'x-tenant-id')!;

    expect(statusCode === 200).toBe(isAllowed);
    expect(complaints(schema, tenant)).toEqual(isAllowed ? [] : expect.anything());
  });

  test('gives examples that have the shape they stand for', () => {
    const shown = operations().flatMap(({ responses, requestBody, parameters = [] }) => [
      ...Object.values(requestBody?.content ?? {}).map(({ schema }) => ({
        schema,
        example: undefined,
      })),
      ...Object.values(responses).flatMap(({ content }) =>
        Object.values(content).map(({ schema, example }) => ({ schema, example })),
      ),
      ...parameters.map(({ schema, example }) => ({ schema, example: example ?? 'missing' })),
    ]);
    const examples = shown.flatMap(({ schema, example }) =>
      [...((schema['examples'] as unknown[] | undefined) ?? []), example]
        .filter((each) => each !== undefined)
        .map((each) => complaints(schema, each)),
    );

    expect(examples).toHaveLength(149);
    expect(examples.flat()).toEqual([]);
  });
});

describe('a real answer has the documented shape', () => {
  const days = (id: string): string => `/v1/ledgers?propertyId=${id}&from=2026-01-01&to=2026-01-02`;
  test.each([
    ['/v1/ledgers/{reservationId}', 200, `/v1/ledgers/${ids.known}`],
    ['/v1/ledgers/{reservationId}', 400, '/v1/ledgers/17'],
    ['/v1/ledgers/{reservationId}', 404, `/v1/ledgers/${ids.unknown}`],
    ['/v1/ledgers/{reservationId}', 500, `/v1/ledgers/${ids.broken}`],
    ['/v1/ledgers/{reservationId}', 503, `/v1/ledgers/${ids.restoring}`],
    ['/v1/ledgers', 200, days(ids.known)],
    ['/v1/ledgers', 200, days(ids.unknown)],
    ['/v1/ledgers', 400, '/v1/ledgers'],
    ['/v1/ledgers', 500, days(ids.broken)],
    ['/v1/ledgers', 503, days(ids.restoring)],
    ['/health/liveness', 200, '/health/liveness'],
    ['/health/readiness', 200, '/health/readiness'],
    ['/health/readiness', 503, '/health/readiness'],
    ['/metrics', 200, '/metrics'],
    ['/v1/reconciliation', 200, '/v1/reconciliation'],
    ['/v1/reconciliation.html', 200, '/v1/reconciliation.html?tenantId=t'],
    ['/v1/reconciliation.html', 400, '/v1/reconciliation.html?tenantId=a,b'],
  ])('%s, status %i', async (path, status, url) => {
    notReady = path === '/health/readiness' && status === 503 ? 'restoring' : undefined;
    const answer = await server.inject({ url, headers: { 'x-tenant-id': 't' } });
    const documented = answerOf(path, status);
    const [contentType, { schema }] = Object.entries(documented.content)[0]!;
    const body: unknown = contentType.includes('json') ? answer.json() : answer.body;

    expect(answer.statusCode).toBe(status);
    expect(String(answer.headers['content-type'])).toContain(contentType);
    expect(complaints(schema, body)).toEqual([]);
    for (const header of Object.keys(documented.headers ?? {})) {
      expect(answer.headers[header]).toMatch(/\d/);
    }
  });
});

describe('a real answer of the guard has the documented shape', () => {
  const id = ids.known;
  const held = lockOf({ lockId: id }, seededRandom(1));
  const stay = { stayStart: '2026-05-10', stayEnd: '2026-05-12' };
  const lock = { reservationId: id, roomTypeId: id, reason: 'HOLD', ...stay };
  const released = { status: 'RELEASED' as const, lock: held, isRepeat: false };
  const results = [
    { lockId: id, outcome: 'RELEASED' as const, lock: held },
    { lockId: id, outcome: 'NOT_FOUND' as const, lock: undefined },
  ];
  const away = [missingPartition(2)];
  const conflict = { reason: 'TYPE_FULL' as const, blockingLock: held, nights: ['2026-05-10'] };
  const nights = [40, undefined].map((capacity) => ({ date: '2026-05-10', capacity, held: 1 }));
  const failing = (code: ErrorCode) => (): Promise<never> =>
    Promise.reject(new RollguardError(code, 'said so'));
  const one = '/v1/locks/{lockId}';
  const manual = `${one}/manual-release`;
  const byHand = { tenantId: 't', reason: 'moved', actorId: 'u-1', actorName: 'Maija' };
  const audited = auditRecordOf({ lockId: id, tenantId: 't' }, seededRandom(2));

  test.each<[string, string, number, Partial<GuardCalls>, object | undefined, string?]>([
    ['post', '/v1/locks', 200, { lock: () => done({ ...released, status: 'LOCKED' }) }, lock],
    ['post', '/v1/locks', 409, { lock: () => done({ status: 'CONFLICT', conflict }) }, lock],
    ['post', '/v1/locks', 400, {}, {}],
    ['post', '/v1/locks', 403, {}, { ...lock, tenantId: 'other' }],
    ['post', '/v1/locks', 412, { lock: failing('PRECONDITION_FAILED') }, lock],
    ['post', '/v1/locks', 413, {}, { ...lock, reason: 'x'.repeat(2 ** 20) }],
    ['post', '/v1/locks', 429, { lock: failing('QUEUE_FULL') }, lock],
    ['post', '/v1/locks', 500, { lock: failing('STORE_FAILED') }, lock],
    ['post', '/v1/locks', 503, { lock: failing('OUTCOME_UNKNOWN') }, lock],
    ['post', '/v1/locks', 504, { lock: failing('DEADLINE_EXCEEDED') }, lock],
    ['delete', one, 200, { release: () => done(released) }, { reason: 'x' }],
    ['delete', one, 404, { release: failing('NOT_FOUND') }, { reason: 'x' }],
    ['delete', one, 412, { release: failing('PRECONDITION_FAILED') }, { reason: 'x' }],
    [
      ...(['post', '/v1/locks/bulk-release', 200] as const),
      { bulkRelease: () => done({ results, missing: [] }) },
      { lockIds: [id, id], reason: 'x' },
    ],
    [
      ...(['post', '/v1/locks/bulk-release', 200] as const),
      { bulkRelease: () => done({ results, missing: away }) },
      { lockIds: [id, id], reason: 'x' },
    ],
    ['post', '/v1/locks/bulk-release', 400, {}, { reason: 'x' }],
    ['get', one, 200, { getLock: () => done(held) }, undefined],
    ['get', one, 404, { getLock: () => done(undefined) }, undefined],
    [
      ...(['get', '/v1/locks', 200] as const),
      { listLocks: () => done({ locks: [held], nextCursor: 'x', missing: [] }) },
      undefined,
      `roomId=${id}`,
    ],
    [
      ...(['get', '/v1/locks', 200] as const),
      { listLocks: () => done({ locks: [held], nextCursor: 'x', missing: away }) },
      undefined,
      `roomId=${id}&partial=true`,
    ],
    [
      ...(['get', '/v1/locks', 503] as const),
      { listLocks: () => done({ locks: [], nextCursor: undefined, missing: away }) },
      undefined,
      `roomId=${id}`,
    ],
    ['get', '/v1/locks', 400, {}, undefined],
    [
      ...(['get', '/v1/availability', 200] as const),
      { availability: () => done(nights) },
      undefined,
      `roomTypeId=${id}&from=2026-05-10&to=2026-05-12`,
    ],
    ['get', '/v1/availability', 400, {}, undefined],
    ['post', manual, 200, { release: () => done(released) }, byHand],
    ['post', manual, 400, {}, { ...byHand, reason: 'no' }],
    ['post', manual, 403, {}, { ...byHand, tenantId: 'other' }],
    ['post', manual, 404, { release: failing('NOT_FOUND') }, byHand],
    ['get', `${one}/audit`, 200, { lockAudit: () => done([audited]) }, undefined],
    ['get', `${one}/audit`, 404, { lockAudit: () => done([]) }, undefined],
    [
      'get',
      '/v1/locks/audit',
      200,
      { searchAudit: () => done({ records: [audited], missing: [] }) },
      undefined,
    ],
    [
      ...(['get', '/v1/locks/audit', 200] as const),
      { searchAudit: () => done({ records: [audited], missing: away }) },
      undefined,
      'partial=true',
    ],
    ['get', '/v1/locks/audit', 400, {}, undefined, 'limit=0'],
  ])('%s %s, status %i', async (method, path, status, instead, body, query = '') => {
    guard.instead = instead;
    const answer = await server.inject({
      method: method as 'get',
      url: `${path.replace('{lockId}', id)}?${query}`,
      headers: { 'x-tenant-id': 't', 'x-guard-admin-token': 'secret' },
      ...(body === undefined ? {} : { payload: body }),
    });
    const documented = answerOf(path, status, method);
    const [contentType, { schema }] = Object.entries(documented.content)[0]!;

    expect(answer.statusCode).toBe(status);
    expect(String(answer.headers['content-type'])).toContain(contentType);
    expect(complaints(schema, answer.json())).toEqual([]);
    for (const header of Object.keys(documented.headers ?? {})) {
      expect(answer.headers[header]).toMatch(/\w/);
    }
  });

  test('and so has the request', () => {
    const { schema } =
      document.paths['/v1/locks']!['post']!.requestBody!.content['application/json']!;

    expect(complaints(schema, lock)).toEqual([]);
    for (const wrong of [{ stayEnd: 'x' }, { other: 1 }, { ttlSeconds: -1 }, { roomId: '1' }]) {
      expect(complaints(schema, { ...lock, ...wrong })).not.toEqual([]);
    }
  });
});

function done<T>(value: T): Promise<T> {
  return Promise.resolve(value);
}

describe('the page', () => {
  test('loads nothing from elsewhere, under a policy that allows nothing else', async () => {
    const page = await server.inject('/docs/');
    const policy = String(page.headers['content-security-policy']);

    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('swagger-ui');
    expect(page.body).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(page.body).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
    expect(policy).toMatch(/^default-src 'none';/);
    expect(policy).not.toMatch(/unsafe|https?:|upgrade-insecure-requests|\*/);
  });

  test('finds everything it refers to here', async () => {
    const page = await server.inject('/docs/');
    const files = [...page.body.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1]!);
    const answers = await Promise.all(files.map((file) => server.inject(`/docs/${file}`)));

    expect(files.length).toBeGreaterThan(3);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(files.map(() => 200));
  });
});
