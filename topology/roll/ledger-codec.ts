/**
 * The stored form of a ledger: one version byte, then JSON in which rows and entries are lists in the
 * field order given below. A changed field or order is a new version; what an older one wrote must stay
 * readable. What an entry shares with its ledger is written once.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { DailyContribution } from './contributions.ts';
import type { StoredEntry } from './diff.ts';
import type { CommandFact, ReservationFacts, VersionedRow } from './facts.ts';
import type { LedgerEntry } from './ledger-entry.ts';
import type { NightWake, StoredLedger } from './ledger.ts';
import type { Command, CommandStay } from './lifecycle-row.ts';
import type { ReservationRow } from './reservation-row.ts';

/** Undefined fields are null. */
type FieldList = readonly unknown[];
type SharedFields = 'tenantId' | 'reservationId' | 'businessDate';
type CommandFields = Omit<Command, 'stay'>;
type EntryFields = Omit<LedgerEntry, SharedFields>;

interface LedgerJson {
  readonly owner: readonly [tenantId: string, reservationId: string];
  readonly row: readonly [version: string, row: FieldList | null] | null;
  readonly commands: readonly CommandJson[];
  readonly entries: readonly (readonly [
    entry: FieldList,
    createdAtMs: number,
    updatedAtMs: number,
  ])[];
  readonly days: readonly FieldList[];
  readonly wake: FieldList | null;
}
type CommandJson = readonly [
  eventId: string,
  version: string,
  command: FieldList | null,
  stay: FieldList | null,
];

const formatVersion = 1;

const rowFields = fieldsOf<ReservationRow>({
  propertyId: 0,
  status: 1,
  arrivalDate: 2,
  departureDate: 3,
  checkedInMicros: 4,
  checkedOutMicros: 5,
  rateMinor: 6,
  currency: 7,
  cancelledMicros: 8,
  cancellationFeeMinor: 9,
  noShowMicros: 10,
  noShowFeeMinor: 11,
  endedMicros: 12,
});
const commandFields = fieldsOf<CommandFields>({
  commandName: 0,
  state: 1,
  appliedMicros: 2,
  createdMicros: 3,
});
const stayFields = fieldsOf<CommandStay>({ propertyId: 0, arrival: 1 });
const entryFields = fieldsOf<EntryFields>({
  ledgerId: 0,
  propertyId: 1,
  lifecycleEventId: 2,
  rollType: 3,
  rollDate: 4,
  occurredMicros: 5,
  sourceEventType: 6,
  eventPayload: 7,
  amountMinor: 8,
  currency: 9,
  revision: 10,
});
const dayFields = fieldsOf<DailyContribution>({
  propertyId: 0,
  businessDate: 1,
  currency: 2,
  roomsSold: 3,
  revenueMinor: 4,
  arrivals: 5,
  departures: 6,
  cancellations: 7,
  noShows: 8,
});
const wakeFields = fieldsOf<NightWake>({ propertyId: 0, night: 1 });

/**
 * The serde of the ledger store. A format that this program does not know is STORE_FAILED, which stops:
 * restoring would bring the same bytes.
 */
export const ledgerCodec = {
  serialize(ledger: StoredLedger): Buffer {
    const { facts, entries, contributions, wake } = ledger;
    const json: LedgerJson = {
      owner: [facts.tenantId, facts.reservationId],
      row: facts.reservation === undefined ? null : versionedRow(facts.reservation),
      commands: facts.commands.map(commandJson),
      entries: entries.map(({ entry, createdAtMs, updatedAtMs }) => [
        toList(entry, entryFields),
        createdAtMs,
        updatedAtMs,
      ]),
      days: contributions.map((day) => toList(day, dayFields)),
      wake: wake === undefined ? null : toList(wake, wakeFields),
    };
    const text = JSON.stringify(json);
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
    const json = JSON.parse(bytes.toString('utf8', 1)) as LedgerJson;
    const [tenantId, reservationId] = json.owner;
    const owner = { tenantId, reservationId };
    return {
      facts: { ...owner, reservation: rowOf(json.row), commands: json.commands.map(commandOf) },
      entries: json.entries.map((entry) => entryOf(owner, entry)),
      contributions: json.days.map((day) => fromList<DailyContribution>(day, dayFields)),
      wake: json.wake === null ? undefined : fromList<NightWake>(json.wake, wakeFields),
    };
  },
};

function versionedRow({ version, row }: VersionedRow<ReservationRow>): LedgerJson['row'] {
  return [version, row === null ? null : toList(row, rowFields)];
}

function rowOf(json: LedgerJson['row']): ReservationFacts['reservation'] {
  if (json === null) return undefined;
  const [version, row] = json;
  return { version, row: row === null ? null : fromList<ReservationRow>(row, rowFields) };
}

function commandJson({ eventId, version, row }: CommandFact): CommandJson {
  if (row === null) return [eventId, version, null, null];
  const stay = row.stay === undefined ? null : toList(row.stay, stayFields);
  return [eventId, version, toList(row, commandFields), stay];
}

function commandOf([eventId, version, command, stayList]: CommandJson): CommandFact {
  if (command === null) return { eventId, version, row: null };
  const stay = stayList === null ? undefined : fromList<CommandStay>(stayList, stayFields);
  return { eventId, version, row: { ...fromList<CommandFields>(command, commandFields), stay } };
}

function entryOf(
  owner: { readonly tenantId: string; readonly reservationId: string },
  [list, createdAtMs, updatedAtMs]: LedgerJson['entries'][number],
): StoredEntry {
  const fields = fromList<EntryFields>(list, entryFields);
  const entry = { ...owner, ...fields, businessDate: fields.rollDate };
  return { entry, createdAtMs, updatedAtMs };
}

/** The fields of a type with their places; the compiler sees to it that none is missing. */
function fieldsOf<Type>(places: Readonly<Record<keyof Type, number>>): readonly (keyof Type)[] {
  return Object.keys(places) as (keyof Type)[];
}

function toList<Type>(value: Type, fields: readonly (keyof Type)[]): FieldList {
  return fields.map((field) => value[field] ?? null);
}

function fromList<Type>(list: FieldList, fields: readonly (keyof Type)[]): Type {
  const value: Partial<Record<keyof Type, unknown>> = {};
  for (const [place, field] of fields.entries()) value[field] = list[place] ?? undefined;
  return value as Type;
}
