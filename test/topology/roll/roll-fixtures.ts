/** Captured rows for the tests: complete ones with sensible columns, of which a test changes some. */
import type { CommandFact, ReservationFacts } from '../../../topology/roll/facts.ts';
import { mergeLifecycleRow, mergeReservationRow, noFacts } from '../../../topology/roll/facts.ts';
import {
  readLifecycleRow,
  type LifecycleColumns,
} from '../../../topology/captured/lifecycle-row.ts';
import {
  readReservationRow,
  type ReservationColumns,
} from '../../../topology/roll/reservation-row.ts';
import type { Read, RowProblem } from '../../../topology/captured/row-problem.ts';
import { rowVersionOf } from '../../../topology/captured/row-version.ts';

export const tenantId = '7e000000-0000-4000-8000-000000000001';
export const reservationId = '5e000000-0000-4000-8000-000000000001';
export const propertyId = '9e000000-0000-4000-8000-000000000001';

/** The nth command's id. */
export function eventId(n: number): string {
  return `e0000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
}

/** Microseconds of an ISO instant, as a TIMESTAMP column carries them. */
export function micros(instant: string): number {
  return Date.parse(instant) * 1000;
}

/** A version that the change stream brought. */
export function streamed(commitLsn: number, lsn: number): string {
  return valueOf(rowVersionOf('t', { sequence: `["${commitLsn}","${lsn}"]`, snapshot: 'false' }));
}

/** A version that a snapshot read. */
export function snapshot(lsn: number): string {
  return valueOf(rowVersionOf('t', { sequence: `[null,"${lsn}"]`, snapshot: 'true' }));
}

/** Three nights from 10 May 2026, 75.50 EUR each, confirmed. */
export function reservationColumns(changes: Partial<ReservationColumns> = {}): ReservationColumns {
  return {
    id: reservationId,
    tenant_id: tenantId,
    property_id: propertyId,
    status: 'CONFIRMED',
    check_in_date: '2026-05-10',
    check_out_date: '2026-05-13',
    actual_check_in: null,
    actual_check_out: null,
    room_rate: '75.50',
    currency: 'EUR',
    cancellation_date: null,
    cancellation_fee: null,
    expired_at: null,
    no_show_date: null,
    no_show_fee: null,
    created_at: micros('2026-04-01T09:00:00Z'),
    updated_at: micros('2026-04-02T09:00:00Z'),
    is_deleted: false,
    ...changes,
  };
}

/** A command of the reservation that was applied within two seconds. */
export function lifecycleColumns(changes: Partial<LifecycleColumns> = {}): LifecycleColumns {
  return {
    event_id: eventId(1),
    tenant_id: tenantId,
    reservation_id: reservationId,
    command_name: 'reservation.create',
    current_state: 'APPLIED',
    state_transitions: transitions(['RECEIVED', 'PERSISTED', 'APPLIED'], '2026-04-01T09:00:00Z'),
    metadata: '{"source":"reservations-command-service"}',
    created_at: '2026-04-01T09:00:00.000000Z',
    updated_at: '2026-04-01T09:00:02.000000Z',
    ...changes,
  };
}

/** JSON text of transitions, a second apart. */
export function transitions(states: readonly string[], start: string): string {
  const startMs = Date.parse(start);
  const entries = states.map((state, i) => ({
    state,
    timestamp: new Date(startMs + i * 1000).toISOString(),
    actor: 'test',
    details: {},
  }));
  return JSON.stringify(entries);
}

/** An applied command as columns: its name, its number, when it was applied. */
export function applied(n: number, commandName: string, appliedAt: string): LifecycleColumns {
  const startMs = Date.parse(appliedAt) - 2000;
  return lifecycleColumns({
    event_id: eventId(n),
    command_name: commandName,
    state_transitions: transitions(
      ['RECEIVED', 'PERSISTED', 'APPLIED'],
      new Date(startMs).toISOString(),
    ),
    created_at: new Date(startMs).toISOString(),
    updated_at: appliedAt,
  });
}

export function valueOf<Value>(read: Read<Value>): Value {
  if (read.problem !== undefined) throw new Error(`not readable: ${read.problem.message}`);
  return read.value;
}

export function problemIn(read: Read<unknown>): RowProblem {
  if (read.problem === undefined) throw new Error('readable, though it must not be');
  return read.problem;
}

export function commandFact(columns: LifecycleColumns, version: string): CommandFact {
  const { eventId: id, command } = valueOf(readLifecycleRow(columns));
  return { eventId: id, version, row: command };
}

/** Facts of a reservation with one version of its row and of each command's. */
export function factsOf(
  row: ReservationColumns | undefined,
  commands: readonly LifecycleColumns[] = [],
): ReservationFacts {
  let facts = noFacts(tenantId, reservationId);
  if (row !== undefined) {
    facts = mergeReservationRow(facts, valueOf(readReservationRow(row)).row, streamed(1, 1));
  }
  for (const columns of commands) {
    facts = mergeLifecycleRow(facts, commandFact(columns, streamed(1, 1)));
  }
  return facts;
}
