/** How the HTTP window closes. */
import net from 'node:net';
import { once } from 'node:events';
import { expect, test } from '@jest/globals';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { startHttpServer } from '../../api/http-server.ts';
import { ManualClock } from '../../testing/manual-clock.ts';

const limitMs = 5_000;

test.each([
  ['a connection on which no request ever comes', ''],
  ['a request that never ends', 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{'],
])('does not wait for %s', async (_, bytes) => {
  const clock = new ManualClock();
  const server = await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, routes: [], clock, logger: silentLogger },
  });
  const socket = net.connect(server.port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(bytes);
  socket.on('error', () => undefined);
  await systemClock.sleep(50);
  let isClosed = false;
  const closing = server.close().then(() => (isClosed = true));
  await systemClock.sleep(50);
  const before = isClosed;
  await clock.advance(limitMs);
  await closing;

  expect(before).toBe(false);
  socket.destroy();
});
