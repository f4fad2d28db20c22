/**
 * The holds of one reservation beside its rows, by the guard's own rules: what `reconcile` would order
 * released or confirmed, and whether the stay that the row sells is held. Pure.
 *
 * A hold that has no room, though the row names one, is right: where the room was another's when it was
 * assigned, any room of the type is held. Further rooms of a reservation are in no row; they are only
 * looked at once it has ended.
 */
import type { PropertyRecord } from '../topology/guard/catalogue.ts';
import { platformStay } from '../topology/guard/platform-stay.ts';
import { isRefusal } from '../topology/guard/refusal.ts';
import { reconcile } from '../topology/guard/reservations/reconcile.ts';
import type {
  PlatformFact,
  ReservationRowFact,
} from '../topology/guard/reservations/reservation-fact.ts';
import {
  emptyRecord,
  withInput,
  type ReservationRecord,
} from '../topology/guard/reservations/reservation-record.ts';
import { nightsOf, type Stay } from '../topology/guard/stay.ts';
import type { DriftReason, DriftRow, FieldDifference } from './drift.ts';
import { factOfHold, isLiveHold, type HeldPart, type StoredHold } from './stored-hold.ts';

export interface HeldReservation {
  readonly tenantId: string;
  readonly reservationId: string;
  /** Its row, and its commands that took effect. */
  readonly facts: readonly PlatformFact[];
  /** Undefined: the platform has no row of it. */
  readonly property: PropertyRecord | undefined;
  /** The room that the row names, if it is one of the row's type. */
  readonly roomId: string | undefined;
  /** All of its holds, ended ones too. */
  readonly holds: readonly StoredHold[];
}

/** @param heldAfterMs stays that ended before it are not held any more, nor released. */
export function lockDrift(of: HeldReservation, heldAfterMs: number): readonly DriftRow[] {
  const record = recordOf(of);
  const live = of.holds.filter((hold) => isLiveHold(hold) && endOf(hold) > heldAfterMs);
  const toEnd = holdsToEnd(record, live);
  const rows: Found[] = [...toEnd].map((hold) => ({ reason: 'extra_hold', hold, differences: [] }));
  const kept = live.filter((hold) => !toEnd.has(hold));
  const stay = stayOf(record, of.property);
  if (stay !== undefined && stay.stayEndMs > heldAfterMs) {
    const found = stayFound({ of, record, stay, kept });
    if (found !== undefined) rows.push(found);
  }
  return rows.map((found) => rowOf(of, record, found, stay));
}

interface Found {
  readonly reason: DriftReason;
  readonly hold: StoredHold | undefined;
  readonly differences: readonly FieldDifference[];
}

function recordOf({ tenantId, reservationId, facts, holds }: HeldReservation): ReservationRecord {
  let record = emptyRecord({ tenantId, reservationId });
  for (const fact of [...facts, ...holds.map(factOfHold)]) record = withInput(record, fact);
  return record;
}

function holdsToEnd(
  record: ReservationRecord,
  live: readonly StoredHold[],
): ReadonlySet<StoredHold> {
  const released = new Set(
    reconcile(record).orders.flatMap((order) => (order.kind === 'release' ? [order.lockId] : [])),
  );
  const isAskedFor = Object.values(record.commands).some(({ effect }) => effect === 'stay');
  return new Set(
    live.filter((hold) => {
      if (released.has(hold.lockId)) return true;
      if (record.row !== undefined) return false;
      // Nobody has sold it (any more).
      return hold.isPlatforms || (hold.status === 'CONFIRMED' && !isAskedFor);
    }),
  );
}

/** What the row wants held; undefined: nothing, or what no calendar has. */
function stayOf(
  { row }: ReservationRecord,
  property: PropertyRecord | undefined,
): Stay | undefined {
  if (row?.standing !== 'live') return undefined;
  const stay = platformStay(row, property);
  return isRefusal(stay) ? undefined : stay;
}

interface ToFind {
  readonly of: HeldReservation;
  readonly record: ReservationRecord;
  readonly stay: Stay;
  readonly kept: readonly StoredHold[];
}

/** Undefined: the stay is held as it must be. The hold that is nearest to it says what differs. */
function stayFound({ of, record, stay, kept }: ToFind): Found | undefined {
  const { row } = record;
  if (row === undefined) return undefined;
  const zone = of.property?.zone ?? 'UTC';
  const judged = kept.map((hold): Found & { readonly weight: number } => {
    const parts = [hold.own, ...(hold.confirmed === undefined ? [] : [hold.confirmed])];
    const hasStay = (part: HeldPart): boolean => partHasStay(hold, part, { row, stay, zone });
    const isOfType = hold.roomTypeId === row.roomTypeId;
    const withStay = parts.filter(hasStay);
    const withRoom = withStay.filter(({ roomId }) => isItsRoom(roomId, hold, of.roomId, row));
    const isSure = withRoom.some((part) => part === hold.confirmed || hold.status === 'CONFIRMED');
    const nights = nightsOf(hold.own, zone);
    const differences: FieldDifference[] = [];
    const differ = (field: string, expected: unknown, actual: unknown): void =>
      void differences.push({ field, expected: plain(expected), actual: plain(actual) });
    if (!isOfType) differ('roomTypeId', row.roomTypeId, hold.roomTypeId);
    if (withStay.length === 0) differ('nights', stay.nights, nights);
    else if (withRoom.length === 0) differ('roomId', of.roomId, withStay[0]?.roomId);
    else if (!isSure) differ('status', 'CONFIRMED', hold.status);
    const reason = reasonOf(isOfType, withStay.length > 0, withRoom.length > 0);
    // A further room of another stay is no hold of this one.
    const isMain = hold.isPlatforms || hold.slot === `reservation:${of.reservationId}`;
    return { reason, hold, differences, weight: differences.length * 2 + (isMain ? 0 : 1) };
  });
  if (judged.some(({ differences }) => differences.length === 0)) return undefined;
  const [nearest] = judged.sort((left, right) => left.weight - right.weight);
  if (nearest === undefined) return { reason: 'missing_hold', hold: undefined, differences: [] };
  const { reason, hold, differences } = nearest;
  return { reason, hold, differences };
}

function reasonOf(isOfType: boolean, hasStay: boolean, hasRoom: boolean): DriftReason {
  if (!isOfType) return 'other_type';
  if (!hasStay) return 'other_stay';
  return hasRoom ? 'not_confirmed' : 'other_room';
}

/** Of its own stay the guard has said which nights it counts on; the instants have to mean the same. */
function partHasStay(
  hold: StoredHold,
  part: HeldPart,
  {
    row,
    stay,
    zone,
  }: { readonly row: ReservationRowFact; readonly stay: Stay; readonly zone: string },
): boolean {
  const wanted = String(stay.nights);
  if (part === hold.own && String(hold.nights) !== wanted) return false;
  if (String(nightsOf(part, zone)) === wanted) return true;
  // A hold that was taken before the property was known has instants of UTC.
  const early = platformStay(row, undefined);
  return (
    !isRefusal(early) &&
    early.stayStartMs === part.stayStartMs &&
    early.stayEndMs === part.stayEndMs
  );
}

/** Where the row names no room, a caller's own will do. */
function isItsRoom(
  heldRoomId: string | undefined,
  { isPlatforms }: StoredHold,
  roomId: string | undefined,
  { roomNumber }: { readonly roomNumber: string | undefined },
): boolean {
  if (heldRoomId === undefined || heldRoomId === roomId) return true;
  return roomId === undefined && (roomNumber !== undefined || !isPlatforms);
}

function rowOf(
  of: HeldReservation,
  record: ReservationRecord,
  { reason, hold, differences }: Found,
  stay: Stay | undefined,
): DriftRow {
  const { tenantId, reservationId } = of;
  const { row } = record;
  const nights = stay?.nights ?? hold?.nights ?? [];
  return {
    ...{ side: 'locks', reason, tenantId, reservationId },
    ...ownerOf(row, hold),
    what: `${row?.status ?? 'no reservation'}, ${nights.length} nights from ${nights[0] ?? '?'}`,
    amounts: [],
    differences,
    sinceMs: saidAtMs(record) ?? hold?.decidedAtMs ?? null,
  };
}

function ownerOf(
  row: ReservationRecord['row'],
  hold: StoredHold | undefined,
): Pick<DriftRow, 'propertyId' | 'key'> {
  return { propertyId: row?.propertyId ?? hold?.propertyId ?? null, key: hold?.lockId ?? null };
}

/** When the platform last said what is held; undefined: it never did. */
function saidAtMs({ row, commands }: ReservationRecord): number | undefined {
  const ends = Object.values(commands).filter(({ effect }) => effect === 'end');
  const times = ends.map(({ appliedAtMs }) => appliedAtMs);
  if (row !== undefined) times.push(row.writtenAtMs);
  return times.length > 0 ? Math.max(...times) : undefined;
}

function endOf({ own, confirmed }: StoredHold): number {
  return Math.max(own.stayEndMs, confirmed?.stayEndMs ?? 0);
}

function plain(value: unknown): FieldDifference['expected'] {
  return (value ?? null) as FieldDifference['expected'];
}
