/**
 * A captured row of `reservation_command_lifecycle`: one accepted command and the furthest state it
 * reached. States come late, twice and backwards (the dispatcher's PUBLISHED may be written after the
 * consumer's APPLIED), so a command's state is the highest of `current_state` and of every entry of
 * `state_transitions`, which is only ever appended to.
 */
import { isCalendarDate } from '../calendar/calendar-date.ts';
import { readInstantMicros } from '../calendar/instant.ts';
import { ColumnReader, type InstantColumn } from './column-reader.ts';
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

/** The columns that are read, as the captured row carries them; others are ignored. */
export interface LifecycleColumns {
  readonly event_id: string;
  readonly tenant_id: string;
  readonly reservation_id?: string | null | undefined;
  readonly command_name: string;
  readonly current_state: LifecycleState;
  /** JSON: a list. */
  readonly state_transitions?: unknown;
  /** JSON. */
  readonly metadata?: unknown;
  readonly created_at: InstantColumn;
  readonly updated_at: InstantColumn;
}

export const lifecycleTable = 'reservation_command_lifecycle';

const commandNamePattern = /^[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+$/;

/** Reads a captured row; the problem names the first column that cannot be used. */
export function readLifecycleRow(row: LifecycleColumns): Read<LifecycleReading> {
  const columns = new ColumnReader(lifecycleTable, row);
  const plain = readPlainColumns(columns);
  return columns.read({
    ...{ tenantId: plain.tenantId, reservationId: plain.reservationId, eventId: plain.eventId },
    command: {
      commandName: plain.commandName,
      ...furthestState(columns, plain),
      createdMicros: plain.createdMicros,
      stay: stayOf(columns),
    },
  });
}

/** True when everything but its JSON, which is not looked at, can be used. */
export function isPlainlyReadable(row: LifecycleColumns): boolean {
  const columns = new ColumnReader(lifecycleTable, row);
  return columns.read(readPlainColumns(columns)).problem === undefined;
}

interface PlainColumns extends Omit<LifecycleReading, 'command'> {
  readonly commandName: string;
  readonly current: LifecycleState;
  readonly createdMicros: number;
  readonly updatedMicros: number;
}

function readPlainColumns(columns: ColumnReader): PlainColumns {
  return {
    eventId: columns.id('event_id'),
    tenantId: columns.id('tenant_id'),
    reservationId: columns.optionalId('reservation_id'),
    commandName: columns.textThat('command_name', isCommandName, 'is no name of a command'),
    current: columns.oneOf('current_state', lifecycleStates),
    createdMicros: columns.instant('created_at'),
    updatedMicros: columns.instant('updated_at'),
  };
}

function isCommandName(text: string): boolean {
  return commandNamePattern.test(text);
}

function furthestState(
  columns: ColumnReader,
  { current, updatedMicros }: PlainColumns,
): Pick<Command, 'state' | 'appliedMicros'> {
  let rank = lifecycleStates.indexOf(current);
  let appliedMicros: number | undefined;
  for (const transition of columns.jsonList('state_transitions')) {
    const { state, timestamp } = membersOf(transition);
    // A state that this version does not know (-1) is a step on the way and raises nothing.
    rank = Math.max(rank, (lifecycleStates as readonly unknown[]).indexOf(state));
    if (state !== 'APPLIED' || typeof timestamp !== 'string') continue;
    const atMicros = readInstantMicros(timestamp);
    if (atMicros !== undefined) appliedMicros = Math.min(appliedMicros ?? atMicros, atMicros);
  }
  const state = lifecycleStates[rank] ?? current;
  return {
    state,
    appliedMicros: state === 'APPLIED' ? (appliedMicros ?? updatedMicros) : undefined,
  };
}

function membersOf(transition: unknown): {
  readonly state?: unknown;
  readonly timestamp?: unknown;
} {
  return typeof transition === 'object' && transition !== null ? transition : {};
}

function stayOf(columns: ColumnReader): CommandStay | undefined {
  return columns.jsonObject('metadata', (metadata) =>
    metadata.object('stay', (stay) => ({
      propertyId: stay.optionalId('property_id'),
      arrival: arrivalOf(stay),
    })),
  );
}

function arrivalOf(stay: ColumnReader): string | number | undefined {
  const text = stay.optionalText('check_in');
  if (text === undefined || isCalendarDate(text)) return text;
  const micros = readInstantMicros(text);
  if (micros === undefined) stay.refuse('check_in', `"${text}" is neither a date nor an instant`);
  return micros;
}
