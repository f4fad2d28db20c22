/** `rollguard locks …` as a shell sees it, against the HTTP front of a guard that is not there. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { seededRandom } from '../../kernel/random.ts';
import type { Lock } from '../../topology/guard/lock.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import { lockOf, missingPartition } from '../support/fake-guard.ts';
import { openGuardWindows, tenant, type GuardWindows } from '../support/guard-fronts.ts';

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

const id = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0001';
const held: Lock = {
  ...lockOf({ lockId: id, tenantId: tenant, roomTypeId: id }, seededRandom(3)),
  ...{ status: 'CONFIRMED', version: 17, slot: 'order:5', nights: ['2026-05-10'] },
  ...{ expiresAtMs: undefined, releasedAtMs: undefined, releaseReason: undefined },
};
const stay = ['--room-type', id, '--from', '2026-05-10', '--to', '2026-05-12'];
let windows: GuardWindows;

beforeAll(async () => {
  windows = await openGuardWindows(true);
});
afterEach(() => {
  windows.guard.asked.length = 0;
  windows.guard.instead = {};
});
afterAll(() => windows.close());

async function locks(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env: { ROLLGUARD_URL: windows.httpUrl, ROLLGUARD_TENANT_ID: tenant, ...env },
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['locks', ...args], context);
  return { exitCode, out, err };
}

const answering = (answer: unknown) => (): Promise<never> => Promise.resolve(answer as never);

describe('rollguard locks', () => {
  test('get prints a lock, for people or as the API has it', async () => {
    windows.guard.instead = { getLock: answering(held) };
    const { out, exitCode } = await locks(['get', id]);
    const { out: json } = await locks(['get', id, '--json']);

    expect(exitCode).toBe(0);
    expect(out).toMatch(/^0b6f5b5e\S+ {2}CONFIRMED {2}version 17\n {2}any room of type 0b6f5b5e/);
    expect(out).toContain('does not expire');
    expect(JSON.parse(json)).toMatchObject({ lockId: id, version: 17, roomId: null });
    expect(windows.guard.asked[0]?.request).toEqual({ tenantId: tenant, lockId: id });
  });

  test('list asks for what the flags say, and tells that there are more', async () => {
    windows.guard.instead = {
      listLocks: answering({ locks: [held], nextCursor: 'bmV4dA', missing: [] }),
    };
    const { out, err } = await locks([
      ...['list', '--room-type', id, '--from', '2026-05-01', '--status', 'CONFIRMED'],
      ...['--cursor', 'YQ', '--limit', '7'],
    ]);

    expect(out).toMatch(/^0b6f5b5e\S+ {2}CONFIRMED {2,}\S+ to \S+ {2}any room of type/);
    expect(err).toContain('add --cursor bmV4dA');
    expect(windows.guard.asked[0]?.request).toMatchObject({
      ...{ roomTypeId: id, roomId: undefined, status: 'CONFIRMED', cursor: 'YQ', limit: 7 },
      ...{ fromMs: Date.parse('2026-05-01'), toMs: undefined },
    });
  });

  test('list --partial prints what there is, and names on stderr what is missing', async () => {
    const missing = [missingPartition(1), missingPartition(3)];
    windows.guard.instead = { listLocks: answering({ locks: [held], missing }) };
    const refused = await locks(['list', '--reservation', id]);
    const partial = await locks(['list', '--reservation', id, '--partial']);

    expect([refused.exitCode, refused.out]).toEqual([1, '']);
    expect(refused.err).toContain('no answer from guard_1, guard_3; try again shortly');
    expect(partial.exitCode).toBe(0);
    expect(partial.out).toMatch(/^0b6f5b5e\S+ {2}CONFIRMED/);
    expect(partial.err).toBe(
      'locks: guard_1 is missing: NOT_READY: guard_1 is not served\n' +
        'locks: guard_3 is missing: NOT_READY: guard_3 is not served\n',
    );
  });

  test('lock sends every field and prints what was locked', async () => {
    windows.guard.instead = { lock: answering({ status: 'LOCKED', lock: held, isRepeat: false }) };
    const { out, exitCode } = await locks([
      ...['lock', ...stay, '--room', id, '--reservation', id, '--key', `${id}:2`, '--ttl', '900'],
      ...['--property', id, '--reason', 'WALK_IN', '--metadata', 'desk=2', '--metadata', 'a=b=c'],
      ...['--if-version', '16', '--correlation-id', 'c-1'],
    ]);

    expect([exitCode, out.split('\n')[0]]).toEqual([0, 'LOCKED']);
    expect(windows.guard.asked[0]?.request).toMatchObject({
      ...{ tenantId: tenant, roomTypeId: id, roomId: id, reservationId: id, propertyId: id },
      ...{ idempotencyKey: `${id}:2`, ttlSeconds: 900, version: 16, correlationId: 'c-1' },
      ...{ stayStart: '2026-05-10', stayEnd: '2026-05-12', reason: 'WALK_IN' },
      metadata: { desk: '2', a: 'b=c' },
    });
  });

  test('lock exits 1 on a conflict and says why', async () => {
    const conflict = { reason: 'ROOM_HELD', blockingLock: held, nights: ['2026-05-10'] };
    windows.guard.instead = { lock: answering({ status: 'CONFLICT', conflict }) };
    const { out, err, exitCode } = await locks(['lock', ...stay, '--key', 'order:6']);
    const { out: json } = await locks(['lock', ...stay, '--key', 'order:6', '--json']);

    expect(exitCode).toBe(1);
    expect(out).toContain('CONFLICT ROOM_HELD on 2026-05-10\nheld by\n0b6f5b5e');
    expect(err).toBe('');
    expect(JSON.parse(json)).toMatchObject({
      status: 'CONFLICT',
      conflict: { nights: ['2026-05-10'] },
    });
  });

  test('release prints how the lock ended', async () => {
    const lock = { ...held, status: 'RELEASED', releasedAtMs: 0, releaseReason: 'MANUAL' };
    windows.guard.instead = { release: answering({ status: 'RELEASED', lock, isRepeat: true }) };
    const { out, exitCode } = await locks(['release', id, '--if-version', '17']);

    expect(exitCode).toBe(0);
    expect(out).toMatch(/^had ended before\n/);
    expect(out).toContain('ended 1970-01-01T00:00:00.000Z: MANUAL');
    expect(windows.guard.asked[0]?.request).toMatchObject({
      ...{ lockId: id, reason: 'MANUAL', version: 17, reservationId: undefined },
    });
  });

  test('availability prints a table', async () => {
    const nights = [
      { date: '2026-05-10', capacity: 40, held: 38 },
      { date: '2026-05-11', capacity: undefined, held: 3 },
    ];
    windows.guard.instead = { availability: answering(nights) };
    const { out } = await locks(['availability', ...stay]);

    expect(out.split('\n')).toEqual([
      ...['night       capacity      held      free', '2026-05-10        40        38         2'],
      ...['2026-05-11   unknown         3   unknown', ''],
    ]);
  });

  test('--dry-run shows the request and sends nothing', async () => {
    const write = ['--dry-run', '--json', '--correlation-id', 'c-1'];
    const { out } = await locks(['lock', ...stay, '--key', 'order:5', ...write]);
    const released = await locks(['release', id, ...write]);

    expect(JSON.parse(out)).toEqual({
      dryRun: true,
      request: {
        ...{ method: 'POST', url: `${windows.httpUrl}/v1/locks` },
        headers: { 'x-tenant-id': tenant, 'x-correlation-id': 'c-1' },
        body: {
          ...{ roomTypeId: id, stayStart: '2026-05-10', stayEnd: '2026-05-12' },
          ...{ idempotencyKey: 'order:5', reason: 'MANUAL' },
        },
      },
    });
    expect(released.out).toContain(`"url":"${windows.httpUrl}/v1/locks/${id}"`);
    expect(windows.guard.asked).toEqual([]);
  });
});

describe('rollguard locks fails', () => {
  test.each([
    ['no type', ['lock', '--from', 'a', '--to', 'b', '--key', 'k'], '--room-type <id>'],
    ['no slot', ['lock', ...stay], 'whose hold: give --reservation, or a --key of your own'],
    ['nothing to list', ['list'], 'one of --room, --room-type and --reservation'],
    [
      'both to list',
      ['list', '--room', id, '--room-type', id],
      'one of --room, --room-type and --reservation',
    ],
    ['a limit that is no number', ['list', '--room', id, '--limit', 'x'], 'a whole number'],
    ['metadata without a name', ['lock', ...stay, '--metadata', '=b'], 'must be name=value'],
  ])('with exit 2 on %s', async (_what, args, message) => {
    const { exitCode, err, out } = await locks(args);

    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain(message);
    expect(windows.guard.asked).toEqual([]);
  });

  test.each<[string, readonly string[], Record<string, string>, string]>([
    ['no tenant', ['get', id], { ROLLGUARD_TENANT_ID: '' }, 'set ROLLGUARD_TENANT_ID [CONFIG_INV'],
    [
      'an address that is none',
      ['get', id, '--url', 'x'],
      {},
      'must be an http(s) URL [CONFIG_INV',
    ],
    ['a field that is wrong', ['get', 'x'], {}, 'lockId: must be a UUID [REQUEST_INVALID]'],
    [
      'a port that is never the same',
      ['get', id],
      { ROLLGUARD_URL: '', HTTP_PORT: '0' },
      'HTTP_PORT=0 picks a port anew',
    ],
  ])('with exit 1 on %s', async (_what, args, env, message) => {
    const { exitCode, err } = await locks(args, env);

    expect(exitCode).toBe(1);
    expect(err).toContain(message);
  });

  test('with what the guard says', async () => {
    const full = new RollguardError('QUEUE_FULL', 'guard_0 has 10000 calls waiting');
    windows.guard.instead = { lock: () => Promise.reject(full), getLock: answering(undefined) };

    expect(await locks(['lock', ...stay, '--key', 'k'])).toEqual({
      ...{ exitCode: 1, out: '' },
      err: 'rollguard: guard_0 has 10000 calls waiting [QUEUE_FULL]\n',
    });
    expect((await locks(['get', id])).err).toContain(
      `no lock ${id} is known for this tenant [NOT_FOUND]`,
    );
  });
});

describe('another server', () => {
  let server: Server;
  afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

  async function serve(
    respond: (end: (status: number, body: string) => void) => void,
  ): Promise<string> {
    server = createServer((_request, response) => {
      respond((status, body) => {
        if (status === 0) response.destroy();
        else response.writeHead(status).end(body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test.each([
    ['is no Rollguard', 200, '<html>', 'but not as Rollguard does; check --url'],
    ['refuses in its own words', 502, 'Bad Gateway', 'answers 502, but not as Rollguard does'],
    [
      'runs no guard',
      404,
      JSON.stringify({ code: 'NOT_FOUND', detail: 'no route POST /v1/locks' }),
      'no route POST /v1/locks: the guard does not run at http',
    ],
    ['hangs up on a write', 0, '', 'the same command again finds out'],
  ])('that %s', async (_what, status, body, message) => {
    const url = await serve((end) => end(status, body));
    const { exitCode, err } = await locks(['lock', ...stay, '--key', 'k', '--url', url]);

    expect(exitCode).toBe(1);
    expect(err).toContain(message);
  });

  test('that is gone', async () => {
    const url = await serve((end) => end(200, '{}'));
    await new Promise<void>((resolve) => server.close(() => resolve()));
    const { exitCode, err } = await locks(['lock', ...stay, '--key', 'k', '--url', url]);

    expect(exitCode).toBe(1);
    expect(err).toContain(`no Rollguard answers at ${url}; start it, or name another with --url`);
  });
});
