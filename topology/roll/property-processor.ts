/**
 * Keeps the properties of one partition: their calendars, and the rolling totals of their business
 * dates. A changed calendar is told to every ledger partition (a tick), one tick a closed date, in the
 * transaction that stores it; contributions are added up.
 *
 * By the clock, a date that is due is written to the topic of closed dates and nothing else happens:
 * it closes when the task reads that record. So dates are input as all others are, a computation once
 * more sees the same ones, and what two owners both wrote down closes once.
 */
import type {
  KeyValueStore,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../streams/index.ts';
import { valueOf } from '../captured/row-problem.ts';
import { advanceDates } from './business-dates.ts';
import type { PropertyCalendar } from './derive.ts';
import { NightClock } from './night-clock.ts';
import {
  closedDateFact,
  splitKey,
  type Contribution,
  type PropertyFact,
  type Tick,
} from './roll-messages.ts';
import { addContribution, noTotals, type DailyTotals } from './totals.ts';

export const propertyStores = { properties: 'properties', totals: 'totals' } as const;

/** What is stored of a property. */
export interface StoredProperty extends PropertyCalendar {
  /** Of the captured row that gave the zone; undefined: none came yet. */
  readonly version: string | undefined;
  readonly totalRooms: number | undefined;
}

/** tenant, property, business date. */
export type TotalsKey = readonly [tenantId: string, propertyId: string, businessDate: string];

export type PropertyInputRecord =
  | { readonly kind: 'fact'; readonly fact: PropertyFact }
  | { readonly kind: 'contribution'; readonly contribution: Contribution };

const unknown: StoredProperty = {
  version: undefined,
  zone: undefined,
  lastClosedDate: undefined,
  totalRooms: undefined,
};

// A date closes within a second of its time, commit included.
const closingIntervalMs = 250;
// So many hotels of one zone at a time: a transaction stays small.
const closingsPerTurnMax = 1_000;
const propertiesPerPage = 1_000;

export class PropertyProcessor implements Processor<string, PropertyInputRecord> {
  #context!: ProcessorContext;
  #properties!: KeyValueStore<string, StoredProperty>;
  #totals!: KeyValueStore<TotalsKey, DailyTotals>;
  /** Undefined: dates close only as others say. */
  readonly #nights: NightClock | undefined;

  constructor({ closesByClock = false }: { readonly closesByClock?: boolean } = {}) {
    this.#nights = closesByClock ? new NightClock() : undefined;
  }

  async init(context: ProcessorContext): Promise<void> {
    this.#context = context;
    this.#properties = context.store(propertyStores.properties);
    this.#totals = context.store(propertyStores.totals);
    if (this.#nights === undefined) return;
    await this.#watchAll(this.#nights);
    context.schedule(closingIntervalMs, 'wall-clock', (nowMs) => this.#closeDue(nowMs));
  }

  load(records: readonly StreamRecord<string, PropertyInputRecord>[]): Promise<void> {
    return this.#totals.load(
      records.flatMap(({ key, value }) =>
        value.kind === 'contribution' ? [totalsKey(key, value.contribution)] : [],
      ),
    );
  }

  async process(record: StreamRecord<string, PropertyInputRecord>): Promise<void> {
    const { key, value } = record;
    if (value.kind === 'contribution') await this.#contribution(key, value.contribution);
    else await this.#fact(record, value.fact);
  }

  async #contribution(key: string, contribution: Contribution): Promise<void> {
    const totalsOf = totalsKey(key, contribution);
    const totals = (await this.#totals.get(totalsOf)) ?? noTotals;
    this.#totals.put(totalsOf, addContribution(totals, contribution));
  }

  async #fact(record: StreamRecord<string, unknown>, fact: PropertyFact): Promise<void> {
    const before = (await this.#properties.get(record.key)) ?? unknown;
    const steps = fact.type === 'property' ? rowSteps(before, fact) : dateSteps(before, fact);
    const after = steps.at(-1);
    if (after === undefined) return;
    this.#properties.put(record.key, after);
    this.#nights?.set(record.key, after, this.#context.nowMs());
    let told: PropertyCalendar = before;
    for (const step of steps) {
      if (step.zone !== told.zone || step.lastClosedDate !== told.lastClosedDate)
        this.#tell(record, step);
      told = step;
    }
  }

  async #watchAll(nights: NightClock): Promise<void> {
    const nowMs = this.#context.nowMs();
    let from: string | undefined;
    for (;;) {
      const page = await this.#properties.range(from, undefined, { limit: propertiesPerPage });
      for (const [key, property] of page) nights.set(key, property, nowMs);
      const last = page.at(-1)?.[0];
      if (last === undefined || page.length < propertiesPerPage) return;
      from = `${last}\u0000`;
    }
  }

  #closeDue(nowMs: number): void {
    for (const { key, date } of this.#nights?.takeDue(nowMs, closingsPerTurnMax) ?? []) {
      const value = closedDateFact(key, date);
      void this.#context.forward({ key, value, timestampMs: nowMs }, 'closed-dates');
    }
  }

  #tell(record: StreamRecord<string, unknown>, { zone, lastClosedDate }: PropertyCalendar): void {
    const [tenantId, propertyId] = splitKey(record.key);
    const tick: Tick = { tenantId, propertyId, zone, lastClosedDate };
    void this.#context.forward(
      { key: record.key, value: tick, timestampMs: record.timestampMs },
      'ticks',
    );
  }
}

function rowSteps(
  before: StoredProperty,
  { version, row }: Extract<PropertyFact, { type: 'property' }>,
): StoredProperty[] {
  const isOld = before.version !== undefined && version <= before.version;
  return isOld ? [] : [{ ...before, version, zone: row.zone, totalRooms: row.totalRooms }];
}

/** One step a closed date, so that every ledger sees each date close. */
function dateSteps(
  before: StoredProperty,
  { row }: Extract<PropertyFact, { type: 'date' }>,
): StoredProperty[] {
  const { newlyClosed } = valueOf(advanceDates(before, row));
  return newlyClosed.map((lastClosedDate) => ({ ...before, lastClosedDate }));
}

function totalsKey(key: string, { businessDate }: Contribution): TotalsKey {
  const [tenantId, propertyId] = splitKey(key);
  return [tenantId, propertyId, businessDate];
}
