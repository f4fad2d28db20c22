/** `npm run bench -- backfill`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { benchSystem } from '../bench-system.ts';
import { benchWorkload, bookingsOption } from '../bench-workload.ts';
import { table } from '../render.ts';
import { runBackfillBench, type BackfillBenchReport } from './backfill-bench.ts';

const seed = 20_261_129;

interface Flags {
  readonly rows: number;
  readonly days: number;
  readonly bookings?: string;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
A chain of hotels, or a file of bookings, goes through the whole line; then capture ends, the rows are copied
in Postgres under other ids, and the backfill brings them all. A row is a command with its reservation. The
totals are compared with the input's; a difference ends the bench with CHECK_FAILED.

Examples:
  npm run bench -- backfill
  npm run -s bench -- backfill --rows 200000 --bookings hotel-bookings.csv --json`;

export function backfillBenchCommand(cli: CliContext): Command {
  return new Command('backfill')
    .description('rows a second from Postgres into the ledgers by the backfill')
    .option('--rows <n>', 'lifecycle rows, at least', count, 300_000)
    .option('--days <n>', 'of the generated chain', count, 10)
    .addOption(bookingsOption)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const workload = benchWorkload(seed, flags);
  const report = await runBackfillBench({
    ...{ rows: flags.quick === true ? 1 : flags.rows, workload },
    system: benchSystem(cli, 'bench-backfill'),
  });
  cli.out(flags.json === true ? `${JSON.stringify(report)}\n` : render(report));
}

function render({ rows, published, derived, cpuMicros, bottleneck }: BackfillBenchReport): string {
  const costs = Object.entries(cpuMicros)
    .filter(([, micros]) => micros > 0)
    .map(([part, micros]) => `${part === 'feed' ? 'backfill' : part} ${micros}`);
  return `${table([
    [`${rows} rows`, 'seconds', 'rows/s'],
    ['published', published.seconds, published.rowsPerSecond],
    ['derived', derived.seconds, derived.rowsPerSecond],
  ])}\nCPU µs a row: ${costs.join(', ')}; most: ${bottleneck === 'feed' ? 'backfill' : bottleneck}\n`;
}
