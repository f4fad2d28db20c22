/**
 * The guard's requests as every front takes them: shape and bounds of each field, and the commands and
 * queries they become. What can be known without the guard's state is refused here, naming the field.
 */
import { z } from 'zod';
import type {
  BulkReleaseCommand,
  LockCommand,
  ReleaseCommand,
} from '../../topology/guard/command.ts';
import { sameCaseKey } from '../../topology/guard/slot.ts';
import { fieldError, headerText } from '../request-fields.ts';
import type { LocksQuery, NightsQuery } from './guard-calls.ts';
import { instantMsOf, isoTime, stayProblem } from './stay-fields.ts';

/** Of a page of locks. */
const pageLimitMax = 500;
const pageLimitDefault = 100;
/** Ids of one bulk release; 39 bytes each keep it well below the largest body. */
const bulkIdsMax = 10_000;
export const textLengthMax = 200;
const metadataEntriesMax = 32;
const metadataNameLengthMax = 100;
const metadataValueLengthMax = 500;
/** Three years of nights in one answer. */
const rangeNightsMax = 1_100;
const uint32Max = 2 ** 32 - 1;
const dayMs = 86_400_000;

/** Until callers prove who they are. */
const apiActor = 'api';

export const exampleIds = {
  lockId: '1c000000-0000-8000-8000-000000000001',
  reservationId: '5e000000-0000-4000-8000-000000000001',
  roomTypeId: '4e000000-0000-4000-8000-000000000001',
  roomId: '3e000000-0000-4000-8000-000000000001',
};

export const id = z.guid('must be a UUID').toLowerCase();
const roomTypeId = id.meta({ examples: [exampleIds.roomTypeId] });
const roomId = id.meta({ examples: [exampleIds.roomId] });
export const text = (lengthMax: number): z.ZodString => {
  const message = `must be text of 1 to ${lengthMax} characters, without control characters`;
  return (
    z
      .string(message)
      .max(lengthMax, message)
      // Cs: halves of a surrogate pair, which UTF-8 cannot carry.
      .regex(/^[^\p{Cc}\p{Cs}]+$/u, message)
  );
};
const date = z.iso.date('must be a date like 2026-03-29');
const wholeNumber = (max: number): z.ZodNumber => {
  const message = `must be a whole number from 0 to ${max}`;
  return z.int(message).min(0, message).max(max, message);
};
const version = wholeNumber(Number.MAX_SAFE_INTEGER).describe(
  "only if this is the lock's current version",
);

const metadataRule = `must be text of at most ${metadataValueLengthMax} characters, without control characters`;
const metadataValue = z
  .string(metadataRule)
  .max(metadataValueLengthMax, metadataRule)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u, metadataRule);
const metadata = z
  .record(text(metadataNameLengthMax), metadataValue, 'must be an object of texts')
  .refine((entries) => Object.keys(entries).length <= metadataEntriesMax, {
    message: `must have at most ${metadataEntriesMax} entries`,
  })
  .describe("the caller's own, kept with the lock");

export const fromCaller = {
  tenantId: z.string('must be text').optional().describe('as the header x-tenant-id'),
  reason: text(textLengthMax)
    .describe('why, for whoever asks later')
    .meta({ examples: ['HOLD'] }),
  correlationId: headerText(textLengthMax).optional().describe('instead of x-correlation-id'),
  metadata: metadata.optional(),
};

export const strict = <Shape extends z.ZodRawShape>(
  shape: Shape,
): z.ZodObject<Shape, z.core.$strict> =>
  z.strictObject(shape, {
    error: (issue) => (isKeyIssue(issue) ? undefined : 'must be an object'),
  });

function isKeyIssue({ code }: { readonly code?: string | undefined }): boolean {
  return code === 'unrecognized_keys';
}

export const lockFields = strict({
  ...fromCaller,
  reservationId: id.optional(),
  roomTypeId,
  roomId: roomId.optional().describe('absent: any room of the type'),
  propertyId: id.optional().describe('absent: taken from the captured rooms'),
  stayStart: isoTime.meta({
    description:
      "ISO 8601: a date (the property's check-in time), or a time; without a zone it is UTC",
    examples: ['2026-05-10'],
  }),
  stayEnd: isoTime.meta({
    description: 'as stayStart, with the check-out time; not included',
    examples: ['2026-05-12'],
  }),
  idempotencyKey: text(textLengthMax).optional().describe('names the slot; see reservationId'),
  ttlSeconds: wholeNumber(uint32Max)
    .optional()
    .describe('a tentative hold expires after that; 0 or absent: the default'),
  version: version.optional(),
})
  .refine(({ reservationId, idempotencyKey }) => (reservationId ?? idempotencyKey) !== undefined, {
    path: ['reservationId'],
    message: 'is required when there is no idempotencyKey',
  })
  .superRefine((stay, context) => {
    const message = stayProblem(stay);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['stayEnd'], message });
  })
  .meta({ examples: [lockExample()] });

export const lockIdFields = strict({ lockId: id.meta({ examples: [exampleIds.lockId] }) });

export const releaseFields = strict({
  ...fromCaller,
  reservationId: id.optional().describe("when given, the lock must be this reservation's"),
  version: version.optional(),
}).meta({ examples: [{ reason: 'GUEST_CANCELLED', version: 17 }] });

const window = strict({ from: isoTime, to: isoTime })
  .refine(({ from, to }) => instantMsOf(from) < instantMsOf(to), {
    path: ['to'],
    message: 'must be after from',
  })
  .describe('holds whose stay overlaps from ≤ t < to; a date is its start in UTC');

export const bulkReleaseFields = strict({
  ...fromCaller,
  lockIds: z
    .array(id, 'must be a list of UUIDs')
    .max(bulkIdsMax, `must be at most ${bulkIdsMax} ids`)
    .optional(),
  reservationId: id.optional(),
  reservationIds: z
    .array(id, 'must be a list of UUIDs')
    .max(bulkIdsMax, `must be at most ${bulkIdsMax} ids`)
    .optional(),
  roomId: roomId.optional(),
  roomTypeId: roomTypeId.optional(),
  window: window.optional(),
})
  .refine(
    (which) =>
      [
        ...[which.lockIds, which.reservationId, which.reservationIds],
        ...[which.roomId, which.roomTypeId],
      ].filter((each) => each !== undefined).length === 1,
    {
      path: ['lockIds'],
      message: 'give exactly one of lockIds, reservationId, reservationIds, roomId and roomTypeId',
    },
  )
  .refine(({ window: given, roomId: room, roomTypeId: type }) => !given || (room ?? type), {
    path: ['window'],
    message: 'goes with roomId or roomTypeId only',
  })
  .meta({ examples: [{ lockIds: [exampleIds.lockId], reason: 'ALLOTMENT_RETURNED' }] });

/** Of questions that every partition is asked. */
export const partial = z
  .boolean('must be true or false')
  .optional()
  .meta({
    description:
      'true: when partitions are missing, what the others have, and missingPartitions; absent: status 503 that names them',
    examples: [true],
  });

const locksShape = strict({
  roomId: roomId.optional(),
  roomTypeId: roomTypeId.optional(),
  reservationId: id.optional().meta({
    description: 'its holds of every type',
    examples: [exampleIds.reservationId],
  }),
  from: isoTime.optional().meta({
    description: 'only stays that end after this; a date is its start in UTC',
    examples: ['2026-05-01'],
  }),
  to: isoTime.optional().meta({
    description: 'only stays that begin before this',
    examples: ['2026-06-01T00:00:00Z'],
  }),
  status: z
    .enum(
      ['TENTATIVE', 'CONFIRMED', 'RELEASED', 'EXPIRED'],
      'must be TENTATIVE, CONFIRMED, RELEASED or EXPIRED',
    )
    .optional()
    .meta({ description: 'absent: the live ones', examples: ['TENTATIVE'] }),
  cursor: z
    .string()
    .regex(/^[\w-]{1,500}$/, 'must be the nextCursor of a page')
    .optional()
    .meta({ description: 'nextCursor of the page before', examples: ['MTc'] }),
  limit: z
    .int(`must be a whole number from 1 to ${pageLimitMax}`)
    .min(1, `must be a whole number from 1 to ${pageLimitMax}`)
    .max(pageLimitMax, `must be a whole number from 1 to ${pageLimitMax}`)
    .optional()
    .meta({ description: `of locks on the page; ${pageLimitDefault}`, examples: [100] }),
  partial,
});
export const locksFields = locksShape
  .refine(
    (which) =>
      [which.roomId, which.roomTypeId, which.reservationId].filter((each) => each !== undefined)
        .length === 1,
    { path: ['roomId'], message: 'give exactly one of roomId, roomTypeId and reservationId' },
  )
  .refine(({ from, to }) => !from || !to || instantMsOf(from) < instantMsOf(to), {
    path: ['to'],
    message: 'must be after from',
  });

export const nightsFields = strict({
  roomTypeId,
  from: date.meta({ description: 'first night (date of arrival)', examples: ['2026-05-10'] }),
  to: date.meta({
    description: `the night after the last (date of departure); at most ${rangeNightsMax} nights`,
    examples: ['2026-05-12'],
  }),
})
  .refine(({ from, to }) => from < to, { path: ['to'], message: 'must be after from' })
  .refine(({ from, to }) => (Date.parse(to) - Date.parse(from)) / dayMs <= rangeNightsMax, {
    path: ['to'],
    message: `must be at most ${rangeNightsMax} days after from`,
  });

/** Who asks, and how the request is told apart from others. */
export interface Asker {
  readonly tenantId: string;
  readonly correlationId: string;
}

/** Written out: a spread into a literal of this size costs ten times as much. */
export function lockCommandOf(fields: z.output<typeof lockFields>, asker: Asker): LockCommand {
  const { reservationId, ttlSeconds } = fields;
  return {
    kind: 'lock',
    tenantId: asker.tenantId,
    reason: fields.reason,
    actor: apiActor,
    correlationId: asker.correlationId,
    metadata: fields.metadata ?? {},
    reservationId,
    roomTypeId: fields.roomTypeId,
    roomId: fields.roomId,
    propertyId: fields.propertyId,
    stayStart: fields.stayStart,
    stayEnd: fields.stayEnd,
    idempotencyKey: sameCaseKey(fields.idempotencyKey, reservationId),
    ttlSeconds: ttlSeconds === 0 ? undefined : ttlSeconds,
    version: fields.version,
  };
}

export function releaseCommandOf(
  lockId: string,
  fields: z.output<typeof releaseFields>,
  asker: Asker,
): ReleaseCommand {
  const { reservationId, version: current } = fields;
  return { kind: 'release', ...callerOf(fields, asker), lockId, reservationId, version: current };
}

export function bulkReleaseCommandOf(
  fields: z.output<typeof bulkReleaseFields>,
  asker: Asker,
): BulkReleaseCommand {
  const { lockIds, reservationId, roomId: room, roomTypeId: type, window: given } = fields;
  return {
    kind: 'bulk-release',
    ...callerOf(fields, asker),
    ...{ lockIds, reservationId, roomId: room, roomTypeId: type },
    ...(fields.reservationIds && { reservationIds: fields.reservationIds }),
    window: given && { fromMs: instantMsOf(given.from), toMs: instantMsOf(given.to) },
  };
}

export function locksQueryOf(fields: z.output<typeof locksFields>, tenantId: string): LocksQuery {
  const { roomId: room, roomTypeId: type, reservationId } = fields;
  const { from, to, status, cursor, limit } = fields;
  return {
    ...{ tenantId, roomId: room, roomTypeId: type, reservationId, status, cursor },
    fromMs: from === undefined ? undefined : instantMsOf(from),
    toMs: to === undefined ? undefined : instantMsOf(to),
    limit: limit ?? pageLimitDefault,
  };
}

export function nightsQueryOf(
  { roomTypeId: type, from, to }: z.output<typeof nightsFields>,
  tenantId: string,
): NightsQuery {
  return { tenantId, roomTypeId: type, from, to };
}

/**
 * The fields that are there: null, '' and an empty list count as absent, as in proto3. Nothing named
 * `__proto__` gets further. @throws REQUEST_INVALID
 */
export function presentFields(input: unknown): unknown {
  if (input === undefined || input === null) return {};
  if (!isObject(input) || Array.isArray(input)) return input;
  refusePrototype(input, '');
  const present: Record<string, unknown> = {};
  for (const name of Object.keys(input)) {
    const value = input[name];
    const isAbsent =
      value === undefined ||
      value === null ||
      value === '' ||
      (Array.isArray(value) && value.length === 0);
    if (!isAbsent) present[name] = value;
  }
  return present;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

/** Fields lie at most this deep; what lies deeper is of the wrong type anyway. */
const depthMax = 3;

function refusePrototype(value: Readonly<Record<string, unknown>>, path: string, depth = 0): void {
  if (depth > depthMax || Array.isArray(value)) return;
  for (const name of Object.keys(value)) {
    if (name === '__proto__') {
      throw fieldError({ field: `${path}${name}`, message: 'is no known field' });
    }
    const child = value[name];
    if (isObject(child)) refusePrototype(child, `${path}${name}.`, depth + 1);
  }
}

function callerOf(
  {
    reason,
    metadata: entries = {},
  }: { reason: string; metadata?: Record<string, string> | undefined },
  { tenantId, correlationId }: Asker,
): Pick<LockCommand, 'tenantId' | 'reason' | 'actor' | 'correlationId' | 'metadata'> {
  return { tenantId, reason, actor: apiActor, correlationId, metadata: entries };
}

function lockExample(): object {
  const { reservationId, roomTypeId: type } = exampleIds;
  const stay = { stayStart: '2026-05-10', stayEnd: '2026-05-12' };
  return { reservationId, roomTypeId: type, ...stay, reason: 'HOLD', ttlSeconds: 900 };
}
