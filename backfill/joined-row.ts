/**
 * A row as the backfill reads it: a command's lifecycle with the reservation it belongs to, in the columns
 * that are captured as well. It becomes the same facts as captured rows do, by the same functions; a half
 * that cannot be understood is refused for itself and leaves the other.
 */
import type { Row } from '../database/connection.ts';
import { RollguardError } from '../kernel/errors.ts';
import { lifecycleTable, type LifecycleColumns } from '../topology/captured/lifecycle-row.ts';
import type { RowProblem } from '../topology/captured/row-problem.ts';
import type { RowVersion } from '../topology/captured/row-version.ts';
import { capturedColumns } from '../topology/roll/captured-rows.ts';
import { readReservationRow, type ReservationColumns } from '../topology/roll/reservation-row.ts';
import { readRollCommand } from '../topology/roll/roll-command.ts';
import { reservationKey, type ReservationFact } from '../topology/roll/roll-messages.ts';

export const reservationsTable = 'reservations';
const prefixes = { [lifecycleTable]: 'l', [reservationsTable]: 'r' } as const;
type Table = keyof typeof prefixes;

export interface KeyedFact {
  readonly key: string;
  readonly fact: ReservationFact;
}

export interface RefusedRow {
  /** As text, the row's own key. */
  readonly key: string;
  /** The columns as Postgres gave them. */
  readonly row: Row;
  readonly error: RollguardError;
}

export interface RowFacts {
  readonly facts: readonly KeyedFact[];
  readonly refused: readonly RefusedRow[];
}

/** The select list of a table's captured columns under `<alias>_<column>`. */
export function selectList(table: Table): string {
  const alias = prefixes[table];
  return capturedColumns[table].map((name) => `${alias}.${name} AS ${alias}_${name}`).join(', ');
}

/** Turns the rows of one read into facts; a reservation that several rows name is one fact. */
export function readJoinedRows(rows: readonly Row[], version: RowVersion): RowFacts {
  const facts: KeyedFact[] = [];
  const refused: RefusedRow[] = [];
  const known = new Set<unknown>();
  for (const joined of rows) {
    if (typeof joined['l_event_id'] === 'string') {
      const row = columnsOf(lifecycleTable, joined);
      const { value, problem } = readRollCommand(row as unknown as LifecycleColumns);
      if (problem !== undefined) refused.push(refusedRow(row['event_id'], row, problem));
      else if (value.reservationId !== undefined) {
        const { eventId, command } = value;
        const key = reservationKey(value.tenantId, value.reservationId);
        facts.push({ key, fact: { type: 'command', eventId, version, row: command } });
      }
    }
    const id = joined['r_id'];
    if (typeof id !== 'string' || known.has(id)) continue;
    known.add(id);
    const row = columnsOf(reservationsTable, joined);
    const { value, problem } = readReservationRow(row as unknown as ReservationColumns);
    if (problem !== undefined) refused.push(refusedRow(id, row, problem));
    else {
      const key = reservationKey(value.tenantId, value.reservationId);
      facts.push({ key, fact: { type: 'reservation', version, row: value.row } });
    }
  }
  return { facts, refused };
}

function columnsOf(table: Table, joined: Row): Row {
  const row: Record<string, unknown> = {};
  const alias = prefixes[table];
  for (const name of capturedColumns[table]) row[name] = joined[`${alias}_${name}`];
  return row;
}

function refusedRow(key: unknown, row: Row, problem: RowProblem): RefusedRow {
  const message = `${problem.message}; mend the row in the platform's database: the next pass reads it again`;
  const error = new RollguardError('DECODE_FAILED', message, { context: { ...problem } });
  return { key: String(key), row, error };
}
