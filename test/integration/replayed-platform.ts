/**
 * A sample platform in a database of its own, which nobody captures, with a chain's life in it; what
 * follows from it; and a service's HTTP front that answers what it is told.
 */
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { expectedResults } from '../../examples/reservation-platform/expected.ts';
import { feedChain } from '../../examples/reservation-platform/feed.ts';
import { generateChain } from '../../examples/reservation-platform/generator.ts';
import { createPlatformSchema } from '../../examples/reservation-platform/schema.ts';
import { startHttpServer } from '../../api/http-server.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { openDatabase, type Database } from '../../database/connection.ts';
import { systemClock } from '../../kernel/clock.ts';
import { silentLogger } from '../../kernel/logger.ts';
import { openPlatform } from '../../reconciliation/platform-rows.ts';
import { derive } from '../../topology/roll/derive.ts';
import type { LedgerEntry } from '../../topology/roll/ledger-entry.ts';
import { testStack } from './test-system.ts';

export interface ReplayedPlatform {
  /** As the reader of the captured tables. */
  readonly url: string;
  readonly admin: Database;
  readonly tenantId: string;
  readonly propertyId: string;
  /** Of every reservation, as they must be. */
  readonly entries: readonly LedgerEntry[];
  /** What the chain says of itself: entries of all kinds. */
  readonly entriesTold: number;
  readonly lastClosedDate: string;
  close(): Promise<void>;
}

export async function replayedPlatform(): Promise<ReplayedPlatform> {
  const { endpoints } = await testStack();
  const name = `replay_${process.pid}_${Date.now()}`;
  const server = await opened(endpoints.platformAdminDatabaseUrl);
  await server.query(`CREATE DATABASE ${name}`);
  const adminUrl = inDatabase(endpoints.platformAdminDatabaseUrl, name);
  const url = inDatabase(endpoints.platformDatabaseUrl, name);
  const chain = generateChain({ seed: 4_711, tenants: 1, properties: 1, days: 6 });
  const writer = await connectPlatformDatabase(adminUrl);
  await createPlatformSchema(writer);
  await feedChain({ database: writer, chain, clock: systemClock });
  await writer.close();
  const [told] = expectedResults(chain.setup, chain.actions);
  const { tenantId = '', propertyId = '', totals } = told ?? {};
  const admin = await opened(adminUrl);
  const { entries, lastClosedDate } = await derived(url, tenantId, admin);
  return {
    ...{ url, admin, tenantId, propertyId, entries, lastClosedDate },
    entriesTold: totals ? totals.nights + totals.checkout + totals.cancel + totals.no_show : 0,
    close: async () => {
      await admin.close();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.close();
    },
  };
}

export interface LedgerFront {
  readonly url: string;
  /** What it answers from now on. */
  ledgers: readonly LedgerEntry[];
  lastClosedDate: string | undefined;
  close(): Promise<void>;
}

/** The Roll Service's real HTTP front, over what it is told instead of state. */
export async function ledgerFront(): Promise<LedgerFront> {
  const position = { partition: 0, offset: 1 };
  const told: Pick<LedgerFront, 'ledgers' | 'lastClosedDate'> = {
    ledgers: [],
    lastClosedDate: undefined,
  };
  const routes = ledgerRoutes({
    ledger: ({ reservationId }) => {
      const of = told.ledgers.filter((entry) => entry.reservationId === reservationId);
      const entries = of.map((entry) => ({ entry, createdAtMs: 0, updatedAtMs: 0 }));
      return Promise.resolve(of.length === 0 ? undefined : { entries, position });
    },
    property: () =>
      Promise.resolve({ days: [], zone: 'UTC', lastClosedDate: told.lastClosedDate, position }),
  });
  const server = await startHttpServer({
    ...{ host: '127.0.0.1', port: 0, routes: [routes], clock: systemClock, logger: silentLogger },
  });
  return Object.assign(told, {
    url: `http://127.0.0.1:${server.port}`,
    close: () => server.close(),
  });
}

async function derived(
  url: string,
  tenantId: string,
  admin: Database,
): Promise<Pick<ReplayedPlatform, 'entries' | 'lastClosedDate'>> {
  const { rows } = await admin.query('SELECT id FROM reservations');
  const platform = await openPlatform(url);
  const reservations = await platform.snapshot(tenantId, (tables) =>
    tables.reservations(rows.map((row) => String(row['id']))),
  );
  await platform.close();
  const lastClosedDate = reservations[0]?.property?.lastClosedDate;
  const entries = reservations.flatMap(({ facts, property }) => [
    ...derive(facts, { zone: property?.zone, lastClosedDate }).entries,
  ]);
  return { entries, lastClosedDate: lastClosedDate ?? '' };
}

function opened(url: string): Promise<Database> {
  return openDatabase({ url, setting: 'stack', applicationName: 'test' });
}

function inDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.toString();
}
