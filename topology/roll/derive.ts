/**
 * How a reservation's ledger follows from the facts known about it and from the last closed business
 * date of its property. Nothing else is asked: not the order in which facts came, not a clock. Every
 * new fact and every tick derives the whole ledger anew; `diff.ts` finds what changed.
 *
 *   EOD       every closed night between the actual check-in and the actual check-out, at the room rate
 *   CHECKOUT  `reservation.check_out` APPLIED
 *   CANCEL    `reservation.cancel` APPLIED, or a row that says CANCELLED or EXPIRED without one
 *   NO_SHOW   `reservation.no_show` APPLIED, or a row that says NO_SHOW without one
 *
 * A deleted reservation has no ledger: what was derived for it no longer follows.
 */
import { uuidV5 } from '../../kernel/uuid.ts';
import { addDays, isCalendarDate } from '../calendar/calendar-date.ts';
import { contributionsOf, type DailyContribution } from './contributions.ts';
import { propertyIdOf, type ReservationFacts } from './facts.ts';
import { ceilMs, floorMs, formatInstantMicros } from '../calendar/instant.ts';
import {
  compareEntries,
  ledgerEntry,
  type EntryContent,
  type LedgerEntry,
  type LedgerOwner,
  type RollType,
} from './ledger-entry.ts';
import { rollTypeOf, type CommandRollType } from './roll-command.ts';
import { noCurrency } from './money.ts';
import {
  atLocalTime,
  firstNightFrom,
  isTimeZone,
  localDate,
  nightInstantMs,
  nightsPerStayMax,
  nightsSlept,
} from '../calendar/property-time.ts';
import { hasEndedEarly, type ReservationRow } from './reservation-row.ts';

/** What the ledger needs to know of its property. */
export interface PropertyCalendar {
  /** IANA name; undefined: the property is not known yet. */
  readonly zone: string | undefined;
  /** Undefined: no business date was ever closed. */
  readonly lastClosedDate: string | undefined;
}

export interface Derivation {
  /** In the order of a ledger. */
  readonly entries: readonly LedgerEntry[];
  /** What the entries and the arrival add to the property's days, one per business date. */
  readonly contributions: readonly DailyContribution[];
  /**
   * The earliest night that is not closed and that the guest, as far as is known, sleeps: the next tick
   * that can change this ledger. A tick of date D concerns the ledgers whose next night is D or before.
   */
  readonly nextNight: string | undefined;
  /** Why nothing can be derived yet; `time-zone`: the property's zone is no IANA name. */
  readonly waitsFor: 'reservation' | 'property' | 'time-zone' | undefined;
}

/** Everything that the functions below look at. */
interface Ground {
  readonly row: ReservationRow | undefined;
  /** The commands that leave an entry, by its kind. */
  readonly applied: AppliedCommands;
  readonly zone: string;
  readonly lastClosedDate: string | undefined;
  readonly owner: LedgerOwner;
  /** The ledger's entries as they were, by kind and date. */
  readonly known: ReadonlyMap<string, LedgerEntry>;
}

/** A stay by the clock: milliseconds since 1970; no end: in house. */
interface ActualStay {
  readonly fromMs: number;
  readonly toMs: number | undefined;
}

/** @param known the same reservation's entries as derived before: what still follows is taken from them. */
export function derive(
  facts: ReservationFacts,
  property: PropertyCalendar,
  known: readonly LedgerEntry[] = [],
): Derivation {
  const nothing = {
    entries: [],
    contributions: [],
    nextNight: undefined,
    waitsFor: undefined,
  };
  const isDeleted = facts.reservation?.row === null;
  if (isDeleted) return nothing;
  const propertyId = propertyIdOf(facts);
  if (propertyId === undefined) return { ...nothing, waitsFor: 'reservation' };
  const { zone, lastClosedDate } = property;
  if (zone === undefined) return { ...nothing, waitsFor: 'property' };
  if (!isTimeZone(zone)) return { ...nothing, waitsFor: 'time-zone' };

  const { tenantId, reservationId } = facts;
  const row = facts.reservation?.row ?? undefined;
  const currency = row?.currency ?? noCurrency;
  const owner = { tenantId, reservationId, propertyId, currency };
  const ground: Ground = {
    ...{ row, applied: appliedCommands(facts), zone, lastClosedDate, owner },
    known: new Map(known.map((entry) => [kindAndDate(entry.rollType, entry.rollDate), entry])),
  };
  const stay = actualStay(ground);
  const entries = [
    ...nightEntries(ground, stay),
    ...commandEntries(ground),
    ...rowEntries(ground),
  ].sort(compareEntries);
  const arrivalDate = stay === undefined ? undefined : localDate(zone, stay.fromMs);
  return {
    ...nothing,
    entries,
    contributions: contributionsOf(entries, { propertyId, currency, arrivalDate }),
    nextNight: stay === undefined ? undefined : nextOpenNight(ground, stay),
  };
}

function actualStay(ground: Ground): ActualStay | undefined {
  const { row } = ground;
  if (row?.checkedInMicros === undefined) return undefined;
  // A night's instant is a whole millisecond: rounding up both ends keeps [from, to) exact.
  return { fromMs: ceilMs(row.checkedInMicros), toMs: stayEndMs(ground, row) };
}

/** A row that says the stay is over ends it, at the best time known, also when the time is missing. */
function stayEndMs({ applied, zone }: Ground, row: ReservationRow): number | undefined {
  if (row.checkedOutMicros !== undefined) return ceilMs(row.checkedOutMicros);
  if (row.status === 'CHECKED_OUT') {
    const toldMicros = applied.CHECKOUT.map((command) => command.appliedMicros);
    return toldMicros.length > 0
      ? ceilMs(Math.min(...toldMicros))
      : atLocalTime(zone, row.departureDate, '11:00');
  }
  const endedMicros = row.cancelledMicros ?? row.noShowMicros ?? row.endedMicros;
  return hasEndedEarly(row.status) && endedMicros !== undefined ? ceilMs(endedMicros) : undefined;
}

function nextOpenNight(ground: Ground, stay: ActualStay): string | undefined {
  const { zone, lastClosedDate } = ground;
  const first = firstNightFrom(zone, stay.fromMs);
  const isFirstOpen = lastClosedDate === undefined || first > lastClosedDate;
  const night = isFirstOpen ? first : addDays(lastClosedDate, 1);
  if (stay.toMs !== undefined && nightInstantMs(zone, night) >= stay.toMs) return undefined;
  return night < addDays(first, nightsPerStayMax) ? night : undefined;
}

function kindAndDate(rollType: RollType, rollDate: string): string {
  return `${rollType} ${rollDate}`;
}

function entryOf({ owner, known }: Ground, content: EntryContent): LedgerEntry {
  return ledgerEntry(owner, content, known.get(kindAndDate(content.rollType, content.rollDate)));
}

function nightEntries(ground: Ground, stay?: ActualStay): LedgerEntry[] {
  const { row, zone, lastClosedDate, owner, known } = ground;
  if (row === undefined || stay === undefined || lastClosedDate === undefined) return [];
  const closedUntilMs = nightInstantMs(zone, lastClosedDate) + 1;
  const toMs = Math.min(stay.toMs ?? closedUntilMs, closedUntilMs);
  return nightsSlept(zone, stay.fromMs, toMs).map((night) => {
    const occurredMicros = nightInstantMs(zone, night) * 1000;
    const before = known.get(kindAndDate('EOD', night));
    if (before !== undefined && isSameNight(before, owner, row.rateMinor, occurredMicros)) {
      return before;
    }
    return entryOf(ground, {
      // Named by reservation and night: the one that was there before has the same.
      lifecycleEventId: before?.lifecycleEventId ?? uuidV5(owner.reservationId, night),
      rollType: 'EOD',
      rollDate: night,
      occurredMicros,
      sourceEventType: 'business_date.closed',
      // Not the check-out: it decides which nights exist, and would revise each of them when it comes.
      payload: {
        night,
        slept_at: formatInstantMicros(occurredMicros),
        room_rate_minor: row.rateMinor,
        currency: row.currency,
      },
      amountMinor: row.rateMinor,
    });
  });
}

/** Whatever else a night says follows from these: most nights of a ledger are as they were. */
function isSameNight(
  { amountMinor, currency, propertyId, occurredMicros }: LedgerEntry,
  owner: LedgerOwner,
  rateMinor: number,
  sleptMicros: number,
): boolean {
  return (
    amountMinor === rateMinor &&
    currency === owner.currency &&
    propertyId === owner.propertyId &&
    occurredMicros === sleptMicros
  );
}

function commandEntries(ground: Ground): LedgerEntry[] {
  const { applied } = ground;
  return [
    ...applied.CHECKOUT.flatMap((command) => checkoutOf(ground, command)),
    ...applied.CANCEL.flatMap((command) => cancelOf(ground, command)),
    ...applied.NO_SHOW.flatMap((command) => noShowOf(ground, command)),
  ];
}

/** What only the row tells: its own entry, until a command of that kind is known to be APPLIED. */
function rowEntries(ground: Ground): LedgerEntry[] {
  const { row, applied } = ground;
  switch (row?.status) {
    case 'CANCELLED':
    case 'EXPIRED':
      return applied.CANCEL.length > 0 ? [] : cancelOf(ground, rowSource(ground, 'CANCEL'));
    case 'NO_SHOW':
      return applied.NO_SHOW.length > 0 ? [] : noShowOf(ground, rowSource(ground, 'NO_SHOW'));
    default:
      return [];
  }
}

/** Who tells that something happened: a command, or the row alone. */
interface Source {
  readonly lifecycleEventId: string;
  readonly sourceEventType: string;
  /** The part of the payload that names the source. */
  readonly told: Readonly<Record<string, string>>;
  readonly appliedMicros: number | undefined;
  readonly arrival: string | number | undefined;
}
type AppliedCommand = Source & { readonly appliedMicros: number };
type AppliedCommands = Readonly<Record<CommandRollType, readonly AppliedCommand[]>>;

function appliedCommands(facts: ReservationFacts): AppliedCommands {
  const applied: Record<CommandRollType, AppliedCommand[]> = {
    CHECKOUT: [],
    CANCEL: [],
    NO_SHOW: [],
  };
  for (const { eventId, row } of facts.commands) {
    const rollType = row === null ? undefined : rollTypeOf(row.commandName);
    if (rollType === undefined || row?.appliedMicros === undefined) continue;
    applied[rollType].push({
      lifecycleEventId: eventId,
      sourceEventType: row.commandName,
      told: { command: row.commandName },
      appliedMicros: row.appliedMicros,
      arrival: row.stay?.arrival,
    });
  }
  return applied;
}

function rowSource({ row, owner }: Ground, rollType: CommandRollType): Source {
  const status = row?.status ?? '';
  return {
    lifecycleEventId: uuidV5(owner.reservationId, rollType),
    sourceEventType: `reservation.row.${status.toLowerCase()}`,
    told: { status },
    appliedMicros: undefined,
    arrival: undefined,
  };
}

/** Waits for the row to follow its command: only the row knows when the guest left. */
function checkoutOf(ground: Ground, source: Source): LedgerEntry[] {
  const { row, zone } = ground;
  const hasFollowed = row === undefined || row.status === 'CHECKED_OUT';
  const leftMicros = row?.checkedOutMicros ?? (hasFollowed ? source.appliedMicros : undefined);
  if (leftMicros === undefined) return [];
  const entry = entryOf(ground, {
    lifecycleEventId: source.lifecycleEventId,
    rollType: 'CHECKOUT',
    rollDate: localDate(zone, floorMs(leftMicros)),
    occurredMicros: leftMicros,
    sourceEventType: source.sourceEventType,
    payload: { ...source.told, actual_check_out: formatInstantMicros(leftMicros) },
    amountMinor: 0,
  });
  return [entry];
}

function cancelOf(ground: Ground, source: Source): LedgerEntry[] {
  const { row, zone, owner } = ground;
  const cancelledMicros = row?.cancelledMicros ?? source.appliedMicros ?? row?.endedMicros;
  if (cancelledMicros === undefined) return [];
  const feeMinor = row?.cancellationFeeMinor ?? 0;
  const entry = entryOf(ground, {
    lifecycleEventId: source.lifecycleEventId,
    rollType: 'CANCEL',
    rollDate: localDate(zone, floorMs(cancelledMicros)),
    occurredMicros: cancelledMicros,
    sourceEventType: source.sourceEventType,
    payload: {
      ...source.told,
      cancelled_at: formatInstantMicros(cancelledMicros),
      fee_minor: feeMinor,
      currency: owner.currency,
    },
    amountMinor: feeMinor,
  });
  return [entry];
}

function noShowOf(ground: Ground, source: Source): LedgerEntry[] {
  const { row, zone, owner } = ground;
  const arrivalDate = dateOfArrival(source.arrival ?? row?.arrivalDate, zone);
  const occurredMicros = row?.noShowMicros ?? source.appliedMicros ?? row?.endedMicros;
  if (arrivalDate === undefined || occurredMicros === undefined) return [];
  const feeMinor = row?.noShowFeeMinor ?? 0;
  const entry = entryOf(ground, {
    lifecycleEventId: source.lifecycleEventId,
    rollType: 'NO_SHOW',
    rollDate: arrivalDate,
    occurredMicros,
    sourceEventType: source.sourceEventType,
    payload: {
      ...source.told,
      arrival_date: arrivalDate,
      no_show_at: formatInstantMicros(occurredMicros),
      fee_minor: feeMinor,
      currency: owner.currency,
    },
    amountMinor: feeMinor,
  });
  return [entry];
}

function dateOfArrival(arrival: string | number | undefined, zone: string): string | undefined {
  if (typeof arrival === 'number') return localDate(zone, floorMs(arrival));
  return arrival !== undefined && isCalendarDate(arrival) ? arrival : undefined;
}
