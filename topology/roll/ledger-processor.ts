/**
 * Keeps the ledgers of one partition. A fact or a tick derives the ledgers it concerns anew and sends
 * on what changed: events to `roll.events`, differences of the property's days to its totals. A ledger that
 * is asked to tell its entries once more does so, and stays as it is.
 *
 * Stores: `ledgers` by reservation; `calendars` by property (what ticks said); `wakes`, an index of
 * the ledgers that wait for a tick, by property and night. A ledger whose property is not known yet
 * waits under the empty night, which is before every date.
 */
import type {
  KeyValueStore,
  MaybePromise,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../streams/index.ts';
import { addDays } from '../calendar/calendar-date.ts';
import type { PropertyCalendar } from './derive.ts';
import type { RollChange } from './diff.ts';
import {
  decideAlike,
  mergeLifecycleRow,
  mergeReservationRow,
  propertyIdOf,
  type ReservationFacts,
} from './facts.ts';
import {
  emptyLedger,
  updateLedger,
  type LedgerUpdate,
  type NightWake,
  type StoredLedger,
} from './ledger.ts';
import { replayHeaders } from './replay-header.ts';
import {
  propertyKey,
  reservationKey,
  splitKey,
  type ReservationFact,
  type Tick,
} from './roll-messages.ts';

export const ledgerStores = { ledgers: 'ledgers', calendars: 'calendars', wakes: 'wakes' } as const;

/** tenant, property, night, reservation. */
export type WakeKey = readonly string[];

export type LedgerInputRecord =
  | { readonly kind: 'facts'; readonly facts: readonly ReservationFact[] }
  | { readonly kind: 'emit-again'; readonly replayId: string }
  | { readonly kind: 'tick'; readonly tick: Tick };

const unknownProperty: PropertyCalendar = { zone: undefined, lastClosedDate: undefined };
// Ledgers woken by one tick are read in pages, so that a hotel of any size fits into memory.
const wakesPerPage = 500;
const beforeEveryNight = '';

export class LedgerProcessor implements Processor<string, LedgerInputRecord> {
  #context!: ProcessorContext;
  #ledgers!: KeyValueStore<string, StoredLedger>;
  #calendars!: KeyValueStore<string, PropertyCalendar>;
  #wakes!: KeyValueStore<WakeKey, string>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#ledgers = context.store(ledgerStores.ledgers);
    this.#calendars = context.store(ledgerStores.calendars);
    this.#wakes = context.store(ledgerStores.wakes);
  }

  load(records: readonly StreamRecord<string, LedgerInputRecord>[]): Promise<void> {
    return this.#ledgers.load(
      records.filter((record) => record.value.kind !== 'tick').map((record) => record.key),
    );
  }

  process(record: StreamRecord<string, LedgerInputRecord>): MaybePromise<void> {
    const { value, key } = record;
    if (value.kind === 'tick') return this.#tick(record, value.tick);
    const found = this.#ledgers.get(key);
    return found instanceof Promise
      ? found.then((ledger) => this.#take(record, value, ledger))
      : this.#take(record, value, found);
  }

  #take(
    record: StreamRecord<string, LedgerInputRecord>,
    value: Exclude<LedgerInputRecord, { kind: 'tick' }>,
    ledger: StoredLedger | undefined,
  ): MaybePromise<void> {
    if (value.kind === 'facts') return this.#facts(record, value.facts, ledger);
    this.#emitAgain(record, value.replayId, ledger);
    return undefined;
  }

  /** Whether an event of it was an adjustment is not kept; one that changes nothing is none. */
  #emitAgain(
    { key, timestampMs }: StreamRecord<string, unknown>,
    replayId: string,
    ledger: StoredLedger | undefined,
  ): void {
    const headers = replayHeaders(replayId);
    for (const { entry } of ledger?.entries ?? []) {
      const value: RollChange = { kind: 'created', entry, adjustment: false };
      void this.#context.forward({ key, value, timestampMs, headers }, 'roll-events');
    }
  }

  #facts(
    record: StreamRecord<string, LedgerInputRecord>,
    added: readonly ReservationFact[],
    found: StoredLedger | undefined,
  ): MaybePromise<void> {
    const ledger = found ?? emptyLedger(...splitKey(record.key));
    const facts = added.reduce(merge, ledger.facts);
    // Nothing newer came: the ledger already follows from it.
    if (facts === ledger.facts) return undefined;
    // Most lifecycle rows are states on the way to APPLIED: kept, but nothing follows from them.
    if (decideAlike(ledger.facts, facts)) {
      this.#ledgers.put(record.key, { ...ledger, facts });
      return undefined;
    }
    const propertyId = propertyIdOf(facts);
    const calendar =
      propertyId === undefined
        ? undefined
        : this.#calendars.get(propertyKey(facts.tenantId, propertyId));
    if (calendar instanceof Promise) {
      return calendar.then((known) =>
        this.#update(record, ledger, facts, known ?? unknownProperty),
      );
    }
    this.#update(record, ledger, facts, calendar ?? unknownProperty);
    return undefined;
  }

  #update(
    record: StreamRecord<string, unknown>,
    ledger: StoredLedger,
    facts: ReservationFacts,
    property: PropertyCalendar,
  ): void {
    const closedBefore = property.lastClosedDate;
    const input = { facts, property, closedBefore, atMs: this.#context.nowMs() };
    this.#write(record, ledger, updateLedger(ledger, input));
  }

  async #tick(record: StreamRecord<string, unknown>, tick: Tick): Promise<void> {
    const { tenantId, propertyId, zone, lastClosedDate } = tick;
    const key = propertyKey(tenantId, propertyId);
    const before = (await this.#calendars.get(key)) ?? unknownProperty;
    const property = { zone, lastClosedDate };
    this.#calendars.put(key, property);
    const derive = async (ledgerKey: string): Promise<void> => {
      const ledger = await this.#ledgers.get(ledgerKey);
      if (ledger === undefined) return;
      const input = { property, closedBefore: before.lastClosedDate, atMs: this.#context.nowMs() };
      this.#write(record, ledger, updateLedger(ledger, { facts: ledger.facts, ...input }));
    };
    const hasMovedZone = before.zone !== undefined && before.zone !== zone;
    if (hasMovedZone) await this.#forAllOf(tick, derive);
    else await this.#forWoken(tick, before, derive);
  }

  /** The ledgers that this tick can change: those whose next night it closes, or that wait for the property. */
  async #forWoken(
    tick: Tick,
    before: PropertyCalendar,
    visit: (ledgerKey: string) => Promise<void>,
  ): Promise<void> {
    const { tenantId, propertyId, lastClosedDate } = tick;
    const until = lastClosedDate === undefined ? '0' : addDays(lastClosedDate, 1);
    // Earlier nights were taken out by earlier ticks: an engine would step over each of their deletions.
    const firstNight = before.zone === undefined ? beforeEveryNight : before.lastClosedDate;
    let from: WakeKey = [tenantId, propertyId, firstNight ?? beforeEveryNight];
    for (;;) {
      const page = await this.#wakes.range(from, [tenantId, propertyId, until], {
        limit: wakesPerPage,
      });
      await this.#ledgers.load(page.map(([, ledgerKey]) => ledgerKey));
      for (const [, ledgerKey] of page) await visit(ledgerKey);
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < wakesPerPage) return;
      from = [...last, beforeEveryNight];
    }
  }

  /** Every ledger of the property in this partition: its zone changed, which no index foresees. */
  async #forAllOf(tick: Tick, visit: (ledgerKey: string) => Promise<void>): Promise<void> {
    let from: string | undefined;
    for (;;) {
      const page = await this.#ledgers.range(from, undefined, { limit: wakesPerPage });
      for (const [ledgerKey, { facts }] of page) {
        const isHere = facts.tenantId === tick.tenantId && propertyIdOf(facts) === tick.propertyId;
        if (isHere) await visit(ledgerKey);
      }
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < wakesPerPage) return;
      from = `${last}\u0000`;
    }
  }

  #write(record: StreamRecord<string, unknown>, before: StoredLedger, update: LedgerUpdate): void {
    const ledger = withWake(update);
    const { tenantId, reservationId } = ledger.facts;
    const key = reservationKey(tenantId, reservationId);
    this.#moveWake(key, before, ledger);
    this.#ledgers.put(key, ledger);
    const { timestampMs } = record;
    for (const change of update.changes) {
      void this.#context.forward({ key, value: change, timestampMs }, 'roll-events');
    }
    for (const contribution of update.contributionChanges) {
      const property = propertyKey(tenantId, contribution.propertyId);
      void this.#context.forward(
        { key: property, value: contribution, timestampMs },
        'contributions',
      );
    }
  }

  #moveWake(key: string, before: StoredLedger, after: StoredLedger): void {
    const { propertyId, night } = before.wake ?? {};
    if (propertyId === after.wake?.propertyId && night === after.wake?.night) return;
    if (before.wake !== undefined) this.#wakes.delete(wakeKey(before, before.wake));
    if (after.wake !== undefined) this.#wakes.put(wakeKey(after, after.wake), key);
  }
}

/** A ledger whose property has not said its zone waits under the empty night. */
function withWake({ ledger, waitsFor }: LedgerUpdate): StoredLedger {
  const propertyId = waitsFor === 'property' ? propertyIdOf(ledger.facts) : undefined;
  return propertyId === undefined
    ? ledger
    : { ...ledger, wake: { propertyId, night: beforeEveryNight } };
}

function wakeKey({ facts }: StoredLedger, { propertyId, night }: NightWake): WakeKey {
  return [facts.tenantId, propertyId, night, facts.reservationId];
}

function merge(facts: ReservationFacts, fact: ReservationFact): ReservationFacts {
  return fact.type === 'reservation'
    ? mergeReservationRow(facts, fact.row, fact.version)
    : mergeLifecycleRow(facts, { eventId: fact.eventId, version: fact.version, row: fact.row });
}
