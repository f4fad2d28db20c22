/**
 * What is known about one reservation: the newest version of its row and of each of its commands'
 * rows. Merging is a maximum, so rows may come in any order and any number of times: the same rows
 * always give the same facts (commutative, associative, idempotent). Nothing older than the newest
 * version is remembered, so facts read from a fresh snapshot equal those followed from the start.
 */
import { canonicalJson, type JsonValue } from '../canonical-json.ts';
import type { Command, CommandStay } from '../captured/lifecycle-row.ts';
import { rollTypeOf, saysNothing } from './roll-command.ts';
import { reservationFields, type ReservationRow } from './reservation-row.ts';
import { compareVersions, type RowVersion } from '../captured/row-version.ts';

export interface VersionedRow<Row> {
  readonly version: RowVersion;
  /** Null: this version says that the row is deleted. */
  readonly row: Row | null;
}

export interface CommandFact extends VersionedRow<Command> {
  readonly eventId: string;
}

export interface ReservationFacts {
  readonly tenantId: string;
  readonly reservationId: string;
  /** Undefined: no version of the row has come yet. */
  readonly reservation: VersionedRow<ReservationRow> | undefined;
  /** One per event id, in the order of their ids. */
  readonly commands: readonly CommandFact[];
}

/** A reservation of which nothing is known yet. */
export function noFacts(tenantId: string, reservationId: string): ReservationFacts {
  return { tenantId, reservationId, reservation: undefined, commands: [] };
}

/** Adds a version of the reservation's row; gives back the same object when nothing newer came. */
export function mergeReservationRow(
  facts: ReservationFacts,
  row: ReservationRow | null,
  version: RowVersion,
): ReservationFacts {
  const candidate = { version, row };
  if (facts.reservation !== undefined) {
    return isNewer(candidate, facts.reservation) ? { ...facts, reservation: candidate } : facts;
  }
  const commands = facts.commands.filter((command) => !isIdle(command));
  return { ...facts, reservation: candidate, commands };
}

/**
 * Adds a version of a command's row; gives back the same object when nothing newer came. Most commands
 * leave no entry and only say where the stay is: once the reservation's row says it they are not kept, which
 * spares the reading and writing of most of what a ledger would hold. A command never changes its name.
 */
export function mergeLifecycleRow(
  facts: ReservationFacts,
  candidate: CommandFact,
): ReservationFacts {
  if (isOfNoUse(candidate, facts)) return facts;
  const at = facts.commands.findIndex((known) => known.eventId >= candidate.eventId);
  const known = facts.commands[at];
  if (known?.eventId !== candidate.eventId) {
    const end = at === -1 ? facts.commands.length : at;
    return { ...facts, commands: facts.commands.toSpliced(end, 0, candidate) };
  }
  return isNewer(candidate, known)
    ? { ...facts, commands: facts.commands.with(at, candidate) }
    : facts;
}

/**
 * True when nothing that decides the ledger is new in `after`: states on the way to APPLIED, all of
 * commands that leave no entry, and a newer version of the reservation that says what the older one said. Most lifecycle rows are of this kind and need no derivation.
 */
export function decideAlike(before: ReservationFacts, after: ReservationFacts): boolean {
  // Without a row the property comes from any command's stay.
  if (after.reservation === undefined || !sayAlike(before.reservation, after.reservation)) {
    return false;
  }
  const earlier = before.commands.filter(leavesEntry);
  const later = after.commands.filter(leavesEntry);
  return (
    earlier.length === later.length &&
    earlier.every((command, i) => {
      const other = later[i];
      return (
        command.eventId === other?.eventId &&
        command.row?.commandName === other.row?.commandName &&
        command.row?.appliedMicros === other.row?.appliedMicros &&
        command.row?.stay?.arrival === other.row?.stay?.arrival
      );
    })
  );
}

/** The property the reservation is at: its row's, else that of the latest command that names one. */
export function propertyIdOf(facts: ReservationFacts): string | undefined {
  if (facts.reservation !== undefined) return facts.reservation.row?.propertyId;
  return latestStay(facts)?.propertyId;
}

function sayAlike(
  one: ReservationFacts['reservation'],
  other: VersionedRow<ReservationRow>,
): boolean {
  if (one === other) return true;
  if (one === undefined || one.row === null || other.row === null) return false;
  const [left, right] = [one.row, other.row];
  return reservationFields.every((field) => left[field] === right[field]);
}

/** Nothing follows from it, now or later: the reservation's row says where the stay is, or will have to. */
function isOfNoUse(candidate: CommandFact, { reservation }: ReservationFacts): boolean {
  if (candidate.row === null) return false;
  return reservation === undefined ? saysNothing(candidate.row) : isIdle(candidate);
}

/** It leaves no entry, whatever becomes of it. */
function isIdle({ row }: CommandFact): boolean {
  return row !== null && rollTypeOf(row.commandName) === undefined;
}

function leavesEntry({ row }: CommandFact): boolean {
  return row?.appliedMicros !== undefined && rollTypeOf(row.commandName) !== undefined;
}

function latestStay(facts: ReservationFacts): CommandStay | undefined {
  let latest: Command | undefined;
  for (const { row } of facts.commands) {
    if (row?.stay?.propertyId === undefined) continue;
    if (latest === undefined || row.createdMicros > latest.createdMicros) latest = row;
  }
  return latest?.stay;
}

/** Equal versions are the same change; should their contents differ, their text decides alike everywhere. */
function isNewer<Row>(candidate: VersionedRow<Row>, known: VersionedRow<Row>): boolean {
  const order = compareVersions(candidate.version, known.version);
  if (order !== 0) return order > 0;
  // The same row once more, nearly always.
  if (JSON.stringify(candidate.row) === JSON.stringify(known.row)) return false;
  return canonicalJson(candidate.row as JsonValue) > canonicalJson(known.row as JsonValue);
}
