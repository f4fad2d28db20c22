/**
 * The guard's six operations as every front answers them: fields checked, the guard asked, the answer's
 * shape, measured. HTTP and gRPC only carry it, so they cannot say different things.
 */
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import { fieldError, parseFields } from '../request-fields.ts';
import { undoneError } from './bulk-release.ts';
import type { CallOptions, GuardCalls } from './guard-calls.ts';
import {
  bulkReleaseCommandOf,
  bulkReleaseFields,
  lockCommandOf,
  lockFields,
  lockIdFields,
  locksFields,
  locksQueryOf,
  nightsFields,
  nightsQueryOf,
  presentFields,
  releaseCommandOf,
  releaseFields,
  type Asker,
} from './guard-fields.ts';
import type { GuardMeter, GuardResult } from './guard-metrics.ts';
import {
  availabilityBodyOf,
  bulkReleasedBodyOf,
  conflictBodyOf,
  lockBodyOf,
  locksBodyOf,
  refusalError,
  type AvailabilityBody,
  type BulkReleasedBody,
  type LockBody,
  type LockRoomBody,
  type LocksBody,
  type ReleasedBody,
} from './lock-body.ts';

export interface Caller extends Asker, CallOptions {}

/** Who calls; what it throws is the call's answer, and counted with it. */
type FindCaller = () => Caller;

export interface GuardOperations {
  lockRoom(fields: unknown, caller: FindCaller): Promise<LockRoomBody>;
  releaseLock(lockId: unknown, fields: unknown, caller: FindCaller): Promise<ReleasedBody>;
  /** Every hold of a reservation. @throws NOT_FOUND when it has none */
  releaseReservation(fields: unknown, caller: FindCaller): Promise<BulkReleasedBody>;
  bulkRelease(fields: unknown, caller: FindCaller): Promise<BulkReleasedBody>;
  getLock(lockId: unknown, caller: FindCaller): Promise<LockBody>;
  listLocks(fields: unknown, caller: FindCaller): Promise<LocksBody>;
  checkAvailability(fields: unknown, caller: FindCaller): Promise<AvailabilityBody>;
}

export function guardOperations(calls: GuardCalls, meter: GuardMeter): GuardOperations {
  return {
    lockRoom: (fields, caller) =>
      meter.measure(
        'lockRoom',
        () => lockRoom(calls, fields, caller()),
        ({ status }) => (status === 'CONFLICT' ? 'conflict' : 'success'),
      ),
    releaseLock: (lockId, fields, caller) =>
      meter.measure('releaseLock', () => releaseLock(calls, { lockId, fields }, caller())),
    releaseReservation: (fields, caller) =>
      meter.measure('releaseLock', () => releaseReservation(calls, fields, caller()), bulkResultOf),
    bulkRelease: (fields, caller) =>
      meter.measure('bulkRelease', () => bulkRelease(calls, fields, caller()), bulkResultOf),
    getLock: (lockId, caller) => meter.measure('getLock', () => getLock(calls, lockId, caller())),
    listLocks: (fields, caller) =>
      meter.measure('listLocks', async () => {
        const { tenantId, ...options } = caller();
        const asked = parseFields(locksFields, presentFields(fields));
        const page = await calls.listLocks(locksQueryOf(asked, tenantId), options);
        return locksBodyOf(page, asked.partial === true);
      }),
    checkAvailability: (fields, caller) =>
      meter.measure('checkAvailability', async () => {
        const { tenantId, ...options } = caller();
        const query = nightsQueryOf(parseFields(nightsFields, presentFields(fields)), tenantId);
        return availabilityBodyOf(query, await calls.availability(query, options));
      }),
  };
}

async function lockRoom(calls: GuardCalls, fields: unknown, caller: Caller): Promise<LockRoomBody> {
  const command = lockCommandOf(parseFields(lockFields, presentFields(fields)), caller);
  const answer = await written(calls.lock(command, caller));
  switch (answer.status) {
    case 'LOCKED':
      return { status: 'LOCKED', lock: lockBodyOf(answer.lock), isRepeat: answer.isRepeat };
    case 'CONFLICT':
      return { status: 'CONFLICT', conflict: conflictBodyOf(answer.conflict) };
    case 'REFUSED':
      throw refusalError(answer);
  }
}

async function releaseLock(
  calls: GuardCalls,
  request: { readonly lockId: unknown; readonly fields: unknown },
  caller: Caller,
): Promise<ReleasedBody> {
  const { lockId } = parseFields(lockIdFields, presentFields({ lockId: request.lockId }));
  const fields = parseFields(releaseFields, presentFields(request.fields));
  const answer = await written(calls.release(releaseCommandOf(lockId, fields, caller), caller));
  if (answer.status === 'REFUSED') throw refusalError(answer);
  return { status: 'RELEASED', lock: lockBodyOf(answer.lock), isRepeat: answer.isRepeat };
}

async function releaseReservation(
  calls: GuardCalls,
  request: unknown,
  caller: Caller,
): Promise<BulkReleasedBody> {
  const fields = parseFields(releaseFields, presentFields(request));
  const { reservationId, reason, metadata, version } = fields;
  if (reservationId === undefined) {
    throw fieldError({ field: 'lockId', message: 'is required when there is no reservationId' });
  }
  if (version !== undefined) {
    throw fieldError({ field: 'version', message: 'goes with lockId only' });
  }
  const command = bulkReleaseCommandOf({ reservationId, reason, metadata }, caller);
  const answer = await written(calls.bulkRelease(command, caller));
  if (answer.results.length === 0) {
    // Its holds may be where nobody answers.
    if (answer.missing.length > 0) throw undoneError(answer.missing);
    const message = `no lock of reservation ${reservationId} is known for this tenant`;
    throw new RollguardError('NOT_FOUND', message);
  }
  return bulkReleasedBodyOf(answer);
}

async function bulkRelease(
  calls: GuardCalls,
  fields: unknown,
  caller: Caller,
): Promise<BulkReleasedBody> {
  const command = bulkReleaseCommandOf(
    parseFields(bulkReleaseFields, presentFields(fields)),
    caller,
  );
  return bulkReleasedBodyOf(await written(calls.bulkRelease(command, caller)));
}

/** What is incomplete may come again as it is. */
function bulkResultOf({ complete }: BulkReleasedBody): GuardResult {
  return complete ? 'success' : 'error';
}

async function getLock(
  calls: GuardCalls,
  named: unknown,
  { tenantId, ...options }: Caller,
): Promise<LockBody> {
  const { lockId } = parseFields(lockIdFields, presentFields({ lockId: named }));
  const lock = await calls.getLock({ tenantId, lockId }, options);
  if (lock !== undefined) return lockBodyOf(lock);
  throw new RollguardError('NOT_FOUND', `no lock ${lockId} is known for this tenant`);
}

/** A write whose outcome is unknown says what to do about it. */
export async function written<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!isRollguardError(error, 'OUTCOME_UNKNOWN')) throw error;
    const message = `whether it was done is unknown; repeat it with the same idempotency key: ${error.message}`;
    throw new RollguardError('OUTCOME_UNKNOWN', message, { context: error.context, cause: error });
  }
}
