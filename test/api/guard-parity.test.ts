import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { errorCodes, type ErrorCode } from '../../kernel/error-codes.ts';
import type { Asked } from '../support/fake-guard.ts';
import {
  openGuardWindows,
  type Answer,
  type GuardWindows,
  type Question,
} from '../support/guard-fronts.ts';

jest.setTimeout(120_000);

const questionCount = 1_500;
let windows: GuardWindows;

beforeAll(async () => {
  windows = await openGuardWindows();
});
afterAll(() => windows.close());

const ids = Array.from({ length: 6 }, (_, n) => `0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d000${n}`);
const id = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom(...ids) },
  fc.constantFrom('nonsense', ids[0]!.toUpperCase(), ''),
);
const time = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.constantFrom(
      ...['2026-05-10', '2026-05-12', '2026-10-25T02:30:00', '2026-05-11T15:00:00+03:00'],
    ),
  },
  fc.constantFrom('2426-05-10', '2026-02-30', 'tomorrow', ''),
);
const text = fc.oneof(
  { weight: 60, arbitrary: fc.constantFrom('HOLD', 'Süd "1"', '房间 🛏️') },
  fc.constantFrom('', 'x'.repeat(201), 'a\nb'),
);
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined, freq: 2 });
const fromCaller = {
  reason: text,
  correlationId: fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('c-1', 'c 2') },
    fc.constant('c,3'),
  ),
  metadata: optional(
    fc.dictionary(fc.constantFrom('source', 'ключ', 'constructor', ''), text, { maxKeys: 2 }),
  ),
};
const version = optional(fc.constantFrom(0, 17, 2 ** 53 - 1));
const lock = fc.record({
  ...fromCaller,
  reservationId: optional(id),
  roomTypeId: id,
  roomId: optional(id),
  propertyId: optional(id),
  stayStart: time,
  stayEnd: time,
  idempotencyKey: optional(fc.constantFrom(`${ids[0]!.toUpperCase()}:2`, 'order:5', '')),
  ttlSeconds: optional(fc.constantFrom(0, 60, 2 ** 32 - 1)),
  version,
});
const release = fc.record({
  ...fromCaller,
  lockId: id.filter((each) => each !== ''),
  reservationId: optional(id),
  version,
});
const window = fc.record({ from: time, to: time });
const bulkRelease = fc
  .oneof(
    fc.record({ lockIds: fc.array(id, { maxLength: 3 }) }),
    fc.record({ reservationId: id }),
    fc.record({ reservationIds: fc.array(id, { maxLength: 3 }) }),
    fc.record({ roomId: id, window: optional(window) }),
    fc.record({ roomTypeId: id, window: optional(window) }),
    fc.record({ roomTypeId: id, lockIds: fc.array(id, { maxLength: 1 }) }),
  )
  .chain((which) => fc.record({ ...fromCaller, ...constants(which) }));
const list = fc
  .oneof(
    fc.record({ roomId: id }),
    fc.record({ roomTypeId: id }),
    fc.record({ reservationId: id }),
    fc.constant({}),
  )
  .chain((which) =>
    fc.record({
      ...constants(which),
      from: optional(time),
      to: optional(time),
      status: optional(fc.constantFrom('TENTATIVE', 'EXPIRED', 'ACTIVE', '')),
      cursor: optional(fc.constantFrom('bmV4dA', 'a b', '')),
      limit: optional(fc.constantFrom(1, 500, 501)),
      partial: optional(fc.boolean()),
    }),
  );
const availability = fc.record({ roomTypeId: id, from: time, to: time });

function constants(fields: object): Record<string, fc.Arbitrary<unknown>> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, fc.constant(value as unknown)]),
  );
}

const fieldsOf: Readonly<Record<Question['operation'], fc.Arbitrary<object>>> = {
  ...{ lock, release, bulkRelease, list, availability },
  get: fc.record({ lockId: id.filter((each) => each !== '') }),
};
const question: fc.Arbitrary<Question> = fc
  .constantFrom(...(Object.keys(fieldsOf) as Question['operation'][]))
  .chain((operation) =>
    fieldsOf[operation].map((fields) => ({
      operation,
      // Reads have no correlation id in their message over HTTP.
      fields: Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    })),
  );

/** The codes' statuses differ by front; both are in the table. */
function comparable({ status: found, ...answer }: Answer, front: 'http' | 'grpc'): object {
  if (answer.code === undefined) return { status: found, ...answer };
  const row = errorCodes[answer.code as ErrorCode];
  expect(found).toBe(front === 'http' ? row.http : status[row.grpc]);
  // Where it is missing, one is made: a random one on each front.
  return { ...answer, correlationId: answer.correlationId === '' ? 'missing' : 'some' };
}

function withoutMade(answer: object, { fields }: Question): object {
  return 'correlationId' in fields ? answer : { ...answer, correlationId: 'made' };
}

describe('the guard over gRPC and HTTP', () => {
  test(`gives equal answers to ${questionCount} random requests, refusals included`, async () => {
    const answered = new Set<string>();
    const refused = new Set<string>();
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        windows.guard.asked.length = 0;
        const overHttp = await windows.http(asked);
        const asHttp = windows.guard.asked.splice(0).map(withoutOptions);
        const overGrpc = await windows.grpc(asked);
        const asGrpc = windows.guard.asked.splice(0).map(withoutOptions);
        if (overHttp.code === undefined) answered.add(`${asked.operation} ${overHttp.status}`);
        else refused.add(overHttp.code);

        expect(withoutMade(comparable(overGrpc, 'grpc'), asked)).toEqual(
          withoutMade(comparable(overHttp, 'http'), asked),
        );
        expect(asGrpc).toEqual(asHttp);
      }),
      { numRuns: questionCount },
    );

    expect([...answered].sort()).toEqual(
      ['availability 200', 'bulkRelease 200', 'get 200', 'list 200', 'lock 200', 'lock 409'].concat(
        'release 200',
      ),
    );
    expect([...refused].sort()).toEqual([
      ...['DEADLINE_EXCEEDED', 'NOT_FOUND', 'NOT_READY', 'OUTCOME_UNKNOWN'],
      ...['PRECONDITION_FAILED', 'QUEUE_FULL', 'REQUEST_INVALID'],
    ]);
  });
});

/** What the guard was asked; deadlines and signals are the front's own. */
function withoutOptions({ operation, request }: Asked): object {
  return { operation, request };
}
