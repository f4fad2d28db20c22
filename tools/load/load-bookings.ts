/**
 * Loads a hotel-bookings CSV into the platform's tables in event-time order. A few business dates are
 * one transaction, and how far the load is is written in that same transaction: an interrupted load
 * goes on after its last committed date, a finished one changes nothing. Two loads at once cannot
 * interleave: each transaction first locks the progress row and checks that it stands where it left it.
 */
import { createHash } from 'node:crypto';
import {
  connectPlatformDatabase,
  type PlatformDatabase,
} from '../../examples/reservation-platform/database.ts';
import type { PlatformAction } from '../../examples/reservation-platform/model.ts';
import { applyActions, writeSetup } from '../../examples/reservation-platform/platform.ts';
import { createPlatformSchema } from '../../examples/reservation-platform/schema.ts';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { parseBookings, readBookingsFile } from './bookings-csv.ts';
import { planBookings, tenantId, type BookingsPlan } from './bookings-plan.ts';

/** Quiet dates share a transaction until it holds this many actions or dates. */
const transactionActionsMin = 200;
const transactionDatesMax = 31;

export interface LoadOptions {
  readonly csvPath: string;
  readonly databaseUrl: string;
  /** Bookings to load at most. */
  readonly limit?: number | undefined;
  readonly clock: Clock;
  readonly progress?: (progress: LoadProgress) => void;
  /** Stops after the transaction in hand; a later run goes on from there. */
  readonly signal?: AbortSignal;
}

export interface LoadProgress {
  /** The last business date written. */
  readonly date: string;
  readonly datesDone: number;
  readonly datesTotal: number;
  /** Since this run began. */
  readonly rowChanges: number;
  readonly rowChangesPerSecond: number;
}

export interface LoadSummary {
  readonly tenantId: string;
  readonly propertyIds: readonly string[];
  /** Bookings of the file. */
  readonly rows: number;
  /** Commands executed for the file, earlier runs included. */
  readonly commands: number;
  /** Inserts and updates of captured tables for the file, earlier runs included. */
  readonly rowChanges: number;
  /** Of this run. */
  readonly seconds: number;
  readonly rowChangesPerSecond: number;
  readonly firstDate: string;
  readonly lastDate: string;
  /** `loaded` by this run, `already-loaded` by an earlier one, or `interrupted` before the end. */
  readonly outcome: 'loaded' | 'already-loaded' | 'interrupted';
}

interface Progress {
  readonly lastDate: string | null;
  readonly commands: number;
  readonly rowChanges: number;
}

/** @throws RollguardError INPUT_INVALID (file), ILLEGAL_STATE (another load), DATABASE_UNAVAILABLE. */
export async function loadBookings(options: LoadOptions): Promise<LoadSummary> {
  const startedMs = options.clock.monotonicMs();
  const content = readBookingsFile(options.csvPath);
  const bookings = parseBookings({ name: options.csvPath, content, limit: options.limit });
  const plan = planBookings(bookings);
  const database = await connectPlatformDatabase(options.databaseUrl);
  try {
    const loadKey = loadKeyOf(content, options.limit);
    const before = await prepare(database, plan, loadKey);
    const run = { database, plan, loadKey, options, startedMs };
    const after = await writeDates(run, before);
    const seconds = (options.clock.monotonicMs() - startedMs) / 1000;
    const lastDate = plan.dates.at(-1) ?? '';
    return {
      tenantId,
      propertyIds: plan.setup.properties.map(({ id }) => id),
      rows: bookings.length,
      commands: after.commands,
      rowChanges: after.rowChanges,
      seconds,
      rowChangesPerSecond: (after.rowChanges - before.rowChanges) / seconds,
      firstDate: plan.dates[0] ?? '',
      lastDate,
      outcome: outcomeOf(before, after, lastDate),
    };
  } finally {
    await database.close();
  }
}

interface LoadRun {
  readonly database: PlatformDatabase;
  readonly plan: BookingsPlan;
  readonly loadKey: string;
  readonly options: LoadOptions;
  readonly startedMs: number;
}

/** Tables, hotels and the progress row; returns where an earlier run of the same load stopped. */
async function prepare(
  database: PlatformDatabase,
  plan: BookingsPlan,
  loadKey: string,
): Promise<Progress> {
  await createPlatformSchema(database);
  await database.query(createProgressTable);
  // Losing the last few commits in a crash loses their progress too, and the next run redoes them.
  await database.query('SET synchronous_commit = off');
  return database.transaction(async () => {
    await database.query('LOCK TABLE load_progress IN SHARE ROW EXCLUSIVE MODE');
    const known = await database.query('SELECT load_key FROM load_progress WHERE tenant_id = $1', [
      tenantId,
    ]);
    const other = known.rows.find((row) => row['load_key'] !== loadKey);
    if (other !== undefined) throw otherLoad(String(other['load_key']), loadKey);
    if (known.rows.length === 0) {
      const rowChanges = await writeSetup(database, plan.setup);
      await database.query(insertProgress, [loadKey, tenantId, rowChanges]);
    }
    return readProgress(database, loadKey);
  });
}

async function writeDates(run: LoadRun, before: Progress): Promise<Progress> {
  const { database, plan, options } = run;
  let progress = before;
  for (const group of dateGroups(plan, before.lastDate)) {
    if (options.signal?.aborted === true) break;
    progress = await database.transaction(() => writeGroup(run, group, progress));
    const done = progress.rowChanges - before.rowChanges;
    options.progress?.({
      date: group.lastDate,
      datesDone: plan.dates.indexOf(group.lastDate) + 1,
      datesTotal: plan.dates.length,
      rowChanges: done,
      rowChangesPerSecond: done / ((options.clock.monotonicMs() - run.startedMs) / 1000),
    });
  }
  return progress;
}

async function writeGroup(run: LoadRun, group: DateGroup, expected: Progress): Promise<Progress> {
  const { database, loadKey } = run;
  const current = await readProgress(database, loadKey);
  if (current.lastDate !== expected.lastDate) {
    const message = 'another run is loading the same file into this database; let it finish';
    throw new RollguardError('ILLEGAL_STATE', message, { context: { loadKey, current } });
  }
  const written = await applyActions(database, group.actions);
  const progress = {
    lastDate: group.lastDate,
    commands: current.commands + written.commands,
    rowChanges: current.rowChanges + written.rowChanges,
  };
  await database.query(updateProgress, [
    loadKey,
    progress.lastDate,
    progress.commands,
    progress.rowChanges,
  ]);
  return progress;
}

interface DateGroup {
  readonly lastDate: string;
  readonly actions: readonly PlatformAction[];
}

function* dateGroups(plan: BookingsPlan, after: string | null): Generator<DateGroup> {
  let actions: PlatformAction[] = [];
  let dates = 0;
  for (const date of plan.dates) {
    if (after !== null && date <= after) continue;
    actions.push(...plan.actionsOn(date));
    dates += 1;
    const isLast = date === plan.dates.at(-1);
    if (isLast || actions.length >= transactionActionsMin || dates === transactionDatesMax) {
      yield { lastDate: date, actions };
      actions = [];
      dates = 0;
    }
  }
}

const createProgressTable = `
  CREATE TABLE IF NOT EXISTS load_progress (
    load_key TEXT PRIMARY KEY,
    tenant_id UUID NOT NULL,
    last_date DATE,
    commands BIGINT NOT NULL DEFAULT 0,
    row_changes BIGINT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now()
  )`;

const insertProgress = `
  INSERT INTO load_progress (load_key, tenant_id, row_changes) VALUES ($1, $2, $3)`;

const updateProgress = `
  UPDATE load_progress SET last_date = $2, commands = $3, row_changes = $4, updated_at = now()
  WHERE load_key = $1`;

async function readProgress(database: PlatformDatabase, loadKey: string): Promise<Progress> {
  const { rows } = await database.query(
    `SELECT last_date::text AS last_date, commands, row_changes
     FROM load_progress WHERE load_key = $1 FOR UPDATE`,
    [loadKey],
  );
  const [row] = rows;
  return {
    lastDate: (row?.['last_date'] ?? null) as string | null,
    commands: Number(row?.['commands']),
    rowChanges: Number(row?.['row_changes']),
  };
}

function outcomeOf(before: Progress, after: Progress, lastDate: string): LoadSummary['outcome'] {
  if (before.lastDate === lastDate) return 'already-loaded';
  return after.lastDate === lastDate ? 'loaded' : 'interrupted';
}

function loadKeyOf(content: Buffer, limit: number | undefined): string {
  const digest = createHash('sha256').update(content).digest('hex');
  return limit === undefined ? digest : `${digest}:limit=${limit}`;
}

function otherLoad(known: string, wanted: string): RollguardError {
  const message =
    'this database already holds another bookings load (another file, or another --limit); ' +
    'load into an empty database';
  return new RollguardError('ILLEGAL_STATE', message, { context: { known, wanted } });
}
