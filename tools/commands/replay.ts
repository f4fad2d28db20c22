/** `rollguard replay reservation`: what the platform's rows say, beside what is stored of it. */
import path from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import type { Settings } from '../../kernel/settings.ts';
import { isUuid } from '../../kernel/uuid.ts';
import { isEqual, type ReplaySummary } from '../../topology/roll/replay-report.ts';
import { applicationSettings, offlineSettings } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { openPlatform, type Platform } from '../../reconciliation/platform-rows.ts';
import { pushSummary } from '../replay/push-summary.ts';
import { replayRange } from '../replay/replay-range.ts';
import { replayReservation } from '../replay/replay-reservation.ts';
import type { ReplaySources } from '../../reconciliation/replay-reservations.ts';
import { replaySide, unreadSide, type SideStatus } from '../../reconciliation/replay-side.ts';
import { renderReplay, type ReplayOutcome } from '../replay/replay-table.ts';
import {
  allWriters,
  fileWriter,
  outputWriter,
  type ReportWriter,
} from '../replay/report-writer.ts';
import { ledgerState } from '../replay/state-side.ts';
import { ledgerTable, type LedgerTable } from '../../reconciliation/table-side.ts';
import { interruptible } from '../interruptible.ts';
import { calendarDate, uuid } from '../option-values.ts';
import { replayOffsetsCommand } from './replay-offsets.ts';

const reportsFolder = 'docs/rolls/reports';
const batchSizeMax = 10_000;
const differenceExitCode = 3;
const failedExitCode = 1;

interface ReplayFlags {
  readonly reservationId?: string;
  readonly property?: string;
  readonly from?: string;
  readonly to?: string;
  readonly tenant?: string;
  readonly output?: string;
  readonly stdout?: true;
  readonly json?: true;
  readonly all?: true;
  readonly state?: boolean;
  readonly table?: boolean;
  readonly url?: string;
  readonly lastClosedDate?: string;
  readonly platformDatabaseUrl?: string;
  readonly databaseUrl?: string;
  readonly batchSize: number;
}

const examples = `
Examples:
  rollguard replay reservation --reservation-id=5e000000-0000-4000-8000-000000000001
  rollguard replay reservation --reservation-id=5e000000-0000-4000-8000-000000000001 --stdout | jq .summary
  rollguard replay reservation --property 9e000000-0000-4000-8000-000000000001 \\
    --from 2026-05-01 --to 2026-05-31 --tenant 7e000000-0000-4000-8000-000000000001
  npm run roll:replay -- --reservation-id=5e000000-0000-4000-8000-000000000001 --output=report.json

Reads the platform's rows in one snapshot, derives the ledger from them as the stream does, and compares
it with the state of a running service and with the table. Nothing is changed but the report's file.
Exit 0 when nothing differs, 3 when something does, 1 when it could not be compared.
How to read the report: docs/guides/replay.md`;

export function replayCommand(cli: CliContext): Command {
  const replay = new Command('replay').description(
    'derived again: one ledger, compared with what is stored, or everything, from older positions',
  );
  replay
    .command('reservation')
    .description("a reservation's ledger, or those of a property and a range of dates")
    .option('--reservation-id <uuid>', 'the reservation', uuid)
    .option('--property <uuid>', 'instead: those of this property, with --from and --to', uuid)
    .option('--from <date>', 'first date', calendarDate)
    .option('--to <date>', 'last date, included', calendarDate)
    .option(
      '--tenant <uuid>',
      "whose rows (default: ROLLGUARD_TENANT_ID, else that of the reservation's rows)",
      uuid,
    )
    .option('--output <path>', `the report's file (default: in ${reportsFolder}/)`)
    .option('--stdout', 'print the report; a file is written only with --output')
    .option('--json', 'print the summary as one JSON object on stdout')
    .option('--all', 'of a range: entries that match are in the report too')
    .option(
      '--state',
      'of a range: ask the service for each ledger (else only the table is compared)',
    )
    .option('--no-state', 'leave the state of the service out')
    .option('--no-table', 'leave the table out')
    .option(
      '--url <url>',
      'where Rollguard listens (default: ROLLGUARD_URL, else HTTP_HOST and HTTP_PORT)',
    )
    .option(
      '--last-closed-date <date>',
      'nights are closed up to here, whatever is stored',
      calendarDate,
    )
    .option(
      '--platform-database-url <url>',
      "the platform's Postgres (default: PLATFORM_DATABASE_URL)",
    )
    .option('--database-url <url>', 'our own Postgres (default: ROLLGUARD_DATABASE_URL)')
    .option('--batch-size <count>', 'of a range: reservations at a time', batchSize, 500)
    .addHelpText('after', examples)
    .action((flags: ReplayFlags) => run(flags, cli));
  replayOffsetsCommand(replay, cli);
  return replay;
}

async function run(flags: ReplayFlags, cli: CliContext): Promise<void> {
  const asked = whatIsAsked(flags, cli);
  const settings = settingsOf(flags, cli);
  const tableUrl = flags.databaseUrl ?? settings.ROLLGUARD_DATABASE_URL;
  const table = flags.table === false || tableUrl === '' ? undefined : ledgerTable(tableUrl);
  const sources = sourcesOf(flags, table, cli);
  if (table === undefined && sources.state.status.status === 'left_out') throw nothingToCompare();
  const writer = writerOf(flags, asked, cli);
  try {
    const platform = await openPlatform(
      flags.platformDatabaseUrl ?? settings.PLATFORM_DATABASE_URL,
    );
    try {
      const replay: Replay = { flags, platform, table, sources, writer, cli };
      const outcome = await (asked.kind === 'reservation'
        ? ofReservation(asked, replay)
        : ofRange(asked, replay));
      writer.finish();
      await pushSummary(settings.ROLLGUARD_PUSHGATEWAY_URL, outcome.summary, cli.progress);
      show(outcome, flags, fileOf(flags, asked), cli);
    } finally {
      await platform.close();
    }
  } finally {
    writer.discard();
    await table?.close();
  }
}

interface Replay {
  readonly flags: ReplayFlags;
  readonly platform: Platform;
  readonly table: LedgerTable | undefined;
  readonly sources: ReplaySources;
  readonly writer: ReportWriter;
  readonly cli: CliContext;
}

async function ofReservation(asked: AskedReservation, replay: Replay): Promise<ReplayOutcome> {
  const { platform, table, sources, writer, cli } = replay;
  const nowMs = cli.clock.nowMs();
  const report = await replayReservation({ ...asked, platform, table, sources, nowMs });
  writer.write(`${JSON.stringify(report, null, 2)}\n`);
  const { lastClosedDate, waitsFor, unreadableRows } = report;
  const closed =
    lastClosedDate.date === null
      ? `no business date is closed, says ${lastClosedDate.from}`
      : `nights are closed up to ${lastClosedDate.date}, says the ${lastClosedDate.from}`;
  return {
    title: `reservation ${report.reservationId} of tenant ${report.tenantId}`,
    ...report,
    notes: [
      closed,
      ...(waitsFor === null ? [] : [`nothing can be derived: it waits for ${waitsFor}`]),
      ...unreadableRows.map(({ message }) => `unreadable: ${message}`),
    ],
  };
}

async function ofRange(asked: AskedRange, replay: Replay): Promise<ReplayOutcome> {
  const { flags, cli, ...sources } = replay;
  const outcome = await interruptible('interrupted; no report was written', (signal) =>
    replayRange({
      ...asked,
      ...sources,
      ...{ batchSize: flags.batchSize, isComplete: flags.all === true },
      ...{ clock: cli.clock, signal, progress: cli.progress },
    }),
  );
  const { reservations } = outcome.summary;
  return {
    title: `property ${asked.propertyId} of tenant ${asked.tenantId}, ${asked.from} to ${asked.to}: ${reservations} reservations`,
    ...outcome,
    entries: outcome.firstDifferences,
    notes: [
      ...Object.entries(outcome.waiting).map(
        ([waitsFor, count]) => `${count} reservations cannot be derived: they wait for ${waitsFor}`,
      ),
      ...outcome.unreadableRows.slice(0, 5).map(({ message }) => `unreadable: ${message}`),
    ],
  };
}

function show(
  outcome: ReplayOutcome,
  flags: ReplayFlags,
  file: string | undefined,
  cli: CliContext,
): void {
  const { summary, state, table } = outcome;
  const isComparable = ![state, table].some(isUnavailable);
  if (flags.json === true) {
    cli.out(`${JSON.stringify({ summary, state, table, report: file ?? null })}\n`);
  } else {
    // Beside the report itself the table is for whoever watches.
    (flags.stdout === true ? cli.err : cli.out)(renderReplay(outcome));
    if (file !== undefined) cli.progress(`replay: the report is ${file}`);
  }
  cli.exitCode = exitCodeOf(summary, isComparable);
}

function exitCodeOf(summary: ReplaySummary, isComparable: boolean): number {
  if (!isComparable) return failedExitCode;
  return isEqual(summary) ? 0 : differenceExitCode;
}

function isUnavailable({ status }: SideStatus): boolean {
  return status === 'unavailable';
}

interface AskedReservation {
  readonly kind: 'reservation';
  readonly reservationId: string;
  readonly tenantId: string | undefined;
}
interface AskedRange {
  readonly kind: 'range';
  readonly tenantId: string;
  readonly propertyId: string;
  readonly from: string;
  readonly to: string;
}

/** @throws USAGE */
function whatIsAsked(flags: ReplayFlags, cli: CliContext): AskedReservation | AskedRange {
  const { reservationId, property, from, to } = flags;
  const tenantId = flags.tenant ?? tenantOfEnvironment(cli);
  if (flags.stdout === true && flags.json === true) {
    throw usage('--stdout prints the report and --json the summary: give one of them');
  }
  if (reservationId !== undefined) {
    if (property !== undefined || from !== undefined || to !== undefined) {
      throw usage('give --reservation-id, or --property with --from and --to, not both');
    }
    return { kind: 'reservation', reservationId, tenantId };
  }
  if (property === undefined || from === undefined || to === undefined) {
    throw usage('which ledgers: give --reservation-id, or --property with --from and --to');
  }
  if (from > to) throw usage(`--to ${to} is before --from ${from}`);
  if (tenantId === undefined) {
    throw usage('whose property: give --tenant, or set ROLLGUARD_TENANT_ID');
  }
  return { kind: 'range', tenantId, propertyId: property, from, to };
}

function tenantOfEnvironment(cli: CliContext): string | undefined {
  const tenant = cli.env['ROLLGUARD_TENANT_ID'] ?? '';
  if (tenant === '') return undefined;
  if (!isUuid(tenant)) throw usage(`ROLLGUARD_TENANT_ID is ${tenant}: it must be a UUID`);
  return tenant.toLowerCase();
}

/** Where the platform's database is named the local stack is not asked. */
function settingsOf(flags: ReplayFlags, cli: CliContext): Settings {
  const offline = offlineSettings(cli);
  const isGiven = (flags.platformDatabaseUrl ?? offline.PLATFORM_DATABASE_URL) !== '';
  return isGiven ? offline : applicationSettings('replay', {}, cli);
}

function sourcesOf(
  flags: ReplayFlags,
  table: LedgerTable | undefined,
  cli: CliContext,
): ReplaySources {
  const { reservationId, url, lastClosedDate } = flags;
  const isStateWanted = reservationId === undefined ? flags.state === true : flags.state !== false;
  const state = ledgerState(url === undefined ? {} : { url }, cli);
  const leftOut: SideStatus =
    flags.state === false
      ? { status: 'left_out', reason: '--no-state' }
      : { status: 'left_out', reason: 'a range is compared with the state only with --state' };
  const noTable: SideStatus =
    flags.table === false
      ? { status: 'left_out', reason: '--no-table' }
      : { status: 'not_configured', reason: 'ROLLGUARD_DATABASE_URL is not set' };
  return {
    state: isStateWanted ? replaySide((expected) => state.read(expected)) : unreadSide(leftOut),
    table:
      table === undefined ? unreadSide(noTable) : replaySide((expected) => table.read(expected)),
    lastClosedDate,
    serviceProperty:
      flags.state === false ? undefined : (tenant, property) => state.property(tenant, property),
  };
}

function nothingToCompare(): RollguardError {
  return usage(
    'nothing to compare with: name our Postgres (ROLLGUARD_DATABASE_URL, --database-url), or ask the service (--state)',
  );
}

function writerOf(
  flags: ReplayFlags,
  asked: AskedReservation | AskedRange,
  cli: CliContext,
): ReportWriter {
  const file = fileOf(flags, asked);
  return allWriters([
    ...(file === undefined ? [] : [fileWriter(file)]),
    ...(flags.stdout === true ? [outputWriter(cli.out)] : []),
  ]);
}

function fileOf(flags: ReplayFlags, asked: AskedReservation | AskedRange): string | undefined {
  if (flags.output !== undefined) return flags.output;
  if (flags.stdout === true) return undefined;
  const name =
    asked.kind === 'reservation'
      ? `reservation-${asked.reservationId}.json`
      : `property-${asked.propertyId}-${asked.from}-${asked.to}.json`;
  return path.join(reportsFolder, name);
}

function batchSize(text: string): number {
  const count = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= batchSizeMax) return count;
  throw new InvalidArgumentError(`It must be a whole number from 1 to ${batchSizeMax}.`);
}

function usage(message: string): RollguardError {
  return new RollguardError('USAGE', message);
}
