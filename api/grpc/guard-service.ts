/** `availabilityguard.v1.AvailabilityGuard`: decodes, asks what HTTP asks, encodes. */
import {
  Metadata,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
  type sendUnaryData,
} from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { Random } from '../../kernel/random.ts';
import {
  callDeadlineMs,
  callingTenant,
  correlationHeader,
  givenCorrelation,
} from '../guard/caller.ts';
import type { Caller, GuardOperations } from '../guard/guard-operations.ts';
import type { BulkReleasedBody, ReleasedBody } from '../guard/lock-body.ts';
import { fieldError, tenantHeader } from '../request-fields.ts';
import { deadlineMsOf } from './call-deadline.ts';
import { grpcErrorOf } from './status-details.ts';
import type { StrictRequest } from './strict-requests.ts';

export interface GuardServiceOptions {
  readonly operations: GuardOperations;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of correlation ids. */
  readonly random: Random;
}

type Fields = StrictRequest['fields'];
type Call = ServerUnaryCall<StrictRequest, object>;
type Answer = (fields: Fields, caller: () => Caller) => Promise<object>;

/** For the definition as `strictService` has it. */
export function guardService(options: GuardServiceOptions): UntypedServiceImplementation {
  const { operations } = options;
  return {
    LockRoom: unary(options, (fields, caller) =>
      operations.lockRoom({ ...fields, version: wholeNumber(fields['version']) }, caller),
    ),
    ReleaseRoom: unary(options, async ({ lockId, ...fields }, caller) => {
      const request = { ...fields, version: wholeNumber(fields['version']) };
      return isNamed(lockId)
        ? releasedMessage(await operations.releaseLock(lockId, request, caller))
        : releasedAllMessage(await operations.releaseReservation(request, caller));
    }),
    BulkRelease: unary(options, (fields, caller) => operations.bulkRelease(fields, caller)),
    GetLock: unary(options, async ({ lockId }, caller) => ({
      lock: await operations.getLock(lockId, caller),
    })),
    ListLocks: unary(options, ({ limit, ...fields }, caller) =>
      operations.listLocks(limit === 0 ? fields : { ...fields, limit }, caller),
    ),
    CheckAvailability: unary(options, (fields, caller) =>
      operations.checkAvailability(fields, caller),
    ),
  };
}

function unary(
  options: GuardServiceOptions,
  answer: Answer,
): (call: Call, callback: sendUnaryData<object>) => void {
  return (call, callback) => {
    const { tenantId, correlationId, ...fields } = call.request.fields;
    const id = correlationOf(call, correlationId, options);
    answer(fields, () => {
      givenCorrelation(metadataText(call.metadata, correlationHeader), correlationId);
      return callerOf(call, { tenantId, correlationId: id }, options.clock);
    }).then(
      (message) => {
        sendCorrelation(call, id);
        callback(null, message);
      },
      (error: unknown) => {
        if (!isRollguardError(error)) {
          options.logger.error('call failed', { path: call.getPath(), error });
        }
        sendCorrelation(call, id);
        callback(grpcErrorOf(error));
      },
    );
  };
}

function sendCorrelation(call: Call, id: string): void {
  const metadata = new Metadata();
  metadata.set(correlationHeader, id);
  call.sendMetadata(metadata);
}

/** The one that was given, if it is one, else a new one. */
function correlationOf(call: Call, field: unknown, { random }: GuardServiceOptions): string {
  try {
    return givenCorrelation(metadataText(call.metadata, correlationHeader), field) ?? random.uuid();
  } catch {
    // Refused by `callerOf`; that answer has an id too.
    return random.uuid();
  }
}

/** @throws REQUEST_INVALID, TENANT_MISMATCH, DEADLINE_EXCEEDED */
function callerOf(
  call: Call,
  { tenantId, correlationId }: { readonly tenantId: unknown; readonly correlationId: string },
  clock: Clock,
): Caller {
  const nowMs = clock.nowMs();
  const namedMs = deadlineMsOf(call);
  if (call.cancelled || namedMs <= nowMs) {
    throw new RollguardError('DEADLINE_EXCEEDED', 'the deadline was over before work began');
  }
  if (call.request.violation !== undefined) throw fieldError(call.request.violation);
  const named = metadataText(call.metadata, tenantHeader);
  const where = `tenant_id, or metadata ${tenantHeader},`;
  return {
    tenantId: callingTenant(named, tenantId, where),
    correlationId,
    deadlineMs: callDeadlineMs(nowMs, namedMs),
    isGone: () => call.cancelled,
  };
}

/** As text, the way the header of an HTTP request that has it twice arrives. */
function metadataText(metadata: Metadata, name: string): string {
  return metadata.get(name).map(String).join(', ');
}

/** The loader gives 64-bit numbers as text; what a number does not hold exactly stays text, to be refused. */
function wholeNumber(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function isNamed(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function releasedMessage({ lock, isRepeat }: ReleasedBody): object {
  return { released: true, lock, isRepeat, locks: [lock] };
}

function releasedAllMessage({ results, released }: BulkReleasedBody): object {
  const locks = results.flatMap(({ lock }) => (lock === null ? [] : [lock]));
  return { released: true, lock: locks[0] ?? null, isRepeat: released === 0, locks };
}
