/** `npm run bench -- reconciliation`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { benchSystem } from '../bench-system.ts';
import { benchWorkload, bookingsOption } from '../bench-workload.ts';
import { table } from '../render.ts';
import { runReconciliationBench, type ReconciliationRun } from './reconciliation-bench.ts';

const seed = 20_261_129;

interface Flags {
  readonly days: number;
  readonly runs: number;
  readonly bookings?: string;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
A chain of hotels, or a file of bookings, goes through the whole line into ledgers, holds and tables. Then
\`rollguard reconcile run\` compares them with the platform's, in a process of its own: everything, one
property, and everything beside tables that are empty, where each entry differs and is looked at twice. One
that finds what is not so ends the bench with CHECK_FAILED. Peak memory has the program's own (base) in it.

Examples:
  npm run bench -- reconciliation
  npm run -s bench -- reconciliation --bookings hotel-bookings.csv --runs 5 --json`;

export function reconciliationBenchCommand(cli: CliContext): Command {
  return new Command('reconciliation')
    .description("reservations a second, and the memory, of a comparison with the platform's rows")
    .option('--days <n>', 'of the generated chain', count, 20)
    .option('--runs <n>', 'over everything', count, 3)
    .addOption(bookingsOption)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const runs = await runReconciliationBench({
    ...{ workload: benchWorkload(seed, flags), runs: flags.quick === true ? 1 : flags.runs },
    system: benchSystem(cli, 'bench-reconciliation'),
  });
  cli.out(flags.json === true ? `${JSON.stringify({ runs })}\n` : render(runs));
}

function render(runs: readonly ReconciliationRun[]): string {
  const head = [
    ...['', 'reservations', 'entries', 'holds', 'differ', 's', 'reservations/s'],
    ...['CPU s of it', 'CPU s of Postgres', 'base MB', 'peak MB', 'blocked p99 ms', 'max'],
    ...['bound by'],
  ];
  return `${table([
    head,
    ...runs.map(({ what, reservations, entries, holds, drift, seconds, cpuSeconds, ...rest }) => [
      ...[what, reservations, entries, holds, drift, seconds, rest.reservationsPerSecond],
      ...[cpuSeconds.reconciliation, cpuSeconds.postgres, rest.baseRssMb, rest.peakRssMb],
      ...[rest.blockedP99Ms, rest.blockedMaxMs, rest.bound],
    ]),
  ])}\n`;
}
