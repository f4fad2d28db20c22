import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:net';
import { chooseFreePorts } from '../../../tools/stack/ports.ts';

const names = ['a', 'b', 'c'] as const;
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))),
  );
});

async function taken(port: number): Promise<void> {
  const server = createServer();
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
}

describe('the ports of a stack', () => {
  test('are all different and none that an outgoing connection could take meanwhile', async () => {
    const ports = Object.values(await chooseFreePorts(names));

    expect(new Set(ports).size).toBe(3);
    expect(ports.every((port) => port >= 15_000 && port < 30_000)).toBe(true);
  });

  test('are those of last time, except one that somebody else took', async () => {
    const before = await chooseFreePorts(names);
    await taken(before.b);
    const after = await chooseFreePorts(names, before);

    expect(after).toMatchObject({ a: before.a, c: before.c });
    expect(after.b).not.toBe(before.b);
  });
});
