/** Releases by hand and the audit over HTTP: who may, whose, and what the guard is asked. */
import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { adminOf, isEqualDigest } from '../../api/guard/admin-access.ts';
import { guardFronts } from '../../api/guard/guard-fronts.ts';
import { createHttpApplication } from '../../api/http-server.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { createLogger } from '../../kernel/logger.ts';
import { seededRandom } from '../../kernel/random.ts';
import { auditIdOf } from '../../topology/guard/audit.ts';
import { adminSettings, tokenEntry } from '../support/admin-settings.ts';
import { auditRecordOf, fakeGuard, lockOf, type FakeGuard } from '../support/fake-guard.ts';

const mine = '7e000000-0000-4000-8000-000000000001';
const alsoMine = '7e000000-0000-4000-8000-000000000002';
const theirs = '7e000000-0000-4000-8000-000000000003';
const lockId = '1c000000-0000-8000-8000-000000000001';
const secret = 'open-sesame-1';
const tokens = [
  tokenEntry('desk', secret, [mine, alsoMine]),
  tokenEntry('other', 'open-sesame-2', [theirs]),
].join(',');
const released = lockOf({ lockId, tenantId: mine }, seededRandom(1));
const servers: FastifyInstance[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Asking {
  readonly token?: string;
  readonly tenantId?: string;
  readonly body?: object;
}

interface Served {
  readonly guard: FakeGuard;
  readonly logged: string[];
  readonly ask: (route: string, asking?: Asking) => Promise<Answer>;
}

async function serve(given: Readonly<Record<string, string>> = {}): Promise<Served> {
  const guard = fakeGuard();
  guard.instead = {
    release: () => Promise.resolve({ status: 'RELEASED', lock: released, isRepeat: false }),
  };
  const logged: string[] = [];
  const logger = createLogger({
    ...{ level: 'debug', clock: systemClock, write: (line) => void logged.push(line) },
  });
  const common = { clock: systemClock, logger, metrics: createMetricsRegistry() };
  const settings = {
    ...adminSettings({ AVAILABILITY_GUARD_ADMIN_TOKENS: tokens, ...given }),
    ...{ SHADOW_MODE: true, REQUIRE_CORRELATION_ID: false },
  };
  const { routes } = guardFronts({ ...common, settings }, guard);
  const server = await createHttpApplication({ routes: [routes], logger });
  servers.push(server);
  return {
    ...{ guard, logged },
    ask: async (route, { token = secret, tenantId, body } = {}) => {
      const [method, url] = route.split(' ');
      const answer = await server.inject({
        method: method as 'GET',
        url: url ?? '',
        headers: {
          ...(token === '' ? {} : { 'x-guard-admin-token': token }),
          ...(tenantId === undefined ? {} : { 'x-tenant-id': tenantId }),
        },
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: answer.statusCode, body: answer.json<Record<string, unknown>>() };
    },
  };
}

const byHand = { tenantId: mine, reason: 'moved out', actorId: 'u-17', actorName: 'Maija' };
const manual = `POST /v1/locks/${lockId}/manual-release`;
const lockAudit = `GET /v1/locks/${lockId}/audit`;
const search = 'GET /v1/locks/audit';
const routes = [manual, lockAudit, search];
const bodyOf = (route: string): Asking => (route === manual ? { body: byHand } : {});

describe('who may', () => {
  test.each(routes)('G15: nobody while no token is configured: %s', async (route) => {
    const { ask, guard } = await serve({ AVAILABILITY_GUARD_ADMIN_TOKENS: '' });
    for (const token of ['', secret, '*']) {
      const answer = await ask(route, { ...bodyOf(route), token });
      expect([answer.status, answer.body['code']]).toEqual([403, 'ADMIN_TOKEN_REFUSED']);
    }
    expect(guard.asked).toEqual([]);
  });

  test.each(routes)('not who shows no token, a wrong one, or its digest: %s', async (route) => {
    const { ask, guard, logged } = await serve();
    const wrong = ['', 'open-sesame-3', `${secret} `.repeat(2), hash('sha256', secret)];
    for (const token of wrong) {
      const answer = await ask(route, { ...bodyOf(route), token });
      expect([answer.status, answer.body['code']]).toEqual([403, 'ADMIN_TOKEN_REFUSED']);
      expect(JSON.stringify(answer.body)).not.toMatch(/sesame|[0-9a-f]{64}/);
    }
    expect(guard.asked).toEqual([]);
    expect(logged.join('\n')).not.toMatch(/sesame|[0-9a-f]{64}/);
  });

  test('nobody releases by hand where that is switched off; the audit can be read', async () => {
    const { ask, guard } = await serve({ AVAILABILITY_GUARD_MANUAL_RELEASE_ENABLED: 'false' });
    const answer = await ask(manual, { body: byHand });

    expect([answer.status, answer.body['code']]).toEqual([503, 'SWITCHED_OFF']);
    expect(guard.asked).toEqual([]);
    expect((await ask(search)).status).toBe(200);
  });

  test('is asked of every configured token, wherever the right one stands', () => {
    const { AVAILABILITY_GUARD_ADMIN_TOKENS: configured } = adminSettings({
      AVAILABILITY_GUARD_ADMIN_TOKENS: tokens,
    });
    const looked: string[] = [];
    const watched = configured.map((token) => ({
      ...token,
      get digest() {
        looked.push(token.id);
        return token.digest;
      },
    }));

    expect(adminOf(secret, watched).id).toBe('desk');
    expect(looked).toEqual(['desk', 'other']);
    expect(() => adminOf('wrong', watched)).toThrow(/is missing or not one of/);
    expect(looked).toEqual(['desk', 'other', 'desk', 'other']);
  });

  test('is compared by digests of one length, whatever was sent', () => {
    const digest = hash('sha256', secret, 'buffer');

    expect(isEqualDigest(digest, hash('sha256', secret, 'buffer'))).toBe(true);
    expect(isEqualDigest(digest, hash('sha256', 'x', 'buffer'))).toBe(false);
    expect(isEqualDigest(digest, digest.subarray(1))).toBe(false);
  });
});

describe('a release by hand', () => {
  test('becomes one release that says who, why, on whose token, and who is told', async () => {
    const { ask, guard } = await serve({
      AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS: '#front ops@hotel.example',
    });
    const reservationId = '5e000000-0000-4000-8000-000000000001';
    const more = { reservationId, actorEmail: 'maija@hotel.example', correlationId: 'c-1' };
    const notify = ['#front', 'a@hotel.example', '#front'];
    const answer = await ask(manual, { body: { ...byHand, ...more, notify } });

    expect(answer).toEqual({
      status: 200,
      body: { status: 'RELEASED', lockId, auditId: auditIdOf(released) },
    });
    expect(guard.asked.map(({ operation, request }) => ({ operation, request }))).toEqual([
      {
        operation: 'release',
        request: {
          ...{ kind: 'release', tenantId: mine, lockId, reservationId, version: undefined },
          ...{ reason: 'moved out', actor: 'u-17', correlationId: 'c-1', metadata: {} },
          manual: {
            actor: { id: 'u-17', name: 'Maija', email: 'maija@hotel.example', tokenId: 'desk' },
            recipients: ['#front', 'a@hotel.example', 'ops@hotel.example'],
          },
        },
      },
    ]);
  });

  test('is answered the same when it is repeated', async () => {
    const { ask, guard } = await serve();
    const first = await ask(manual, { body: byHand });
    guard.instead = {
      release: () => Promise.resolve({ status: 'RELEASED', lock: released, isRepeat: true }),
    };

    expect(await ask(manual, { body: byHand })).toEqual(first);
  });

  test('is told to nobody where notifications are switched off', async () => {
    const { ask, guard } = await serve({
      AVAILABILITY_GUARD_NOTIFICATIONS_ENABLED: 'false',
      AVAILABILITY_GUARD_NOTIFICATION_RECIPIENTS: '#front',
    });
    await ask(manual, { body: { ...byHand, notify: ['#back'] } });

    expect(guard.asked[0]?.request).toMatchObject({ manual: { recipients: [] } });
  });

  test.each([
    ['tenantId', { tenantId: undefined }],
    ['reason', { reason: 'no' }],
    ['reason', { reason: '     ' }],
    ['actorId', { actorId: '' }],
    ['actorName', { actorName: undefined }],
    ['actorEmail', { actorEmail: 'nobody' }],
    ['notify', { notify: 'a@b.example' }],
    ['notify', { notify: Array.from({ length: 51 }, (_, index) => `#${index}`) }],
    ['version', { version: 1 }],
  ])('without a sound %s is refused by its name: %j', async (field, wrong) => {
    const { ask, guard } = await serve();
    const { status, body } = await ask(manual, { body: { ...byHand, ...wrong } });

    expect([status, body['code']]).toEqual([400, 'REQUEST_INVALID']);
    expect(body['errors']).toMatchObject([{ field }]);
    expect(guard.asked).toEqual([]);
  });

  test('of an unknown outcome says so', async () => {
    const { ask, guard } = await serve();
    guard.instead = { release: () => Promise.reject(new RollguardError('OUTCOME_UNKNOWN', 'x')) };

    expect((await ask(manual, { body: byHand })).body['code']).toBe('OUTCOME_UNKNOWN');
  });
});

describe('G12: a tenant that the token is not given for', () => {
  test('has no lock to release: answered as one that does not exist', async () => {
    const { ask, guard } = await serve();
    const foreign = await ask(manual, { body: { ...byHand, tenantId: theirs } });
    const asked = guard.asked.length;
    guard.instead = {
      release: () =>
        Promise.resolve({
          ...{ status: 'REFUSED', code: 'NOT_FOUND', field: 'lockId', message: 'none' },
        } as const),
    };
    const unknown = await ask(manual, { body: byHand });

    expect(foreign.status).toBe(404);
    expect(asked).toBe(0);
    expect(foreign).toEqual(unknown);
  });

  test('has no audit of a lock: answered as one that does not exist', async () => {
    const { ask, guard } = await serve();
    guard.instead = {
      lockAudit: ({ tenantIds }) =>
        Promise.resolve(
          [theirs]
            .filter((tenantId) => tenantIds.includes(tenantId))
            .map((tenantId) => auditRecordOf({ lockId, tenantId }, seededRandom(1))),
        ),
    };
    const answers = [
      await ask(lockAudit),
      await ask(`${lockAudit}?tenantId=${theirs}`),
      await ask(lockAudit, { tenantId: theirs }),
    ];

    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]?.status).toBe(404);
    expect(guard.asked.map(({ request }) => request['tenantIds'])).toEqual([
      [mine, alsoMine],
      [],
      [],
    ]);
  });

  test('has no records: a search without a tenant is one of those of the token', async () => {
    const { ask, guard } = await serve();
    guard.instead = {
      searchAudit: () => Promise.resolve({ records: [], missing: [] }),
      lockAudit: () => Promise.resolve([]),
    };
    const asked = [
      ...[search, `${search}?tenantId=${alsoMine.toUpperCase()}&limit=7`],
      ...[`${search}?tenantId=${theirs}`, `${search}?lockId=${lockId}`],
    ];
    for (const route of asked) {
      expect(await ask(route)).toEqual({ status: 200, body: { records: [] } });
    }
    await ask(search, { token: 'open-sesame-2' });

    expect(guard.asked.map(({ request }) => request)).toEqual([
      { tenantIds: [mine, alsoMine], limit: 100 },
      { tenantIds: [alsoMine], limit: 7 },
      { tenantIds: [], limit: 100 },
      { lockId, tenantIds: [mine, alsoMine], limit: 100 },
      { tenantIds: [theirs], limit: 100 },
    ]);
  });

  test('is not the one that the header names when the body names another', async () => {
    const { ask, guard } = await serve();
    const answer = await ask(manual, { tenantId: alsoMine, body: byHand });

    expect([answer.status, answer.body['code']]).toEqual([403, 'TENANT_MISMATCH']);
    expect(guard.asked).toEqual([]);
  });
});

describe('the audit', () => {
  test('comes with every field, what is not there as null', async () => {
    const { ask, guard } = await serve();
    const record = auditRecordOf({ lockId, tenantId: mine }, seededRandom(1));
    guard.instead = { lockAudit: () => Promise.resolve([record]) };

    expect(await ask(lockAudit)).toEqual({
      status: 200,
      body: {
        records: [
          {
            ...{ auditId: record.auditId, lockId, tenantId: mine, version: record.version },
            ...{ action: 'CREATED', reason: 'HOLD', correlationId: null },
            actor: { id: 'api', name: null, email: null, tokenId: null },
            ...{ reservationId: record.reservationId, at: new Date(record.atMs).toISOString() },
          },
        ],
      },
    });
  });

  test.each(['0', '1001', 'x', '-1'])('is not asked for %s records', async (limit) => {
    const { ask } = await serve();
    for (const route of [lockAudit, search]) {
      expect((await ask(`${route}?limit=${limit}`)).status).toBe(400);
    }
    expect((await ask(`${search}?limit=1000`)).status).toBe(200);
  });
});
