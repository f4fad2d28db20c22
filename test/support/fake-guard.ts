/**
 * The guard as its fronts see it, without one: notes what it is asked, and answers with content that
 * follows from the request alone, so that two fronts can be compared.
 */
import type { BulkReleased, CallOptions, GuardCalls } from '../../api/guard/guard-calls.ts';
import type { MissingPartition } from '../../api/peers/scatter.ts';
import type { ErrorCode } from '../../kernel/error-codes.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { seededRandom, type Random } from '../../kernel/random.ts';
import type { LockAnswer, ReleaseAnswer } from '../../topology/guard/answer.ts';
import type { AuditRecord } from '../../topology/guard/audit.ts';
import type { Lock } from '../../topology/guard/lock.ts';

export interface Asked {
  readonly operation: keyof GuardCalls;
  readonly request: Readonly<Record<string, unknown>>;
  readonly options: CallOptions;
}

export interface FakeGuard extends GuardCalls {
  /** What it was asked, in order; a test may empty it. */
  readonly asked: Asked[];
  /** Answers instead of the made-up ones. */
  instead: Partial<GuardCalls>;
}

const sometimes = [
  new RollguardError('NOT_READY', 'guard_0 is restoring'),
  new RollguardError('QUEUE_FULL', 'guard_0 has 10000 calls waiting'),
  new RollguardError('OUTCOME_UNKNOWN', 'the commit got no definite answer'),
  new RollguardError('DEADLINE_EXCEEDED', 'not decided in time'),
];

export function fakeGuard(): FakeGuard {
  const asked: Asked[] = [];
  const answering =
    <Operation extends keyof GuardCalls>(
      operation: Operation,
      answer: (request: Parameters<GuardCalls[Operation]>[0], random: Random) => unknown,
    ) =>
    (request: Parameters<GuardCalls[Operation]>[0], options: CallOptions): Promise<never> => {
      asked.push({ operation, request: { ...request }, options });
      const other = guard.instead[operation] as
        ((given: typeof request, options: CallOptions) => Promise<never>) | undefined;
      if (other !== undefined) return other(request, options);
      const random = randomOf(JSON.stringify(request));
      const failure = random.next() < 0.1 ? sometimes[random.integer(sometimes.length)] : undefined;
      return failure === undefined
        ? Promise.resolve(answer(request, random) as never)
        : Promise.reject(failure);
    };
  const guard: FakeGuard = {
    asked,
    instead: {},
    lock: answering('lock', (request, random) => lockAnswer(request, random)),
    release: answering('release', (request, random) => releaseAnswer(request, random)),
    bulkRelease: answering('bulkRelease', ({ lockIds, ...request }, random) =>
      bulkAnswer(lockIds ?? [random.uuid(), random.uuid()], request, random),
    ),
    getLock: answering('getLock', (request, random) =>
      random.next() < 0.3 ? undefined : lockOf(request, random),
    ),
    listLocks: answering('listLocks', (request, random) => ({
      locks: Array.from({ length: random.integer(4) }, () => lockOf(request, random)),
      nextCursor: random.next() < 0.5 ? undefined : 'bmV4dA',
      missing: random.next() < 0.3 ? [missingPartition(1), missingPartition(3)] : [],
    })),
    availability: answering('availability', ({ from }, random) =>
      Array.from({ length: random.integer(4) }, () => ({
        date: from,
        capacity: random.next() < 0.3 ? undefined : random.integer(50),
        held: random.integer(60),
      })),
    ),
    lockAudit: answering('lockAudit', ({ lockId, tenantIds }, random) =>
      tenantIds.slice(0, 1).map((tenantId) => auditRecordOf({ lockId, tenantId }, random)),
    ),
    searchAudit: answering('searchAudit', ({ tenantIds }, random) => ({
      records: tenantIds.map((tenantId) =>
        auditRecordOf({ lockId: random.uuid(), tenantId }, random),
      ),
      missing: [],
    })),
  };
  return guard;
}

export function missingPartition(
  partition: number,
  code: ErrorCode = 'NOT_READY',
): MissingPartition {
  const task = `guard_${partition}`;
  return { task, partition, error: new RollguardError(code, `${task} is not served`) };
}

type Request = { readonly [Field in keyof Lock]?: Lock[Field] | undefined };

export function lockOf(request: Request, random: Random): Lock {
  const maybe = <T>(value: T): T | undefined => (random.next() < 0.5 ? undefined : value);
  const grantedAtMs = random.integer(2 ** 40);
  return {
    lockId: request.lockId ?? random.uuid(),
    tenantId: request.tenantId ?? random.uuid(),
    reservationId: request.reservationId,
    roomTypeId: request.roomTypeId ?? random.uuid(),
    roomId: request.roomId,
    propertyId: maybe(random.uuid()),
    slot: `Süd "${random.integer(9)}"`,
    iteration: random.integer(3),
    stayStartMs: random.integer(2 ** 41),
    stayEndMs: random.integer(2 ** 41),
    nights: ['2026-05-10', '2026-05-11'].slice(random.integer(2)),
    status: (['TENTATIVE', 'CONFIRMED', 'RELEASED', 'EXPIRED'] as const)[random.integer(4)]!,
    reason: request.reason ?? 'HOLD',
    actor: request.actor ?? 'api',
    correlationId: request.correlationId,
    metadata: request.metadata ?? {},
    grantedAtMs,
    expiresAtMs: maybe(grantedAtMs + 1),
    releasedAtMs: maybe(grantedAtMs + 2),
    releaseReason: maybe('GUEST_CANCELLED'),
    version: random.integer(2 ** 53),
  };
}

export function auditRecordOf(
  of: Pick<AuditRecord, 'lockId' | 'tenantId'>,
  random: Random,
): AuditRecord {
  return {
    ...of,
    ...{ auditId: random.uuid(), version: random.integer(99), action: 'CREATED' },
    ...{ actor: { id: 'api' }, reason: 'HOLD', correlationId: undefined },
    ...{ reservationId: random.uuid(), atMs: random.integer(2 ** 40) },
  };
}

function lockAnswer(request: Request, random: Random): LockAnswer {
  const kind = random.next();
  if (kind < 0.5) {
    return { status: 'LOCKED', lock: lockOf(request, random), isRepeat: random.next() < 0.5 };
  }
  if (kind < 0.8) {
    const blockingLock = random.next() < 0.5 ? undefined : lockOf(request, random);
    const conflict = { reason: 'ROOM_HELD' as const, blockingLock, nights: ['2026-05-10'] };
    return { status: 'CONFLICT', conflict };
  }
  return kind < 0.9
    ? { status: 'REFUSED', code: 'REQUEST_INVALID', field: 'stayEnd', message: 'is over' }
    : { status: 'REFUSED', code: 'PRECONDITION_FAILED', field: 'version', message: 'is 18 by now' };
}

function releaseAnswer(request: Request, random: Random): ReleaseAnswer {
  const kind = random.next();
  if (kind < 0.6) {
    return { status: 'RELEASED', lock: lockOf(request, random), isRepeat: random.next() < 0.5 };
  }
  return kind < 0.8
    ? { status: 'REFUSED', code: 'NOT_FOUND', field: undefined, message: 'no such lock' }
    : { status: 'REFUSED', code: 'PRECONDITION_FAILED', field: 'version', message: 'is 18 by now' };
}

function bulkAnswer(lockIds: readonly string[], request: Request, random: Random): BulkReleased {
  const results = lockIds.map((lockId) => {
    const outcome = (['RELEASED', 'ALREADY_ENDED', 'NOT_FOUND'] as const)[random.integer(3)]!;
    const lock = outcome === 'NOT_FOUND' ? undefined : lockOf({ ...request, lockId }, random);
    return { lockId, outcome, lock };
  });
  if (random.next() < 0.7) return { results, missing: [] };
  const lost = { lockId: random.uuid(), outcome: 'UNKNOWN' as const, lock: undefined };
  const missing = [missingPartition(1), missingPartition(3, 'OUTCOME_UNKNOWN')];
  return { results: [...results, lost], missing };
}

function randomOf(text: string): Random {
  let seed = 7;
  for (const character of text) seed = (seed * 31 + character.charCodeAt(0)) >>> 0;
  return seededRandom(seed);
}
