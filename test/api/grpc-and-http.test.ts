import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { Metadata } from '@grpc/grpc-js';
import fc from 'fast-check';
import { startGrpcServer, type GrpcServer } from '../../api/grpc/grpc-server.ts';
import { queryDefinition } from '../../api/grpc/protos.ts';
import { queryService } from '../../api/grpc/query-service.ts';
import { statusDetailsOf } from '../../api/grpc/status-details.ts';
import { startHttpServer, type HttpServer } from '../../api/http-server.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { systemClock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import type { StoredEntry } from '../../topology/roll/diff.ts';
import type { PropertyDay, ReadPosition, RollQueries } from '../../topology/roll/roll-queries.ts';
import { GrpcClient, isServiceError, type Message } from '../support/grpc-client.ts';

jest.setTimeout(60_000);

const ids = Array.from({ length: 8 }, (_, n) => `0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d000${n}`);
const queryCount = 1_000;
let http: HttpServer;
let grpc: GrpcServer;

const restoring = new RollguardError('NOT_READY', 'ledger_0 is restoring');

/** Content that follows from the ids alone, so that both fronts ask the same. */
const queries: RollQueries = {
  ledger: ({ tenantId, reservationId }) => {
    const random = randomOf(tenantId + reservationId);
    if (random.next() < 0.2) return Promise.reject(restoring);
    if (random.next() < 0.3) return Promise.resolve(undefined);
    const entries = Array.from({ length: random.integer(4) }, () =>
      entryOf(tenantId, reservationId, random),
    );
    return Promise.resolve({ entries, position: positionOf(random) });
  },
  property: ({ tenantId, propertyId, from }) => {
    const random = randomOf(tenantId + propertyId + from);
    if (random.next() < 0.1) return Promise.reject(restoring);
    return Promise.resolve({
      days: Array.from({ length: random.integer(3) }, () => dayOf(from, random)),
      zone: random.next() < 0.5 ? undefined : 'Europe/Helsinki',
      lastClosedDate: random.next() < 0.5 ? undefined : from,
      position: positionOf(random),
    });
  },
};

function randomOf(text: string): Random {
  let seed = 7;
  for (const character of text) seed = (seed * 31 + character.charCodeAt(0)) >>> 0;
  return seededRandom(seed);
}

function positionOf(random: Random): ReadPosition {
  return { partition: random.integer(4), offset: random.integer(2 ** 40) };
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

let client: GrpcClient;

beforeAll(async () => {
  http = await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock, logger: silentLogger },
    routes: [ledgerRoutes(queries)],
  });
  grpc = await startGrpcServer({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock },
    query: {
      implementation: queryService({ queries, clock: systemClock, logger: silentLogger }),
      sources: [{ name: 'roll', notReady: () => undefined }],
    },
  });
  client = new GrpcClient(grpc.port, queryDefinition);
});

afterAll(async () => {
  client.close();
  await Promise.all([http.close(), grpc.close()]);
});

interface Question {
  readonly tenantId: string;
  /** In gRPC; HTTP has one place for it. */
  readonly tenantIn: 'message' | 'metadata' | 'both';
  readonly fields: Readonly<Record<string, string>>;
}

/** The answer as HTTP's JSON, or what is said about the error. */
type Answer =
  | { readonly body: unknown; readonly position: string }
  | { readonly code: string; readonly retryAfterSeconds: number | undefined };

async function askHttp({ tenantId, fields }: Question): Promise<Answer> {
  const { reservationId, ...query } = fields;
  const path =
    reservationId === undefined
      ? `/v1/ledgers?${new URLSearchParams(query).toString()}`
      : `/v1/ledgers/${encodeURIComponent(reservationId)}`;
  const headers = { 'x-tenant-id': tenantId };
  const response = await fetch(`http://127.0.0.1:${http.port}${path}`, { headers });
  const body = (await response.json()) as { code: string };
  if (!response.ok) {
    const retryAfter = response.headers.get('retry-after');
    return { code: body.code, retryAfterSeconds: retryAfter === null ? undefined : +retryAfter };
  }
  return { body, position: response.headers.get('x-rollguard-position') ?? '' };
}

async function askGrpc({ tenantId, tenantIn, fields }: Question): Promise<Answer> {
  const metadata = new Metadata();
  if (tenantIn !== 'message') metadata.set('x-tenant-id', tenantId);
  return sayGrpc({ ...fields, tenantId: tenantIn === 'metadata' ? '' : tenantId }, metadata);
}

async function sayGrpc(message: Message, metadata = new Metadata()): Promise<Answer> {
  const method = 'reservationId' in message ? 'GetLedger' : 'GetDailyTotals';
  const found = await client.call(method, message, { metadata });
  if (isServiceError(found)) {
    const details = statusDetailsOf(found.metadata);
    return {
      code: details?.reason ?? found.message,
      retryAfterSeconds: details?.retryAfterSeconds,
    };
  }
  const { position, ...body } = found;
  const { partition, offset } = position as Message;
  return {
    body: method === 'GetLedger' ? ledgerOf(body) : totalsOf(body),
    position: `${String(partition)}:${String(offset)}`,
  };
}

function ledgerOf({ entries, ...ids }: Message): unknown {
  const bodies = (entries as readonly Message[]).map((entry) => ({
    ...entry,
    eventPayload: JSON.parse(String(entry['eventPayload'])) as unknown,
    amountMinor: Number(entry['amountMinor']),
  }));
  return { ...ids, entries: bodies };
}

function totalsOf({ totals, days, timeZone, lastClosedDate, ...rest }: Message): unknown {
  // The loader's names of what is optional (`_timeZone`) are no part of the message.
  const query = Object.entries(rest).filter(([name]) => !name.startsWith('_'));
  return {
    ...Object.fromEntries(query),
    timeZone: timeZone ?? null,
    lastClosedDate: lastClosedDate ?? null,
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
const anyDay = fc
  .date({ min: new Date('2019-01-01'), max: new Date('2034-12-31'), noInvalidDate: true })
  .map((day) => day.toISOString().slice(0, 10));
const date = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('2026-01-01', '2026-03-29', '2026-12-31', '2032-02-29') },
  { weight: 3, arbitrary: anyDay },
  fc.constantFrom('2026-02-30', 'yesterday', '20260101', ''),
);
const tenant = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...ids) },
  fc.constantFrom('a,b', 'x'.repeat(200), 'x'.repeat(201), 'tenant one', 'ü', ''),
);
const fields = fc.oneof(
  fc.record({ reservationId: id }),
  fc.record({ propertyId: id, from: date, to: date }),
);
const question: fc.Arbitrary<Question> = fc
  .record({
    tenantId: tenant,
    tenantIn: fc.constantFrom('message' as const, 'metadata' as const, 'both' as const),
    fields,
  })
  // The client library refuses to send anything else as metadata.
  .map((asked) => (/^[ -~]*$/.test(asked.tenantId) ? asked : { ...asked, tenantIn: 'message' }));

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

describe('the tenant of a gRPC call', () => {
  const range = { propertyId: ids[0]!, from: '2026-01-01', to: '2026-01-02' };
  const refused = { code: 'REQUEST_INVALID', retryAfterSeconds: undefined };

  test('is refused when message and metadata name different ones', async () => {
    const metadata = new Metadata();
    metadata.set('x-tenant-id', ids[1]!);

    expect(await sayGrpc({ ...range, tenantId: ids[2]! }, metadata)).toEqual(refused);
  });

  test('is refused when the metadata has it twice, even if alike', async () => {
    const metadata = new Metadata();
    metadata.add('x-tenant-id', ids[1]!);
    metadata.add('x-tenant-id', ids[1]!);

    expect(await sayGrpc({ ...range, tenantId: '' }, metadata)).toEqual(refused);
    expect(await sayGrpc({ ...range, tenantId: ids[1]! }, metadata)).toEqual(refused);
  });

  test('must be named', async () => {
    expect(await sayGrpc({ ...range, tenantId: '' })).toEqual(refused);
  });
});
