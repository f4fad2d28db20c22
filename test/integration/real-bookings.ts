/**
 * The real bookings through capture alone, through the backfill alone, and through capture with the backfill
 * over it while it runs: three Roll Services, which have to end in the same bytes, and whose state, topic
 * and tables have to say what an independent count of the file says.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../database/connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import { contractText } from '../../schemas/contracts.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import { bookingsWorkload, type Workload } from '../../tools/start/workload.ts';
import type { SystemOptions } from '../../tools/start/system.ts';
import { projectorFor } from './projected.ts';
import { RollApplications, tenantsOf, type RollApplication } from './roll-applications.ts';

const csvPath = fileURLToPath(new URL('../../../shared/data/hotel-bookings.csv', import.meta.url));

/** What a property's entries come to. */
interface Figures {
  readonly propertyId: string;
  readonly checkout: number;
  readonly cancel: number;
  readonly no_show: number;
  readonly nights: number;
  readonly revenue_cents: number;
}

export interface RealBookings {
  /** Of the file's bookings; undefined: all. */
  readonly limit?: number;
  /** Longer than everything takes. */
  readonly timeoutMs: number;
  readonly options?: Partial<SystemOptions>;
  /** What somebody else has counted of all of them. */
  readonly counted?: Omit<Figures, 'propertyId'>;
}

/** A test that does not run must not look like one that passed: it is not registered at all. */
export function describeRealBookings(bookings: RealBookings): void {
  if (existsSync(csvPath)) {
    describe('the real bookings', () => {
      defineTests(bookings);
    });
  } else process.stderr.write('not run: real bookings: ../shared/data is not there\n');
}

function defineTests({ limit, timeoutMs, options, counted }: RealBookings): void {
  let rolls: RollApplications;
  let workload: Workload;
  let tenantIds: readonly string[];
  /** Capture alone, the backfill alone, both. */
  let all: readonly RollApplication[];

  beforeAll(async () => {
    rolls = await RollApplications.open('real-bookings', { ...options, settleMs: timeoutMs });
    workload = bookingsWorkload(csvPath, limit);
    tenantIds = tenantsOf(workload);
    // Before this process is busy with reading: a new connection has to be answered in time.
    const tables = [await rolls.ownTables(), await rolls.ownTables(), await rolls.ownTables()];
    const captured = await rolls.start('captured', 'platform');
    const both = await rolls.start('both', 'platform');
    await feedAndBackfill(both, tables);
    for (const each of [captured, both]) await rolls.untilRight(each, workload);
    const read = await rolls.start('read', await rolls.copyOfDates());
    const { refused } = await rolls.backfill(read, tables[2] ?? '', { tenantIds });
    await rolls.untilRight(read, workload);
    expect(refused).toBe(0);
    for (const each of [both, read]) await rolls.untilRead(each);
    all = [captured, read, both];
  }, timeoutMs);

  afterAll(async () => {
    await rolls.close();
  }, timeoutMs);

  test(
    'end in the same bytes by capture alone, by the backfill alone and by both at once',
    async () => {
      const [captured, ...others] = await Promise.all(
        all.map((each) => rolls.hashes(each, tenantIds)),
      );
      const ledgers = captured?.reduce((sum, partition) => sum + partition.ledgers, 0);

      expect(ledgers).toBe(workload.rows);
      expect(others).toEqual([captured, captured]);
    },
    timeoutMs,
  );

  if (counted !== undefined) {
    test('are as many as somebody else has counted', () => {
      const names = Object.keys(counted) as (keyof typeof counted)[];
      const sum = (name: keyof typeof counted): number =>
        workload.expectations.reduce((total, { totals }) => total + totals[name], 0);

      expect(Object.fromEntries(names.map((name) => [name, sum(name)]))).toEqual(counted);
    });
  }

  test(
    'are told of in the topic, each change once, as the file counts them',
    async () => {
      for (const application of all) {
        const { content, repeated } = await rolls.events(application, tenantIds);
        expect(repeated).toEqual([]);
        expect(figuresOf([...content.values()].map(entryOf), tenantIds)).toEqual(expected());
      }
    },
    timeoutMs,
  );

  test(
    'are in the tables as the file counts them',
    async () => {
      for (const application of all) {
        const rows = await projectedRows(application);
        expect(figuresOf(rows, tenantIds)).toEqual(expected());
      }
    },
    timeoutMs,
  );

  /** Passes over what is there, again and again while the platform writes, then one over everything. */
  async function feedAndBackfill(
    application: RollApplication,
    [url = '', anew = '']: readonly string[],
  ): Promise<void> {
    const fed = new AbortController();
    const feeding = rolls.feed(workload).finally(() => fed.abort());
    while (!fed.signal.aborted) await rolls.backfill(application, url, { tenantIds });
    await feeding;
    await rolls.backfill(application, anew, { tenantIds });
  }

  function expected(): readonly Figures[] {
    return workload.expectations
      .map(({ propertyId, totals }) => ({ propertyId, ...totals }))
      .sort(byProperty);
  }

  /** What a projector makes of the application's topic. */
  async function projectedRows({ eventsTopic }: RollApplication): Promise<readonly Entry[]> {
    const databaseUrl = await rolls.ownTables();
    const projector = projectorFor({
      ...{ topic: eventsTopic, registry, port: rolls.port, databaseUrl, metrics: noMetrics },
    });
    const database = await openDatabase({
      url: databaseUrl,
      setting: 'X',
      applicationName: 'test',
    });
    projector.start();
    try {
      const end = await rolls.endOf(eventsTopic);
      const position = 'SELECT sum(offset_position) AS at FROM roll_service_consumer_offsets';
      const deadlineMs = systemClock.monotonicMs() + timeoutMs / 2;
      while (Number((await database.query(position)).rows[0]?.['at']) < end) {
        if (systemClock.monotonicMs() > deadlineMs) throw new Error('the table does not follow');
        await systemClock.sleep(100);
      }
      const { rows } = await database.query(
        'SELECT tenant_id, property_id, roll_type, amount_minor FROM reservation_ledger_shadow',
      );
      return rows.map((row) => ({
        ...{ tenantId: String(row['tenant_id']), propertyId: String(row['property_id']) },
        ...{ rollType: String(row['roll_type']), amountMinor: Number(row['amount_minor']) },
      }));
    } finally {
      await projector.close();
      await database.close();
    }
  }
}

/** These services register no schema: what they write is the contract itself. */
const registry: SchemaRegistryPort = {
  schemaById: () => Promise.resolve(contractText('roll.events')),
  register: () => Promise.resolve(0),
};

interface Entry {
  readonly tenantId: string;
  readonly propertyId: string;
  readonly rollType: string;
  readonly amountMinor: number;
}

function figuresOf(entries: readonly Entry[], tenantIds: readonly string[]): readonly Figures[] {
  const properties = new Map<string, Record<keyof typeof noFigures, number>>();
  for (const { tenantId, propertyId, rollType, amountMinor } of entries) {
    if (!tenantIds.includes(tenantId)) continue;
    const known = properties.get(propertyId) ?? { ...noFigures };
    properties.set(propertyId, known);
    const name = nameOf[rollType];
    if (name === undefined) throw new Error(`an entry of type ${rollType}`);
    known[name] += 1;
    if (rollType === 'EOD') known.revenue_cents += amountMinor;
  }
  return [...properties]
    .map(([propertyId, figures]) => ({ propertyId, ...figures }))
    .sort(byProperty);
}

const noFigures = { checkout: 0, cancel: 0, no_show: 0, nights: 0, revenue_cents: 0 };
const nameOf: Readonly<Record<string, keyof typeof noFigures>> = {
  ...{ EOD: 'nights', CHECKOUT: 'checkout', CANCEL: 'cancel', NO_SHOW: 'no_show' },
};

/** Of the text that the log keeps of an entry. */
function entryOf(text: string): Entry {
  return JSON.parse(text) as Entry;
}

function byProperty(left: Figures, right: Figures): number {
  return left.propertyId < right.propertyId ? -1 : 1;
}
