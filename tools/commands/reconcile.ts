/** `rollguard reconcile run` and `status`: ledgers and holds beside the platform's tables. */
import { Command } from 'commander';
import { currentLeader, type Leadership } from '../../backfill/leader-lock.ts';
import { openDatabase, type Database } from '../../database/connection.ts';
import { migrate } from '../../database/migrations.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { Settings } from '../../kernel/settings.ts';
import { waitToLead } from '../../reconciliation/lead-reconciliation.ts';
import type { ReconciliationReport } from '../../reconciliation/reconciliation-report.ts';
import { reportPage } from '../../reconciliation/report-page.ts';
import { lastRuns } from '../../reconciliation/run-store.ts';
import { runReconciliation, type WantedSides } from '../../reconciliation/run-reconciliation.ts';
import { replaySide } from '../../reconciliation/replay-side.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import { applicationSettings, commandPort } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { interruptible } from '../interruptible.ts';
import { calendarDate, secondsOrNone, uuid } from '../option-values.ts';
import { pacedProgress } from '../paced-progress.ts';
import { renderReconciliation, runLine } from '../reconcile/reconciliation-table.ts';
import { pushReconciliation } from '../reconcile/push-reconciliation.ts';
import { fileWriter } from '../replay/report-writer.ts';
import { ledgerState } from '../replay/state-side.ts';

interface RunFlags {
  readonly tenant?: readonly string[];
  readonly property?: string;
  readonly from?: string;
  readonly to?: string;
  readonly ledger?: true;
  readonly locks?: true;
  readonly payments?: true;
  readonly state?: true;
  readonly url?: string;
  readonly json?: true;
  readonly output?: string;
  readonly page?: string;
  readonly kafka?: boolean;
  readonly waitTimeout: number;
}

const differenceExitCode = 3;
const failedExitCode = 1;
const runsShown = 10;
const defaultWaitSeconds = 600;

const runExamples = `
Examples:
  rollguard reconcile run
  rollguard reconcile run --tenant 7e000000-0000-4000-8000-000000000001 --page drift.html
  rollguard reconcile run --property 9e000000-0000-4000-8000-000000000001 --from 2026-05-01 --to 2026-05-31 --ledger
  rollguard reconcile run --json --output drift.json | jq .summary

Reads the platform's rows and our tables and changes neither; the run is kept in our Postgres. What differs
is looked at again (RECONCILIATION_GRACE_MS) before it is told: what is on its way is no drift.
One is made at a time, by schedule or by hand: another one is waited for.
Exit 0 when nothing differs, 3 when something does, 1 when it could not be compared or is behind.
How to read the report: docs/guides/reconciliation.md`;
const statusExamples = `
Examples:
  rollguard reconcile status
  rollguard reconcile status --json`;

export function reconcileCommand(cli: CliContext): Command {
  const command = new Command('reconcile').description(
    "ledgers and holds, compared with the platform's tables",
  );
  command
    .command('run')
    .description('compare now')
    .option('--tenant <id…>', 'only these tenants', tenants)
    .option('--property <uuid>', 'only this property', uuid)
    .option('--from <date>', 'only reservations of this date or later', calendarDate)
    .option('--to <date>', 'only reservations of this date or earlier', calendarDate)
    .option('--ledger', 'only ledger entries (and what else is named)')
    .option('--locks', 'only holds (and what else is named)')
    .option('--payments', 'payments too: what guests were charged beside what was earned')
    .option('--state', "ask the service for each ledger too: its state beside the table's rows")
    .option('--no-kafka', 'the time between two looks alone tells what is on its way')
    .option(
      '--wait-timeout <seconds>',
      'for a reconciliation that is being made; 0: not at all',
      secondsOrNone,
      defaultWaitSeconds,
    )
    .option('--url <url>', 'where Rollguard listens (default: ROLLGUARD_URL)')
    .option('--json', 'print the report as JSON on stdout')
    .option('--output <file>', 'write the report as JSON')
    .option('--page <file>', 'write the report as a page for a browser')
    .addHelpText('after', runExamples)
    .action((flags: RunFlags) => run(flags, cli));
  command
    .command('status')
    .description('the last runs, and who makes one now')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', statusExamples)
    .action((flags: { readonly json?: true }) => status(flags, cli));
  return command;
}

async function run(flags: RunFlags, cli: CliContext): Promise<void> {
  const { from, to, property } = flags;
  if (from !== undefined && to !== undefined && from > to) {
    throw new RollguardError('USAGE', `--to ${to} is before --from ${from}`);
  }
  const settings = databaseSettings(cli);
  const kafka = flags.kafka === false ? undefined : commandPort(settings, cli);
  try {
    const report = await interruptible('interrupted; nothing was kept', (signal) =>
      asLeader({ settings, flags, cli, signal }, ({ database }) =>
        runReconciliation({
          ...{ settings, database, clock: cli.clock, random: systemRandom, signal },
          trigger: 'command',
          scope: {
            tenantIds: flags.tenant ?? null,
            ...{ propertyId: property ?? null, from: from ?? null, to: to ?? null },
          },
          wants: wantedSides(flags, settings),
          ...serviceOf(flags, cli),
          kafka: kafka && { port: kafka, registry: registryOf(settings, cli) },
          progress: progressOf(cli),
        }),
      ),
    );
    show(report, flags, cli);
    await pushReconciliation(settings.ROLLGUARD_PUSHGATEWAY_URL, report, cli.progress);
  } finally {
    await kafka?.close();
  }
}

interface LeadingRun {
  readonly settings: Settings;
  readonly flags: RunFlags;
  readonly cli: CliContext;
  readonly signal: AbortSignal;
}

/** The run is kept by the session that leads: one that does not lead any more keeps nothing. */
async function asLeader<Result>(
  { settings, flags, cli, signal }: LeadingRun,
  work: (leadership: Leadership) => Promise<Result>,
): Promise<Result> {
  const leadership = await waitToLead({
    ...{ url: settings.ROLLGUARD_DATABASE_URL, applicationName: 'rollguard reconcile run' },
    ...{ clock: cli.clock, waitMs: flags.waitTimeout * 1_000, signal },
    onWait: (who) => cli.progress(`reconcile: waiting for ${who}, which makes one now`),
  });
  try {
    await migrate(leadership.database);
    return await work(leadership);
  } finally {
    await leadership.close();
  }
}

function registryOf({ SCHEMA_REGISTRY_URL: url }: Settings, { clock }: CliContext) {
  return createRegistryClient({ url, clock });
}

function show(report: ReconciliationReport, flags: RunFlags, cli: CliContext): void {
  const json = `${JSON.stringify(report, null, 2)}\n`;
  if (flags.output !== undefined) write(flags.output, json);
  if (flags.page !== undefined) write(flags.page, reportPage(report));
  cli.out(flags.json === true ? json : renderReconciliation(report));
  for (const file of [flags.output, flags.page]) {
    if (file !== undefined) cli.progress(`reconcile: written to ${file}`);
  }
  cli.exitCode = exitCodeOf(report);
}

function exitCodeOf({ status, summary }: ReconciliationReport): number {
  if (status === 'drift') return differenceExitCode;
  return status === 'clean' && summary.unreadableRows === 0 ? 0 : failedExitCode;
}

async function status({ json }: { readonly json?: true }, cli: CliContext): Promise<void> {
  const database = await openOwn(databaseSettings(cli));
  try {
    await migrate(database);
    const leader = await currentLeader(database, 'reconciliation');
    const runs = await lastRuns(database, runsShown);
    if (json === true) {
      cli.out(`${JSON.stringify({ leader: leader ?? null, runs })}\n`);
      return;
    }
    cli.out(`a run is made by: ${leader?.applicationName ?? 'nobody now'}\n`);
    if (runs.length === 0) cli.out('there was none yet\n');
    for (const each of runs) cli.out(`${runLine(each)}\n`);
  } finally {
    await database.close();
  }
}

/** Without any named: ledgers and holds. */
function wantedSides(flags: RunFlags, settings: Settings): WantedSides {
  const isNamed = flags.ledger === true || flags.locks === true;
  return {
    ledger: flags.ledger === true || !isNamed,
    locks: flags.locks === true || !isNamed,
    payments: flags.payments === true || (!isNamed && settings.RECONCILIATION_PAYMENTS_ENABLED),
  };
}

/** The service is asked for ledgers only on demand, for closed dates wherever the platform has none. */
function serviceOf({ url, state: isStateWanted }: RunFlags, cli: CliContext) {
  const state = ledgerState(url === undefined ? {} : { url }, cli);
  return {
    state: isStateWanted === true ? replaySide((expected) => state.read(expected)) : undefined,
    serviceProperty: (tenant: string, property: string) => state.property(tenant, property),
  };
}

function progressOf(cli: CliContext): (done: number, total: number) => void {
  let of = 0;
  const told = pacedProgress(cli, (done, spentMs) => {
    const leftSeconds = Math.ceil((spentMs / 1_000 / Math.max(done, 1)) * (of - done));
    const left = done > 0 && done < of ? `, about ${leftSeconds} s left` : '';
    return `reconcile: ${done} of about ${of} reservations${left}`;
  });
  return (done, total) => {
    of = total;
    told(done);
  };
}

/** @throws CONFIG_INVALID naming the database that is missing. */
function databaseSettings(cli: CliContext): Settings {
  const settings = applicationSettings('reconcile', {}, cli);
  for (const name of ['PLATFORM_DATABASE_URL', 'ROLLGUARD_DATABASE_URL'] as const) {
    if (settings[name] !== '') continue;
    const message = `${name} is not set: the platform's Postgres is compared with ours`;
    throw new RollguardError('CONFIG_INVALID', message);
  }
  return settings;
}

function openOwn({ ROLLGUARD_DATABASE_URL: url }: Settings): Promise<Database> {
  return openDatabase({
    ...{ url, setting: 'ROLLGUARD_DATABASE_URL', applicationName: 'rollguard reconcile' },
  });
}

function write(file: string, text: string): void {
  const writer = fileWriter(file);
  try {
    writer.write(text);
    writer.finish();
  } finally {
    writer.discard();
  }
}

function tenants(text: string, others: readonly string[] = []): readonly string[] {
  return [...new Set([...others, ...text.split(',').map(uuid)])];
}
