/** `rollguard replay reservation` on a real platform's rows and a real table, as a shell sees it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { CliContext } from '../../tools/cli-context.ts';
import { runCli } from '../../tools/cli.ts';
import type { RangeEntry, RangeOutcome } from '../../tools/replay/replay-range.ts';
import type { ReservationReport } from '../../tools/replay/replay-reservation.ts';
import { ledgerTable } from '../../reconciliation/table-side.ts';
import type { LedgerEntry } from '../../topology/roll/ledger-entry.ts';
import { compareLedger } from '../../topology/roll/replay-report.ts';
import { entries as randomEntries } from '../topology/roll/stored-entry.ts';
import { insertLedgerRows } from './ledger-rows.ts';
import {
  ledgerFront,
  replayedPlatform,
  type LedgerFront,
  type ReplayedPlatform,
} from './replayed-platform.ts';
import { testSchema } from './test-schema.ts';
import { root } from './test-system.ts';

interface Ended {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

const startTimeoutMs = 120_000;
const folder = mkdtempSync(path.join(tmpdir(), 'replay-'));
const reportFile = path.join(folder, 'report.json');
const range = ['--from', '2026-03-20', '--to', '2026-05-31'];
let platform: ReplayedPlatform;
let front: LedgerFront;
let tableUrl = '';
let table: Database;
/** Of a guest who stayed two nights or more. */
let stay: readonly LedgerEntry[];

beforeAll(async () => {
  tableUrl = await testSchema('replay');
  table = await openDatabase({ url: tableUrl, setting: 'stack', applicationName: 'test' });
  await migrate(table);
  platform = await replayedPlatform();
  front = await ledgerFront();
  const departed = platform.entries.find(
    ({ rollType, reservationId }) =>
      rollType === 'CHECKOUT' && ofReservation(reservationId).length > 2,
  );
  stay = ofReservation(departed?.reservationId ?? '');
}, startTimeoutMs);

beforeEach(async () => {
  front.ledgers = platform.entries;
  front.lastClosedDate = platform.lastClosedDate;
  await table.query('TRUNCATE roll_service_shadow_ledgers');
  await insertLedgerRows(table, platform.entries);
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await front.close();
  await table.close();
  await platform.close();
}, startTimeoutMs);

function ofReservation(reservationId: string): readonly LedgerEntry[] {
  return platform.entries.filter((entry) => entry.reservationId === reservationId);
}

async function rollguard(args: readonly string[], env = {}): Promise<Ended> {
  let out = '';
  let err = '';
  const context: CliContext = {
    version: '0.0.0',
    env: {
      ...{ PLATFORM_DATABASE_URL: platform.url, ROLLGUARD_DATABASE_URL: tableUrl },
      ...{ ROLLGUARD_URL: front.url, ...env },
    },
    clock: systemClock,
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    progress: (line) => void (err += `${line}\n`),
    exitCode: 0,
  };
  const exitCode = await runCli(['replay', 'reservation', ...args], context);
  return { exitCode, out, err };
}

/** Of the stay, unless another is named. */
async function replay(
  args: readonly string[] = [],
  env = {},
): Promise<Ended & { readonly report: ReservationReport }> {
  const id = `--reservation-id=${stay[0]?.reservationId}`;
  const ended = await rollguard([id, '--stdout', ...args], env);
  return { ...ended, report: reportOf(ended) as ReservationReport };
}

type RangeReport = RangeOutcome & { readonly entries: readonly RangeEntry[] };

async function replayAll(args: readonly string[] = []): Promise<Ended & { report: RangeReport }> {
  const whose = ['--property', platform.propertyId, '--tenant', platform.tenantId];
  const ended = await rollguard([...whose, ...range, '--stdout', '--batch-size', '7', ...args]);
  return { ...ended, report: reportOf(ended) as RangeReport };
}

function reportOf({ out, err }: Ended): unknown {
  if (out === '') throw new Error(`no report: ${err}`);
  return JSON.parse(out);
}

async function changed(sql: string, ...values: readonly unknown[]): Promise<void> {
  const { rowCount } = await table.query(sql, values);
  expect(rowCount).toBe(1);
}

/** Changes the platform's rows, and puts them back. */
async function withRows(change: string, undo: string, work: () => Promise<void>): Promise<void> {
  await platform.admin.query(change);
  await work().finally(() => platform.admin.query(undo));
}

const [update, remove] = [
  'UPDATE roll_service_shadow_ledgers SET',
  'DELETE FROM roll_service_shadow_ledgers',
];
const whereNight = "WHERE lifecycle_event_id = $1 AND roll_type = 'EOD'";

describe('a reservation whose state and table are as its rows say', () => {
  test('matches entry for entry: exit 0, and the report is in the file', async () => {
    const id = stay[0]?.reservationId ?? '';
    const { exitCode, out } = await rollguard(['--reservation-id', id, '--output', reportFile]);
    const report = JSON.parse(readFileSync(reportFile, 'utf8')) as ReservationReport;

    expect({ exitCode, files: readdirSync(folder) }).toEqual({
      exitCode: 0,
      files: ['report.json'],
    });
    expect(report).toMatchObject({
      ...{ reservationId: id, tenantId: platform.tenantId, propertyId: platform.propertyId },
      ...{ state: { status: 'compared' }, table: { status: 'compared' }, waitsFor: null },
      lastClosedDate: { date: platform.lastClosedDate, from: 'platform' },
      entries: stay.map(({ lifecycleEventId }) => ({ lifecycleEventId, status: 'match' })),
    });
    expect(report.summary).toEqual({
      ...{ reservations: 1, lifecycleEvents: report.summary.lifecycleEvents },
      ...{ derivedEntries: stay.length, stateEntries: stay.length, shadowEntries: stay.length },
      ...{ matches: stay.length, mismatches: 0, financialMismatches: 0 },
      ...{ missingInShadow: 0, extraInShadow: 0, unreadableRows: 0 },
    });
    expect(report.summary.lifecycleEvents).toBeGreaterThanOrEqual(3);
    expect(out).toMatch(new RegExp(`match +${stay.length}\\n`));
  });

  test('P10: matches whatever time zone the sessions of the databases have', async () => {
    const zone = encodeURIComponent(' -c TimeZone=Asia/Kolkata');
    const { exitCode } = await replay([], {
      ROLLGUARD_DATABASE_URL: `${tableUrl}${zone}`,
      PLATFORM_DATABASE_URL: `${platform.url}?options=${zone}`,
    });

    expect(exitCode).toBe(0);
  });

  test('R4: matches after a journey through Postgres, whatever the entry says', async () => {
    const [some = []] = fc.sample(
      fc.uniqueArray(randomEntries, { minLength: 200, selector: (entry) => entry.ledgerId }),
      { numRuns: 1, seed: 42 },
    );
    await insertLedgerRows(table, some);
    const stored = ledgerTable(tableUrl);
    const { tenantId = '', reservationId = '' } = some[0] ?? {};
    const ledgers = new Map([[reservationId, some]]);
    const read = await stored.read({ tenantId, ledgers });
    await stored.close();
    const reports = compareLedger({
      ...{ expected: some, state: undefined, table: read.get(reservationId) ?? [] },
    });

    expect(reports.filter(({ status }) => status !== 'match')).toEqual([]);
    expect(reports).toHaveLength(some.length);
  });

  test('is read by npm run roll:replay too', async () => {
    const args = [`--reservation-id=${stay[0]?.reservationId}`, '--json', '--output', reportFile];
    const env = { ROLLGUARD_URL: front.url, PLATFORM_DATABASE_URL: platform.url };
    const child = spawn(process.execPath, ['tools/roll-replay.mjs', ...args], {
      cwd: root,
      env: { ...process.env, ...env, ROLLGUARD_DATABASE_URL: tableUrl },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (text: Buffer) => void (out += text.toString()));
    const exitCode = await new Promise((resolve) => child.once('close', resolve));

    expect({ exitCode, ...(JSON.parse(out) as object) }).toMatchObject({
      ...{ exitCode: 0, report: reportFile, summary: { matches: stay.length } },
    });
  });
});

describe('what differs', () => {
  test('a changed amount is told with its field and both amounts', async () => {
    const [night] = stay;
    await changed(`${update} amount_minor = 1 ${whereNight}`, night?.lifecycleEventId);
    const { exitCode, report, err } = await replay();

    expect(exitCode).toBe(3);
    expect(report.entries[0]).toMatchObject({
      ...{ status: 'diff', state: 'match', table: 'diff' },
      diffs: [{ side: 'table', field: 'amountMinor', expected: night?.amountMinor, actual: 1 }],
    });
    expect(report.summary).toMatchObject({ mismatches: 1, financialMismatches: 1 });
    expect(err).toContain(`table amountMinor: ${night?.amountMinor} follows, 1 is there`);
  });

  test('a deleted row is missing', async () => {
    await changed(`${remove} ${whereNight}`, stay[0]?.lifecycleEventId);
    const { exitCode, report } = await replay();

    expect(exitCode).toBe(3);
    expect(report.entries[0]).toMatchObject({
      ...{ status: 'missing_in_shadow', state: 'match', table: 'missing_in_shadow', diffs: [] },
    });
    expect(report.summary).toMatchObject({ missingInShadow: 1, matches: stay.length - 1 });
  });

  test('an added row is one that is not expected', async () => {
    const added = { ...stay[0]!, ledgerId: platform.tenantId, lifecycleEventId: platform.tenantId };
    await insertLedgerRows(table, [added]);
    const { exitCode, report } = await replay();

    expect(exitCode).toBe(3);
    expect(report.entries.at(-1)).toMatchObject({
      ...{
        status: 'extra_in_shadow',
        lifecycleEventId: platform.tenantId,
        table: 'extra_in_shadow',
      },
    });
  });

  test('a row that is given to another reservation is told by its owner', async () => {
    const night = stay[0]?.lifecycleEventId;
    await changed(`${update} reservation_id = '${platform.tenantId}' ${whereNight}`, night);
    const { report } = await replay();

    expect(report.entries[0]?.diffs).toEqual([
      expect.objectContaining({ field: 'reservationId', actual: platform.tenantId }),
    ]);
  });

  test('a lifecycle row that says something else makes the check-out follow no more', async () => {
    const checkOut = stay.at(-1)?.lifecycleEventId;
    const lifecycle = `UPDATE reservation_command_lifecycle SET`;
    const where = `WHERE event_id = '${checkOut}'`;
    const change = `${lifecycle} command_name = 'reservation.modify' ${where}`;
    const undo = `${lifecycle} command_name = 'reservation.check_out' ${where}`;
    await withRows(change, undo, async () => {
      const { exitCode, report } = await replay();

      expect(exitCode).toBe(3);
      expect(report.entries.filter(({ status }) => status !== 'match')).toMatchObject([
        { rollType: 'CHECKOUT', lifecycleEventId: checkOut, status: 'extra_in_shadow' },
      ]);
    });
  });

  test('a row that cannot be read is told, and nothing is compared with what is not known', async () => {
    const reservations = 'UPDATE reservations SET currency =';
    const where = `WHERE id = '${stay[0]?.reservationId}'`;
    const undo = `${reservations} '${stay[0]?.currency}' ${where}`;
    await withRows(`${reservations} '??' ${where}`, undo, async () => {
      const { exitCode, report } = await replay();

      expect(exitCode).toBe(3);
      expect(report).toMatchObject({ waitsFor: 'readable-rows', entries: [] });
      expect(report.unreadableRows).toMatchObject([{ table: 'reservations', field: 'currency' }]);
    });
  });
});

describe('the state of a running service', () => {
  test('is compared too: what it lacks is missing', async () => {
    front.ledgers = platform.entries.filter((entry) => entry !== stay[0]);
    const { exitCode, report } = await replay();

    expect(exitCode).toBe(3);
    expect(report.entries[0]).toMatchObject({
      ...{ status: 'missing_in_shadow', state: 'missing_in_shadow', table: 'match' },
    });
  });

  test('that knows nothing of the reservation lacks all of it', async () => {
    front.ledgers = [];
    const { report } = await replay(['--no-table']);

    expect(report.table).toEqual({ status: 'left_out', reason: '--no-table' });
    expect(report.summary).toMatchObject({ stateEntries: 0, missingInShadow: stay.length });
  });

  test('that does not answer fails the comparison, and the report says why', async () => {
    const nobody = { ROLLGUARD_URL: 'http://127.0.0.1:1' };
    const { exitCode, report } = await replay([], nobody);
    const without = await replay(['--no-state'], nobody);

    expect(exitCode).toBe(1);
    expect(report.state).toMatchObject({
      ...{
        status: 'unavailable',
        reason: expect.stringContaining('no Rollguard answers') as unknown,
      },
    });
    expect(report.summary).toMatchObject({ stateEntries: null, matches: stay.length });
    expect({ exitCode: without.exitCode, state: without.report.state.status }).toEqual({
      ...{ exitCode: 0, state: 'left_out' },
    });
  });

  test('says which date is closed where the platform keeps none', async () => {
    const change = 'ALTER TABLE business_dates RENAME TO no_business_dates';
    const undo = 'ALTER TABLE no_business_dates RENAME TO business_dates';
    await withRows(change, undo, async () => {
      const { exitCode, report } = await replay();
      const alone = await replay(['--no-state', '--last-closed-date', platform.lastClosedDate]);

      expect({ exitCode, closed: report.lastClosedDate }).toEqual({
        ...{ exitCode: 0, closed: { date: platform.lastClosedDate, from: 'service' } },
      });
      expect({ exitCode: alone.exitCode, closed: alone.report.lastClosedDate.from }).toEqual({
        ...{ exitCode: 0, closed: 'option' },
      });
    });
  });
});

describe('a range', () => {
  test('in which nothing differs: exit 0, every entry of the chain, none in the report', async () => {
    const { exitCode, report } = await replayAll();

    expect(exitCode).toBe(0);
    expect(report.entries).toEqual([]);
    expect(report.summary).toMatchObject({
      ...{ derivedEntries: platform.entriesTold, matches: platform.entriesTold },
      ...{ shadowEntries: platform.entriesTold, stateEntries: null, unreadableRows: 0 },
    });
  });

  test('with --all and --state has every entry, compared with both', async () => {
    const { exitCode, report } = await replayAll(['--all', '--state']);

    expect(exitCode).toBe(0);
    expect(report.entries).toHaveLength(platform.entriesTold);
    expect(report.summary.stateEntries).toBe(platform.entriesTold);
  });

  test('tells the entries that differ, also of reservations that the platform never had', async () => {
    const [night, next] = stay;
    await changed(`${update} amount_minor = 1 ${whereNight}`, night?.lifecycleEventId);
    await changed(`${remove} ${whereNight}`, next?.lifecycleEventId);
    const stranger = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
    const orphan = { ...night!, reservationId: stranger, lifecycleEventId: stranger };
    await insertLedgerRows(table, [{ ...orphan, ledgerId: stranger }]);
    const { exitCode, report } = await replayAll();

    expect(exitCode).toBe(3);
    expect(
      report.entries.map(({ reservationId, status }) => `${reservationId} ${status}`).sort(),
    ).toEqual(
      [
        `${night?.reservationId} diff`,
        `${night?.reservationId} missing_in_shadow`,
        `${stranger} extra_in_shadow`,
      ].sort(),
    );
  });

  test('of other dates concerns other reservations', async () => {
    const { report } = await replayAll(['--from', '2020-01-01', '--to', '2020-12-31', '--all']);

    expect(report.summary).toMatchObject({ reservations: 0, derivedEntries: 0 });
  });
});

describe('whose rows they are', () => {
  const policies = (verb: string): string =>
    ['reservations', 'reservation_command_lifecycle']
      .map((name) => `ALTER TABLE ${name} ${verb} ROW LEVEL SECURITY`)
      .join(';');

  test('row-level security is told who asks: without a tenant nothing is found', async () => {
    const policy = (name: string): string =>
      `CREATE POLICY tenants ON ${name} USING (tenant_id = NULLIF(current_setting('app.current_tenant_id', true), '')::uuid)`;
    const names = ['reservations', 'reservation_command_lifecycle'];
    const change = `${names.map(policy).join(';')};${policies('ENABLE')}`;
    const undo = `${policies('DISABLE')};${names.map((name) => `DROP POLICY tenants ON ${name}`).join(';')}`;
    await table.query('TRUNCATE roll_service_shadow_ledgers');
    await withRows(change, undo, async () => {
      const id = `--reservation-id=${stay[0]?.reservationId}`;
      const hidden = await rollguard([id, '--stdout']);
      const { report } = await replay(['--tenant', platform.tenantId]);

      expect(hidden).toMatchObject({
        ...{ exitCode: 1, err: expect.stringContaining('--tenant') as unknown },
      });
      expect(report.summary.derivedEntries).toBe(stay.length);
    });
  });

  test('a reservation that nobody knows is an error, not a match', async () => {
    const { exitCode, err } = await rollguard([`--reservation-id=${platform.tenantId}`]);

    expect({ exitCode, err }).toMatchObject({
      ...{
        exitCode: 1,
        err: expect.stringContaining('nothing is known of reservation') as unknown,
      },
    });
  });
});
