/** Free loopback ports, all different; the ones used last time where they are still free. */
import { createServer, type AddressInfo, type Server } from 'node:net';

const loopback = '127.0.0.1';

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
      const server = (await tryListen(preferred?.[name])) ?? (await tryListen(0));
      if (server === undefined) throw new Error('no free port on 127.0.0.1');
      held.push(server);
      chosen[name] = (server.address() as AddressInfo).port;
    }
    return chosen;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function tryListen(port: number | undefined): Promise<Server | undefined> {
  if (port === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ host: loopback, port }, () => resolve(server));
  });
}
