/**
 * Rows as the backfill reads them, in the columns that are captured as well. They become the same facts as
 * captured rows do, by the same functions; one that cannot be understood is refused for itself.
 */
import type { Row } from '../database/connection.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { LifecycleColumns } from '../topology/captured/lifecycle-row.ts';
import type { RowProblem } from '../topology/captured/row-problem.ts';
import type { RowVersion } from '../topology/captured/row-version.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import { readReservationRow, type ReservationColumns } from '../topology/roll/reservation-row.ts';
import { plainlySaysNothing, readRollCommand, saysNothing } from '../topology/roll/roll-command.ts';
import { reservationKey, type ReservationFact } from '../topology/roll/roll-messages.ts';

export interface RefusedRow {
  /** The row's own, as text. */
  readonly key: string;
  /** The columns as Postgres gave them. */
  readonly row: Row;
  readonly error: RollguardError;
}

/** What some rows say: the facts of each reservation by its key, in the order in which they were read. */
export class RowFacts {
  readonly byKey = new Map<string, ReservationFact[]>();
  readonly refused: RefusedRow[] = [];

  /** @param row of `reservation_command_lifecycle`. */
  addCommand(row: Row, version: RowVersion): void {
    const columns = row as unknown as LifecycleColumns;
    if (plainlySaysNothing(columns)) return;
    const { value, problem } = readRollCommand(columns);
    if (problem !== undefined) this.#refuse(row, row['event_id'], problem);
    else if (value.reservationId !== undefined && !saysNothing(value.command)) {
      const { tenantId, reservationId, eventId, command } = value;
      const fact = { type: 'command', eventId, version, row: command } as const;
      this.#add(reservationKey(tenantId, reservationId), fact);
    }
  }

  addReservation(row: Row, version: RowVersion): void {
    const { value, problem } = readReservationRow(row as unknown as ReservationColumns);
    if (problem !== undefined) this.#refuse(row, row['id'], problem);
    else {
      const fact = { type: 'reservation', version, row: value.row } as const;
      this.#add(reservationKey(value.tenantId, value.reservationId), fact);
    }
  }

  #add(key: string, fact: ReservationFact): void {
    const known = this.byKey.get(key);
    if (known === undefined) this.byKey.set(key, [fact]);
    else known.push(fact);
  }

  #refuse(row: Row, key: unknown, problem: RowProblem): void {
    const message = `${problem.message}; mend the row in the platform's database: the next pass reads it again`;
    const error = new RollguardError('DECODE_FAILED', message, { context: { ...problem } });
    const columns = Object.entries(row).filter(([name]) => captured.has(name));
    this.refused.push({ key: String(key), row: Object.fromEntries(columns), error });
  }
}

/** What is read beside them is no part of a dead letter. */
const captured: ReadonlySet<string> = new Set([
  ...capturedColumns.reservation_command_lifecycle,
  ...capturedColumns.reservations,
]);
