/**
 * A captured row of `reservation_command_lifecycle`: one accepted command and the furthest state it
 * reached. States come late, twice and backwards (the dispatcher's PUBLISHED may be written after the
 * consumer's APPLIED), so a command's state is the highest of `current_state` and of every entry of
 * `state_transitions`, which is only ever appended to.
 */
import { z } from 'zod';
import { isCalendarDate } from '../calendar/calendar-date.ts';
import { idColumn, instantColumn, jsonColumn, problemOf } from './columns.ts';
import { readInstantMicros } from '../calendar/instant.ts';
import type { Read } from './row-problem.ts';

/** In rank order. The dispatcher writes FAILED and then succeeds, so FAILED is below PUBLISHED. */
export const lifecycleStates = [
  'RECEIVED',
  'PERSISTED',
  'IN_PROGRESS',
  'FAILED',
  'PUBLISHED',
  'CONSUMED',
  'DLQ',
  'APPLIED',
] as const;
export type LifecycleState = (typeof lifecycleStates)[number];

export interface Command {
  readonly commandName: string;
  readonly state: LifecycleState;
  /** When it was first APPLIED; undefined while it is not. Microseconds since 1970. */
  readonly appliedMicros: number | undefined;
  readonly createdMicros: number;
  /** From `metadata.stay`, which only newer clients of the platform write. */
  readonly stay: CommandStay | undefined;
}

export interface CommandStay {
  readonly propertyId: string | undefined;
  /** The booked arrival: a date of the property's calendar, or an instant. */
  readonly arrival: string | number | undefined;
}

/** Whose row it is, and what it says. */
export interface LifecycleReading {
  readonly tenantId: string;
  /** Undefined for a command that names no reservation. */
  readonly reservationId: string | undefined;
  readonly eventId: string;
  readonly command: Command;
}

const arrivalColumn = z.string().transform((text, context): string | number => {
  const arrival = isCalendarDate(text) ? text : readInstantMicros(text);
  if (arrival !== undefined) return arrival;
  context.addIssue({ code: 'custom', message: `"${text}" is neither a date nor an instant` });
  return z.NEVER;
});
const metadataColumn = z
  .object({
    stay: z
      .object({ property_id: idColumn.nullish(), check_in: arrivalColumn.nullish() })
      .nullish(),
  })
  .nullable();

const columns = z.object({
  event_id: idColumn,
  tenant_id: idColumn,
  reservation_id: idColumn.nullish(),
  command_name: z.string().regex(/^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/),
  current_state: z.enum(lifecycleStates),
  state_transitions: jsonColumn.pipe(z.array(z.unknown())),
  metadata: jsonColumn.pipe(metadataColumn),
  created_at: instantColumn,
  updated_at: instantColumn,
});

/** The columns that are read, as the captured row carries them; others are ignored. */
export type LifecycleColumns = z.input<typeof columns>;

export const lifecycleTable = 'reservation_command_lifecycle';

/** Reads a captured row; the problem names the first column that cannot be used. */
export function readLifecycleRow(row: LifecycleColumns): Read<LifecycleReading> {
  const result = columns.safeParse(row);
  if (!result.success) return problemOf(lifecycleTable, result.error);
  const read = result.data;
  const value: LifecycleReading = {
    tenantId: read.tenant_id,
    reservationId: read.reservation_id ?? undefined,
    eventId: read.event_id,
    command: {
      commandName: read.command_name,
      ...furthestState(read),
      createdMicros: read.created_at,
      stay: stayOf(read.metadata),
    },
  };
  return { value };
}

function furthestState(
  row: Pick<z.output<typeof columns>, 'current_state' | 'state_transitions' | 'updated_at'>,
): Pick<Command, 'state' | 'appliedMicros'> {
  let rank = lifecycleStates.indexOf(row.current_state);
  let appliedMicros: number | undefined;
  for (const transition of row.state_transitions) {
    const { state, timestamp } = membersOf(transition);
    // A state that this version does not know (-1) is a step on the way and raises nothing.
    rank = Math.max(rank, (lifecycleStates as readonly unknown[]).indexOf(state));
    if (state !== 'APPLIED' || typeof timestamp !== 'string') continue;
    const atMicros = readInstantMicros(timestamp);
    if (atMicros !== undefined) appliedMicros = Math.min(appliedMicros ?? atMicros, atMicros);
  }
  const state = lifecycleStates[rank] ?? row.current_state;
  return {
    state,
    appliedMicros: state === 'APPLIED' ? (appliedMicros ?? row.updated_at) : undefined,
  };
}

function membersOf(transition: unknown): {
  readonly state?: unknown;
  readonly timestamp?: unknown;
} {
  return typeof transition === 'object' && transition !== null ? transition : {};
}

function stayOf(metadata: z.output<typeof metadataColumn>): CommandStay | undefined {
  const stay = metadata?.stay;
  if (stay === undefined || stay === null) return undefined;
  return { propertyId: stay.property_id ?? undefined, arrival: stay.check_in ?? undefined };
}
