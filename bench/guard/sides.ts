/** The guard, Postgres asked directly, Postgres behind the guard's gRPC front, and that front alone. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { guardDefinition } from '../../api/grpc/protos.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { createKafkajsPort } from '../../streams/kafka/kafkajs-adapter.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import type { System } from '../../tools/start/system.ts';
import { LockVerifier } from '../../tools/verify/lock-verifier.ts';
import { LeanClient } from './lean-client.ts';
import { holdInPostgres, peerDoubles, type PeerMethod } from './postgres-locks.ts';
import { dateOf, type Outcome, type Side, type Wish } from './side.ts';
import type { RoomType } from './wishes.ts';

const eventsTopic = 'inventory.events.shadow';
/** One connection's answers come in one order; two keep both directions busy. */
const clientsPerSide = 2;

interface LockMethod {
  readonly path: string;
  readonly requestSerialize: (message: object) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => object;
}
const lockRoom = guardDefinition['LockRoom'] as unknown as LockMethod;

export function guardSide(system: System, types: readonly RoomType[]): Side {
  const port = Number(system.application.grpcAddress.split(':').at(-1));
  const front = openFront(port);
  const { parts } = system.stack;
  const kafka = parts.find(({ name }) => name === 'kafka')?.pid ?? 0;
  return {
    name: 'rollguard',
    ask: front.ask,
    pids: new Map([
      ['application', system.application.pid],
      ['kafka', kafka],
    ]),
    doubleBookings: () => guardDoubles(system, types),
    close: () => {
      front.close();
      return Promise.resolve();
    },
  };
}

export interface PostgresOptions {
  readonly databaseUrl: string;
  readonly method: PeerMethod;
  readonly connections: number;
  /** Of every type. */
  readonly capacity: number;
  readonly postgresPid: number;
}

export function postgresSide(options: PostgresOptions): Side {
  const { databaseUrl, method, connections, capacity, postgresPid } = options;
  const pool = new pg.Pool({ connectionString: databaseUrl, max: connections });
  return {
    name: `postgres ${method}`,
    ask: (wish) => holdInPostgres(pool, method, { wish, capacity }).catch(() => 'ERROR'),
    pids: new Map([['postgres', postgresPid]]),
    doubleBookings: () => peerDoubles(pool, method),
    close: () => pool.end(),
  };
}

/** Grants whatever it is asked, and keeps nothing: the most that a guard behind this front could do. */
export async function frontAlone(databaseUrl: string): Promise<Side> {
  const server = forkFront([databaseUrl, 'none']);
  const front = openFront(await portOf(server));
  return {
    name: 'front alone',
    ask: front.ask,
    pids: new Map([['grpc server', server.pid ?? 0]]),
    doubleBookings: () => Promise.resolve(undefined),
    close: () => {
      front.close();
      server.disconnect();
      return Promise.resolve();
    },
  };
}

export async function postgresBehindGrpc(options: PostgresOptions): Promise<Side> {
  const { databaseUrl, method, connections, capacity, postgresPid } = options;
  const server = forkFront([databaseUrl, method, String(connections), String(capacity)]);
  const front = openFront(await portOf(server));
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  return {
    name: `postgres ${method} behind grpc`,
    ask: front.ask,
    pids: new Map([
      ['postgres', postgresPid],
      ['grpc server', server.pid ?? 0],
    ]),
    doubleBookings: () => peerDoubles(pool, method),
    close: async () => {
      front.close();
      server.disconnect();
      await pool.end();
    },
  };
}

function forkFront(args: readonly string[]): ChildProcess {
  const program = fileURLToPath(new URL('peer-server.ts', import.meta.url));
  return fork(program, args, { execArgv: ['--import', 'tsx'] });
}

function portOf(server: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('message', (message) => resolve((message as { readonly port: number }).port));
    server.once('exit', (code) =>
      reject(new Error(`the peer's server ended with ${String(code)}`)),
    );
  });
}

interface Front {
  readonly ask: (wish: Wish) => Promise<Outcome>;
  readonly close: () => void;
}

function openFront(port: number): Front {
  const clients = Array.from({ length: clientsPerSide }, () => new LeanClient(port, lockRoom.path));
  let next = 0;
  return {
    ask: async (wish) => {
      next += 1;
      const answer = await clients[next % clients.length]?.call(requestOf(wish));
      if (answer === undefined) return 'ERROR';
      return (lockRoom.responseDeserialize(answer) as { readonly status: Outcome }).status;
    },
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

function requestOf({ tenantId, roomTypeId, roomId, night, nights, key }: Wish): Buffer {
  return lockRoom.requestSerialize({
    ...{ tenantId, roomTypeId, reason: 'BENCH', idempotencyKey: key },
    ...(roomId === undefined ? {} : { roomId }),
    stayStart: dateOf(night),
    stayEnd: dateOf(night + nights),
  });
}

/** By the guard's events, as anyone can read them. */
async function guardDoubles(system: System, types: readonly RoomType[]): Promise<number> {
  const capacity = types.map(
    ({ tenantId, roomTypeId, roomIds }) => [`${tenantId}|${roomTypeId}`, roomIds.length] as const,
  );
  const verifier = new LockVerifier(new Map(capacity));
  const port = createKafkajsPort({
    brokers: system.stack.endpoints.kafkaBrokers.split(','),
    ...{ clientId: 'guard-bench', clock: systemClock, logger: silentLogger },
  });
  try {
    const ours = new Set<string>(capacity.map(([key]) => key));
    await readRanges(port, await wholeTopics(port, [eventsTopic]), ({ key, value }) => {
      if (value !== null && ours.has(String(key))) verifier.add(value);
      return true;
    });
  } finally {
    await port.close();
  }
  return verifier.violations.length;
}
