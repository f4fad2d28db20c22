/**
 * What the guard has to do so that a reservation's holds are what the platform says of it: a pure
 * function of everything known. Each order names the version of the hold it is for; one that comes too
 * late does nothing, the hold's change is learnt of here, and this function is asked again.
 *
 *   the reservation            its holds
 *   ended (row or command)     released, if they were granted before the end
 *   live                       its stay is ordered once for each state of the row, and again when the
 *                              hold was lost to its time
 *   a command took effect      the holds that were taken for it are confirmed; further rooms that were
 *                              lost to their time meanwhile are taken again
 *   two types in one slot      the superseded one is released
 */
import type { ReleaseCommand } from '../command.ts';
import type { ConfirmInput, PlatformStayInput } from '../input.ts';
import type { HoldFact } from './hold-fact.ts';
import { mainSlotOf } from '../slot.ts';
import { isHeld, type ReservationRecord } from './reservation-record.ts';
import type { AppliedCommandFact, ReservationRowFact } from './reservation-fact.ts';

export type Order = ConfirmInput | PlatformStayInput | ReleaseCommand;

export interface Reconciled {
  readonly record: ReservationRecord;
  readonly orders: readonly Order[];
}

/** Who releases what the platform has ended. */
export const platformActor = 'platform';
export const supersededReason = 'SUPERSEDED';

/** The platform's clock and the guard's are two. */
const clockDoubtMs = 5_000;
/** A first hold that comes this long after its command took effect was still taken for it. */
const lateHoldMs = 60_000;

export function reconcile(record: ReservationRecord): Reconciled {
  const orders: Order[] = [];
  const ordered: Record<string, number> = { ...record.ordered };
  const once = (hold: HoldFact, order: Order): void => {
    if (ordered[hold.lockId] === hold.version) return;
    ordered[hold.lockId] = hold.version;
    orders.push(order);
  };
  const live = Object.values(record.holds).filter(isHeld);
  const end = endOf(record);
  const superseded = supersededHolds(record, live);
  for (const hold of live) {
    const reason =
      endedBefore(record, hold, end) ?? (superseded.has(hold) ? supersededReason : undefined);
    const cause = reason === undefined ? confirmingCommand(record, hold, { live, end }) : undefined;
    if (reason !== undefined) once(hold, releaseOrder(hold, reason));
    else if (cause !== undefined) once(hold, confirmOrder(hold, cause));
  }
  for (const hold of Object.values(record.holds)) {
    const cause = retakingCommand(record, hold, end);
    if (cause !== undefined) once(hold, confirmOrder(hold, cause));
  }
  const stay = end === undefined ? stayOrder(record, live) : undefined;
  if (stay !== undefined) orders.push(stay.order);
  // Taken up again, even with the same stay, it is news.
  const orderedStay = end === undefined ? record.orderedStay : undefined;
  const isSame = orders.length === 0 && orderedStay === record.orderedStay;
  return { record: isSame ? record : { ...record, ordered, orderedStay, ...stay?.noted }, orders };
}

interface End {
  readonly atMs: number;
  readonly reason: string;
}

/** How the reservation ended, as far as is known; undefined: it has not. */
function endOf({ row, commands }: ReservationRecord): End | undefined {
  let end: End | undefined;
  for (const { effect, appliedAtMs, commandName } of Object.values(commands)) {
    if (effect !== 'end' || appliedAtMs < (end?.atMs ?? -Infinity)) continue;
    end = { atMs: appliedAtMs, reason: commandName };
  }
  if (row === undefined) return end;
  if (row.standing === 'ended') {
    return { atMs: Math.max(row.writtenAtMs, end?.atMs ?? 0), reason: end?.reason ?? row.status };
  }
  // The row was written after that: the reservation was taken up again.
  return end !== undefined && end.atMs > row.writtenAtMs ? end : undefined;
}

/**
 * Why a hold has to be released. What the platform's row is held for ends with the row, whenever
 * that is read; what somebody asked for only if it was there when the reservation ended, or was
 * confirmed by something from before that end.
 */
function endedBefore(
  { commands }: ReservationRecord,
  hold: HoldFact,
  end: End | undefined,
): string | undefined {
  if (end === undefined) return undefined;
  const isRows = hold.isPlatforms || hold.followsRow;
  const isOlder = hold.changedAtMs <= end.atMs + clockDoubtMs;
  const isTakenUpAgain = Object.values(commands).some((command) => isStaySince(command, end));
  const isConfirmedBefore = hold.status === 'CONFIRMED' && !isTakenUpAgain;
  return isRows || isOlder || isConfirmedBefore ? end.reason : undefined;
}

function isStaySince({ effect, appliedAtMs }: AppliedCommandFact, end: End | undefined): boolean {
  return effect === 'stay' && (end === undefined || appliedAtMs > end.atMs);
}

/** The command that a tentative hold was taken for, once it took effect. */
function confirmingCommand(
  { commands, row }: ReservationRecord,
  hold: HoldFact,
  { live, end }: { readonly live: readonly HoldFact[]; readonly end: End | undefined },
): AppliedCommandFact | undefined {
  if (hold.status !== 'TENTATIVE') return undefined;
  const isFirst = hold.grantedAtMs === hold.changedAtMs;
  // What of the main slot took effect is in the row: its command may have died while another one of the
  // reservation was applied. Further rooms of a reservation are in no row.
  const main = mainSlotOf(hold.reservationId);
  const isMain =
    hold.slot === main && !live.some(({ followsRow, slot }) => followsRow && slot !== main);
  const isInRow = hold.followsRow || isMain;
  if (isInRow && (row?.standing === 'live' || !isFirst)) return undefined;
  return Object.values(commands).find(
    (command) => isStaySince(command, end) && isTakenFor(hold, command),
  );
}

/**
 * A change is asked for before its command is accepted; a first hold may be asked for by a command of
 * its own that comes later.
 */
function isTakenFor(
  { grantedAtMs, changedAtMs }: HoldFact,
  { createdAtMs, appliedAtMs }: AppliedCommandFact,
): boolean {
  const isFirst = grantedAtMs === changedAtMs;
  return changedAtMs <= (isFirst ? appliedAtMs + lateHoldMs : createdAtMs + clockDoubtMs);
}

/**
 * The command that a further room was held for when it was accepted, and that took effect, or was heard
 * of, after the hold had expired. What the row says is held by the row.
 */
function retakingCommand(
  record: ReservationRecord,
  hold: HoldFact,
  end: End | undefined,
): AppliedCommandFact | undefined {
  const { status, slot, endedAtMs = 0, followsRow, isPlatforms, reservationId } = hold;
  const isRows = followsRow || isPlatforms || slot === mainSlotOf(reservationId);
  if (status !== 'EXPIRED' || isRows || !isMainAskedFor(record)) return undefined;
  return Object.values(record.commands).find(
    (command) =>
      isStaySince(command, end) && isTakenFor(hold, command) && command.createdAtMs <= endedAtMs,
  );
}

/** Otherwise a hold in another slot may be the one room of the reservation. */
function isMainAskedFor({ holds, reservationId }: ReservationRecord): boolean {
  const main = mainSlotOf(reservationId);
  return Object.values(holds).some(({ slot, isPlatforms }) => slot === main && !isPlatforms);
}

/**
 * Holds that another one of their slot, or what somebody asked for in another slot, has taken the
 * place of. A confirmed one is only superseded by a confirmed one: a change may still come to nothing.
 */
function supersededHolds(
  record: ReservationRecord,
  live: readonly HoldFact[],
): ReadonlySet<HoldFact> {
  const { row } = record;
  const superseded = new Set<HoldFact>();
  const bySlot = new Map<string, HoldFact[]>();
  for (const hold of live) bySlot.set(hold.slot, [...(bySlot.get(hold.slot) ?? []), hold]);
  for (const holds of bySlot.values()) {
    for (const isConfirmed of [false, true]) {
      const alike = holds.filter((hold) => hold.isConfirmed === isConfirmed);
      const wanted = row?.standing === 'live' && isConfirmed ? row.roomTypeId : undefined;
      const newest =
        alike.find(({ roomTypeId }) => roomTypeId === wanted) ?? alike.sort(byAge).at(-1);
      for (const hold of alike) if (hold !== newest) superseded.add(hold);
    }
  }
  if (isMainAskedFor(record)) return superseded;
  const asked = live.filter(({ isPlatforms, status }) => !isPlatforms && status === 'CONFIRMED');
  for (const hold of live) {
    if (hold.isPlatforms && asked.some((other) => isSameStay(hold, other))) superseded.add(hold);
  }
  return superseded;
}

function isSameStay(left: HoldFact, right: HoldFact): boolean {
  return left.roomTypeId === right.roomTypeId && String(left.nights) === String(right.nights);
}

/** The highest iteration is the newest; where none says, the time of the change. */
function byAge(left: HoldFact, right: HoldFact): number {
  return (
    left.iteration - right.iteration ||
    left.changedAtMs - right.changedAtMs ||
    (left.lockId < right.lockId ? -1 : 1)
  );
}

/** The row's stay, if the guard has not been told of it, or has lost it since. */
function stayOrder(
  { row, orderedStay, holds, retakes }: ReservationRecord,
  live: readonly HoldFact[],
):
  | {
      readonly order: PlatformStayInput;
      readonly noted: Pick<ReservationRecord, 'orderedStay' | 'retakes'>;
    }
  | undefined {
  if (row?.standing !== 'live') return undefined;
  const stay = stayKey(row);
  const lost = Object.values(holds).filter(({ status }) => status === 'EXPIRED').length;
  const isLost = live.length === 0 && lost > retakes;
  if (stay === orderedStay && !isLost) return undefined;
  const { tenantId, reservationId, roomTypeId, propertyId, roomNumber } = row;
  const { arrivalDate, departureDate } = row;
  return {
    order: {
      kind: 'platform-stay',
      ...{ tenantId, reservationId, roomTypeId, propertyId, roomNumber },
      ...{ arrivalDate, departureDate },
    },
    noted: { orderedStay: stay, retakes: lost },
  };
}

function stayKey(row: ReservationRowFact): string {
  const { roomTypeId, propertyId, roomNumber, arrivalDate, departureDate } = row;
  return JSON.stringify([roomTypeId, propertyId, roomNumber, arrivalDate, departureDate]);
}

function releaseOrder(hold: HoldFact, reason: string): ReleaseCommand {
  const { tenantId, lockId, version } = hold;
  return {
    kind: 'release',
    ...{ tenantId, lockId, version, reason, actor: platformActor },
    ...{ reservationId: undefined, correlationId: undefined, metadata: {} },
  };
}

function confirmOrder(hold: HoldFact, { eventId }: AppliedCommandFact): ConfirmInput {
  const { tenantId, lockId, version } = hold;
  return { kind: 'confirm', tenantId, lockId, version, cause: eventId };
}
