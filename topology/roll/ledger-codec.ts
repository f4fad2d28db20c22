/**
 * The stored form of a ledger: one version byte, then JSON in which rows and entries are the tuples
 * below, with null for undefined. A changed tuple is a new version; what an older one wrote must stay
 * readable. What an entry shares with its ledger is written once.
 * Fields are spelled out on both sides: building objects from a list of names is ten times slower, and
 * a ledger is read and written for nearly every record.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { DailyContribution } from './contributions.ts';
import type { StoredEntry } from './diff.ts';
import type { CommandFact, ReservationFacts } from './facts.ts';
import type { RollType } from './ledger-entry.ts';
import type { StoredLedger } from './ledger.ts';
import type { Command, LifecycleState } from '../captured/lifecycle-row.ts';
import type { ReservationRow, ReservationStatus } from './reservation-row.ts';

type Owner = readonly [tenantId: string, reservationId: string];
type RowTuple = readonly [
  propertyId: string,
  status: ReservationStatus,
  arrivalDate: string,
  departureDate: string,
  checkedInMicros: number | null,
  checkedOutMicros: number | null,
  rateMinor: number,
  currency: string,
  cancelledMicros: number | null,
  cancellationFeeMinor: number,
  noShowMicros: number | null,
  noShowFeeMinor: number,
  endedMicros: number | null,
];
type CommandTuple = readonly [
  commandName: string,
  state: LifecycleState,
  appliedMicros: number | null,
  createdMicros: number,
  stay: readonly [propertyId: string | null, arrival: string | number | null] | null,
];
type CommandFactTuple = readonly [eventId: string, version: string, command: CommandTuple | null];
type EntryTuple = readonly [
  ledgerId: string,
  propertyId: string,
  lifecycleEventId: string,
  rollType: RollType,
  rollDate: string,
  occurredMicros: number,
  sourceEventType: string,
  eventPayload: string,
  amountMinor: number,
  currency: string,
  revision: string,
  createdAtMs: number,
  updatedAtMs: number,
];
type DayTuple = readonly [
  propertyId: string,
  businessDate: string,
  currency: string,
  roomsSold: number,
  revenueMinor: number,
  arrivals: number,
  departures: number,
  cancellations: number,
  noShows: number,
];
type LedgerTuple = readonly [
  owner: Owner,
  reservation: readonly [version: string, row: RowTuple | null] | null,
  commands: readonly CommandFactTuple[],
  entries: readonly EntryTuple[],
  contributions: readonly DayTuple[],
  wake: readonly [propertyId: string, night: string] | null,
];

const formatVersion = 1;

/**
 * The serde of the ledger store. A format that this program does not know is STORE_FAILED, which stops:
 * restoring would bring the same bytes.
 */
export const ledgerCodec = {
  serialize(ledger: StoredLedger): Buffer {
    const text = JSON.stringify(ledgerTuple(ledger));
    const bytes = Buffer.allocUnsafe(1 + Buffer.byteLength(text));
    bytes[0] = formatVersion;
    bytes.write(text, 1);
    return bytes;
  },

  deserialize(bytes: Buffer): StoredLedger {
    if (bytes[0] !== formatVersion) {
      const message = `a stored ledger has format ${String(bytes[0])}, this program reads ${formatVersion}; run the version that wrote it, or replay under a new application id`;
      throw new RollguardError('STORE_FAILED', message);
    }
    return ledgerOf(JSON.parse(bytes.toString('utf8', 1)) as LedgerTuple);
  },
};

function ledgerTuple({ facts, entries, contributions, wake }: StoredLedger): LedgerTuple {
  const { tenantId, reservationId, reservation, commands } = facts;
  return [
    [tenantId, reservationId],
    reservation === undefined ? null : [reservation.version, rowTuple(reservation.row)],
    commands.map(({ eventId, version, row }) => [eventId, version, commandTuple(row)]),
    entries.map(entryTuple),
    contributions.map(dayTuple),
    wake === undefined ? null : [wake.propertyId, wake.night],
  ];
}

function ledgerOf([owner, reservation, commands, entries, days, wake]: LedgerTuple): StoredLedger {
  const [tenantId, reservationId] = owner;
  const facts: ReservationFacts = {
    tenantId,
    reservationId,
    reservation:
      reservation === null ? undefined : { version: reservation[0], row: rowOf(reservation[1]) },
    commands: commands.map(commandFactOf),
  };
  return {
    facts,
    entries: entries.map((entry) => entryOf(owner, entry)),
    contributions: days.map(dayOf),
    wake: wake === null ? undefined : { propertyId: wake[0], night: wake[1] },
  };
}

function rowTuple(row: ReservationRow | null): RowTuple | null {
  if (row === null) return null;
  return [
    row.propertyId,
    row.status,
    row.arrivalDate,
    row.departureDate,
    row.checkedInMicros ?? null,
    row.checkedOutMicros ?? null,
    row.rateMinor,
    row.currency,
    row.cancelledMicros ?? null,
    row.cancellationFeeMinor,
    row.noShowMicros ?? null,
    row.noShowFeeMinor,
    row.endedMicros ?? null,
  ];
}

function rowOf(tuple: RowTuple | null): ReservationRow | null {
  if (tuple === null) return null;
  return {
    propertyId: tuple[0],
    status: tuple[1],
    arrivalDate: tuple[2],
    departureDate: tuple[3],
    checkedInMicros: tuple[4] ?? undefined,
    checkedOutMicros: tuple[5] ?? undefined,
    rateMinor: tuple[6],
    currency: tuple[7],
    cancelledMicros: tuple[8] ?? undefined,
    cancellationFeeMinor: tuple[9],
    noShowMicros: tuple[10] ?? undefined,
    noShowFeeMinor: tuple[11],
    endedMicros: tuple[12] ?? undefined,
  };
}

function commandTuple(command: Command | null): CommandTuple | null {
  if (command === null) return null;
  const { commandName, state, appliedMicros, createdMicros, stay } = command;
  return [
    commandName,
    state,
    appliedMicros ?? null,
    createdMicros,
    stay === undefined ? null : [stay.propertyId ?? null, stay.arrival ?? null],
  ];
}

function commandFactOf([eventId, version, command]: CommandFactTuple): CommandFact {
  if (command === null) return { eventId, version, row: null };
  const [commandName, state, appliedMicros, createdMicros, stay] = command;
  const row: Command = {
    commandName,
    state,
    appliedMicros: appliedMicros ?? undefined,
    createdMicros,
    stay:
      stay === null
        ? undefined
        : { propertyId: stay[0] ?? undefined, arrival: stay[1] ?? undefined },
  };
  return { eventId, version, row };
}

function entryTuple({ entry, createdAtMs, updatedAtMs }: StoredEntry): EntryTuple {
  return [
    entry.ledgerId,
    entry.propertyId,
    entry.lifecycleEventId,
    entry.rollType,
    entry.rollDate,
    entry.occurredMicros,
    entry.sourceEventType,
    entry.eventPayload,
    entry.amountMinor,
    entry.currency,
    entry.revision,
    createdAtMs,
    updatedAtMs,
  ];
}

function entryOf([tenantId, reservationId]: Owner, tuple: EntryTuple): StoredEntry {
  const entry = {
    ledgerId: tuple[0],
    tenantId,
    reservationId,
    propertyId: tuple[1],
    lifecycleEventId: tuple[2],
    rollType: tuple[3],
    rollDate: tuple[4],
    businessDate: tuple[4],
    occurredMicros: tuple[5],
    sourceEventType: tuple[6],
    eventPayload: tuple[7],
    amountMinor: tuple[8],
    currency: tuple[9],
    revision: tuple[10],
  };
  return { entry, createdAtMs: tuple[11], updatedAtMs: tuple[12] };
}

function dayTuple(day: DailyContribution): DayTuple {
  return [
    day.propertyId,
    day.businessDate,
    day.currency,
    day.roomsSold,
    day.revenueMinor,
    day.arrivals,
    day.departures,
    day.cancellations,
    day.noShows,
  ];
}

function dayOf(tuple: DayTuple): DailyContribution {
  return {
    propertyId: tuple[0],
    businessDate: tuple[1],
    currency: tuple[2],
    roomsSold: tuple[3],
    revenueMinor: tuple[4],
    arrivals: tuple[5],
    departures: tuple[6],
    cancellations: tuple[7],
    noShows: tuple[8],
  };
}
