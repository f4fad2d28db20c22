/**
 * An event of the platform's `reservations.events`, reduced to what is looked at. It names the lifecycle
 * row that it tells of, and the row is the truth: nothing of an event reaches a ledger. What cannot be
 * read is a problem that names its field.
 */
import { z } from 'zod';
import { RollguardError } from '../../../kernel/errors.ts';
import { parseInstantMicros } from '../../calendar/instant.ts';

/** The kinds that the platform's schema knows; others are emitted too. */
const knownTypes = ['reservation.created', 'reservation.updated', 'reservation.cancelled'] as const;
export type ReservationEventType = (typeof knownTypes)[number] | 'other';

export interface ReservationEvent {
  /** Of the lifecycle row, too. */
  readonly eventId: string;
  readonly tenantId: string;
  readonly type: ReservationEventType;
  /** When the platform says that it happened; milliseconds since 1970. */
  readonly occurredAtMs: number;
}

const id = z.guid('must be a UUID').toLowerCase();
const envelope = z.object({
  metadata: z.object({
    id,
    tenantId: id,
    type: z.string('must be text').min(1, 'must not be empty'),
    timestamp: z.string('must be text').transform((text, context): number => {
      const micros = parseInstantMicros(text);
      if (micros !== undefined) return micros / 1_000;
      context.addIssue({ code: 'custom', message: 'must be an instant (ISO 8601)' });
      return z.NEVER;
    }),
  }),
  payload: z.record(z.string(), z.unknown(), 'must be an object'),
});

/** @throws DECODE_FAILED naming the first field that cannot be used */
export function readReservationEvent(value: Buffer): ReservationEvent {
  const result = envelope.safeParse(jsonOf(value));
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = issue?.path.join('.') ?? '';
    const message = `reservation event: ${field === '' ? 'the envelope' : field} ${issue?.message ?? ''}`;
    throw new RollguardError('DECODE_FAILED', message, { context: { field } });
  }
  const { id: eventId, tenantId, type, timestamp: occurredAtMs } = result.data.metadata;
  const known = knownTypes.find((each) => each === type);
  return { eventId, tenantId, type: known ?? 'other', occurredAtMs };
}

function jsonOf(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString('utf8'));
  } catch (cause) {
    throw new RollguardError('DECODE_FAILED', 'a reservation event is not JSON', { cause });
  }
}
