/**
 * The platform's rows of one reservation, read with the functions that the stream reads them with. Rows
 * that cannot be used are problems, as they are dead letters there: what follows from the others is known
 * only when the reservation's own row is not among them.
 */
import type { LifecycleColumns } from '../topology/captured/lifecycle-row.ts';
import type { Read, RowProblem } from '../topology/captured/row-problem.ts';
import { rowVersionOf } from '../topology/captured/row-version.ts';
import {
  advanceDates,
  noDates,
  readBusinessDateRow,
  type BusinessDateColumns,
  type PropertyDates,
} from '../topology/roll/business-dates.ts';
import {
  mergeLifecycleRow,
  mergeReservationRow,
  noFacts,
  type ReservationFacts,
} from '../topology/roll/facts.ts';
import { readPropertyRow, type PropertyColumns } from '../topology/roll/property-row.ts';
import { readReservationRow, type ReservationColumns } from '../topology/roll/reservation-row.ts';
import { readRollCommand } from '../topology/roll/roll-command.ts';

export interface CapturedReservation {
  readonly reservation: ReservationColumns | undefined;
  readonly lifecycle: readonly LifecycleColumns[];
}

export interface KnownReservation {
  readonly facts: ReservationFacts;
  readonly problems: readonly RowProblem[];
  /** False: its own row is a problem, and everything hangs on it. */
  readonly isUsable: boolean;
}

export interface CapturedProperty {
  readonly property: PropertyColumns | undefined;
  /** In the order of their dates; those after the last closed one are enough. */
  readonly dates: readonly BusinessDateColumns[];
  /** What was read of its dates before; undefined: nothing, or there were none. */
  readonly datesBefore: PropertyDates | undefined;
}

export interface KnownProperty {
  /** Undefined: the platform has no row of it. */
  readonly zone: string | undefined;
  /** Undefined: none was ever closed. */
  readonly lastClosedDate: string | undefined;
  /** False: the platform keeps no business dates for it. */
  readonly hasDates: boolean;
  readonly problems: readonly RowProblem[];
  /** False: its own row is a problem. */
  readonly isUsable: boolean;
}

/** Every row is the newest version of itself; all were seen by one snapshot. */
const version = rowVersionOf('snapshot', { snapshot: 'true' }).value ?? '';

export function knownReservation(
  owner: { readonly tenantId: string; readonly reservationId: string },
  rows: CapturedReservation,
): KnownReservation {
  const problems: RowProblem[] = [];
  let facts = noFacts(owner.tenantId, owner.reservationId);
  if (rows.reservation !== undefined) {
    const reading = readInto(problems, readReservationRow(rows.reservation));
    if (reading === undefined) return { facts, problems, isUsable: false };
    facts = mergeReservationRow(facts, reading.row, version);
  }
  for (const row of rows.lifecycle) {
    const reading = readInto(problems, readRollCommand(row));
    if (reading === undefined) continue;
    facts = mergeLifecycleRow(facts, { eventId: reading.eventId, version, row: reading.command });
  }
  return { facts, problems, isUsable: true };
}

export function knownProperty(captured: CapturedProperty): KnownProperty {
  const { property, dates, datesBefore } = captured;
  const problems: RowProblem[] = [];
  const row =
    property === undefined ? undefined : readInto(problems, readPropertyRow(property))?.row;
  let known = datesBefore ?? noDates;
  for (const each of dates) {
    const date = readInto(problems, readBusinessDateRow(each));
    if (date === undefined) continue;
    known = readInto(problems, advanceDates(known, date))?.dates ?? known;
  }
  return {
    zone: row?.zone,
    lastClosedDate: known.lastClosedDate,
    hasDates: dates.length > 0 || datesBefore !== undefined,
    problems,
    isUsable: property === undefined || row !== undefined,
  };
}

function readInto<Value>(problems: RowProblem[], read: Read<Value>): Value | undefined {
  if (read.problem !== undefined) problems.push(read.problem);
  return read.value;
}
