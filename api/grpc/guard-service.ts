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

/** Reads have it from their caller only. */
const noTenant = { tenantId: undefined };

/** For the definition as `strictService` has it. */
export function guardService(options: GuardServiceOptions): UntypedServiceImplementation {
  const { operations } = options;
  return {
    LockRoom: unary(options, (fields, caller) =>
      operations.lockRoom(withWholeVersion(fields), caller),
    ),
    ReleaseRoom: unary(options, async ({ lockId, ...fields }, caller) => {
      const request = withWholeVersion(fields);
      return isNamed(lockId)
        ? releasedMessage(await operations.releaseLock(lockId, request, caller))
        : releasedAllMessage(await operations.releaseReservation(request, caller));
    }),
    BulkRelease: unary(options, (fields, caller) => operations.bulkRelease(fields, caller)),
    GetLock: unary(options, async ({ lockId }, caller) => ({
      lock: await operations.getLock(lockId, caller),
    })),
    ListLocks: unary(options, ({ allowPartial: partial, ...fields }, caller) => {
      const limit = fields['limit'] === 0 ? undefined : fields['limit'];
      return operations.listLocks({ ...fields, ...noTenant, limit, partial }, caller);
    }),
    CheckAvailability: unary(options, (fields, caller) =>
      operations.checkAvailability({ ...fields, ...noTenant }, caller),
    ),
  };
}

function unary(
  options: GuardServiceOptions,
  answer: Answer,
): (call: Call, callback: sendUnaryData<object>) => void {
  return (call, callback) => {
    const { fields } = call.request;
    const id = correlationOf(call, options);
    answer(fields, () => callerOf(call, id, options.clock)).then(
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
function correlationOf(call: Call, { random }: GuardServiceOptions): string {
  try {
    return namedCorrelation(call) ?? random.uuid();
  } catch {
    // Refused by `callerOf`; that answer has an id too.
    return random.uuid();
  }
}

/** @throws REQUEST_INVALID */
function namedCorrelation({ metadata, request }: Call): string | undefined {
  return givenCorrelation(
    metadataText(metadata, correlationHeader),
    request.fields['correlationId'],
  );
}

/** @throws REQUEST_INVALID, TENANT_MISMATCH, DEADLINE_EXCEEDED */
function callerOf(call: Call, correlationId: string, clock: Clock): Caller {
  namedCorrelation(call);
  const nowMs = clock.nowMs();
  const namedMs = deadlineMsOf(call);
  if (call.cancelled || namedMs <= nowMs) {
    throw new RollguardError('DEADLINE_EXCEEDED', 'the deadline was over before work began');
  }
  if (call.request.violation !== undefined) throw fieldError(call.request.violation);
  const named = metadataText(call.metadata, tenantHeader);
  const where = `tenant_id, or metadata ${tenantHeader},`;
  return {
    tenantId: callingTenant(named, call.request.fields['tenantId'], where),
    correlationId,
    deadlineMs: callDeadlineMs(nowMs, namedMs),
    isGone: goneCheckOf(call),
  };
}

/** A function of its own: tsx names a closure in a literal anew for every call, which is slow. */
function goneCheckOf(call: Call): () => boolean {
  return () => call.cancelled;
}

/** As text, the way the header of an HTTP request that has it twice arrives. */
function metadataText(metadata: Metadata, name: string): string {
  const values = metadata.get(name);
  return values.length === 0 ? '' : values.map(String).join(', ');
}

/** The loader gives 64-bit numbers as text; what a number does not hold exactly stays text, to be refused. */
function withWholeVersion(fields: Fields): Fields {
  const { version } = fields;
  if (typeof version !== 'string') return fields;
  const number = Number(version);
  return Number.isSafeInteger(number) ? { ...fields, version: number } : fields;
}

function isNamed(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function releasedMessage({ lock, isRepeat }: ReleasedBody): object {
  return { released: true, lock, isRepeat, locks: [lock], complete: true };
}

/** What is not complete is not released, for callers that look at nothing else. */
function releasedAllMessage(body: BulkReleasedBody): object {
  const { results, released, complete, missingPartitions } = body;
  const locks = results.flatMap(({ lock }) => (lock === null ? [] : [lock]));
  return {
    ...{ released: complete, lock: locks[0] ?? null, isRepeat: complete && released === 0, locks },
    ...{ complete, missingPartitions },
  };
}
