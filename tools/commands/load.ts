/** `rollguard load bookings <csv>`: real bookings into the sample platform's tables. */
import { Command, InvalidArgumentError } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import type { CliContext } from '../cli-context.ts';
import { parseBookings, readBookingsFile } from '../load/bookings-csv.ts';
import { planBookings } from '../load/bookings-plan.ts';
import { expectedFigures } from '../load/expected-figures.ts';
import { loadBookings, type LoadProgress, type LoadSummary } from '../load/load-bookings.ts';
import { interruptible } from '../interruptible.ts';

interface BookingsOptions {
  readonly databaseUrl?: string;
  readonly limit?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

/** At least this long between two lines of progress. */
const progressIntervalMs = 1000;

export function loadCommand(cli: CliContext): Command {
  const load = new Command('load').description("fill the sample platform's tables");
  load
    .command('bookings')
    .description(
      'load a hotel-bookings CSV in event-time order; run it again to go on where it stopped',
    )
    .argument('<csv>', 'the file; status dates as M/D/YYYY or YYYY-MM-DD')
    .option('--database-url <url>', "the platform's Postgres (default: PLATFORM_DATABASE_URL)")
    .option('--limit <bookings>', 'load only the first bookings of the file', positiveInteger)
    .option('--dry-run', 'read and count only; writes nothing and needs no database')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', examples)
    .action(async (csvPath: string, options: BookingsOptions) => {
      if (options.dryRun === true) dryRun(cli, csvPath, options);
      else await loadInto(cli, csvPath, options);
    });
  return load;
}

const examples = `
Examples:
  rollguard load bookings hotel-bookings.csv
  rollguard load bookings hotel-bookings.csv --dry-run
  rollguard load bookings hotel-bookings.csv --limit 500 --json`;

function dryRun(cli: CliContext, csvPath: string, options: BookingsOptions): void {
  const bookings = parseBookings({
    name: csvPath,
    content: readBookingsFile(csvPath),
    limit: options.limit,
  });
  const plan = planBookings(bookings);
  const summary = {
    rows: bookings.length,
    commands: plan.commandCount,
    firstDate: plan.dates[0],
    lastDate: plan.dates.at(-1),
    rooms: plan.setup.rooms.length,
    figures: expectedFigures(csvPath, options.limit),
  };
  cli.out(`${JSON.stringify(summary, undefined, options.json === true ? undefined : 2)}\n`);
}

async function loadInto(cli: CliContext, csvPath: string, options: BookingsOptions): Promise<void> {
  const databaseUrl = options.databaseUrl ?? cli.env['PLATFORM_DATABASE_URL'];
  if (databaseUrl === undefined || databaseUrl === '') {
    const message = 'where to load: set PLATFORM_DATABASE_URL or give --database-url';
    throw new RollguardError('CONFIG_INVALID', message);
  }
  const summary = await interruptible(undefined, (signal) =>
    loadBookings({
      csvPath,
      databaseUrl,
      limit: options.limit,
      clock: cli.clock,
      progress: progressLines(cli),
      signal,
    }),
  );
  cli.out(options.json === true ? `${JSON.stringify(summary)}\n` : describe(summary));
  if (summary.outcome === 'interrupted') cli.exitCode = 1;
}

function progressLines(cli: CliContext): (progress: LoadProgress) => void {
  let lastMs = -Infinity;
  return (progress) => {
    const finished = progress.datesDone === progress.datesTotal;
    const nowMs = cli.clock.monotonicMs();
    if (!finished && nowMs - lastMs < progressIntervalMs) return;
    lastMs = nowMs;
    const percent = Math.floor((100 * progress.datesDone) / progress.datesTotal);
    const rate = Math.round(progress.rowChangesPerSecond);
    cli.progress(
      `${progress.date}  ${progress.rowChanges} row changes  ${rate}/s  ${percent}% of the dates`,
    );
  };
}

function describe(summary: LoadSummary): string {
  const what = `${summary.rows} bookings, ${summary.commands} commands, ${summary.rowChanges} row changes`;
  switch (summary.outcome) {
    case 'already-loaded':
      return `already loaded: ${what}; nothing was changed\n`;
    case 'interrupted':
      return `interrupted after ${summary.commands} commands; run it again to go on from there\n`;
    case 'loaded':
      return `loaded ${what} in ${summary.seconds.toFixed(1)} s (${Math.round(summary.rowChangesPerSecond)}/s), business dates ${summary.firstDate} to ${summary.lastDate} closed\n`;
  }
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('give a whole number of 1 or more');
}
