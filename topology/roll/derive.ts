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
import { addDays, isCalendarDate } from './calendar-date.ts';
import { contributionsOf, type DailyContribution } from './contributions.ts';
import { propertyIdOf, skippedCommands, type ReservationFacts } from './facts.ts';
import { ceilMs, floorMs, formatInstantMicros } from './instant.ts';
import {
  compareEntries,
  ledgerEntry,
  type EntryContent,
  type LedgerEntry,
} from './ledger-entry.ts';
import { rollTypeOf, type Command, type CommandRollType } from './lifecycle-row.ts';
import { noCurrency } from './money.ts';
import {
  atLocalTime,
  firstNightFrom,
  isTimeZone,
  localDate,
  nightInstantMs,
  nightsPerStayMax,
  nightsSlept,
} from './property-time.ts';
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
  readonly skippedCommands: number;
  /** Why nothing can be derived yet; `time-zone`: the property's zone is no IANA name. */
  readonly waitsFor: 'reservation' | 'property' | 'time-zone' | undefined;
}

/** Everything that the functions below look at. */
interface Ground {
  readonly facts: ReservationFacts;
  readonly row: ReservationRow | undefined;
  readonly zone: string;
  readonly lastClosedDate: string | undefined;
  readonly base: Pick<EntryContent, 'tenantId' | 'reservationId' | 'propertyId' | 'currency'>;
}

/** A stay by the clock: milliseconds since 1970; no end: in house. */
interface ActualStay {
  readonly fromMs: number;
  readonly toMs: number | undefined;
}

export function derive(facts: ReservationFacts, property: PropertyCalendar): Derivation {
  const nothing = {
    entries: [],
    contributions: [],
    nextNight: undefined,
    skippedCommands: skippedCommands(facts),
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
  const base = { tenantId, reservationId, propertyId, currency };
  const ground: Ground = { facts, row, zone, lastClosedDate, base };
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
function stayEndMs({ facts, zone }: Ground, row: ReservationRow): number | undefined {
  if (row.checkedOutMicros !== undefined) return ceilMs(row.checkedOutMicros);
  if (row.status === 'CHECKED_OUT') {
    const appliedMicros = appliedCommands(facts, 'CHECKOUT').map(
      (command) => command.appliedMicros,
    );
    return appliedMicros.length > 0
      ? ceilMs(Math.min(...appliedMicros))
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

function nightEntries(
  { row, zone, lastClosedDate, base }: Ground,
  stay?: ActualStay,
): LedgerEntry[] {
  if (row === undefined || stay === undefined || lastClosedDate === undefined) return [];
  const closedUntilMs = nightInstantMs(zone, lastClosedDate) + 1;
  const toMs = Math.min(stay.toMs ?? closedUntilMs, closedUntilMs);
  return nightsSlept(zone, stay.fromMs, toMs).map((night) => {
    const occurredMicros = nightInstantMs(zone, night) * 1000;
    return ledgerEntry({
      ...base,
      lifecycleEventId: uuidV5(base.reservationId, night),
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

function commandEntries(ground: Ground): LedgerEntry[] {
  return [
    ...appliedCommands(ground.facts, 'CHECKOUT').flatMap((command) => checkoutOf(ground, command)),
    ...appliedCommands(ground.facts, 'CANCEL').flatMap((command) => cancelOf(ground, command)),
    ...appliedCommands(ground.facts, 'NO_SHOW').flatMap((command) => noShowOf(ground, command)),
  ];
}

/** What only the row tells: its own entry, until a command of that kind is known to be APPLIED. */
function rowEntries(ground: Ground): LedgerEntry[] {
  const { row, facts } = ground;
  if (row === undefined) return [];
  const source = (rollType: RollTypeOfRow): Source => ({
    lifecycleEventId: uuidV5(facts.reservationId, rollType),
    sourceEventType: `reservation.row.${row.status.toLowerCase()}`,
    told: { status: row.status },
    appliedMicros: undefined,
    arrival: undefined,
  });
  switch (row.status) {
    case 'CANCELLED':
    case 'EXPIRED':
      return appliedCommands(facts, 'CANCEL').length > 0 ? [] : cancelOf(ground, source('CANCEL'));
    case 'NO_SHOW':
      return appliedCommands(facts, 'NO_SHOW').length > 0
        ? []
        : noShowOf(ground, source('NO_SHOW'));
    default:
      return [];
  }
}

type RollTypeOfRow = Exclude<CommandRollType, 'CHECKOUT'>;

/** Who tells that something happened: a command, or the row alone. */
interface Source {
  readonly lifecycleEventId: string;
  readonly sourceEventType: string;
  /** The part of the payload that names the source. */
  readonly told: Readonly<Record<string, string>>;
  readonly appliedMicros: number | undefined;
  readonly arrival: string | number | undefined;
}

function appliedCommands(
  facts: ReservationFacts,
  rollType: CommandRollType,
): (Source & { readonly appliedMicros: number })[] {
  return facts.commands.flatMap(({ eventId, row }) =>
    row?.appliedMicros === undefined || rollTypeOf(row.commandName) !== rollType
      ? []
      : [{ ...sourceOf(eventId, row), appliedMicros: row.appliedMicros }],
  );
}

function sourceOf(eventId: string, command: Command): Omit<Source, 'appliedMicros'> {
  return {
    lifecycleEventId: eventId,
    sourceEventType: command.commandName,
    told: { command: command.commandName },
    arrival: command.stay?.arrival,
  };
}

/** Waits for the row to follow its command: only the row knows when the guest left. */
function checkoutOf({ row, zone, base }: Ground, source: Source): LedgerEntry[] {
  const hasFollowed = row === undefined || row.status === 'CHECKED_OUT';
  const leftMicros = row?.checkedOutMicros ?? (hasFollowed ? source.appliedMicros : undefined);
  if (leftMicros === undefined) return [];
  const entry = ledgerEntry({
    ...base,
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

function cancelOf({ row, zone, base }: Ground, source: Source): LedgerEntry[] {
  const cancelledMicros = row?.cancelledMicros ?? source.appliedMicros ?? row?.endedMicros;
  if (cancelledMicros === undefined) return [];
  const feeMinor = row?.cancellationFeeMinor ?? 0;
  const entry = ledgerEntry({
    ...base,
    lifecycleEventId: source.lifecycleEventId,
    rollType: 'CANCEL',
    rollDate: localDate(zone, floorMs(cancelledMicros)),
    occurredMicros: cancelledMicros,
    sourceEventType: source.sourceEventType,
    payload: {
      ...source.told,
      cancelled_at: formatInstantMicros(cancelledMicros),
      fee_minor: feeMinor,
      currency: base.currency,
    },
    amountMinor: feeMinor,
  });
  return [entry];
}

function noShowOf({ row, zone, base }: Ground, source: Source): LedgerEntry[] {
  const arrivalDate = dateOfArrival(source.arrival ?? row?.arrivalDate, zone);
  const occurredMicros = row?.noShowMicros ?? source.appliedMicros ?? row?.endedMicros;
  if (arrivalDate === undefined || occurredMicros === undefined) return [];
  const feeMinor = row?.noShowFeeMinor ?? 0;
  const entry = ledgerEntry({
    ...base,
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
      currency: base.currency,
    },
    amountMinor: feeMinor,
  });
  return [entry];
}

function dateOfArrival(arrival: string | number | undefined, zone: string): string | undefined {
  if (typeof arrival === 'number') return localDate(zone, floorMs(arrival));
  return arrival !== undefined && isCalendarDate(arrival) ? arrival : undefined;
}
