/**
 * What is known of one reservation: its row, the commands that took effect, its live holds, and what has
 * been ordered of the guard because of them. Facts come in any order, late and twice; the record after
 * them is the same.
 */
import type { ConflictFact, HoldFact } from './hold-fact.ts';
import type { AppliedCommandFact, PlatformFact, ReservationRowFact } from './reservation-fact.ts';

export interface ReservationRecord {
  readonly tenantId: string;
  readonly reservationId: string;
  readonly row: ReservationRowFact | undefined;
  /** That took effect, by event id; the newest few. */
  readonly commands: Readonly<Record<string, AppliedCommandFact>>;
  /** Live ones, and the version at which the others ended, by lock id. */
  readonly holds: Readonly<Record<string, HoldFact>>;
  /** The version of each hold that something was ordered for. */
  readonly ordered: Readonly<Record<string, number>>;
  /** What the row wanted held when that was last ordered. */
  readonly orderedStay: string | undefined;
  /** Times that a hold of a live reservation was lost to its time and its stay ordered again. */
  readonly retakes: number;
  /** When the guard last had a conflict for it that the platform has not answered yet. */
  readonly conflictAtMs?: number | undefined;
  /** How many it had until then. */
  readonly conflicts?: number | undefined;
  /** By the clock of this process: when something was last learnt. */
  readonly touchedAtMs: number;
}

export type ReservationInput = PlatformFact | HoldFact | ConflictFact;

/** More are not needed to tell which hold a command was for. */
const commandsMax = 50;
/** Ended holds remembered, so that an older word of theirs is known as such. */
const endedHoldsMax = 50;

export function emptyRecord(of: {
  readonly tenantId: string;
  readonly reservationId: string;
}): ReservationRecord {
  const { tenantId, reservationId } = of;
  return {
    ...{ tenantId, reservationId, row: undefined, commands: {}, holds: {}, ordered: {} },
    ...{ orderedStay: undefined, retakes: 0, touchedAtMs: 0 },
  };
}

/** The same record when the input says nothing new. */
export function withInput(record: ReservationRecord, input: ReservationInput): ReservationRecord {
  switch (input.kind) {
    case 'row':
      return record.row !== undefined && record.row.version >= input.version
        ? record
        : { ...record, row: input };
    case 'command':
      return isNews(record.commands[input.eventId], input) ? withCommand(record, input) : record;
    case 'conflict':
      return { ...record, conflictAtMs: input.atMs, conflicts: (record.conflicts ?? 0) + 1 };
    case 'hold':
      return (record.holds[input.lockId]?.version ?? 0) >= input.version
        ? record
        : withHold(record, input);
  }
}

export function isHeld({ status }: HoldFact): boolean {
  return status === 'TENTATIVE' || status === 'CONFIRMED';
}

/** What died may take effect after all; what took effect stays so. */
function isNews(known: AppliedCommandFact | undefined, command: AppliedCommandFact): boolean {
  return known === undefined || (known.effect === 'died' && command.effect !== 'died');
}

function withCommand(record: ReservationRecord, command: AppliedCommandFact): ReservationRecord {
  const others = Object.values(record.commands).filter(
    ({ eventId }) => eventId !== command.eventId,
  );
  const all = [...others, command].sort((left, right) => left.appliedAtMs - right.appliedAtMs);
  const kept = all.slice(-commandsMax);
  // An older one that comes again.
  if (!kept.includes(command)) return record;
  return { ...record, commands: Object.fromEntries(kept.map((one) => [one.eventId, one])) };
}

function withHold(record: ReservationRecord, hold: HoldFact): ReservationRecord {
  const all = [...Object.values(record.holds).filter(({ lockId }) => lockId !== hold.lockId), hold];
  const ended = all.filter((one) => !isHeld(one));
  const forgotten = new Set(ended.slice(0, Math.max(0, ended.length - endedHoldsMax)));
  const kept = all.filter((one) => !forgotten.has(one));
  const holds = Object.fromEntries(kept.map((one) => [one.lockId, one]));
  const ordered = Object.fromEntries(
    Object.entries(record.ordered).filter(([lockId]) => holds[lockId] !== undefined),
  );
  return { ...record, holds, ordered };
}
