import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  Metadata,
  credentials,
  makeGenericClientConstructor,
  status,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync, type ServiceDefinition } from '@grpc/proto-loader';
import fc from 'fast-check';
import { protoPath as healthProto } from 'grpc-health-check';
import {
  queryPackage,
  queryServiceName,
  startGrpcServer,
  type GrpcServer,
} from '../../api/grpc/grpc-server.ts';
import { queryService } from '../../api/grpc/query-service.ts';
import { reasonOf } from '../../api/grpc/status-details.ts';
import { startHttpServer, type HttpServer } from '../../api/http-server.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import type { StoredEntry } from '../../topology/roll/diff.ts';
import type { PropertyDay, RollQueries } from '../../topology/roll/roll-queries.ts';
import { errorCodeOf } from '../support/error-code.ts';

jest.setTimeout(60_000);

const ids = Array.from({ length: 8 }, (_, n) => `0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d000${n}`);
const queryCount = 1_000;
let isReady = true;
let http: HttpServer;
let grpc: GrpcServer;

/** Content that follows from the ids alone, so that both fronts ask the same. */
const queries: RollQueries = {
  ledger: (tenantId, reservationId) => {
    const random = randomOf(tenantId + reservationId);
    if (random.next() < 0.2) {
      return Promise.reject(new RollguardError('NOT_READY', 'ledger_0 is restoring'));
    }
    if (random.next() < 0.3) return Promise.resolve(undefined);
    const entries = Array.from({ length: random.integer(4) }, () =>
      entryOf(tenantId, reservationId, random),
    );
    return Promise.resolve({
      entries,
      position: { partition: random.integer(4), offset: random.integer(2 ** 40) },
    });
  },
  property: ({ tenantId, propertyId, from }) => {
    const random = randomOf(tenantId + propertyId + from);
    return Promise.resolve({
      days: Array.from({ length: random.integer(3) }, () => dayOf(from, random)),
      zone: random.next() < 0.5 ? undefined : 'Europe/Helsinki',
      lastClosedDate: random.next() < 0.5 ? undefined : from,
      position: { partition: random.integer(4), offset: random.integer(2 ** 40) },
    });
  },
};

function randomOf(text: string): Random {
  let seed = 7;
  for (const character of text) seed = (seed * 31 + character.charCodeAt(0)) >>> 0;
  return seededRandom(seed);
}

function entryOf(tenantId: string, reservationId: string, random: Random): StoredEntry {
  const entry = {
    ...{ tenantId, reservationId, ledgerId: random.uuid(), propertyId: random.uuid() },
    lifecycleEventId: random.uuid(),
    rollType: (['EOD', 'CHECKOUT', 'CANCEL', 'NO_SHOW'] as const)[random.integer(4)]!,
    rollDate: '2026-03-28',
    businessDate: '2026-03-29',
    occurredMicros: random.integer(2 ** 50),
    sourceEventType: 'reservation.check_out',
    eventPayload: JSON.stringify({ night: '2026-03-28', zimmer: 'Süd "1"', n: random.integer(9) }),
    amountMinor: random.integer(2 ** 52) - 2 ** 40,
    currency: 'EUR',
    revision: random.uuid(),
  };
  return { entry, createdAtMs: random.integer(2 ** 40), updatedAtMs: random.integer(2 ** 40) };
}

function dayOf(businessDate: string, random: Random): PropertyDay {
  const count = (): number => random.integer(50) - 2;
  return {
    businessDate,
    ...{ roomsSold: count(), arrivals: count(), departures: count() },
    ...{ cancellations: count(), noShows: count() },
    revenueMinor:
      random.next() < 0.2 ? {} : { EUR: random.integer(2 ** 48), ISK: -random.integer(9) },
    occupancy: random.next() < 0.3 ? undefined : random.next(),
  };
}

interface Watch {
  on(event: string, listener: (message: { status: number | string }) => void): void;
  cancel(): void;
}

const Query = makeGenericClientConstructor(
  queryPackage()[queryServiceName] as ServiceDefinition,
  queryServiceName,
);
let client: InstanceType<typeof Query>;

beforeAll(async () => {
  http = await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, logger: silentLogger },
    routes: [ledgerRoutes(queries)],
  });
  grpc = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock },
    query: queryService({ queries, clock: systemClock, logger: silentLogger }),
    sources: [{ name: 'roll', notReady: () => (isReady ? undefined : 'restoring') }],
  });
  client = new Query(`127.0.0.1:${grpc.port}`, credentials.createInsecure());
});

afterAll(async () => {
  client.close();
  await Promise.all([http.close(), grpc.close()]);
});

interface Question {
  readonly tenantId: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** The answer as HTTP's JSON, or the code of the error. */
type Answer = { readonly body: unknown; readonly position: string } | { readonly code: string };

async function askHttp({ tenantId, fields }: Question): Promise<Answer> {
  const { reservationId, ...query } = fields;
  const path =
    reservationId === undefined
      ? `/v1/ledgers?${new URLSearchParams(query).toString()}`
      : `/v1/ledgers/${encodeURIComponent(reservationId)}`;
  const headers = { 'x-tenant-id': tenantId };
  const response = await fetch(`http://127.0.0.1:${http.port}${path}`, { headers });
  const body = (await response.json()) as { code: string };
  if (!response.ok) return { code: body.code };
  return { body, position: response.headers.get('x-rollguard-position') ?? '' };
}

type Message = Readonly<Record<string, unknown>>;
type Done = (error: ServiceError | null, answer: Message) => void;
type Unary = (request: object, metadata: Metadata, done: Done) => void;

async function askGrpc({ tenantId, fields }: Question, metadata = new Metadata()): Promise<Answer> {
  const method = 'reservationId' in fields ? 'GetLedger' : 'GetDailyTotals';
  try {
    const call = (client[method] as unknown as Unary).bind(client);
    const message = await new Promise<Message>((resolve, reject) =>
      call({ ...fields, tenantId }, metadata, (error, answer) =>
        error === null ? resolve(answer) : reject(error),
      ),
    );
    const { partition, offset } = message['position'] as Message;
    const body = method === 'GetLedger' ? ledgerOf(message) : totalsOf(message);
    return { body, position: `${String(partition)}:${String(offset)}` };
  } catch (error) {
    return { code: reasonOf((error as ServiceError).metadata) ?? String(error) };
  }
}

function ledgerOf({ tenantId, reservationId, entries }: Message): unknown {
  const bodies = (entries as readonly Message[]).map((entry) => ({
    ...entry,
    eventPayload: JSON.parse(String(entry['eventPayload'])) as unknown,
    amountMinor: Number(entry['amountMinor']),
  }));
  return { tenantId, reservationId, entries: bodies };
}

function totalsOf(message: Message): unknown {
  const { tenantId, propertyId, from, to, totals, days } = message;
  return {
    ...{ tenantId, propertyId, from, to },
    timeZone: message['timeZone'] ?? null,
    lastClosedDate: message['lastClosedDate'] ?? null,
    totals: countsOf(totals as Message),
    days: (days as readonly Message[]).map(({ businessDate, counts, occupancy }) => ({
      businessDate,
      ...countsOf(counts as Message),
      occupancy: occupancy ?? null,
    })),
  };
}

function countsOf({ revenueMinor, ...counts }: Message): Message {
  const numbers = (values: Message): Message =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, Number(value)]));
  return { ...numbers(counts), revenueMinor: numbers(revenueMinor as Message) };
}

const id = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...ids) },
  fc.constantFrom('nonsense', ids[0]!.toUpperCase(), '0', 'a b/c?d'),
);
const date = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('2026-01-01', '2026-03-29', '2026-12-31', '2032-02-29') },
  fc.constantFrom('2026-02-30', 'yesterday', '20260101', ''),
);
const tenant = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...ids) },
  fc.constantFrom('a,b', 'x'.repeat(300), 'tenant one'),
);
const question: fc.Arbitrary<Question> = fc.oneof(
  fc.record({ tenantId: tenant, fields: fc.record({ reservationId: id }) }),
  fc.record({ tenantId: tenant, fields: fc.record({ propertyId: id, from: date, to: date }) }),
);

describe('gRPC and HTTP', () => {
  test(`give equal answers to ${queryCount} random queries, refusals included`, async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        const [overHttp, overGrpc] = await Promise.all([askHttp(asked), askGrpc(asked)]);
        const kind = 'code' in overHttp ? overHttp.code : 'answered';
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
        expect(overGrpc).toEqual(overHttp);
      }),
      { numRuns: queryCount },
    );

    expect([...seen.keys()].sort()).toEqual([
      'NOT_FOUND',
      'NOT_READY',
      'REQUEST_INVALID',
      'answered',
    ]);
  });
});

describe('gRPC', () => {
  const fields = { propertyId: ids[0]!, from: '2026-01-01', to: '2026-01-02' };

  test('takes the tenant from the metadata, and refuses two that differ', async () => {
    const metadata = new Metadata();
    metadata.set('x-tenant-id', ids[1]!);
    const asked = { tenantId: ids[1]!, fields };

    expect(await askGrpc({ tenantId: '', fields }, metadata)).toEqual(await askHttp(asked));
    expect(await askGrpc(asked, metadata)).toEqual(await askHttp(asked));
    expect(await askGrpc({ tenantId: ids[2]!, fields }, metadata)).toEqual({
      code: 'REQUEST_INVALID',
    });
    expect(await askGrpc({ tenantId: '', fields })).toEqual({ code: 'REQUEST_INVALID' });
  });

  test('tells its health, and when it changes', async () => {
    const Health = makeGenericClientConstructor(
      loadSync(healthProto)['grpc.health.v1.Health'] as ServiceDefinition,
      'Health',
    );
    const health = new Health(`127.0.0.1:${grpc.port}`, credentials.createInsecure());
    const told: string[] = [];
    const watch = (health['Watch'] as unknown as (request: object) => Watch).call(health, {
      service: queryServiceName,
    });
    watch.on('data', ({ status }) => told.push(String(status)));
    watch.on('error', () => undefined);
    const until = async (count: number): Promise<void> => {
      while (told.length < count) await systemClock.sleep(20);
    };
    await until(1);
    isReady = false;
    await until(2);
    isReady = true;
    await until(3);
    watch.cancel();
    health.close();

    expect(told.slice(-2)).toEqual(['2', '1']);
  });

  test('does not begin on a call whose deadline is over', async () => {
    let asked = 0;
    const counting = { ...queries, ledger: () => Promise.reject(new Error(String((asked += 1)))) };
    const service = queryService({ queries: counting, clock: systemClock, logger: silentLogger });
    const call = {
      ...{ request: {}, metadata: new Metadata(), cancelled: false },
      ...{ getDeadline: () => Date.now() - 1, getPath: () => '' },
    };
    type Handler = (
      call: object,
      done: (error: Pick<ServiceError, 'code' | 'metadata'>) => void,
    ) => void;
    const error = await new Promise<Pick<ServiceError, 'code' | 'metadata'>>((resolve) =>
      (service['GetLedger'] as unknown as Handler)(call, resolve),
    );

    expect([error.code, reasonOf(error.metadata), asked]).toEqual([
      status.DEADLINE_EXCEEDED,
      'DEADLINE_EXCEEDED',
      0,
    ]);
  });

  test('names GRPC_PORT when the port is taken', async () => {
    const taken = startGrpcServer({
      ...{ host: '127.0.0.1', port: grpc.port, clock: systemClock, sources: [] },
      query: queryService({ queries, clock: systemClock, logger: silentLogger }),
    });

    expect(await errorCodeOf(taken)).toBe('CONFIG_INVALID');
    await expect(taken).rejects.toThrow('GRPC_PORT');
  });
});
