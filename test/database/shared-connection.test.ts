/** How many may wait for a Postgres that says nothing, and for how long. A real one: integration/database.test.ts. */
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SharedConnection } from '../../database/shared-connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import { errorCodeOf } from '../support/error-code.ts';

let server: Server;
let sockets: Socket[];
let url = '';
let shared: SharedConnection;

beforeEach(async () => {
  sockets = [];
  // Takes connections, and never answers.
  server = createServer((socket) => void sockets.push(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  url = `postgres://nobody@127.0.0.1:${port}/nothing`;
  shared = connection(url);
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await shared.close();
  await new Promise((resolve) => server.close(resolve));
});

function connection(to: string): SharedConnection {
  const named = { setting: 'X_URL', applicationName: 'test' };
  return new SharedConnection({
    ...{ url: to, ...named, clock: systemClock, usersMax: 3, timeoutMs: 300 },
  });
}

const ask = (): Promise<unknown> => shared.use(({ query }) => query('SELECT 1'));

describe('a shared connection', () => {
  test('is one, lets so many wait and refuses more, each for a bounded time', async () => {
    const startedMs = systemClock.monotonicMs();
    const codes = await Promise.all([1, 2, 3, 4, 5].map(() => errorCodeOf(ask())));

    const full = 'QUEUE_FULL';
    const silent = 'DATABASE_UNAVAILABLE';
    expect(codes).toEqual([silent, silent, silent, full, full]);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(5_000);
    expect(sockets).toHaveLength(1);
  });

  test('takes others once those have been told', async () => {
    await Promise.all([1, 2, 3].map(() => errorCodeOf(ask())));

    await expect(ask()).rejects.toThrow(/Postgres \(X_URL\) has not answered within 300 ms/);
  });

  test('that cannot be opened says so, and is opened again when it is asked again', async () => {
    await shared.close();
    shared = connection('postgres://nobody@127.0.0.1:1/nothing');

    await expect(ask()).rejects.toThrow(/Postgres \(X_URL\) does not answer/);
    await expect(ask()).rejects.toThrow(/Postgres \(X_URL\) does not answer/);
  });

  test('opens nothing once it is closed', async () => {
    await shared.close();

    expect(await errorCodeOf(ask())).toBe('DATABASE_UNAVAILABLE');
    expect(sockets).toHaveLength(0);
  });
});
