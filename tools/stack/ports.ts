/** Free loopback ports, all different; the ones used last time where they are still free. */
import { randomInt } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { RollguardError } from '../../kernel/errors.ts';

const loopback = '127.0.0.1';
/**
 * Below what systems give to outgoing connections (Linux from 32768, others from 49152): a port from
 * there may be taken by any client in the seconds until the part that it was chosen for listens.
 */
const range = { from: 15_000, to: 30_000 } as const;
const triesMax = 100;

/**
 * Holds every port open until all are chosen, so that no two are the same.
 * @param preferred - tried first, by name: stored connectors name last time's ports.
 */
export async function chooseFreePorts<Name extends string>(
  names: readonly Name[],
  preferred?: Readonly<Partial<Record<Name, number>>>,
): Promise<Record<Name, number>> {
  const held: Server[] = [];
  try {
    const chosen = {} as Record<Name, number>;
    for (const name of names) {
      const server = (await tryListen(preferred?.[name])) ?? (await listenInRange());
      if (server === undefined)
        throw new RollguardError('STACK_START', 'no free port on 127.0.0.1');
      held.push(server);
      chosen[name] = (server.address() as AddressInfo).port;
    }
    return chosen;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

async function listenInRange(): Promise<Server | undefined> {
  for (let attempt = 0; attempt < triesMax; attempt += 1) {
    const server = await tryListen(randomInt(range.from, range.to));
    if (server !== undefined) return server;
  }
  return tryListen(0);
}

function tryListen(port: number | undefined): Promise<Server | undefined> {
  if (port === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: loopback, port }, () => resolve(server));
  });
}
