/**
 * Keeps the properties of one partition: their calendars, and the rolling totals of their business
 * dates. A changed calendar is told to every ledger partition (a tick), one tick a closed date, in the
 * transaction that stores it; contributions are added up.
 */
import type {
  KeyValueStore,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../streams/index.ts';
import { advanceDates } from './business-dates.ts';
import type { PropertyCalendar } from './derive.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { splitKey, type Contribution, type PropertyFact, type Tick } from './roll-messages.ts';
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

export class PropertyProcessor implements Processor<string, PropertyInputRecord> {
  #context!: ProcessorContext;
  #properties!: KeyValueStore<string, StoredProperty>;
  #totals!: KeyValueStore<TotalsKey, DailyTotals>;

  init(context: ProcessorContext): void {
    this.#context = context;
    this.#properties = context.store(propertyStores.properties);
    this.#totals = context.store(propertyStores.totals);
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
    let told: PropertyCalendar = before;
    for (const step of steps) {
      if (step.zone !== told.zone || step.lastClosedDate !== told.lastClosedDate)
        this.#tell(record, step);
      told = step;
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
  const { value, problem } = advanceDates(before, row);
  if (problem !== undefined) {
    throw new RollguardError('DECODE_FAILED', problem.message, { context: { ...problem } });
  }
  return value.newlyClosed.map((lastClosedDate) => ({ ...before, lastClosedDate }));
}

function totalsKey(key: string, { businessDate }: Contribution): TotalsKey {
  const [tenantId, propertyId] = splitKey(key);
  return [tenantId, propertyId, businessDate];
}
