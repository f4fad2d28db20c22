/** `npm run bench -- projector`: what it is asked, and how its figures are shown. */
import { Command } from 'commander';
import type { CliContext } from '../../tools/cli-context.ts';
import { abortOnSignals } from '../abort-on-signals.ts';
import { count, jsonOption, quickOption } from '../arguments.ts';
import { table } from '../render.ts';
import { runProjectorBench, type ProjectorRun } from './projector-bench.ts';

const quickRows = 5_000;

interface Flags {
  readonly rows: number;
  readonly partitions: number;
  readonly connections: number;
  readonly quick?: true;
  readonly json?: true;
}

const help = `
Ledger events lie in a topic of one broker; a projector of one process writes them into an empty table of
one Postgres, and then as many again that change every row. Both are on this machine, and the table is
compared with what was written.

Examples:
  npm run bench -- projector
  npm run -s bench -- projector --rows 500000 --connections 4 --json`;

export function projectorBenchCommand(cli: CliContext): Command {
  return new Command('projector')
    .description('rows a second from roll.events into Postgres')
    .option('--rows <n>', 'events of each run', count, 200_000)
    .option('--partitions <n>', 'of the topic', count, 6)
    .option('--connections <n>', 'of the projector', count, 2)
    .addOption(quickOption)
    .addOption(jsonOption)
    .addHelpText('after', help)
    .action((flags: Flags) => run(flags, cli));
}

async function run(flags: Flags, cli: CliContext): Promise<void> {
  const { env, clock, progress } = cli;
  const { partitions, connections } = flags;
  const rows = flags.quick === true ? quickRows : flags.rows;
  const context = { env, clock, progress, signal: abortOnSignals() };
  const runs = await runProjectorBench({ rows, partitions, connections }, context);
  cli.out(flags.json === true ? `${JSON.stringify({ runs })}\n` : render(runs));
}

function render(runs: readonly ProjectorRun[]): string {
  const head = [
    ...['', 'rows', 's', 'rows/s', 'CPU s of it', 'CPU s of Postgres'],
    ...['rows a CPU s of the busier', 'bound by'],
  ];
  return `${table([
    head,
    ...runs.map(({ what, rows, seconds, rowsPerSecond, cpuSeconds, ...rest }) => [
      ...[what, rows, seconds, rowsPerSecond, cpuSeconds.projector, cpuSeconds.postgres],
      ...[rest.rowsPerCpuSecond, rest.bound],
    ]),
  ])}\n`;
}
