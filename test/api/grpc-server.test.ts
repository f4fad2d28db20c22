import { afterEach, describe, expect, test } from '@jest/globals';
import { status, type ServiceError } from '@grpc/grpc-js';
import type { ServiceDefinition } from '@grpc/proto-loader';
import { startGrpcServer, type GrpcServer } from '../../api/grpc/grpc-server.ts';
import {
  healthDefinition,
  healthServiceName,
  queryDefinition,
  queryServiceName,
} from '../../api/grpc/protos.ts';
import { queryService } from '../../api/grpc/query-service.ts';
import { statusDetailsOf } from '../../api/grpc/status-details.ts';
import { systemClock, type Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { LedgerAnswer, RollQueries } from '../../topology/roll/roll-queries.ts';
import { errorCodeOf } from '../support/error-code.ts';
import { GrpcClient, isServiceError, type Message } from '../support/grpc-client.ts';
import { reflectionDefinition } from '../support/reflection.ts';

const tenantId = 'tenant-1';
const reservationId = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0002';
const request = { tenantId, reservationId };
const answer: LedgerAnswer = { entries: [], position: { partition: 0, offset: 2 ** 53 - 1 } };

let grpc: GrpcServer | undefined;
let clients: GrpcClient[] = [];
let notReady: string | undefined;
let asked = 0;

afterEach(async () => {
  for (const client of clients) client.close();
  clients = [];
  notReady = undefined;
  asked = 0;
  await grpc?.close();
  grpc = undefined;
});

async function serve(
  ledger: () => Promise<LedgerAnswer | undefined>,
  clock: Clock = systemClock,
): Promise<GrpcServer> {
  const queries: RollQueries = {
    ledger: () => {
      asked += 1;
      return ledger();
    },
    property: () => Promise.reject(new Error('/secret/path is broken')),
  };
  grpc = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock },
    query: {
      implementation: queryService({ queries, clock, logger: silentLogger }),
      sources: [{ name: 'roll', notReady: () => notReady }],
    },
  });
  return grpc;
}

function clientOf(definition: ServiceDefinition): GrpcClient {
  const client = new GrpcClient(grpc!.port, definition);
  clients.push(client);
  return client;
}

const query = (): GrpcClient => clientOf(queryDefinition);
const health = (): GrpcClient => clientOf(healthDefinition);

async function failure(called: Promise<Message | ServiceError>): Promise<ServiceError> {
  const found = await called;
  if (!isServiceError(found)) throw new Error(`answered ${JSON.stringify(found)}`);
  return found;
}

function statusesOf(service: string): { readonly told: string[]; readonly ended: Promise<void> } {
  const told: string[] = [];
  const stream = health().stream('Watch', { service });
  stream.on('data', (message: Message) => told.push(String(message['status'])));
  stream.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => stream.on('end', () => resolve()));
  return { told, ended };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(10);
}

describe('a gRPC error', () => {
  test.each([
    ['NOT_READY', status.UNAVAILABLE, 1],
    ['NOT_FOUND', status.NOT_FOUND, undefined],
    ['REQUEST_INVALID', status.INVALID_ARGUMENT, undefined],
    ['STATE_DAMAGED', status.UNAVAILABLE, 1],
    ['STORE_FAILED', status.INTERNAL, undefined],
  ] as const)('%s has its status and its details', async (reason, code, retryAfterSeconds) => {
    const cause = new Error('a cause for the log');
    await serve(() => Promise.reject(new RollguardError(reason, 'said so', { cause })));
    const error = await failure(query().call('GetLedger', request));

    expect([error.code, error.details]).toEqual([code, 'said so']);
    expect(statusDetailsOf(error.metadata)).toEqual({
      reason,
      domain: 'rollguard',
      retryAfterSeconds,
    });
  });

  test('that nobody expected tells the caller nothing of its inside', async () => {
    await serve(() => Promise.resolve(answer));
    const range = { tenantId, propertyId: reservationId, from: '2026-01-01', to: '2026-01-02' };
    const error = await failure(query().call('GetDailyTotals', range));

    expect(error.code).toBe(status.INTERNAL);
    expect(error.details).not.toContain('secret');
    expect(statusDetailsOf(error.metadata)?.reason).toBe('INTERNAL');
  });
});

describe('limits of gRPC', () => {
  test('a call whose deadline is over starts no work', async () => {
    // As it is when the server's clock is ahead of the caller's by a minute.
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + 60_000 };
    await serve(() => Promise.resolve(answer), clock);
    const options = { deadline: systemClock.nowMs() + 30_000 };
    const error = await failure(query().call('GetLedger', request, options));

    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(statusDetailsOf(error.metadata)?.reason).toBe('DEADLINE_EXCEEDED');
    expect(asked).toBe(0);
  });

  test('a caller is not kept beyond its deadline', async () => {
    await serve(() => systemClock.sleep(2_000).then(() => answer));
    const options = { deadline: systemClock.nowMs() + 100 };
    const startedMs = systemClock.monotonicMs();
    const error = await failure(query().call('GetLedger', request, options));

    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(1_500);
  });

  test('a request above 1 MiB is refused without being asked', async () => {
    await serve(() => Promise.resolve(answer));
    const large = { ...request, tenantId: 'x'.repeat(1_100_000) };
    const error = await failure(query().call('GetLedger', large));

    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(asked).toBe(0);
  });

  test('a position above what 32 bits hold arrives with every digit', async () => {
    await serve(() => Promise.resolve(answer));

    expect(await query().call('GetLedger', request)).toMatchObject({
      position: { partition: 0, offset: '9007199254740991' },
    });
  });

  test('a taken port is a refusal that names GRPC_PORT', async () => {
    const { port } = await serve(() => Promise.resolve(answer));
    const taken = startGrpcServer({ host: '127.0.0.1', port, clock: systemClock });

    expect(await errorCodeOf(taken)).toBe('CONFIG_INVALID');
    await expect(taken).rejects.toThrow('GRPC_PORT');
  });
});

describe('grpc.health.v1', () => {
  test.each(['', queryServiceName])('checks %p by its readiness', async (service) => {
    await serve(() => Promise.resolve(answer));

    expect(await health().call('Check', { service })).toEqual({ status: 'SERVING' });
    notReady = 'task ledger_0 is restoring';
    expect(await health().call('Check', { service })).toEqual({ status: 'NOT_SERVING' });
  });

  test('does not know a service that is not here', async () => {
    await serve(() => Promise.resolve(answer));
    const { told } = statusesOf('other.v1.Service');
    const error = await failure(health().call('Check', { service: 'other.v1.Service' }));
    await until(() => told.length > 0);

    expect(error.code).toBe(status.NOT_FOUND);
    expect(told).toEqual(['SERVICE_UNKNOWN']);
  });

  test('tells a watcher every change, and the end', async () => {
    await serve(() => Promise.resolve(answer));
    const { told, ended } = statusesOf(queryServiceName);
    await until(() => told.length === 1);
    notReady = 'restoring';
    await until(() => told.length === 2);
    notReady = undefined;
    await until(() => told.length === 3);
    await grpc!.close();
    await ended;

    expect(told).toEqual(['SERVING', 'NOT_SERVING', 'SERVING', 'NOT_SERVING']);
  });
});

describe('stopping', () => {
  test('answers the call under way, takes no other and is not held by a watcher', async () => {
    await serve(() => systemClock.sleep(300).then(() => answer));
    const { told } = statusesOf('');
    const client = query();
    const underWay = client.call('GetLedger', request);
    await until(() => asked === 1 && told.length === 1);
    const startedMs = systemClock.monotonicMs();
    const closed = grpc!.close();
    const [answered] = await Promise.all([underWay, closed]);
    const next = await failure(
      client.call('GetLedger', request, { deadline: systemClock.nowMs() + 2_000 }),
    );

    expect(answered).toMatchObject({ reservationId });
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(4_000);
    expect([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]).toContain(next.code);
    expect(asked).toBe(1);
  });

  test('cuts off, after five seconds, a call that does not end', async () => {
    await serve(() => new Promise(() => undefined));
    const hanging = query().call('GetLedger', request);
    await until(() => asked === 1);
    const startedMs = systemClock.monotonicMs();
    await grpc!.close();
    const elapsedMs = systemClock.monotonicMs() - startedMs;

    expect((await failure(hanging)).code).not.toBe(status.OK);
    expect(elapsedMs).toBeGreaterThan(4_500);
    expect(elapsedMs).toBeLessThan(8_000);
  }, 30_000);
});

describe('reflection', () => {
  test.each(['v1', 'v1alpha'])('%s lists the services and finds their files', async (version) => {
    await serve(() => Promise.resolve(answer));
    const client = clientOf(reflectionDefinition(version));
    const replies: Message[] = [];
    const stream = client.duplex('ServerReflectionInfo');
    stream.on('data', (reply: Message) => replies.push(reply));
    stream.write({ listServices: '*' });
    stream.write({ fileContainingSymbol: queryServiceName });
    await until(() => replies.length === 2);
    stream.end();

    const listed = replies[0]!['listServicesResponse'] as { service: { name: string }[] };
    expect(listed.service.map((service) => service.name)).toEqual(
      expect.arrayContaining([queryServiceName, healthServiceName]),
    );
    const found = replies[1]!['fileDescriptorResponse'] as { fileDescriptorProto: Buffer[] };
    expect(Buffer.concat(found.fileDescriptorProto).toString('latin1')).toContain('GetDailyTotals');
  });
});
