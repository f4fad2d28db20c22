/**
 * A command of the platform's command center as the guard reads it: an envelope `{ metadata, payload }`
 * whose fields are camelCase or snake_case, whichever service wrote it. What cannot be used is refused
 * with the field's name: its record goes to the dead-letter topic as it came.
 */
import { z } from 'zod';
import { RollguardError } from '../../../kernel/errors.ts';
import { readInstantMicros } from '../../calendar/instant.ts';
import type { BulkReleaseCommand, LockCommand, ReleaseCommand } from '../command.ts';
import { bulkReleaseMax } from '../decide-release.ts';
import type { CommandInput } from '../input.ts';
import { sameCaseKey } from '../slot.ts';

const textLengthMax = 200;
const metadataEntriesMax = 32;
const metadataLengthMax = 500;

const id = z.guid('must be a UUID').toLowerCase();
const textRule = `must be text of 1 to ${textLengthMax} characters, without control characters`;
const text = z
  .string(textRule)
  .max(textLengthMax, textRule)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, textRule);
/** Absent, null and empty are the same. */
const optional = <Schema extends z.ZodType>(
  schema: Schema,
): z.ZodPreprocess<z.ZodOptional<Schema>> =>
  z.preprocess((value) => (value === null || value === '' ? undefined : value), schema.optional());
const metadata = z
  .record(z.string(), z.unknown())
  .transform((entries) =>
    Object.fromEntries(
      Object.entries(entries)
        .filter(([, value]) => value !== null && value !== undefined)
        .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
    ),
  )
  .refine((entries) => Object.keys(entries).length <= metadataEntriesMax, {
    message: `must have at most ${metadataEntriesMax} entries`,
  })
  .refine(
    (entries) => Object.entries(entries).every(([, value]) => value.length <= metadataLengthMax),
    { message: `has a value of more than ${metadataLengthMax} characters` },
  );

const envelopeFields = z.object({
  commandId: text,
  commandName: text,
  tenantId: id,
  correlationId: optional(text),
  issuedAt: optional(z.union([z.string(), z.number()])),
  initiatedBy: optional(z.object({ userId: optional(text) })),
});

const fromCaller = {
  reason: optional(text),
  correlationId: optional(text),
  metadata: optional(metadata),
};

const lockPayload = z
  .object({
    ...fromCaller,
    reservationId: optional(id),
    roomTypeId: id,
    roomId: optional(id),
    propertyId: optional(id),
    stayStart: text,
    stayEnd: text,
    idempotencyKey: optional(text),
    ttlSeconds: optional(z.int().min(0).max(Number.MAX_SAFE_INTEGER)),
    version: optional(z.int().min(0)),
  })
  .refine(({ reservationId, idempotencyKey }) => (reservationId ?? idempotencyKey) !== undefined, {
    path: ['reservationId'],
    message: 'is required when there is no idempotencyKey',
  });

const releasePayload = z.object({
  ...fromCaller,
  lockId: id,
  reservationId: optional(id),
  version: optional(z.int().min(0)),
});

const bulkReleasePayload = z.object({
  ...fromCaller,
  lockIds: z.array(id).min(1).max(bulkReleaseMax),
});

type Caller = Pick<LockCommand, 'tenantId' | 'reason' | 'actor' | 'correlationId' | 'metadata'>;
type Fields = Readonly<Record<string, unknown>>;

/** What the envelope says of itself, before anything else is looked at. */
export function targetServiceOf(envelope: unknown): string | undefined {
  const target = withCamelCase(membersOf(withCamelCase(membersOf(envelope))['metadata']))[
    'targetService'
  ];
  return typeof target === 'string' ? target : undefined;
}

/** @throws DECODE_FAILED naming the field; UNSUPPORTED is told the same way: nothing can be done with it. */
export function readCommand(envelope: unknown, recordTimeMs: number): CommandInput {
  const { metadata: about, payload } = withCamelCase(membersOf(envelope));
  const head = parsed('metadata', envelopeFields, camelCased(about));
  const { commandId, tenantId, commandName } = head;
  const body = camelCased(typeof payload === 'string' ? jsonOf(payload) : payload);
  const given = parsed('payload', z.object(fromCaller), body);
  const caller: Caller = {
    tenantId,
    reason: given.reason ?? commandName,
    actor: head.initiatedBy?.userId ?? 'command-center',
    correlationId: given.correlationId ?? head.correlationId,
    metadata: given.metadata ?? {},
  };
  const command = commandOf(commandName, body, caller);
  const issuedAtMs = issuedAtMsOf(head.issuedAt, recordTimeMs);
  return { kind: 'command', tenantId, commandId, issuedAtMs, command };
}

function commandOf(name: string, body: unknown, caller: Caller): CommandInput['command'] {
  switch (name) {
    case 'inventory.lock.room':
      return lockOf(parsed('payload', lockPayload, body), caller);
    case 'inventory.release.room':
      return releaseOf(parsed('payload', releasePayload, body), caller);
    case 'inventory.release.bulk':
      return bulkReleaseOf(parsed('payload', bulkReleasePayload, body), caller);
    default:
      throw new RollguardError('DECODE_FAILED', `metadata.commandName: ${name} is none of ours`);
  }
}

function lockOf(fields: z.output<typeof lockPayload>, caller: Caller): LockCommand {
  const { reservationId, ttlSeconds } = fields;
  return {
    kind: 'lock',
    ...caller,
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

function releaseOf(fields: z.output<typeof releasePayload>, caller: Caller): ReleaseCommand {
  const { lockId, reservationId, version } = fields;
  return { kind: 'release', ...caller, lockId, reservationId, version };
}

function bulkReleaseOf(
  { lockIds }: z.output<typeof bulkReleasePayload>,
  caller: Caller,
): BulkReleaseCommand {
  const others = { reservationId: undefined, roomId: undefined, roomTypeId: undefined };
  return { kind: 'bulk-release', ...caller, lockIds, ...others, window: undefined };
}

function issuedAtMsOf(issuedAt: string | number | undefined, recordTimeMs: number): number {
  if (issuedAt === undefined) return recordTimeMs;
  const atMs = typeof issuedAt === 'number' ? issuedAt : millis(readInstantMicros(issuedAt));
  if (atMs !== undefined && Number.isSafeInteger(atMs)) return atMs;
  throw new RollguardError('DECODE_FAILED', 'metadata.issuedAt: is no instant of 1900 to 2199');
}

function millis(micros: number | undefined): number | undefined {
  return micros === undefined ? undefined : Math.floor(micros / 1_000);
}

function camelCased(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? withCamelCase(value as Fields) : value;
}

function withCamelCase(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name.replaceAll(/_([a-z])/g, (_all, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );
}

function membersOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch (error) {
    throw new RollguardError('DECODE_FAILED', 'payload: is no JSON', { cause: error });
  }
}

function parsed<Schema extends z.ZodType>(
  part: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const field = [part, ...(issue?.path ?? [])].join('.');
  throw new RollguardError('DECODE_FAILED', `${field}: ${issue?.message ?? 'cannot be read'}`);
}
