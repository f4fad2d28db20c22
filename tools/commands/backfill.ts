/** `rollguard backfill run`, `status` and `reset`: the platform's rows into the ledgers, beside capture. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { openPlatform } from '../../backfill/backfill-service.ts';
import { listCheckpoints, everyTenant, resetCheckpoints } from '../../backfill/checkpoints.ts';
import { currentLeader, describeLeader } from '../../backfill/leader-lock.ts';
import { countRows } from '../../backfill/read-rows.ts';
import { tenantsOf } from '../../backfill/tenants.ts';
import type { Database } from '../../database/connection.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { systemRandom } from '../../kernel/random.ts';
import type { Settings } from '../../kernel/settings.ts';
import { lifecycleStates } from '../../topology/captured/lifecycle-row.ts';
import { parseInstantMicros } from '../../topology/calendar/instant.ts';
import { applicationSettings, commandLogger, commandPort } from '../application-settings.ts';
import { emitAgain } from '../backfill/emit-again.ts';
import { openOwn, runBackfill } from '../backfill/run-backfill.ts';
import type { CliContext } from '../cli-context.ts';
import { interruptible } from '../interruptible.ts';
import { uuid } from '../option-values.ts';

interface RunFlags {
  readonly tenant?: readonly string[];
  readonly since?: string;
  readonly until?: string;
  readonly state?: string;
  readonly sweep?: true;
  readonly reEmit?: true;
  readonly rowsPerSecond?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

type DatabaseSetting = 'PLATFORM_DATABASE_URL' | 'ROLLGUARD_DATABASE_URL';

interface ResetFlags {
  readonly tenant?: string;
  readonly yes?: true;
  readonly json?: true;
}

const runExamples = `
Examples:
  rollguard backfill run
  rollguard backfill run --sweep --rows-per-second 2000
  rollguard backfill run --since 2026-01-01 --until 2026-02-01 --state APPLIED --dry-run --json
  rollguard backfill run --re-emit --rows-per-second 5000

With --re-emit no row is read into a ledger: each ledger of the tenants' reservations is asked to tell its entries once
more, behind what it has told. The events have a header x-rollguard-replay-id, so no table and no total takes them for a
change: it shows what readers of the topic can take. Otherwise it goes on where the checkpoints stand. With --since, --until or --state it publishes these rows once more
and leaves the checkpoints alone. Interrupted: run it again.`;
const statusExamples = `
Examples:
  rollguard backfill status --json

Rows to go are counted in the platform's database: those after each tenant's checkpoint.`;
const resetExamples = `
Examples:
  rollguard backfill reset --tenant 7e000000-0000-4000-8000-000000000001 --yes
  rollguard backfill reset --yes

The next pass then reads from the beginning. Ledgers stay as they are: what is read again changes nothing.`;

export function backfillCommand(cli: CliContext): Command {
  const backfill = new Command('backfill').description(
    "the platform's commands and reservations, read into the ledgers beside capture",
  );
  backfill
    .command('run')
    .description('read and publish what was not yet')
    .option('--tenant <id…>', 'only these tenants', tenants)
    .option('--since <time>', 'only commands created then or later (ISO 8601)', instant)
    .option('--until <time>', 'only commands created before it', instant)
    .addOption(new Option('--state <state>', 'only commands in it').choices(lifecycleStates))
    .option('--sweep', 'look for late rows of any age, as the nightly pass does')
    .option('--re-emit', 'have the events of all entries told once more, for throughput checks')
    .option(
      '--rows-per-second <n>',
      'at most so many rows, or ledgers that are asked; 0: as many as it can',
      wholeNumber,
    )
    .option('--dry-run', 'count only')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', runExamples)
    .action((flags: RunFlags) => run(flags, cli));
  backfill
    .command('status')
    .description('who makes it, how far each tenant is, how many rows are to go')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', statusExamples)
    .action((flags: { readonly json?: true }) => status(flags, cli));
  backfill
    .command('reset')
    .description('forget the checkpoints')
    .option('--tenant <id>', 'only of this tenant', uuid)
    .option('--yes', 'do it')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', resetExamples)
    .action((flags: ResetFlags) => reset(flags, cli));
  return backfill;
}

async function run(flags: RunFlags, cli: CliContext): Promise<void> {
  if (flags.reEmit === true) return reEmit(flags, cli);
  const { since, until, state } = flags;
  const settings = withRate(databaseSettings(cli), flags);
  const port = commandPort(settings, cli);
  try {
    const report = await interruptible(undefined, (signal) =>
      runBackfill({
        ...{ settings, port, tenantIds: flags.tenant, filter: { since, until, state } },
        ...{ isSweep: flags.sweep === true, isDryRun: flags.dryRun === true },
        ...{ clock: cli.clock, logger: commandLogger(cli), progress: cli.progress, signal },
      }),
    );
    const { rows, refused, seconds } = report;
    if (flags.json === true) cli.out(`${JSON.stringify(report)}\n`);
    else if (report.dryRun) cli.out(`${rows} rows would be read\n`);
    else {
      const letters = refused === 0 ? '' : `, ${refused} to the dead letters`;
      cli.out(`${rows} rows in ${seconds} s (${report.rowsPerSecond}/s)${letters}\n`);
    }
  } finally {
    await port.close();
  }
}

/** @throws USAGE for a choice of rows: ledgers are asked whole. */
async function reEmit(flags: RunFlags, cli: CliContext): Promise<void> {
  const chosen = (['since', 'until', 'state', 'sweep'] as const).find(
    (name) => flags[name] !== undefined,
  );
  if (chosen !== undefined) {
    const message = `--re-emit asks whole ledgers, whatever rows they were made of: leave out --${chosen}, or choose by --tenant`;
    throw new RollguardError('USAGE', message);
  }
  const settings = withRate(databaseSettings(cli, ['PLATFORM_DATABASE_URL']), flags);
  const port = commandPort(settings, cli);
  try {
    const report = await interruptible(undefined, (signal) =>
      emitAgain({
        ...{ settings, port, replayId: systemRandom.uuid(), tenantIds: flags.tenant },
        ...{ isDryRun: flags.dryRun === true, clock: cli.clock, progress: cli.progress, signal },
      }),
    );
    const { replayId, reservations, events, seconds, eventsPerSecond } = report;
    if (flags.json === true) cli.out(`${JSON.stringify(report)}\n`);
    else if (report.dryRun) cli.out(`${reservations} ledgers would be asked\n`);
    else {
      const rate = `in ${seconds} s (${eventsPerSecond}/s)`;
      cli.out(`replay ${replayId}: ${events} events of ${reservations} reservations ${rate}\n`);
    }
  } finally {
    await port.close();
  }
}

function withRate(settings: Settings, { rowsPerSecond }: RunFlags): Settings {
  return rowsPerSecond === undefined
    ? settings
    : { ...settings, ROLL_SERVICE_BACKFILL_ROWS_PER_SECOND: rowsPerSecond };
}

async function status({ json }: { readonly json?: true }, cli: CliContext): Promise<void> {
  const settings = databaseSettings(cli);
  const [own, platform] = await Promise.all([
    openOwn(settings),
    openPlatform(settings.PLATFORM_DATABASE_URL),
  ]);
  try {
    const leader = await currentLeader(own);
    const checkpoints = await listCheckpoints(own);
    const report = await tenantReports(platform, checkpoints);
    if (json === true) {
      cli.out(`${JSON.stringify({ leader, tenants: report })}\n`);
      return;
    }
    cli.out(`leader: ${leader === undefined ? 'none' : describeLeader(leader)}\n`);
    for (const { tenantId, lastEventCreatedAt, sweptAt, rowsToGo } of report) {
      const at = `at ${lastEventCreatedAt ?? 'the beginning'}, swept ${sweptAt ?? 'never'}`;
      cli.out(`${tenantId}  ${at}, ${rowsToGo} rows to go\n`);
    }
  } finally {
    await Promise.all([own.close(), platform.close()]);
  }
}

async function tenantReports(
  platform: Database,
  checkpoints: Awaited<ReturnType<typeof listCheckpoints>>,
) {
  const reports = [];
  const start = checkpoints.find(({ tenantId }) => tenantId === everyTenant);
  for (const tenantId of await tenantsOf(platform)) {
    const known = checkpoints.find((each) => each.tenantId === tenantId);
    const after = (known ?? start)?.position;
    reports.push({
      tenantId,
      lastEventId: after?.eventId,
      lastEventCreatedAt: after?.createdAt,
      updatedAt: known?.updatedAt,
      sweptAt: known?.swept?.at,
      rowsToGo: await countRows(platform, { kind: 'forward', after, filter: {} }, tenantId),
    });
  }
  return reports;
}

async function reset(flags: ResetFlags, cli: CliContext): Promise<void> {
  const whose = flags.tenant === undefined ? 'all tenants' : `tenant ${flags.tenant}`;
  if (flags.yes !== true) {
    throw new RollguardError(
      'USAGE',
      `this forgets the checkpoints of ${whose}: add --yes to do it`,
    );
  }
  const own = await openOwn(databaseSettings(cli));
  try {
    const checkpoints = await resetCheckpoints(own, flags.tenant);
    if (flags.json === true) cli.out(`${JSON.stringify({ reset: checkpoints })}\n`);
    else cli.out(`forgot ${checkpoints} checkpoints of ${whose}\n`);
  } finally {
    await own.close();
  }
}

/** @throws CONFIG_INVALID naming the database that is missing. */
function databaseSettings(
  cli: CliContext,
  needed: readonly DatabaseSetting[] = ['PLATFORM_DATABASE_URL', 'ROLLGUARD_DATABASE_URL'],
): Settings {
  const settings = applicationSettings('backfill', {}, cli);
  for (const name of needed) {
    if (settings[name] !== '') continue;
    const message = `${name} is not set: the backfill reads the platform's Postgres and keeps its checkpoints in ours`;
    throw new RollguardError('CONFIG_INVALID', message);
  }
  return settings;
}

function tenants(text: string, others: readonly string[] = []): readonly string[] {
  return [...new Set([...others, ...text.split(',').map(uuid)])];
}

function instant(text: string): string {
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text;
  if (parseInstantMicros(at) !== undefined) return at;
  throw new InvalidArgumentError('give a date or an instant, e.g. 2026-03-01 or 2026-03-01T12:00Z');
}

function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number');
}
